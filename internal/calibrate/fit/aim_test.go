package fit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// priced are requests of which a part is hopeless for the small tier, which their
// word count shows, with what each tier's answer costs.
func priced(random *rand.Rand, n int, small, large, hopeless float64) []fit.Observation {
	out := make([]fit.Observation, n)
	for i := range out {
		m := easy(random, 0)
		if random.Float64() < hopeless {
			m.request = pointsman.Signals{pointsman.Measured("request.words", 200+10*random.NormFloat64())}
			m.small = random.Float64() < 0.02
			m.answer[0].Value = -4 + random.NormFloat64()
		}
		out[i] = observation(fmt.Sprint(i), &m)
		cost, dear, quick, slow := small, large, 0.2, 1.5
		out[i].Tiers[0].Cost, out[i].Tiers[1].Cost = &cost, &dear
		out[i].Tiers[0].Seconds, out[i].Tiers[1].Seconds = &quick, &slow
	}
	return out
}

func fitted(t *testing.T, aim *pointsman.Aim, observations []fit.Observation) (*policy.Policy, *fit.Report) {
	t.Helper()
	o := options(0.9, 3)
	o.Target.Aim = aim
	p, r, err := fit.Fit(context.Background(), observations, o)
	if err != nil {
		t.Fatal(err)
	}
	return p, r
}

// Asking on is worth more where a mistake costs more and where the owner waits
// longer for less; no price accepts more than the promise permits.
func TestPricesDecideWithinThePromise(t *testing.T) {
	observations := priced(rand.New(rand.NewPCG(1, 9)), 1600, 0.0001, 0.002, 0)
	_, free := fitted(t, nil, observations)
	before := 1 - free.Escalated.Value
	for _, mistake := range []float64{0.001, 0.02, 0.1} {
		_, r := fitted(t, &pointsman.Aim{Mistake: &mistake}, observations)
		local := 1 - r.Escalated.Value
		t.Logf("a mistake costs %g: %.3f local, largest uplift %.4f", mistake, local, *r.Aim.Uplift)
		if local > before+1e-9 {
			t.Errorf("%.3f local at a price of %g, and %.3f at a lower one", local, mistake, before)
		}
		if want := 0.002 / mistake; math.Abs(*r.Aim.Uplift/want-1) > 1e-9 {
			t.Errorf("asking on is worth it above %v, want %v", *r.Aim.Uplift, want)
		}
		if *r.Aim.Mistake != mistake {
			t.Errorf("the price of a mistake is %v, and reported as %v", mistake, *r.Aim.Mistake)
		}
		before = local
	}
	// Where hardly any answer is worth giving, none is given of which asking on is
	// worth more.
	ruinous := 1e4
	if _, r := fitted(t, &pointsman.Aim{Mistake: &ruinous}, observations); len(r.Stages[0].Thresholds) > 0 {
		if bound := r.Stages[0].Thresholds[0].Threshold; bound != nil && *bound > 0.002/ruinous {
			t.Errorf("the threshold is %v, and asking on is worth it above %v", *bound, 0.002/ruinous)
		}
	}
	mistake, second := 0.1, 0.01
	_, impatient := fitted(t, &pointsman.Aim{Mistake: &mistake, Second: &second}, observations)
	if local := 1 - impatient.Escalated.Value; local <= before {
		t.Errorf("%.3f local where a second costs a cent, %.3f where it costs nothing", local, before)
	}
}

// A bound on cost or time takes the best quality within it, a bound on quality the
// least cost; what cannot be had is said.
func TestBoundsImplyPrices(t *testing.T) {
	observations := priced(rand.New(rand.NewPCG(1, 9)), 1600, 0.0001, 0.002, 0)
	_, free := fitted(t, nil, observations)
	budget, latency := 0.0016, 1.4
	_, within := fitted(t, &pointsman.Aim{Budget: &budget}, observations)
	if cost := within.Economy.Cascade.Value; cost > 1.05*budget || cost < free.Economy.Cascade.Value {
		t.Errorf("a request costs %v within a budget of %v, and %v without one", cost, budget, free.Economy.Cascade.Value)
	}
	if within.Cascade.Value < free.Cascade.Value || within.Aim.Mistake == nil {
		t.Errorf("quality %v within the budget, %v without one; the mistake's price is %v", within.Cascade.Value, free.Cascade.Value, within.Aim.Mistake)
	}
	_, quick := fitted(t, &pointsman.Aim{Latency: &latency}, observations)
	if *quick.Economy.CascadeSeconds > 1.05*latency {
		t.Errorf("a request takes %v s, at most %v were wanted", *quick.Economy.CascadeSeconds, latency)
	}
	least := free.Tiers[1].Value * 0.995
	_, good := fitted(t, &pointsman.Aim{Quality: &least}, observations)
	if good.Cascade.Value < least-0.02 || good.Escalated.Value < free.Escalated.Value {
		t.Errorf("quality %v where at least %v is wanted, %v escalated and %v without an aim", good.Cascade.Value, least, good.Escalated.Value, free.Escalated.Value)
	}
	tiny := 1e-6
	if _, r := fitted(t, &pointsman.Aim{Budget: &tiny}, observations); r.Aim.Unmet == "" || len(r.Shortfalls) == 0 {
		t.Error("a budget that nothing keeps is not called unmet")
	}
	for i := range observations {
		observations[i].Tiers[1].Cost = nil
	}
	if _, r := fitted(t, &pointsman.Aim{Budget: &budget}, observations); r.Aim.Unmet == "" || r.Economy != nil {
		t.Error("a budget without prices is used")
	}
}

func TestAnAimSaysOneThing(t *testing.T) {
	x, zero := 1.0, 0.0
	for name, aim := range map[string]pointsman.Aim{
		"nothing": {}, "a second alone": {Second: &x}, "two bounds": {Budget: &x, Quality: &x}, "both": {Mistake: &x, Latency: &x}, "zero": {Mistake: &zero},
	} {
		o := options(0.9, 3)
		o.Target.Aim = &aim
		if _, _, err := fit.Fit(context.Background(), priced(rand.New(rand.NewPCG(1, 9)), 100, 1, 2, 0), o); !errors.Is(err, fit.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where the small tier costs a good part of what the largest does, what is hopeless
// by the request alone is not put to it; where it costs next to nothing, or no cost
// is known, there is no gate.
func TestTheGateSavesWhatIsHopeless(t *testing.T) {
	gated := func(p *policy.Policy, observations []fit.Observation) (hopeless, others float64) {
		var n, m float64
		for i := range observations {
			one := &observations[i]
			if one.Request[0].Value > 120 {
				n++
				hopeless += number(p.Gated(0, one.Request))
			} else {
				m++
				others += number(p.Gated(0, one.Request))
			}
		}
		return hopeless / n, others / m
	}
	observations := priced(rand.New(rand.NewPCG(1, 9)), 1600, 0.0006, 0.002, 0.3)
	p, dear := fitted(t, nil, observations)
	hopeless, others := gated(p, observations)
	t.Logf("%.2f of the hopeless requests and %.2f of the others are not put to the small tier", hopeless, others)
	if hopeless < 0.9 || others > 0.1 {
		t.Errorf("gated %.2f of the hopeless requests and %.2f of the others", hopeless, others)
	}
	for i := range observations {
		cost := 1e-9
		observations[i].Tiers[0].Cost = &cost
	}
	cheap, report := fitted(t, nil, observations)
	if hopeless, _ := gated(cheap, observations); hopeless > 0 {
		t.Errorf("%.2f are gated though the small tier costs nothing", hopeless)
	}
	if d := dear.Escalated.Value - report.Escalated.Value; d > 0.02 {
		t.Errorf("the gate takes %.3f of the requests from the small tier", d)
	}
	for i := range observations {
		observations[i].Tiers[0].Cost = nil
	}
	if p, _ := fitted(t, nil, observations); p.Stages[0].Gate != nil {
		t.Error("there is a gate though the cost is not known")
	}
}

// The promise holds behind a gate.
func TestThePromiseBehindAGate(t *testing.T) {
	t.Parallel()
	draw := func(random *rand.Rand, n int) []served {
		out := make([]served, n)
		for i := range out {
			out[i] = easy(random, 0)
			if random.Float64() < 0.3 {
				out[i].request = pointsman.Signals{pointsman.Measured("request.words", 200+10*random.NormFloat64())}
				out[i].small = random.Float64() < 0.02
			}
		}
		return out
	}
	simulate(t, 60, 0.95, 0.1, func(random *rand.Rand) []fit.Observation {
		all := observed(draw(random, 1000))
		for i := range all {
			small, large := 0.5, 1.0
			all[i].Tiers[0].Cost, all[i].Tiers[1].Cost = &small, &large
		}
		return all
	}, func(random *rand.Rand) []served { return draw(random, 10000) })
}
