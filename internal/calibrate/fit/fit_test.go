package fit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// example is a small synthetic calibration set: two models, an informative
// margin, a constant, and a signal that is sometimes missing.
func example(seed uint64, n int) []fit.Observation {
	random := rand.New(rand.NewPCG(seed, 1))
	out := make([]fit.Observation, n)
	for i := range out {
		hard := random.NormFloat64()
		seconds := pointsman.Measured("answer.second_opinion", 1-hard+random.NormFloat64())
		if i%4 == 0 {
			seconds = pointsman.Unmeasured("answer.second_opinion", "not asked")
		}
		out[i] = fit.Observation{
			ID: fmt.Sprintf("e%05d", i),
			Request: pointsman.Signals{
				pointsman.Measured("request.words", 30+10*hard+5*random.NormFloat64()),
				pointsman.Measured("request.constant", 1),
			},
			Tiers: []fit.TierOutcome{
				{
					Signals: pointsman.Signals{pointsman.Measured("answer.margin", 2-2*hard+0.5*random.NormFloat64()), seconds},
					Valid:   i%29 != 0, Acceptable: random.Float64() < sigma(2.5-2*hard),
				},
				{Valid: true, Acceptable: random.Float64() < sigma(3-0.5*hard)},
			},
		}
	}
	return out
}

func calibrated(t *testing.T, observations []fit.Observation, o fit.Options) (*policy.Policy, *fit.Report) {
	t.Helper()
	p, r, err := fit.Fit(context.Background(), observations, o)
	if err != nil {
		t.Fatal(err)
	}
	return p, r
}

func TestFit(t *testing.T) {
	o := options(0.96, 1)
	p, r := calibrated(t, example(1, 3000), o)
	c := p.Certificate
	if !c.Certified || c.Evidence.Level > c.Delta || c.Evidence.N != r.CertifyN || !strings.Contains(c.Claim, "90% confidence") || len(c.VoidedBy) == 0 {
		t.Errorf("certificate %+v", c)
	}
	if r.FitN+r.CertifyN != 3000 || r.FitN < 1400 || r.FitN > 1600 {
		t.Errorf("%d examples to fit, %d to certify", r.FitN, r.CertifyN)
	}
	s := r.Stages[0]
	if s.AUROC == nil || s.AUROC.Value < 0.8 || *s.ECE > 0.05 || *s.Brier > 0.15 || len(r.Shortfalls) != 0 {
		t.Errorf("AUROC %+v, ECE %v, Brier %v, shortfalls %q", s.AUROC, s.ECE, s.Brier, r.Shortfalls)
	}
	if s.Signals[0].Signal != "answer.margin" || s.Signals[0].Acceptable <= 0 {
		t.Errorf("the most telling signal is %+v", s.Signals[0])
	}
	for _, signal := range s.Signals {
		if signal.Signal == "request.constant" {
			t.Error("a constant signal was kept")
		}
		if (signal.Missing != nil) != (signal.Signal == "answer.second_opinion") {
			t.Errorf("missing weights of %s: %v", signal.Signal, signal.Missing)
		}
	}
	if !(r.Escalated.Value > 0.1 && r.Escalated.Value < 0.9) || r.Cascade.Value < 0.95*r.Tiers[1].Value {
		t.Errorf("escalated %+v, cascade %+v", r.Escalated, r.Cascade)
	}
	for i, point := range r.Curve[1:] {
		if last := r.Curve[i]; point.Thresholds[0] <= last.Thresholds[0] || point.Accepted < last.Accepted || point.Harm < last.Harm {
			t.Errorf("curve goes back from %+v to %+v", last, point)
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
	// The policy accepts at its threshold, and reads back as itself.
	content, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Unmarshal(content); err != nil {
		t.Error(err)
	}
	if pointsman.DigestOf(content) != r.Policy {
		t.Error("the report names another policy")
	}
}

// The same observations in another order give the same bytes.
func TestFitIgnoresTheOrder(t *testing.T) {
	observations := example(2, 600)
	first, _ := calibrated(t, observations, options(0.9, 1))
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(observations), func(i, j int) {
		observations[i], observations[j] = observations[j], observations[i]
	})
	second, _ := calibrated(t, observations, options(0.9, 1))
	a, err := first.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b, err := second.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("the order matters:\n%s\n%s", a, b)
	}
}

func TestConversationsStayTogether(t *testing.T) {
	o := options(0.9, 3)
	observations := example(3, 900)
	for i := range observations {
		observations[i].Group = fmt.Sprint("conversation ", i/3)
	}
	groups := map[fit.Part]map[string]bool{fit.PartFit: {}, fit.PartCertify: {}}
	parts := o.Partition(observations)
	for i := range observations {
		groups[parts.Part[i]][observations[i].Group] = true
	}
	for group := range groups[fit.PartFit] {
		if groups[fit.PartCertify][group] {
			t.Fatalf("%s is in both parts", group)
		}
	}
	_, r := calibrated(t, observations, o)
	if n := len(groups[fit.PartCertify]); r.FitN+r.CertifyN != 900 || r.CertifyN != 3*n || r.CertifyUnits != n || r.Certificate.Evidence.Most != 3 {
		t.Errorf("%d to fit, %d to certify in %d units; %d conversations of three", r.FitN, r.CertifyN, r.CertifyUnits, n)
	}
}

func TestTooFewToCertify(t *testing.T) {
	p, r := calibrated(t, example(4, 200), options(0.99, 1))
	c := p.Certificate
	if c.Certified || p.Certified() || c.ExamplesNeeded == nil || *c.ExamplesNeeded < 200 || *c.ExamplesNeeded > 20000 {
		t.Fatalf("certificate %+v", c)
	}
	if r.Escalated.Value != 1 || r.Cascade.Value != r.Tiers[1].Value || len(r.Shortfalls) != 1 || !strings.Contains(r.Shortfalls[0], fmt.Sprint(*c.ExamplesNeeded)) {
		t.Errorf("escalated %+v, shortfalls %q", r.Escalated, r.Shortfalls)
	}
	o := example(4, 1)[0]
	accept, cause, detail := p.Decide(0, nil, 1, pointsman.Reading{Valid: true}, p.Assess(0, o.Request, o.Tiers[0].Signals))
	if accept || cause != pointsman.CauseUncertified || detail == "" {
		t.Errorf("decided %v, %s, %q", accept, cause, detail)
	}
	// As many as were asked for do.
	if n := *c.ExamplesNeeded; n < 20000 {
		p, _ := calibrated(t, example(5, 3*n), options(0.99, 1))
		if !p.Certified() {
			t.Errorf("%d examples were asked for, half of %d do not do: %+v", n, 3*n, p.Certificate)
		}
	}
	// That nothing at all is lost is not shown where there is nothing to gain.
	p, _ = calibrated(t, example(4, 400), options(1, 1))
	if c := p.Certificate; c.Certified {
		t.Errorf("ρ = 1: %+v", c)
	}
}

// One slice is like the whole, one is worse than its signals show and large,
// one is too small to tell, one is small but bad, and one is hardly seen.
func TestSlices(t *testing.T) {
	observations := example(6, 6000)
	random := rand.New(rand.NewPCG(6, 6))
	for i := range observations {
		o := &observations[i]
		switch {
		case i%1500 == 0:
			o.Slices = []string{"lang=is"}
		case i%100 == 50:
			o.Slices = []string{"lang=et"}
		case i%50 == 1:
			o.Slices = []string{"lang=de"}
			o.Tiers[0].Acceptable = false
			o.Tiers[1].Acceptable = true
		case i%10 == 2:
			o.Slices = []string{"lang=fr"}
			o.Tiers[0].Acceptable = random.Float64() < 0.8
			o.Tiers[1].Acceptable = true
		default:
			o.Slices = []string{"lang=en"}
		}
	}
	p, r := calibrated(t, observations, options(0.93, 1))
	thresholds := map[string]policy.Threshold{}
	for _, threshold := range p.Stages[0].Thresholds {
		thresholds[threshold.Slice] = threshold
	}
	whole := thresholds[""]
	if whole.Threshold == nil {
		t.Fatalf("the whole is not certified: %+v", p.Certificate)
	}
	if en := thresholds["lang=en"]; !en.Certified || *en.Threshold > *whole.Threshold {
		t.Errorf("lang=en: %+v", en)
	}
	if fr := thresholds["lang=fr"]; !fr.Certified || *fr.Threshold > *whole.Threshold {
		t.Errorf("lang=fr: %+v", fr)
	}
	for slice, why := range map[string]string{"lang=et": "it was not tested; about", "lang=de": "it was not tested; no feasible", "lang=is": "too few to test"} {
		if one := thresholds[slice]; one.Certified || one.Threshold != nil || !strings.Contains(one.Why, why) {
			t.Errorf("%s: %+v", slice, one)
		}
	}
	if len(r.Shortfalls) != 3 || len(p.Certificate.Slices) != 5 {
		t.Errorf("shortfalls %q", r.Shortfalls)
	}
	for _, c := range p.Certificate.Slices {
		if math.Abs(c.Delta-0.1/2) > 1e-12 { // two are tested
			t.Errorf("%s has level %v, want half of 0.1", c.Slice, c.Delta)
		}
	}
	// A slice that nobody has seen accepts nothing.
	one := observations[5]
	c := p.Assess(0, one.Request, one.Tiers[0].Signals)
	low := -1.0
	c.Uplift = &low
	for slice, want := range map[string]pointsman.Cause{"lang=en": pointsman.CauseAccepted, "lang=xx": pointsman.CauseUncertified, "lang=is": pointsman.CauseUncertified} {
		if _, cause, _ := p.Decide(0, []string{slice}, 1, pointsman.Reading{Valid: true}, c); cause != want {
			t.Errorf("%s: %s, want %s", slice, cause, want)
		}
	}
	// Declared slices only, or none at all.
	o := options(0.93, 1)
	o.Slices = []string{}
	if p, _ = calibrated(t, observations, o); len(p.Stages[0].Thresholds) != 1 {
		t.Errorf("slices that were not declared: %+v", p.Stages[0].Thresholds)
	}
}

func TestThreeTiers(t *testing.T) {
	observations := example(7, 5000)
	random := rand.New(rand.NewPCG(7, 7))
	for i := range observations {
		o := &observations[i]
		middle := fit.TierOutcome{
			Signals: pointsman.Signals{pointsman.Measured("answer.margin", random.NormFloat64())},
			Valid:   true, Acceptable: o.Tiers[1].Acceptable && random.Float64() < 0.99,
		}
		o.Tiers = []fit.TierOutcome{o.Tiers[0], middle, o.Tiers[1]}
		o.Tiers[2].Failed = i%100 == 7
		o.Tiers[0].Failed = i%100 == 8
	}
	o := options(0.93, 1)
	o.Tiers = []pointsman.Digest{o.Tiers[0], pointsman.DigestOf([]byte("middle")), o.Tiers[1]}
	p, r := calibrated(t, observations, o)
	if len(p.Stages) != 2 || !p.Certified() || p.Threshold(0, nil) == nil || p.Threshold(1, nil) == nil {
		t.Fatalf("%+v", p.Certificate)
	}
	if r.Escalated.Value > 0.2 || r.VersusLarge.Low < -0.07 {
		t.Errorf("escalated %+v, against the largest %+v", r.Escalated, r.VersusLarge)
	}
}

// A promise of quality is about grades where there are any; one of harm about
// right and wrong.
func TestGrades(t *testing.T) {
	graded := example(8, 2000)
	for i := range graded {
		for k := range graded[i].Tiers {
			score := 0.85
			if graded[i].Tiers[k].Acceptable {
				score = 0.95
			}
			graded[i].Tiers[k].Score = &score
		}
	}
	o := options(0.95, 1)
	a, _ := calibrated(t, graded, o)
	b, _ := calibrated(t, example(8, 2000), o)
	if *a.Threshold(0, nil) <= *b.Threshold(0, nil) {
		t.Errorf("hardly anything is lost, and the threshold is %v where it was %v", *a.Threshold(0, nil), *b.Threshold(0, nil))
	}
	o.Target.Promise = pointsman.PromiseHarm
	a, _ = calibrated(t, graded, o)
	b, _ = calibrated(t, example(8, 2000), o)
	if *a.Threshold(0, nil) != *b.Threshold(0, nil) {
		t.Error("grades count for harm")
	}
}

// Where the tier is always right, everything is accepted, and says so.
func TestPerfectSmallModel(t *testing.T) {
	observations := example(9, 1200)
	for i := range observations {
		observations[i].Tiers[0].Valid, observations[i].Tiers[0].Acceptable = true, true
	}
	p, r := calibrated(t, observations, options(0.98, 1))
	if threshold := p.Threshold(0, nil); threshold == nil || *threshold != 1 || r.Escalated.Value != 0 {
		t.Errorf("threshold %v, escalated %+v", threshold, r.Escalated)
	}
	if r.Stages[0].AUROC != nil {
		t.Errorf("a ranking of one class: %+v", r.Stages[0].AUROC)
	}
}

func TestErrors(t *testing.T) {
	type spoil func([]fit.Observation, *fit.Options) []fit.Observation
	each := func(change func(*fit.Observation)) spoil {
		return func(o []fit.Observation, _ *fit.Options) []fit.Observation {
			for i := range o {
				change(&o[i])
			}
			return o
		}
	}
	option := func(change func(*fit.Options)) spoil {
		return func(o []fit.Observation, p *fit.Options) []fit.Observation {
			change(p)
			return o
		}
	}
	for _, c := range []struct {
		name    string
		spoil   spoil
		want    error
		message string
	}{
		{"repeated id", func(o []fit.Observation, _ *fit.Options) []fit.Observation {
			o[7].ID = o[3].ID
			return o
		}, fit.ErrInvalid, `"e00003" is given twice`},
		{"no id", func(o []fit.Observation, _ *fit.Options) []fit.Observation { o[7].ID = ""; return o }, fit.ErrInvalid, "observation 7 has no id"},
		{"missing tier", func(o []fit.Observation, _ *fit.Options) []fit.Observation {
			o[7].Tiers = o[7].Tiers[:1]
			return o
		}, fit.ErrInvalid, `"e00007" has outcomes of 1 tiers, the cascade has 2`},
		{"NaN", func(o []fit.Observation, _ *fit.Options) []fit.Observation {
			o[7].Request[0].Value = math.NaN()
			return o
		}, fit.ErrInvalid, "signal request.words is NaN"},
		{"repeated signal", each(func(o *fit.Observation) { o.Request[1].Name = "answer.margin" }), fit.ErrInvalid, "signal answer.margin is given twice"},
		{"grade of 2", func(o []fit.Observation, _ *fit.Options) []fit.Observation {
			two := 2.0
			o[7].Tiers[1].Score = &two
			return o
		}, fit.ErrInvalid, "score 2 is not between 0 and 1"},
		{"few", func(o []fit.Observation, _ *fit.Options) []fit.Observation { return o[:30] }, fit.ErrTooFew, "30, want at least 40"},
		{"one conversation", each(func(o *fit.Observation) { o.Group = "all" }), fit.ErrTooFew, "conversations to certify"},
		{"nothing varies", each(func(o *fit.Observation) { o.Request, o.Tiers[0].Signals = nil, nil }), fit.ErrNoVariation, "none of the 0 signals at tier 1 varies"},
		{"never valid", each(func(o *fit.Observation) { o.Tiers[0].Valid = false }), fit.ErrNoVariation, "a valid answer to 0 of"},
		{"never acceptable", each(func(o *fit.Observation) { o.Tiers[0].Acceptable = false }), fit.ErrNoVariation, "the tier can only cost"},
		{"largest never acceptable", each(func(o *fit.Observation) { o.Tiers[1].Acceptable = false }), fit.ErrNoVariation, "no quality to keep"},
		{"no date", option(func(o *fit.Options) { o.Now = o.Now.AddDate(-2025, -6, 0) }), fit.ErrInvalid, "no date"},
		{"no target", option(func(o *fit.Options) { o.Target.Retain = 0 }), fit.ErrInvalid, "retain is 0"},
		{"certain", option(func(o *fit.Options) { o.Target.Confidence = 1 }), fit.ErrInvalid, "confidence is 1"},
		{"one tier", option(func(o *fit.Options) { o.Tiers = o.Tiers[:1] }), fit.ErrInvalid, "at least two"},
		{"no kind", option(func(o *fit.Options) { o.Kind = "guess" }), fit.ErrInvalid, `kind "guess"`},
		{"all to certify", option(func(o *fit.Options) { o.CertifyShare = 1 }), fit.ErrInvalid, "certify share"},
	} {
		o := options(0.9, 1)
		observations := c.spoil(example(10, 120), &o)
		if _, _, err := fit.Fit(context.Background(), observations, o); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v, want %q", c.name, err, c.message)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := fit.Fit(ctx, example(10, 120), options(0.9, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestRetainAll: that nothing is lost can be promised where the small tier wins
// what pays for what it loses.
func TestRetainAll(t *testing.T) {
	observations := example(12, 4000)
	random := rand.New(rand.NewPCG(12, 12))
	for i := range observations {
		o := &observations[i]
		if random.Float64() < 0.1 { // a weakness of the largest
			o.Tiers[1].Acceptable, o.Tiers[0].Acceptable, o.Tiers[0].Valid = false, true, true
		}
	}
	p, r := calibrated(t, observations, options(1, 1))
	if !p.Certified() || r.Escalated.Value > 0.8 || r.VersusLarge.Low < -0.01 {
		t.Errorf("escalated %+v, against the largest %+v: %s", r.Escalated, r.VersusLarge, p.Certificate.Claim)
	}
}
