package fit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// witnessed is a population with a margin that tells easy requests from hard ones,
// and two witnesses that tell right answers from wrong ones where the margin
// cannot.
func witnessed(random *rand.Rand, n int) []served {
	out := make([]served, n)
	for i := range out {
		hard := random.NormFloat64()
		small := random.Float64() < sigma(1.2-2*hard)
		agree := func(right, wrong float64) pointsman.Signal {
			p := wrong
			if small {
				p = right
			}
			return pointsman.Measured("", number(random.Float64() < p))
		}
		first, second := agree(0.85, 0.2), agree(0.8, 0.25)
		first.Name, second.Name = signal.WitnessAgreement, "witness.2.agreement"
		out[i] = served{
			weight: 1, small: small, large: random.Float64() < sigma(2.5-0.6*hard),
			answer: pointsman.Signals{pointsman.Measured("answer.margin", 1-hard+0.5*random.NormFloat64()), first, second},
		}
	}
	return out
}

func observed(population []served) []fit.Observation {
	out := make([]fit.Observation, len(population))
	for i := range population {
		out[i] = observation(fmt.Sprint(i), &population[i])
	}
	return out
}

// A promise holds where witnesses are asked in the grey zone only, and also where
// they stop answering.
func TestThePromiseInTheGreyZone(t *testing.T) {
	simulate(t, 60, 0.95, 0.2, func(random *rand.Rand) []fit.Observation { return observed(witnessed(random, 1200)) },
		func(random *rand.Rand) []served { return witnessed(random, 20000) })
}

func TestThePromiseWhereWitnessesFail(t *testing.T) {
	simulate(t, 60, 0.95, 0.03, func(random *rand.Rand) []fit.Observation { return observed(witnessed(random, 1200)) },
		func(random *rand.Rand) []served {
			all := witnessed(random, 20000)
			for i := range all {
				for k := 1; k < len(all[i].answer); k++ {
					s := &all[i].answer[k]
					*s = pointsman.Unmeasured(s.Name, "the witness is away")
				}
			}
			return all
		})
}

// Witnesses are asked for a part of the requests, the dearer ones for fewer, and
// what is decided without them is what would be decided with them.
func TestTheGreyZoneSavesWitnesses(t *testing.T) {
	ask := func(price float64) (asked [2]float64, local float64, p *policy.Policy) {
		o := options(0.95, 1)
		o.WitnessPrices = []float64{price, price}
		p, report, err := fit.Fit(context.Background(), observed(witnessed(rand.New(rand.NewPCG(1, 1)), 4000)), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("price %v: on the certify part %.2f", price, report.Stages[0].Asked)
		all := witnessed(rand.New(rand.NewPCG(2, 2)), 20000)
		for i := range all {
			n := p.Asked(0, all[i].request, all[i].answer)
			for k := range n {
				asked[k] += 1 / float64(len(all))
			}
			// Asked one after another, as they are live, it comes to the same.
			soFar, k := all[i].answer[:1], 0
			for p.More(0, all[i].request, soFar, k) && k < 2 {
				k++
				soFar = all[i].answer[:1+k]
			}
			if whole, part := p.Assess(0, nil, all[i].answer), p.Assess(0, nil, soFar); k != n || *whole.Uplift != *part.Uplift {
				t.Fatalf("%d asked, want %d: uplift %v, %v with all", k, n, *part.Uplift, *whole.Uplift)
			}
			local += number(accepts(p, all[i].request, all[i].answer)) / float64(len(all))
		}
		return asked, local, p
	}
	cheap, local, _ := ask(0)
	dear, with, _ := ask(0.2)
	t.Logf("asked %.2f of the requests, %.2f are local; asked %.2f at a fifth of the price, %.2f are local", cheap, local, dear, with)
	if cheap[0] > 0.9 || cheap[1] > cheap[0] || cheap[0] < 0.1 {
		t.Errorf("asked for %.2f of the requests", cheap)
	}
	if dear[0] >= cheap[0] {
		t.Errorf("asked for %.2f where it costs next to nothing, and for %.2f at a fifth of the price", cheap, dear)
	}
	// Without grey zones, all witnesses are asked always.
	always := observed(witnessed(rand.New(rand.NewPCG(1, 1)), 4000))
	for i := range always { // names that no witness has
		for k := 1; k < 3; k++ {
			always[i].Tiers[0].Signals[k].Name = pointsman.SignalName(fmt.Sprint("answer.other", k))
		}
	}
	o := options(0.95, 1)
	_, report, err := fit.Fit(context.Background(), always, o)
	if err != nil {
		t.Fatal(err)
	}
	if all := 1 - report.Escalated.Value; local < all-0.04 {
		t.Errorf("%.3f are local, %.3f where all are asked always", local, all)
	}
}

// Where a tier stands between, a witness that stops answering does harm: what it
// would have let the small tier answer goes to the middle one, which is wrong more
// often. So that too is tested.
func TestHarmWhereAWitnessFailsBeforeAMiddleTier(t *testing.T) {
	t.Parallel()
	draw := func(random *rand.Rand, n int, away bool) []fit.Observation {
		out := make([]fit.Observation, n)
		for i := range out {
			x, y, small, middle := 0.2*random.Float64(), 0.5+0.5*random.Float64(), random.Float64() < 0.99, random.Float64() < 0.4
			if random.Float64() < 0.5 { // the small tier may be right, and the middle one looks well
				x, small = 0.5+0.1*random.Float64(), random.Float64() < 0.7
				y, middle = 0.2*random.Float64(), random.Float64() < 0.85
			}
			agreement := pointsman.Measured(signal.WitnessAgreement, number(small))
			if away {
				agreement = pointsman.Unmeasured(signal.WitnessAgreement, "the witness is away")
			}
			out[i] = fit.Observation{
				ID: fmt.Sprint(i), Request: pointsman.Signals{noise(random, "request.x")},
				Tiers: []fit.TierOutcome{
					{Signals: pointsman.Signals{pointsman.Measured("answer.x", x), agreement}, Valid: true, Acceptable: small},
					answered(pointsman.Measured("answer.y", y), middle),
					{Valid: true, Acceptable: true},
				},
			}
		}
		return out
	}
	largest := func(*fit.Observation) float64 { return 1 }
	present, away := draw(rand.New(rand.NewPCG(7, 7)), 8000, false), draw(rand.New(rand.NewPCG(7, 7)), 8000, true)
	draws, broken, without, certified := 40, 0, 0, 0
	if testing.Short() || raceEnabled {
		draws = 12
	}
	for k := range draws {
		o := options(0.95, uint64(k))
		o.Target.Promise = pointsman.PromiseHarm
		o.Tiers = []pointsman.Digest{o.Tiers[0], pointsman.DigestOf([]byte("middle")), o.Tiers[1]}
		p, _, err := fit.Fit(context.Background(), draw(rand.New(rand.NewPCG(uint64(k), 3)), 1200, false), o)
		if err != nil {
			t.Fatal(err)
		}
		certified += int(number(p.Certified()))
		broken += int(number(lives(p, present, 0.95, largest) < 0))
		without += int(number(lives(p, away, 0.95, largest) < 0))
	}
	t.Logf("%d draws: certified in %d, broken in %d with the witness and in %d without it", draws, certified, broken, without)
	if limit := allowed(draws, 1-confidence); broken > limit || without > limit || certified < draws/2 {
		t.Errorf("certified in %d of %d draws, broken in %d and %d, at most %d may be", certified, draws, broken, without, limit)
	}
}
