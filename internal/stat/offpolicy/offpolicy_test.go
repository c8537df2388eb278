package offpolicy_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/stat"
	"github.com/pointsman-ai/pointsman/internal/stat/offpolicy"
)

// balanced are n records of each kind that a fair coin between two actions gives,
// of which the second is right in three quarters and the first in half.
func balanced(n int) []offpolicy.Record {
	var out []offpolicy.Record
	for range n {
		for _, r := range []struct {
			action int
			reward float64
		}{{0, 0}, {0, 1}, {0, 0}, {0, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 0}} {
			out = append(out, offpolicy.Record{Action: r.action, Reward: r.reward, Logged: []float64{0.5, 0.5}, Target: []float64{0, 1}})
		}
	}
	return out
}

func TestTheEstimatorsAgreeWhereActionsAreBalanced(t *testing.T) {
	v, err := offpolicy.Evaluate(balanced(25), options)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]stat.Estimate{"ips": v.IPS, "snips": v.SNIPS, "dr": v.DR} {
		if math.Abs(e.Value-0.75) > 1e-12 && name != "dr" || math.Abs(e.Value-0.75) > 0.01 {
			t.Errorf("%s is %v, want .75", name, e.Value)
		}
		if !e.Contains(e.Value) || e.High-e.Low > 0.4 {
			t.Errorf("%s has the interval %v", name, e.Interval)
		}
	}
	if v.ESS != 100 || v.MaxWeight != 2 || v.Clusters != 200 {
		t.Errorf("ess %v, largest weight %v, %d clusters; want 100, 2 and 200", v.ESS, v.MaxWeight, v.Clusters)
	}
}

func TestADifferenceOfPoliciesThatAreTheSameIsZero(t *testing.T) {
	records := balanced(10)
	for i := range records {
		records[i].Against = records[i].Target
	}
	v, err := offpolicy.Evaluate(records, options)
	if err != nil || v.DR != (stat.Estimate{}) {
		t.Fatalf("%+v, %v; want zero for certain", v, err)
	}
}

func TestOneClusterIsOneDraw(t *testing.T) {
	records := balanced(60)
	for i := range records {
		records[i].Cluster = fmt.Sprint("c", i/16)
	}
	clustered, err := offpolicy.Evaluate(records, options)
	if err != nil {
		t.Fatal(err)
	}
	if clustered.Clusters != 30 || clustered.ESS > 30 {
		t.Fatalf("%d clusters with an effective size of %v, want 30", clustered.Clusters, clustered.ESS)
	}
}

func TestWithoutSupportThereIsNoAnswer(t *testing.T) {
	records := balanced(25)
	records[7].Action, records[7].Logged = 0, []float64{1, 0}
	var refusal *offpolicy.Refusal
	if _, err := offpolicy.Evaluate(records, options); !errors.As(err, &refusal) || refusal.Records != 1 {
		t.Fatalf("%v, want a refusal for one record", err)
	}
	for i := range records { // what neither does needs no support
		records[i].Against = records[i].Target
	}
	if _, err := offpolicy.Evaluate(records, options); err != nil {
		t.Fatalf("%v, where both policies do the same", err)
	}
}

func TestTooFewRecordsGiveNoAnswer(t *testing.T) {
	var refusal *offpolicy.Refusal
	if _, err := offpolicy.Evaluate(balanced(3), options); !errors.As(err, &refusal) {
		t.Fatalf("%v, want a refusal", err)
	}
	if _, err := offpolicy.Evaluate(nil, options); !errors.As(err, &refusal) {
		t.Fatalf("%v, want a refusal", err)
	}
}

func TestRecordsThatAreNotValid(t *testing.T) {
	for name, spoil := range map[string]func(*offpolicy.Record){
		"propensity 0 of what was done": func(r *offpolicy.Record) { r.Logged = []float64{0, 1}; r.Action = 0 },
		"not a distribution":            func(r *offpolicy.Record) { r.Target = []float64{0.5, 0.6} },
		"NaN probability":               func(r *offpolicy.Record) { r.Target = []float64{math.NaN(), 1} },
		"reward out of range":           func(r *offpolicy.Record) { r.Reward = 2 },
		"no such action":                func(r *offpolicy.Record) { r.Action = 2 },
		"only one has predictions":      func(r *offpolicy.Record) { r.Predicted = []float64{0, 0} },
	} {
		records := balanced(25)
		spoil(&records[3])
		if _, err := offpolicy.Evaluate(records, options); !errors.Is(err, offpolicy.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGoodPredictionsNarrowTheInterval(t *testing.T) {
	p := population{clusters: 3000, explore: func(float64) float64 { return 0.05 }}
	records := p.draw(rand.New(rand.NewPCG(5, 5)))
	v, err := offpolicy.Evaluate(records, options)
	if err != nil {
		t.Fatal(err)
	}
	if ips, dr := v.IPS.High-v.IPS.Low, v.DR.High-v.DR.Low; dr > 0.8*ips {
		t.Errorf("doubly robust is %v wide, IPS %v", dr, ips)
	}
	if v.Bounded.Low > v.IPS.Low || v.Bounded.High < v.IPS.High {
		t.Errorf("the bounded interval %v is narrower than %v", *v.Bounded, v.IPS.Interval)
	}
}

// A policy kept half of its requests and escalated the others, with 5 % the other
// way. What would it be worth to escalate all?
func ExampleEvaluate() {
	random := rand.New(rand.NewPCG(2, 2))
	var records []offpolicy.Record
	for i := range 4000 {
		r := offpolicy.Record{Logged: []float64{0.95, 0.05}, Target: []float64{0, 1}}
		if i%2 == 1 {
			r.Logged = []float64{0.05, 0.95}
		}
		if random.Float64() < r.Logged[1] {
			r.Action = 1
		}
		if random.Float64() < []float64{0.7, 0.9}[r.Action] {
			r.Reward = 1
		}
		records = append(records, r)
	}
	v, err := offpolicy.Evaluate(records, offpolicy.Options{Confidence: 0.95, Range: &stat.Interval{Low: 0, High: 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f, between %.2f and %.2f\n", v.DR.Value, v.DR.Low, v.DR.High)

	records[0].Logged, records[0].Action = []float64{1, 0}, 0
	_, err = offpolicy.Evaluate(records, offpolicy.Options{Confidence: 0.95})
	fmt.Println(err)
	// Output:
	// 0.90, between 0.87 and 0.94
	// the log cannot tell: in 1 of 4000 requests it would do what the policy at work never does (propensity 0)
}
