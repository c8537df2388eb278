package fit_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
)

// byJudge makes of an observation whose answers are known one that a judge has
// judged and people were asked about with a probability that depends on the judge.
func byJudge(random *rand.Rand, o *fit.Observation, sensitivity, specificity float64) (asked bool) {
	small, large := &o.Tiers[0], &o.Tiers[1]
	says := func(right bool) *fit.Grade {
		if right {
			return &fit.Grade{Acceptable: random.Float64() < sensitivity}
		}
		return &fit.Grade{Acceptable: random.Float64() >= specificity}
	}
	large.Judge, small.Judge = says(large.Acceptable), says(small.Acceptable)
	o.People = &fit.People{Probability: 0.35}
	if small.Judge.Acceptable && large.Judge.Acceptable {
		o.People.Probability = 0.15
	}
	if o.People.Asked = random.Float64() < o.People.Probability; o.People.Asked {
		if o.People.Untold = random.Float64() < 0.005; !o.People.Untold {
			return true
		}
	}
	small.Acceptable, large.Acceptable = small.Judge.Acceptable, large.Judge.Acceptable
	return false
}

// TestPromisesByPeopleAndJudges: policies that are fitted and certified with a judge's
// word on everything and people's on a sample keep their promises by people.
func TestPromisesByPeopleAndJudges(t *testing.T) {
	draws := 120
	if testing.Short() {
		draws = 5
	}
	for _, promise := range []pointsman.Promise{pointsman.PromiseQuality, pointsman.PromiseHarm} {
		for _, j := range []struct {
			name                     string
			sensitivity, specificity float64
			useful                   bool
		}{{"good", 0.97, 0.9, true}, {"lenient", 1, 0.2, false}, {"contrary", 0.2, 0.2, false}} {
			for _, conversations := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, conversations %v", promise, j.name, conversations), func(t *testing.T) {
					t.Parallel()
					population := populations()[0]
					broken, certified, kept, keptAlone, labels := 0, 0, 0.0, 0.0, 0
					for draw := range draws {
						random := rand.New(rand.NewPCG(uint64(draw), 77))
						all := population.observe(random, population.n)
						alone := 0
						for i := range all {
							if conversations && i%10 < 3 {
								all[i].Group = fmt.Sprint("c", i/10)
							}
							if byJudge(random, &all[i], j.sensitivity, j.specificity) {
								alone++
							}
						}
						labels += alone
						o := options(0.9, uint64(draw))
						o.Target.Confidence, o.Target.Promise, o.Grid = confidence, promise, 60
						p, r, err := fit.Fit(context.Background(), all, o)
						if err != nil {
							t.Fatal(err)
						}
						if r.Cascade == nil || p.Certified() && p.Certificate.Evidence.People == 0 {
							t.Fatalf("%+v", p.Certificate.Evidence)
						}
						if plain, _, err := fit.Fit(context.Background(), population.observe(random, max(alone, 60)), o); err == nil && plain.Certified() {
							_, _, _, accepted := population.truth(plain, nil)
							keptAlone += accepted
						}
						if !p.Certified() {
							continue
						}
						certified++
						cascade, largest, harm, accepted := population.truth(p, nil)
						kept += accepted
						if promise == pointsman.PromiseQuality && cascade < 0.9*largest || promise == pointsman.PromiseHarm && harm > 0.1*largest {
							broken++
						}
					}
					t.Logf("certified in %d of %d, broken in %d; %.3f kept with %d labels of %d examples, and %.3f with as many labels alone",
						certified, draws, broken, kept/float64(draws), labels/draws, population.n, keptAlone/float64(draws))
					limit := float64(draws)*(1-confidence) + 3*math.Sqrt(float64(draws)*confidence*(1-confidence))
					if float64(broken) > limit {
						t.Errorf("broken in %d of %d", broken, draws)
					}
					if j.useful && certified < draws/2 {
						t.Errorf("certified in %d of %d only", certified, draws)
					}
				})
			}
		}
	}
}
