package fit_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// The simulations here are about who is served: the promise must hold for the
// requests that come, not for the examples that were convenient to count.

// served is one request of a population, with the share of the traffic that it
// makes up.
type served struct {
	weight          float64
	request, answer pointsman.Signals
	small, large    bool
}

// truth is whether the promises hold on the traffic, and the share of it that is
// answered by the small tier.
func truth(p *policy.Policy, population []served, retain float64) (quality, harm bool, local float64) {
	var cascade, large, harmed, total float64
	for _, m := range population {
		total += m.weight
		large += m.weight * number(m.large)
		answer := m.large
		if accepts(p, m.request, m.answer) {
			answer = m.small
			local += m.weight
			harmed += m.weight * number(m.large && !m.small)
		}
		cascade += m.weight * number(answer)
	}
	return cascade >= retain*large-1e-9, harmed <= (1-retain)*large+1e-9, local / total
}

func observation(id string, m *served) fit.Observation {
	return fit.Observation{
		ID: id, Request: m.request,
		Tiers: []fit.TierOutcome{{Signals: m.answer, Valid: true, Acceptable: m.small}, {Valid: true, Acceptable: m.large}},
	}
}

// simulate counts how often a promise is broken over many draws of a calibration
// set.
func simulate(t *testing.T, draws int, retain float64, least float64, draw func(random *rand.Rand) []fit.Observation, population func(random *rand.Rand) []served) {
	t.Helper()
	if testing.Short() || raceEnabled {
		draws = 30
	}
	for _, promise := range []pointsman.Promise{pointsman.PromiseQuality, pointsman.PromiseHarm} {
		t.Run(string(promise), func(t *testing.T) {
			t.Parallel()
			broken, certified, local := 0, 0, 0.0
			for k := range draws {
				random := rand.New(rand.NewPCG(uint64(k), 77))
				o := options(retain, uint64(k))
				o.Target.Promise = promise
				p, _, err := fit.Fit(context.Background(), draw(random), o)
				if err != nil {
					t.Fatal(err)
				}
				quality, harm, share := truth(p, population(random), retain)
				local += share / float64(draws)
				certified += int(number(p.Certified()))
				if promise == pointsman.PromiseQuality && !quality || promise == pointsman.PromiseHarm && !harm {
					broken++
				}
			}
			t.Logf("%d draws: certified in %d, %.1f %% local, broken in %d (%.1f %%)", draws, certified, 100*local, broken, 100*float64(broken)/float64(draws))
			if limit := allowed(draws, 1-confidence); broken > limit {
				t.Errorf("broken in %d draws, at most %d of %d may be", broken, limit, draws)
			}
			if local < least {
				t.Errorf("only %.1f %% of the requests are answered by the small tier", 100*local)
			}
		})
	}
}

// easy draws a request of a usual population: the harder it is, the lower is the
// small tier's margin.
func easy(random *rand.Rand, harder float64) served {
	hard := random.NormFloat64() + harder
	return served{
		weight:  1,
		request: pointsman.Signals{pointsman.Measured("request.words", 20+8*hard+10*random.NormFloat64())},
		answer:  pointsman.Signals{pointsman.Measured("answer.logprob_mean", -math.Exp(hard-1+0.5*random.NormFloat64()))},
		small:   random.Float64() < sigma(2.2-1.8*hard), large: random.Float64() < sigma(3-0.5*hard),
	}
}

// TestMissingSignals: half a percent of the calibration's answers have no
// logprobs, and later none has, since the vendor has taken them away.
func TestMissingSignals(t *testing.T) {
	t.Parallel()
	missing := pointsman.Signals{pointsman.Unmeasured("answer.logprob_mean", "the upstream gives none")}
	draw := func(random *rand.Rand) []fit.Observation {
		out := make([]fit.Observation, 1000)
		for i := range out {
			m := easy(random, 0)
			if random.Float64() < 0.005 {
				m.answer = missing
			}
			out[i] = observation(fmt.Sprint(i), &m)
		}
		return out
	}
	t.Run("all of them later", func(t *testing.T) {
		t.Parallel()
		simulate(t, 100, 0.95, 0, draw, func(random *rand.Rand) []served {
			out := make([]served, 3000)
			for i := range out {
				out[i] = easy(random, 0)
				out[i].answer = missing
			}
			return out
		})
	})
	t.Run("as before", func(t *testing.T) {
		t.Parallel()
		simulate(t, 100, 0.95, 0.2, draw, func(random *rand.Rand) []served {
			out := make([]served, 3000)
			for i := range out {
				out[i] = easy(random, 0)
			}
			return out
		})
	})
	// A third of them is enough for a threshold of their own, which keeps its
	// promise when all are.
	half := func(random *rand.Rand) []fit.Observation {
		out := draw(random)
		for i := range out {
			if i%3 == 0 {
				out[i].Tiers[0].Signals = missing
			}
		}
		return out
	}
	t.Run("a third in calibration, all later", func(t *testing.T) {
		t.Parallel()
		simulate(t, 100, 0.85, 0, half, func(random *rand.Rand) []served {
			out := make([]served, 3000)
			for i := range out {
				out[i] = easy(random, 0)
				out[i].answer = missing
			}
			return out
		})
	})
}

// TestConversations: one in ten conversations has 20 turns, which are harder than
// their signals show.
func TestConversations(t *testing.T) {
	t.Parallel()
	conversation := func(random *rand.Rand) []served {
		if random.Float64() < 0.9 {
			return []served{easy(random, 0)}
		}
		hidden := 0.3 * random.NormFloat64()
		out := make([]served, 20)
		for i := range out {
			out[i] = easy(random, 0)
			out[i].small = random.Float64() < 0.5-hidden*0.5
		}
		return out
	}
	draw := func(random *rand.Rand) []fit.Observation {
		var out []fit.Observation
		for k := range 500 {
			for i, m := range conversation(random) {
				o := observation(fmt.Sprintf("%d-%d", k, i), &m)
				o.Group = fmt.Sprint(k)
				out = append(out, o)
			}
		}
		return out
	}
	simulate(t, 150, 0.85, 0, draw, func(*rand.Rand) []served {
		random := rand.New(rand.NewPCG(5, 6))
		var out []served
		for range 3000 {
			out = append(out, conversation(random)...)
		}
		return out
	})
}

// zipf is a population of texts of which the k-th is asked in proportion to 1/k.
func zipf(random *rand.Rand, texts int) []served {
	out := make([]served, texts)
	for k := range out {
		out[k] = easy(random, 0)
		out[k].weight = 1 / float64(k+1)
		// What is asked most is hard, and its signals do not show it.
		if k < 40 {
			out[k].small = random.Float64() < 0.5
		}
	}
	return out
}

// TestRepeats: few texts make up much of the traffic. What is promised is about
// requests, and not about distinct texts.
func TestRepeats(t *testing.T) {
	t.Parallel()
	for _, texts := range []int{300, 20000} {
		t.Run(fmt.Sprintf("%d texts", texts), func(t *testing.T) {
			t.Parallel()
			var population []served // of this draw, whose truth is asked after it
			draws := func(random *rand.Rand) []fit.Observation {
				population = zipf(random, texts)
				cumulated := make([]float64, texts)
				sum := 0.0
				for k, m := range population {
					sum += m.weight
					cumulated[k] = sum
				}
				out := make([]fit.Observation, 2000)
				for i := range out {
					u := sum * random.Float64()
					k := 0
					for cumulated[k] < u {
						k++
					}
					out[i] = observation(fmt.Sprint(i), &population[k])
					out[i].Near = fmt.Sprint(k)
				}
				return out
			}
			for _, promise := range []pointsman.Promise{pointsman.PromiseQuality, pointsman.PromiseHarm} {
				n := 120
				if testing.Short() || raceEnabled {
					n = 30
				}
				broken, local := 0, 0.0
				for k := range n {
					random := rand.New(rand.NewPCG(uint64(k), 78))
					o := options(0.9, uint64(k))
					o.Target.Promise = promise
					p, _, err := fit.Fit(context.Background(), draws(random), o)
					if err != nil {
						t.Fatal(err)
					}
					quality, harm, share := truth(p, population, 0.9)
					local += share / float64(n)
					if promise == pointsman.PromiseQuality && !quality || promise == pointsman.PromiseHarm && !harm {
						broken++
					}
				}
				t.Logf("%s: %d draws, %.1f %% local, broken in %d", promise, n, 100*local, broken)
				if limit := allowed(n, 1-confidence); broken > limit {
					t.Errorf("%s: broken in %d draws, at most %d of %d may be", promise, broken, limit, n)
				}
			}
		})
	}
}

// TestNothingLeaks: no unit and no rare text is in two parts, and a frequent one
// is fitted on nowhere.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(9, 9))
	var observations []fit.Observation
	for i := range 3000 {
		o := fit.Observation{ID: fmt.Sprint(i)}
		if i%5 == 0 {
			o.Group = fmt.Sprint("c", i/20)
		}
		switch k := random.IntN(100); {
		case k < 20:
			o.Near = "hello"
		case k < 60:
			o.Near = fmt.Sprint("t", random.IntN(1500))
		}
		observations = append(observations, o)
	}
	p := options(0.9, 4).Partition(observations)
	groups, texts, counts := map[string]fit.Part{}, map[string]map[fit.Part]int{}, map[fit.Part]int{}
	for i, o := range observations {
		counts[p.Part[i]]++
		if o.Near != "" {
			if texts[o.Near] == nil {
				texts[o.Near] = map[fit.Part]int{}
			}
			texts[o.Near][p.Part[i]]++
		}
		if o.Group == "" || p.Part[i] == fit.PartNone {
			continue
		}
		if part, ok := groups[o.Group]; ok && part != p.Part[i] {
			t.Fatalf("%s is in two parts", o.Group)
		}
		groups[o.Group] = p.Part[i]
	}
	for name, in := range texts {
		if in[fit.PartFit] > 0 && in[fit.PartCertify] > 0 {
			t.Errorf("text %s is in both parts: %v", name, in)
		}
	}
	hello := texts["hello"]
	if share := float64(hello[fit.PartCertify]) / float64(hello[fit.PartCertify]+hello[fit.PartNone]); hello[fit.PartFit] > 0 || share < 0.4 || share > 0.6 {
		t.Errorf("the frequent text: %v", hello)
	}
	if counts[fit.PartFit] < 900 || counts[fit.PartCertify] < 1200 {
		t.Errorf("parts %v", counts)
	}
}
