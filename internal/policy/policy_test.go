package policy_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

func ptr[T any](v T) *T { return &v }

// example is a policy with one stage, two features and four slices: one
// stricter than the whole, one looser, one that inherits and one that accepts
// nothing.
func example() *policy.Policy {
	d := pointsman.DigestOf
	return &policy.Policy{
		Version: 1,
		Task:    "intent",
		Kind:    pointsman.KindClassify,
		Created: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		Data:    d([]byte("data")),
		Tiers:   []pointsman.Digest{d([]byte("small")), d([]byte("large"))},
		Target:  pointsman.Target{Retain: 0.98, Confidence: 0.95},
		Students: []policy.Student{
			{Name: "neighbours", Digest: d([]byte("student"))},
		},
		Stages: []policy.Stage{{
			Scorer: policy.Scorer{
				Features: []policy.Feature{
					{Signal: "request.words", Mean: 12, Scale: 6, Low: 1, High: 80},
					{Signal: "answer.label_margin", Mean: 3, Scale: 1.5, Low: 0, High: 9, MayMiss: true},
				},
				Acceptable:  policy.Head{Intercept: 1.5, Weights: []float64{-0.3, 0.9}, Missing: []float64{0, -0.7}},
				OnlyLargest: policy.Head{Intercept: -2, Weights: []float64{0.2, -0.8}, Missing: []float64{0, 0.5}},
				OnlyThis:    policy.Head{Intercept: -4, Weights: []float64{0.1, 0.1}, Missing: []float64{0, 0}},
				Calibration: policy.Map{Method: policy.MethodPlatt, Coefficients: []float64{1.1, -0.05}},
				Rank:        policy.RankUplift,
				Uplift:      policy.Map{Method: policy.MethodLinear, Coefficients: []float64{0.9, 0.01}},
			},
			Thresholds: []policy.Threshold{
				{Slice: "", Threshold: ptr(0.1), Certified: true, Why: "certified"},
				{Slice: "channel=chat", Threshold: ptr(0.2), Certified: true, Why: "looser"},
				{Slice: "channel=email", Threshold: ptr(0.05), Certified: true, Why: "stricter"},
				{Slice: "lang=de", Threshold: ptr(0.1), Why: "too few examples"},
				{Slice: "lang=fi", Why: "harm is above the bound"},
			},
			Certificate: &policy.StageCertificate{
				Claim: "kept", Certified: true, Rho: 0.98, Delta: 0.05, N: 900, Accepted: 600, Harms: 5,
				Bound: 0.012, LargeAccuracyLower: 0.9, Epsilon: 0.018,
				Data: d([]byte("fit")), Fresh: d([]byte("fresh")), Test: "fixed sequence", Issued: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
				VoidedBy: []string{"another variant at any tier"},
			},
		}},
	}
}

var (
	request = pointsman.Signals{pointsman.Measured("request.words", 20)}
	answer  = pointsman.Signals{pointsman.Measured("answer.label_margin", 4)}
)

// The figures were worked out by hand from the definition.
func TestAssess(t *testing.T) {
	sigma := func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
	words, margin := (20.0-12)/6, (4-3)/1.5
	for _, c := range []struct {
		name               string
		request, answer    pointsman.Signals
		acceptable, uplift float64
	}{
		{
			"all there", request, answer,
			sigma(1.1*(1.5-0.3*words+0.9*margin) - 0.05),
			0.9*(sigma(-2+0.2*words-0.8*margin)-sigma(-4+0.1*words+0.1*margin)) + 0.01,
		},
		{
			"missing margin", request,
			pointsman.Signals{pointsman.Unmeasured("answer.label_margin", "no logprobs")},
			sigma(1.1*(1.5-0.3*words-0.7) - 0.05),
			0.9*(sigma(-2+0.2*words+0.5)-sigma(-4+0.1*words)) + 0.01,
		},
		{
			"beyond what was seen",
			pointsman.Signals{pointsman.Measured("request.words", 1e300)},
			nil,
			sigma(1.1*(1.5-0.3*(80.0-12)/6-0.7) - 0.05),
			0.9*(sigma(-2+0.2*(80.0-12)/6+0.5)-sigma(-4+0.1*(80.0-12)/6)) + 0.01,
		},
	} {
		got := example().Assess(0, c.request, c.answer)
		if math.Abs(*got.Acceptable-c.acceptable) > 1e-14 || math.Abs(*got.Uplift-c.uplift) > 1e-14 || *got.Threshold != 0.1 {
			t.Errorf("%s: acceptable %v, uplift %v, threshold %v; want %v, %v, 0.1", c.name, *got.Acceptable, *got.Uplift, *got.Threshold, c.acceptable, c.uplift)
		}
	}
}

func TestAssessSaysNothingWithoutWhatItNeeds(t *testing.T) {
	p := example()
	for name, c := range map[string]pointsman.Confidence{
		"no such stage": p.Assess(1, request, answer),
		"before":        p.Assess(-1, request, answer),
		"missing words": p.Assess(0, nil, answer),
		"not a number":  p.Assess(0, pointsman.Signals{{Name: "request.words", Value: math.NaN()}}, answer),
		"no policy":     (*policy.Policy)(nil).Assess(0, request, answer),
	} {
		if c != (pointsman.Confidence{}) {
			t.Errorf("%s: %+v, want nothing", name, c)
		}
	}
	if name, lacks := p.Lacks(0, nil, answer); !lacks || name != "request.words" {
		t.Errorf("Lacks = %q, %v", name, lacks)
	}
	if name, lacks := p.Lacks(0, request, nil); lacks {
		t.Errorf("Lacks = %q though the signal may be missing", name)
	}
}

func TestDecide(t *testing.T) {
	uncertified := example()
	uncertified.Stages[0].Thresholds = []policy.Threshold{{Why: "too few examples"}}
	uncertified.Stages[0].Certificate.Certified = false
	valid := pointsman.Reading{Valid: true}
	for _, c := range []struct {
		name    string
		policy  *policy.Policy
		stage   int
		slices  []string
		stakes  float64
		reading pointsman.Reading
		uplift  *float64
		accept  bool
		cause   pointsman.Cause
		detail  string
	}{
		{"at the threshold", example(), 0, nil, 1, valid, ptr(0.1), true, pointsman.CauseAccepted, ""},
		{"just above", example(), 0, nil, 1, valid, ptr(math.Nextafter(0.1, 1)), false, pointsman.CauseUncertain, ""},
		{"stakes", example(), 0, nil, 3, valid, ptr(0.05), false, pointsman.CauseUncertain, ""},
		{"stakes never help", example(), 0, nil, 0.1, valid, ptr(0.5), false, pointsman.CauseUncertain, ""},
		{"stakes are not a number", example(), 0, nil, math.NaN(), valid, ptr(0.05), true, pointsman.CauseAccepted, ""},
		{"infinite stakes", example(), 0, nil, math.Inf(1), valid, ptr(0.0001), false, pointsman.CauseUncertain, ""},
		{"negative uplift at high stakes", example(), 0, nil, 1e9, valid, ptr(-0.01), true, pointsman.CauseAccepted, ""},
		{"uplift is not a number", example(), 0, nil, 1, valid, ptr(math.NaN()), false, pointsman.CauseUncertain, ""},
		{"contract", example(), 0, nil, 1, pointsman.Reading{Problem: "no such label"}, ptr(-1.0), false, pointsman.CauseContract, "no such label"},
		{"stricter slice", example(), 0, []string{"channel=email"}, 1, valid, ptr(0.07), false, pointsman.CauseUncertain, "by the threshold of channel=email"},
		{"looser slice", example(), 0, []string{"channel=chat"}, 1, valid, ptr(0.15), false, pointsman.CauseUncertain, ""},
		{"strictest of several", example(), 0, []string{"channel=chat", "channel=email", "lang=de"}, 1, valid, ptr(0.07), false, pointsman.CauseUncertain, "by the threshold of channel=email"},
		{"inherits", example(), 0, []string{"lang=de"}, 1, valid, ptr(0.1), true, pointsman.CauseAccepted, ""},
		{"unknown slice", example(), 0, []string{"lang=xx"}, 1, valid, ptr(0.1), true, pointsman.CauseAccepted, ""},
		{"slice that accepts nothing", example(), 0, []string{"channel=email", "lang=fi"}, 1, valid, ptr(-1.0), false, pointsman.CauseUncertified, "harm is above the bound"},
		{"uncertified", uncertified, 0, nil, 1, valid, ptr(-1.0), false, pointsman.CauseUncertified, "too few examples"},
		{"no confidence", example(), 0, nil, 1, valid, nil, false, pointsman.CauseUncalibrated, "a signal is missing that the policy cannot do without"},
		{"no stage", example(), 1, nil, 1, valid, ptr(-1.0), false, pointsman.CauseUncalibrated, "no policy was fitted for this tier"},
		{"no policy", nil, 0, nil, 1, valid, ptr(-1.0), false, pointsman.CauseUncalibrated, "no policy was fitted for this tier"},
	} {
		accept, cause, detail := c.policy.Decide(c.stage, c.slices, c.stakes, c.reading, pointsman.Confidence{Uplift: c.uplift})
		if accept != c.accept || cause != c.cause || detail != c.detail {
			t.Errorf("%s: %v %s %q, want %v %s %q", c.name, accept, cause, detail, c.accept, c.cause, c.detail)
		}
	}
	if got := example().Threshold(0, []string{"channel=email"}); got == nil || *got != 0.05 {
		t.Errorf("threshold of channel=email: %v", got)
	}
	if got := example().Threshold(0, []string{"lang=fi"}); got != nil {
		t.Errorf("threshold of lang=fi: %v, want none", *got)
	}
}

// Higher stakes and more slices never turn a refusal into an acceptance, which
// is what lets the certificate hold for them.
func TestAcceptanceOnlyShrinks(t *testing.T) {
	p := example()
	names := []string{"channel=chat", "channel=email", "lang=de", "lang=fi", "other=x"}
	rapid.Check(t, func(t *rapid.T) {
		c := pointsman.Confidence{Uplift: ptr(rapid.Float64Range(-1, 1).Draw(t, "uplift"))}
		low := rapid.Float64Range(1, 20).Draw(t, "stakes")
		high := low + rapid.Float64Range(0, 20).Draw(t, "more stakes")
		few := rapid.SliceOf(rapid.SampledFrom(names)).Draw(t, "slices")
		many := append(append([]string(nil), few...), rapid.SliceOf(rapid.SampledFrom(names)).Draw(t, "more slices")...)
		strict, _, _ := p.Decide(0, many, high, pointsman.Reading{Valid: true}, c)
		loose, _, _ := p.Decide(0, few, low, pointsman.Reading{Valid: true}, c)
		if strict && !loose {
			t.Fatalf("stakes %v, slices %v accept uplift %v; stakes %v, slices %v do not", high, many, *c.Uplift, low, few)
		}
	})
}

func TestMatches(t *testing.T) {
	p := example()
	if err := p.Matches(policy.Terms{Tiers: p.Tiers}); err != nil {
		t.Error(err)
	}
	other := []pointsman.Digest{p.Tiers[0], pointsman.DigestOf([]byte("new large"))}
	if err := p.Matches(policy.Terms{Tiers: other}); err == nil || !strings.Contains(err.Error(), "tier 2 was fitted as variant") {
		t.Errorf("other largest tier: %v", err)
	}
	if err := p.Matches(policy.Terms{Tiers: p.Tiers[:1]}); err == nil {
		t.Error("a tier less was not noticed")
	}
}

func TestAllocations(t *testing.T) {
	p := example()
	c := p.Assess(0, request, answer)
	slices := []string{"channel=chat", "lang=de"}
	if n := testing.AllocsPerRun(100, func() { p.Assess(0, request, answer) }); n > 1 {
		t.Errorf("Assess makes %v allocations, want at most 1", n)
	}
	if n := testing.AllocsPerRun(100, func() { p.Decide(0, slices, 2, pointsman.Reading{Valid: true}, c) }); n > 0 {
		t.Errorf("Decide makes %v allocations, want none", n)
	}
}

func BenchmarkAssessAndDecide(b *testing.B) {
	p := example()
	slices := []string{"channel=chat", "lang=de"}
	b.ReportAllocs()
	for b.Loop() {
		c := p.Assess(0, request, answer)
		p.Decide(0, slices, 2, pointsman.Reading{Valid: true}, c)
	}
}
