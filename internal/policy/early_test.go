package policy_test

import (
	"errors"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// early is a policy whose first scorer reads the margin and is sure below −.2 and
// above .2; the one with the witness reads its agreement too.
func early() *policy.Policy {
	threshold := 0.0
	linear := policy.Map{Method: policy.MethodLinear, Coefficients: []float64{1, 0}}
	head := func(weights ...float64) policy.Head {
		return policy.Head{Weights: weights, Missing: make([]float64, len(weights))}
	}
	platt := policy.Map{Method: policy.MethodPlatt, Coefficients: []float64{1, 0}}
	margin := policy.Feature{Signal: "answer.margin", Scale: 1, Low: -1, High: 1}
	witness := policy.Feature{Signal: "witness.agreement", Scale: 1, Low: 0, High: 1}
	return &policy.Policy{Version: policy.Version, Stages: []policy.Stage{{
		Scorer: policy.Scorer{
			Features: []policy.Feature{margin, witness}, Acceptable: head(2, 2), OnlyLargest: head(-2, -2), OnlyThis: head(0, 0),
			Calibration: platt, Rank: policy.RankUplift, Uplift: linear,
		},
		Early: []policy.Early{{
			Scorer: policy.Scorer{
				Features: []policy.Feature{margin}, Acceptable: head(2), OnlyLargest: head(-2), OnlyThis: head(0),
				Calibration: platt, Rank: policy.RankUplift, Uplift: linear,
			},
			Low: -0.2, High: 0.2,
		}},
		Thresholds: []policy.Threshold{{Threshold: &threshold, Certified: true}},
		Patterns:   []policy.Pattern{{Missing: []pointsman.SignalName{}, Threshold: &threshold, Seen: 20}},
	}}}
}

func TestTheGreyZone(t *testing.T) {
	p := early()
	margin := func(x float64) pointsman.Signals {
		return pointsman.Signals{pointsman.Measured("answer.margin", x)}
	}
	agreed := func(x, agreement float64) pointsman.Signals {
		return append(margin(x), pointsman.Measured("witness.agreement", agreement))
	}
	for _, one := range []struct {
		margin float64
		more   bool
		accept bool // without the witness's answer
	}{{0.9, false, true}, {-0.9, false, false}, {0.1, true, false}, {-0.1, true, false}} {
		if more := p.More(0, nil, margin(one.margin), 0); more != one.more {
			t.Errorf("margin %v: more is %v", one.margin, more)
		}
		if n := p.Asked(0, nil, agreed(one.margin, 1)); (n == 1) != one.more {
			t.Errorf("margin %v: %d asked", one.margin, n)
		}
		c := p.Assess(0, nil, margin(one.margin))
		accept, cause, _ := p.Decide(0, nil, 1, pointsman.Reading{Valid: true}, c)
		if accept != one.accept || one.more && cause != pointsman.CauseUncalibrated {
			t.Errorf("margin %v without a witness: accepted %v, %s", one.margin, accept, cause)
		}
		if lacks, ok := p.Lacks(0, nil, margin(one.margin)); ok != one.more || ok && lacks != "witness.agreement" {
			t.Errorf("margin %v: lacks %q", one.margin, lacks)
		}
		// What is decided without the witness is not changed by its word.
		if with := p.Assess(0, nil, agreed(one.margin, 0)); !one.more && *with.Uplift != *c.Uplift {
			t.Errorf("margin %v: uplift %v, and %v with a witness that is not needed", one.margin, *c.Uplift, *with.Uplift)
		}
	}
	if a, b := p.Assess(0, nil, agreed(0.1, 1)), p.Assess(0, nil, agreed(0.1, 0)); !(*a.Uplift < *b.Uplift) {
		t.Errorf("uplift %v where the witness agrees, %v where it does not", *a.Uplift, *b.Uplift)
	}
	if p.More(1, nil, nil, 0) != true {
		t.Error("a stage without a policy asks no witness")
	}
	p.Stages[0].Early = nil
	if !p.More(0, nil, margin(0.9), 0) {
		t.Error("without grey zones the witness is not asked")
	}
	p.Stages[0].Features = p.Stages[0].Features[:1]
	if p.More(0, nil, margin(0.9), 0) {
		t.Error("a witness is asked of whom nothing is read")
	}
}

func TestBrokenGreyZonesAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*policy.Early){
		"bounds": func(e *policy.Early) { e.High = 2 },
		"heads":  func(e *policy.Early) { e.Acceptable.Weights = nil },
	} {
		p := present()
		p.Stages[0].Early = []policy.Early{{Scorer: p.Stages[0].Scorer, Low: -0.1, High: 0.1}}
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&p.Stages[0].Early[0])
		if p.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A policy of today without its certificate, or without its support, is refused,
// and nothing reads what is not there.
func TestAHalfPolicyIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*policy.Policy){
		"no certificate": func(p *policy.Policy) { p.Certificate = nil },
		"no support":     func(p *policy.Policy) { p.Support = nil },
		"neither":        func(p *policy.Policy) { p.Certificate, p.Support = nil, nil },
	} {
		p := present()
		spoil(p)
		if err := p.Validate(); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A gate that lacks what it reads does not open.
func TestAGateThatCannotSay(t *testing.T) {
	p := early()
	p.Stages[0].Gate = &policy.Gate{Scorer: p.Stages[0].Early[0].Scorer, High: 0.2}
	for name, c := range map[string]struct {
		request pointsman.Signals
		gated   bool
	}{
		"easy":    {pointsman.Signals{pointsman.Measured("answer.margin", 0.5)}, false},
		"hard":    {pointsman.Signals{pointsman.Measured("answer.margin", -0.9)}, true},
		"missing": {pointsman.Signals{pointsman.Unmeasured("answer.margin", "none")}, true},
	} {
		if got := p.Gated(0, c.request); got != c.gated {
			t.Errorf("%s: gated %v", name, got)
		}
	}
	p.Stages[0].Gate = nil
	if p.Gated(0, nil) {
		t.Error("gated without a gate")
	}
}
