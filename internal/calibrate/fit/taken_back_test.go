package fit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// The populations here broke a promise whose tests counted what is later taken
// back, or left out what comes again.

// lives is by how much the promise is kept on observations, as they are served,
// on average; negative where it is broken. largest is the true score of the
// largest tier's answer, also where it is unknown.
func lives(p *policy.Policy, all []fit.Observation, retain float64, largest func(*fit.Observation) float64) float64 {
	sum := 0.0
	for i := range all {
		o := &all[i]
		last := len(o.Tiers) - 1
		tier := 0
		for ; tier < last; tier++ {
			if cause, _ := p.Unusable(tier, &policy.Before{Slices: o.Slices, Request: o.Request, Shape: o.Shape}); cause != "" {
				continue
			}
			if accept, _, _ := p.Decide(tier, o.Slices, 1, pointsman.Reading{Valid: true}, p.Assess(tier, o.Request, o.Tiers[tier].Signals)); accept {
				break
			}
		}
		l := largest(o)
		given := l
		if tier < last {
			given = number(o.Tiers[tier].Acceptable)
		}
		if p.Target.Promise == pointsman.PromiseHarm {
			sum += (1-retain)*l - l*(1-given)
		} else {
			sum += given - retain*l
		}
	}
	return sum / float64(len(all))
}

func answered(signal pointsman.Signal, right bool) fit.TierOutcome {
	return fit.TierOutcome{Signals: pointsman.Signals{signal}, Valid: true, Acceptable: right}
}

func noise(random *rand.Rand, name pointsman.SignalName) pointsman.Signal {
	return pointsman.Measured(name, random.NormFloat64())
}

func TestWhatIsTakenBackPaysForNothing(t *testing.T) {
	t.Parallel()
	last := func(o *fit.Observation) float64 { return number(o.Tiers[len(o.Tiers)-1].Acceptable) }
	for _, c := range []struct {
		name    string
		retain  float64
		n       int
		change  func(*fit.Options)
		largest func(*fit.Observation) float64
		one     func(random *rand.Rand, o *fit.Observation)
	}{
		{
			"the largest tier fails in slices at risk", 0.9, 1400,
			func(o *fit.Options) { o.CertifyShare = 0.28 },
			func(o *fit.Observation) float64 { return number(len(o.Slices) == 0) },
			func(random *rand.Rand, o *fit.Observation) {
				right, failed := random.Float64() < 0.83, random.Float64() < 0.6
				if failed {
					o.Slices, right = []string{fmt.Sprint("doc=", random.IntN(8))}, true
				}
				o.Tiers = []fit.TierOutcome{answered(noise(random, "answer.m"), right), {Valid: !failed, Acceptable: !failed, Failed: failed}}
			},
		},
		{
			"a rare pattern that only wins", 0.98, 650, func(*fit.Options) {}, last,
			func(random *rand.Rand, o *fit.Observation) {
				o.Shape = &pointsman.Shape{Turns: 1, Roles: []string{"user"}}
				signal, right, large := noise(random, "answer.m"), random.Float64() < 0.965, true
				if random.Float64() < 0.037 {
					signal, right, large = pointsman.Unmeasured("answer.m", "none"), true, false
					if random.Float64() < 0.3 {
						o.Shape.Roles = []string{"tool", "user"}
					}
				}
				o.Tiers = []fit.TierOutcome{answered(signal, right), {Valid: true, Acceptable: large}}
			},
		},
		{
			"a slice that is taken back to the middle tier", 0.9, 2400,
			func(o *fit.Options) {
				o.Target.Promise = pointsman.PromiseHarm
				o.Tiers = []pointsman.Digest{o.Tiers[0], pointsman.DigestOf([]byte("middle")), o.Tiers[1]}
			}, last,
			func(random *rand.Rand, o *fit.Observation) {
				u := random.Float64()
				x, y, small, middle := u, 0.5+u/2, u <= 0.7 || random.Float64() < 0.47, random.Float64() < 0.3
				if random.Float64() < 0.5 { // small is always right, and accepted late
					o.Slices = []string{"k=s"}
					x, y, small, middle = 0.6+0.05*u, 0.5*random.Float64(), true, random.Float64() < 0.75
				}
				o.Tiers = []fit.TierOutcome{answered(pointsman.Measured("answer.x", x), small), answered(pointsman.Measured("answer.y", y), middle), {Valid: true, Acceptable: true}}
			},
		},
		{
			"two small slices that win, each of which may go", 0.9, 1000, func(*fit.Options) {}, last,
			func(random *rand.Rand, o *fit.Observation) {
				right, large := random.Float64() < 0.885, true
				if random.Float64() < 0.05 {
					o.Slices, right, large = []string{fmt.Sprint("doc=", random.IntN(2))}, true, random.Float64() < 0.4
				}
				o.Tiers = []fit.TierOutcome{answered(noise(random, "answer.m"), right), {Valid: true, Acceptable: large}}
			},
		},
		{
			"slices that were not declared", 0.9, 1000, func(o *fit.Options) { o.Slices = []string{} }, last,
			func(random *rand.Rand, o *fit.Observation) {
				right, large := random.Float64() < 0.8, true
				if random.Float64() < 0.4 {
					o.Slices, right, large = []string{"doc=a"}, true, random.Float64() < 0.5
				}
				o.Tiers = []fit.TierOutcome{answered(noise(random, "answer.m"), right), {Valid: true, Acceptable: large}}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			draws := 60
			if testing.Short() || raceEnabled {
				draws = 20
			}
			draw := func(random *rand.Rand, n int) []fit.Observation {
				out := make([]fit.Observation, n)
				for i := range out {
					out[i] = fit.Observation{ID: fmt.Sprint(i), Request: pointsman.Signals{noise(random, "request.x")}}
					c.one(random, &out[i])
				}
				return out
			}
			population := draw(rand.New(rand.NewPCG(99, 99)), 10000)
			certified, broken := 0, 0
			for k := range draws {
				o := options(c.retain, uint64(k))
				c.change(&o)
				p, _, err := fit.Fit(context.Background(), draw(rand.New(rand.NewPCG(uint64(k), 5)), c.n), o)
				if err != nil {
					t.Fatal(err)
				}
				certified += int(number(p.Certified()))
				broken += int(number(lives(p, population, c.retain, c.largest) < 0))
			}
			t.Logf("%d draws: certified in %d, broken in %d", draws, certified, broken)
			if limit := allowed(draws, 1-confidence); broken > limit || certified < draws/2 {
				t.Errorf("certified in %d and broken in %d of %d draws, at most %d may be", certified, broken, draws, limit)
			}
		})
	}
}

// TestASecondCalibrationIsADraw: what comes again and again weighs among the fresh
// examples of a second calibration what it weighs in the traffic, though many of
// its texts have certified before.
func TestASecondCalibrationIsADraw(t *testing.T) {
	t.Parallel()
	const catalogue = 2200
	share := 0.0
	const draws = 20
	for k := range draws {
		random := rand.New(rand.NewPCG(uint64(k), 55))
		draw := func(n int) []fit.Observation {
			out := make([]fit.Observation, n)
			for i := range out {
				out[i].ID = fmt.Sprintf("%016x", random.Uint64())
				if random.Float64() < 0.5 {
					out[i].Near = fmt.Sprint("t", random.IntN(catalogue))
				}
			}
			return out
		}
		o := options(0.9, uint64(k))
		all := draw(5000)
		parts := o.Partition(all)
		for i := range all {
			all[i].Spent = parts.Part[i] == fit.PartCertify
		}
		all = append(all, draw(3000)...)
		o.Round = 1
		parts = o.Partition(all)
		fresh, again := 0.0, 0.0
		for i := range all {
			if parts.Part[i] == fit.PartCertify {
				if all[i].Spent {
					t.Fatalf("%s certifies again", all[i].ID)
				}
				fresh++
				again += number(all[i].Near != "")
			}
		}
		share += again / fresh / draws
	}
	t.Logf("half of the traffic comes from the catalogue, and %.3f of what certifies", share)
	if share < 0.48 || share > 0.52 {
		t.Errorf("%.3f of what certifies comes from the catalogue", share)
	}
}
