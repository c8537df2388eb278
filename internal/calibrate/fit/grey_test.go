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
