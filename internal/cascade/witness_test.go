package cascade_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/call/calltest"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// another is a tier of the given upstream, at two dollars a million tokens.
func another(id pointsman.TierID, u upstream.Upstream) cascade.Tier {
	return cascade.Tier{
		Tier: calltest.Tier(pointsman.Tier{
			ID: id, Variant: pointsman.Variant{Model: pointsman.ModelID(id)}, Timeout: time.Second,
			Price: pointsman.Price{Known: true, Input: 2 * pointsman.Dollar, Output: 2 * pointsman.Dollar},
		}, u),
		Digest: pointsman.DigestOf([]byte(id)),
	}
}

// besides is a task whose small tier says yes, with three witnesses and samples.
func besides(first, second, third, sample upstream.Upstream, count int) *cascade.Task {
	task := setup{small: sure, large: sure, policy: true}.task()
	task.Witnesses = []cascade.Tier{another("witness", first), another("witness.2", second), another("witness.3", third)}
	reading(task.Policy, signal.WitnessAgreement, signal.WitnessShare, signal.SamplesShare)
	if sample != nil {
		again := another("small", sample)
		task.Tiers[0].Sample, task.Samples = &again, count
	}
	return task
}

func TestSeveralWitnessesAndSamples(t *testing.T) {
	no := scripted{label: "no", p: 0.9}
	var asked int
	task := besides(no, sure, scripted{label: "no", p: 0.9}, scripted{label: "yes", p: 0.7, calls: &asked}, 2)
	var d pointsman.Decision
	if _, err := task.Run(t.Context(), time.Now, request(t, false, nil), &d, nil); err != nil {
		t.Fatal(err)
	}
	a := d.Attempts[0]
	if len(a.Witnesses) != 3 || a.Witnesses[1].Name != "witness.2" || a.Witnesses[2].Label != "no" || len(a.Samples) != 1 || a.Samples[0].Label != "yes" || asked != 1 {
		t.Fatalf("witnesses %+v, samples %+v, asked %d times", a.Witnesses, a.Samples, asked)
	}
	for name, value := range map[pointsman.SignalName]float64{
		signal.WitnessAgreement: 0, "witness.2.agreement": 1, "witness.3.agreement": 0,
		signal.WitnessShare: 1.0 / 3, signal.WitnessAgainst: 2.0 / 3, signal.SamplesShare: 1, signal.SamplesEntropy: 0,
	} {
		if s, _ := a.Signals.Get(name); !s.Present() || s.Value != value {
			t.Errorf("%s is %+v, want %v", name, s, value)
		}
	}
	if want := pointsman.KnownCost(110_000 + 4*220_000); d.Cost != want {
		t.Errorf("cost %v, want %v", d.Cost, want)
	}
	if differences := task.Replay(reread(t, &d)); len(differences) > 0 {
		t.Error(differences)
	}
}

// Rules forbid each witness by its own place; one that is forbidden is not asked,
// and one that fails is a missing signal.
func TestWitnessesThatAreForbiddenOrFail(t *testing.T) {
	asked := 0
	task := besides(down, scripted{label: "no", p: 0.9, calls: &asked}, sure, nil, 0)
	task.Rules = effect{Stakes: 1, Permitted: []pointsman.TierID{"small", "large"}, Without: []pointsman.TierID{"witness.2"}}
	var d pointsman.Decision
	if _, err := task.Run(t.Context(), time.Now, request(t, false, nil), &d, nil); err != nil {
		t.Fatal(err)
	}
	a := d.Attempts[0]
	if asked != 0 || len(a.Witnesses) != 2 || a.Witnesses[0].Failure == "" || a.Witnesses[0].Detail == "" || a.Witnesses[1].Name != "witness.3" {
		t.Fatalf("asked the forbidden one %d times; %+v", asked, a.Witnesses)
	}
	for _, name := range []pointsman.SignalName{signal.WitnessAgreement, "witness.2.agreement", signal.WitnessShare, signal.WitnessAgainst} {
		if s, ok := a.Signals.Get(name); !ok || s.Present() {
			t.Errorf("%s is %+v, want a reason", name, s)
		}
	}
	if s, _ := a.Signals.Get("witness.3.agreement"); s.Value != 1 {
		t.Errorf("%+v", s)
	}
}

// A witness that failed by itself is on record with what it may have cost, also
// where the tier that it was asked beside gave no answer.
func TestAFailedWitnessOfAFailedTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := besides(down, sure, sure, nil, 0)
		slow := down
		slow.after = time.Second / 2 // of the bubble's clock
		task.Tiers[0] = another("small", slow)
		m, err := task.Measure(t.Context(), time.Now, request(t, false, nil), "small")
		if err != nil {
			t.Fatal(err)
		}
		if w := m.Attempt.Witnesses; len(w) != 3 || w[0].Name != "witness" || w[0].Failure == "" {
			t.Errorf("on record: %+v", w)
		}
	})
}

// Where a policy is in force, a witness is asked only where it can change the
// decision: in the grey zone of what is known before. Calibration asks all.
func TestWitnessesAreAskedInTheGreyZone(t *testing.T) {
	for _, c := range []struct {
		name   string
		margin scripted // of the small tier
		broken bool
		asked  [3]int
	}{
		{"sure", scripted{label: "yes", p: 0.999}, false, [3]int{}},
		{"unsure before the first, sure after it", scripted{label: "yes", p: 0.8}, false, [3]int{1, 0, 0}},
		{"unsure to the end", scripted{label: "yes", p: 0.6}, false, [3]int{1, 1, 1}},
		{"a broken contract", scripted{label: "perhaps", p: 0.6}, true, [3]int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked [3]int
			witness := func(i int) upstream.Upstream { return scripted{label: "yes", p: 0.9, calls: &asked[i]} }
			task := besides(witness(0), witness(1), witness(2), nil, 0)
			task.Tiers[0].Endpoints[0].Upstream = c.margin
			// Uplifts are -.36 at a margin of .6 and -.14 at .2; the zones narrow.
			stage := &task.Policy.Stages[0]
			early := policy.Early{Scorer: stage.Scorer, Low: -0.4, High: 1}
			stage.Early = []policy.Early{early, early, early}
			stage.Early[1].Low, stage.Early[2].Low = -0.2, -0.2
			var d pointsman.Decision
			if _, err := task.Run(t.Context(), time.Now, request(t, false, nil), &d, nil); err != nil {
				t.Fatal(err)
			}
			if asked != c.asked {
				t.Errorf("asked %v, want %v", asked, c.asked)
			}
			if got := len(d.Attempts[0].Witnesses); got != asked[0]+asked[1]+asked[2] {
				t.Errorf("%d witnesses are on record", got)
			}
			if differences := task.Replay(reread(t, &d)); len(differences) > 0 {
				t.Error(differences)
			}
			if _, err := task.Measure(t.Context(), time.Now, request(t, false, nil), "small"); err != nil {
				t.Fatal(err)
			}
			for i := range asked {
				if asked[i] != c.asked[i]+1 {
					t.Errorf("calibration asked witness %d %d times", i+1, asked[i]-c.asked[i])
				}
			}
		})
	}
}

// What is asked beside a tier is part of what a policy was fitted for.
func TestVariantsNameWhatIsAskedBeside(t *testing.T) {
	variants := map[pointsman.Digest]string{}
	for name, task := range map[string]*cascade.Task{
		"nothing": setup{small: sure, large: sure}.task(), "three": besides(sure, sure, sure, nil, 0),
		"samples": besides(sure, sure, sure, sure, 2), "more samples": besides(sure, sure, sure, sure, 3),
	} {
		d := task.Variants()[0]
		if other, twice := variants[d]; twice {
			t.Errorf("%s and %s have the same variant", name, other)
		}
		variants[d] = name
	}
}

// A fault in one that is asked beside a tier is caught where the request is, and
// nothing is left running.
func TestAFaultBesideATier(t *testing.T) {
	var d pointsman.Decision
	_, err := besides(sure, sure, faulty{}, sure, 3).Run(t.Context(), time.Now, request(t, false, nil), &d, nil)
	var fault *cascade.Fault
	if !errors.As(err, &fault) || d.Cause != pointsman.CauseInternal {
		t.Errorf("%v, %s", err, d.Cause)
	}
}
