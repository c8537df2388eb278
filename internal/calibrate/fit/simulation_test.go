package fit_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// member is one request of a known population: its signals, and the chances
// that the small and the large model are right, which are independent given
// the member.
type member struct {
	request, answer pointsman.Signals
	small, large    float64
}

// population is finite and drawn from with replacement, so that the true
// quality of a policy on it is a sum and not an estimate.
type population struct {
	name    string
	draw    func(random *rand.Rand) member
	n       int // observations in one draw
	retain  float64
	members []member
}

const confidence = 0.9 // lower than the usual 0.95, so that a broken promise would show

func sigma(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

func populations() []*population {
	usual := func(offset float64) func(*rand.Rand) member {
		return func(random *rand.Rand) member {
			hard := random.NormFloat64()
			return member{
				request: pointsman.Signals{
					pointsman.Measured("request.words", 20+8*hard+10*random.NormFloat64()),
					pointsman.Measured("request.noise", random.NormFloat64()),
				},
				answer: pointsman.Signals{pointsman.Measured("answer.margin", 2-1.5*hard+0.8*random.NormFloat64())},
				small:  sigma(offset - 1.8*hard), large: sigma(3 - 0.7*hard),
			}
		}
	}
	all := []*population{
		{name: "usual", draw: usual(2), n: 1200, retain: 0.97},
		{name: "small model much worse", draw: usual(-1.2), n: 1200, retain: 0.95},
		{name: "tiny", draw: usual(2.5), n: 130, retain: 0.9},
		{name: "not calibrated", n: 1200, retain: 0.96, draw: func(random *rand.Rand) member {
			// The margin says the reverse for a sixth of the requests, and no
			// logistic curve fits the rest: it is sure, and wrong, at the top.
			hard := random.NormFloat64()
			margin := math.Exp(-hard)
			small := sigma(2.2 - 1.8*hard)
			if random.Float64() < 1.0/6 {
				margin = 3 * math.Exp(hard)
			}
			return member{
				request: pointsman.Signals{pointsman.Measured("request.words", 10+math.Exp(random.NormFloat64()))},
				answer:  pointsman.Signals{pointsman.Measured("answer.margin", margin)},
				small:   small, large: sigma(2.2 - 0.5*hard),
			}
		}},
	}
	random := rand.New(rand.NewPCG(7, 11))
	for _, p := range all {
		for range 4000 {
			p.members = append(p.members, p.draw(random))
		}
	}
	return all
}

func (p *population) observe(random *rand.Rand, n int) []fit.Observation {
	out := make([]fit.Observation, n)
	for i := range out {
		m := p.members[random.IntN(len(p.members))]
		out[i] = fit.Observation{
			ID: fmt.Sprint(i), Request: m.request,
			Tiers: []fit.TierOutcome{
				{Signals: m.answer, Valid: true, Acceptable: random.Float64() < m.small},
				{Valid: true, Acceptable: random.Float64() < m.large},
			},
		}
	}
	return out
}

// accepts says whether a policy gives the small tier's answer, as it does live.
func accepts(p *policy.Policy, request, answer pointsman.Signals) bool {
	if cause, _ := p.Unusable(0, &policy.Before{Request: request}); cause != "" {
		return false
	}
	accept, _, _ := p.Decide(0, nil, 1, pointsman.Reading{Valid: true}, p.Assess(0, request, answer))
	return accept
}

// truth is the true quality of the cascade and of the large model, the true
// share of harm and of accepted answers, under a policy, or where a threshold is
// given under that in its place.
func (p *population) truth(fitted *policy.Policy, threshold *float64) (cascade, large, harm, accepted float64) {
	n := float64(len(p.members))
	for _, m := range p.members {
		large += m.large / n
		accept := threshold != nil && *fitted.Assess(0, m.request, m.answer).Uplift <= *threshold
		if threshold == nil {
			accept = accepts(fitted, m.request, m.answer)
		}
		if accept {
			accepted += 1 / n
			cascade += m.small / n
			harm += (1 - m.small) * m.large / n
		} else {
			cascade += m.large / n
		}
	}
	return cascade, large, harm, accepted
}

func options(retain float64, seed uint64) fit.Options {
	return fit.Options{
		Task: "simulated", Kind: pointsman.KindClassify,
		Tiers:  []pointsman.Digest{pointsman.DigestOf([]byte("small")), pointsman.DigestOf([]byte("large"))},
		Target: pointsman.Target{Retain: retain, Confidence: confidence},
		Now:    time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC),
		Seed:   seed,
	}
}

// naive picks the loosest threshold at which the measured quality of the
// cascade on the certify part is ρ times the measured quality of the large
// model: what one would do without a test. ok is false where there is none.
func naive(report *fit.Report, retain float64) (threshold float64, ok bool) {
	for _, point := range report.Curve {
		if point.Quality >= retain*report.Tiers[1].Value {
			threshold, ok = point.Thresholds[0], true
		}
	}
	return threshold, ok
}

// tally counts, over draws, how often a way to choose the threshold certified
// anything, and how often the truth then broke the promise.
type tally struct {
	mu                                   sync.Mutex
	draws, certified, broken, naiveBroke int
	accepted, naiveAccepted              float64
}

func (s *tally) String() string {
	n := float64(s.draws)
	return fmt.Sprintf("%d draws: certified in %.1f %%, %.1f %% local; broken in %.2f %% of draws; naive: %.1f %% local, quality below ρ in %.1f %%",
		s.draws, 100*float64(s.certified)/n, 100*s.accepted/n, 100*float64(s.broken)/n, 100*s.naiveAccepted/n, 100*float64(s.naiveBroke)/n)
}

// allowed is the number of broken draws that a promise at level δ exceeds with
// probability below about one in a thousand.
func allowed(draws int, delta float64) int {
	n := float64(draws)
	return int(math.Ceil(n*delta + 3.1*math.Sqrt(n*delta*(1-delta))))
}

// TestThePromise draws many calibration sets from populations whose truth is
// known, fits a policy to each, and counts how often its true quality, or the
// true share of harm, breaks what was promised.
func TestThePromise(t *testing.T) {
	draws := 300
	if testing.Short() || raceEnabled {
		draws = 40
	}
	for _, p := range populations() {
		for _, promise := range []pointsman.Promise{pointsman.PromiseQuality, pointsman.PromiseHarm} {
			t.Run(p.name+", "+string(promise), func(t *testing.T) {
				t.Parallel()
				var s tally
				for draw := range draws {
					random := rand.New(rand.NewPCG(uint64(draw), 99))
					o := options(p.retain, uint64(draw))
					o.Target.Promise = promise
					fitted, report, err := fit.Fit(context.Background(), p.observe(random, p.n), o)
					if err != nil {
						t.Fatal(err)
					}
					s.draws++
					if fitted.Certified() {
						s.certified++
						cascade, large, harm, accepted := p.truth(fitted, nil)
						s.accepted += accepted
						if promise == pointsman.PromiseQuality && cascade < p.retain*large || promise == pointsman.PromiseHarm && harm > (1-p.retain)*large {
							s.broken++
						}
					}
					if threshold, ok := naive(report, p.retain); ok {
						cascade, large, _, accepted := p.truth(fitted, &threshold)
						s.naiveAccepted += accepted
						if cascade < p.retain*large {
							s.naiveBroke++
						}
					}
				}
				t.Log(&s)
				if limit := allowed(s.draws, 1-confidence); s.broken > limit {
					t.Errorf("the promise is broken in %d draws, at most %d of %d may be", s.broken, limit, s.draws)
				}
				if s.naiveBroke < s.draws/4 || s.naiveBroke < 4*s.broken {
					t.Errorf("picking a threshold naively breaks the promise in only %d draws: the population does not test anything", s.naiveBroke)
				}
				if s.certified < s.draws/2 {
					t.Errorf("only %d of %d draws were certified: the population does not test anything", s.certified, s.draws)
				}
			})
		}
	}
}
