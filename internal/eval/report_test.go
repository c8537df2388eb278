package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/score"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// threeWays answers as a small tier, a large tier and a cascade that escalates
// every fourth example. The small tier is wrong on every fifth, the large on
// every twentieth.
func threeWays(t collect.Target, e *dataset.Example) (*collect.Result, error) {
	var n int
	if _, err := fmt.Sscanf(e.ID, "e%d", &n); err != nil {
		return nil, err
	}
	tier := t.Tier
	if tier == "" {
		tier = "small"
		if n%4 == 0 {
			tier = "large"
		}
	}
	wrong, price := n%5 == 0, pointsman.Money(10_000)
	if tier == "large" {
		wrong, price = n%20 == 0, 250_000
	}
	r := answered(e.Label)
	if wrong {
		r = answered("something else")
	}
	r.Latency = time.Duration(n+1) * time.Millisecond
	d := &r.Decision
	d.Tier, d.Cause, d.Cost = tier, pointsman.CausePinned, pointsman.KnownCost(price)
	d.Latency, d.Overhead = r.Latency, time.Duration(n+1)*time.Microsecond
	usage := pointsman.Usage{Known: true, Input: 100, Output: 3}
	d.Attempts = []pointsman.Attempt{{Tier: tier, Usage: usage}}
	if t.Tier == "" {
		d.Cause = pointsman.CauseAccepted
		if tier == "large" {
			d.Cause, d.Cost = pointsman.CauseUncertain, pointsman.KnownCost(260_000)
			d.Attempts = append(d.Attempts, pointsman.Attempt{Tier: "small", Usage: usage})
		}
		uplift := float64(n%5) * -0.1
		r.Uplift = &uplift
		if n == 7 {
			r.Uplift = nil
		}
	}
	return r, nil
}

func threePlan(examples []dataset.Example) Plan {
	p := labelPlan(examples, &fake{answer: threeWays},
		collect.Target{Name: "small", Tier: "small"}, collect.Target{Name: "large", Tier: "large"}, collect.Target{Name: "cascade"})
	p.Small, p.Large, p.Slices = "small", "large", []string{"language"}
	return p
}

func TestReport(t *testing.T) {
	o := options(t)
	r := mustRun(t, threePlan(someExamples(200)), o)
	small, large, cascade := r.Targets[0], r.Targets[1], r.Targets[2]

	want, err := stat.Rate(160, 200, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if *small.Score.Value != 0.8 || *small.Score.Low != want.Low || *small.Score.High != want.High || small.Score.Method != methodWilson {
		t.Errorf("small %+v", small.Score)
	}
	if *large.Score.Value != 0.95 || large.Scored != 200 || large.Coverage != 1 {
		t.Errorf("large %+v", large.Summary)
	}
	if len(small.Slices) != 3 || small.Slices[0].Total != 67 || small.Slices[0].Value != "de" {
		t.Errorf("slices %+v", small.Slices)
	}
	if c := large.Cost; c.Total != pointsman.KnownCost(200*250_000) || c.Per1000 != pointsman.KnownCost(250_000_000) || math.Abs(*c.PerDollar.Value-0.95/0.00025) > 1e-6 {
		t.Errorf("cost %+v", c)
	}
	if d := small.Latency; *d.P50 != 100500*time.Microsecond || d.N != 200 || *small.Overhead.P99 != 198010*time.Nanosecond {
		t.Errorf("latency %v, overhead %v", *d.P50, *small.Overhead.P99)
	}
	if cascade.Tokens != (TokenSummary{200, 25_000, 750}) || *cascade.Escalated.Value != 0.25 {
		t.Errorf("tokens %+v, escalated %+v", cascade.Tokens, cascade.Escalated)
	}
	if diff := cmp.Diff([]Count{{"accepted", 150, 0.75}, {"uncertain", 50, 0.25}}, cascade.Causes); diff != "" {
		t.Error(diff)
	}

	if len(r.Pairs) != 3 || r.Pairs[0].First != "small" || r.Pairs[0].Second != "large" {
		t.Fatalf("pairs %+v", r.Pairs)
	}
	p := r.Pairs[0]
	// 40 wrong of the small, 10 of them wrong of the large as well: 30 to 0.
	if p.Counts != (stat.Pairs{Both: 160, OnlySecond: 30, Neither: 10}) || math.Abs(*p.P-math.Pow(2, -29)) > 1e-15 {
		t.Errorf("pair %+v, p %v", p, *p.P)
	}
	if *p.PHolm != 3**p.P || p.Test != testMcNemar || p.Difference.Method != methodNewcombe {
		t.Errorf("pair %+v", p)
	}

	x := r.Routing[0]
	if x.N != 199 || x.Unjudged != 1 || x.RetainN != 200 {
		t.Errorf("routing %+v", x)
	}
	// The uplift is highest on just the examples that the small tier has wrong:
	// at a fifth of strong calls everything is recovered.
	if *x.CPT80.Value > 0.2 || *x.APGR.Value < 0.89 || *x.APGR.Low > *x.APGR.Value || *x.APGR.High < *x.APGR.Value {
		t.Errorf("APGR %v, CPT80 %v", *x.APGR.Value, *x.CPT80.Value)
	}
	if v := *x.RetainMeasured.Value; math.Abs(v - *cascade.Score.Value / *large.Score.Value) > 1e-12 || *x.RetainMeasured.Low >= v {
		t.Errorf("retain %+v", x.RetainMeasured)
	}

	var back Report
	content, err := os.ReadFile(filepath.Join(o.Dir, ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, &back); diff != "" {
		t.Error(diff)
	}
}

func TestReportForPeople(t *testing.T) {
	r := mustRun(t, threePlan(someExamples(40)), options(t))
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "report.txt")
	if os.Getenv("POINTSMAN_UPDATE") != "" {
		if err := os.WriteFile(golden, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("%s (POINTSMAN_UPDATE=1 writes it anew)", diff)
	}
}

func TestPageNeedsNothingElse(t *testing.T) {
	examples := someExamples(40)
	examples[0].Metadata["language"] = "<script>alert(1)</script>"
	r := mustRun(t, threePlan(examples), options(t))
	var page bytes.Buffer
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, foreign := range []string{"http:", "https:", "src=", "href=", "<script", "ZgotmplZ"} {
		if strings.Contains(page.String(), foreign) {
			t.Errorf("the page has %q", foreign)
		}
	}
	if n := strings.Count(page.String(), "<circle"); n != 3+3*4+3 {
		t.Errorf("%d dots", n)
	}
}

func TestUnknownCostStaysUnknown(t *testing.T) {
	f := &fake{answer: func(t collect.Target, e *dataset.Example) (*collect.Result, error) {
		r, err := threeWays(t, e)
		if e.ID == "e3" {
			r.Decision.Cost = pointsman.Cost{}
		}
		return r, err
	}}
	r := mustRun(t, labelPlan(someExamples(10), f), options(t))
	c := r.Targets[0].Cost
	if c.Total.Known || c.Per1000.Known || c.Unknown != 1 || c.Known != 90_000 || c.PerDollar.Value != nil || c.PerDollar.Note == "" {
		t.Errorf("%+v", c)
	}
	var text, page strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "unknown ($0.00009 + 1 unknown)") || !strings.Contains(page.String(), "its cost is unknown") {
		t.Error(text.String())
	}
}

func TestGroupsAreResampledWhole(t *testing.T) {
	examples := someExamples(60)
	for i := range examples {
		examples[i].Group = fmt.Sprintf("conversation %d", i/6)
	}
	r := mustRun(t, threePlan(examples), options(t))
	if r.Groups != 10 || !r.Clustered() || !strings.Contains(r.Notes[0], "10 groups") {
		t.Errorf("%d groups, notes %q", r.Groups, r.Notes)
	}
	if m := r.Targets[0].Score.Method; m != methodBootC {
		t.Errorf("method %s", m)
	}
	if p := r.Pairs[0]; p.Test != testFlip || p.Difference.Method != methodBootC || p.P == nil || *p.P > 0.05 {
		t.Errorf("%+v", p)
	}
}

func TestGradesAreBootstrapped(t *testing.T) {
	examples := someExamples(30)
	for i := range examples {
		examples[i].Reference = "the cat sat on the mat"
	}
	f := &fake{answer: func(_ collect.Target, e *dataset.Example) (*collect.Result, error) {
		r := answered("")
		r.Text = "the cat sat on the " + []string{"mat", "hat", "old red mat over there"}[len(e.ID)%3]
		return r, nil
	}}
	p := labelPlan(examples, f)
	var err error
	if p.Scorer, err = score.For(pointsman.KindRewrite, score.Options{}); err != nil {
		t.Fatal(err)
	}
	r := mustRun(t, p, options(t))
	s := r.Targets[0]
	if s.Score.Method != methodBoot || s.Acceptable.Method != methodWilson || *s.Score.Value == *s.Acceptable.Value {
		t.Errorf("score %+v, acceptable %+v", s.Score, s.Acceptable)
	}
	if len(s.Parts) != 4 || s.Parts[3].Name != "rouge_l" || *s.Parts[3].Value != *s.Score.Value || s.Parts[0].N != 30 {
		t.Errorf("parts %+v", s.Parts)
	}
}

func TestWhatDoesNotExistIsSaid(t *testing.T) {
	f := &fake{answer: func(_ collect.Target, e *dataset.Example) (*collect.Result, error) { return answered(e.Label), nil }}
	p := labelPlan(someExamples(5), f, collect.Target{Name: "small", Tier: "s"}, collect.Target{Name: "large", Tier: "l"}, collect.Target{Name: "cascade"})
	p.Small, p.Large = "s", "l"
	r := mustRun(t, p, options(t))
	pair, x := r.Pairs[0], r.Routing[0]
	if pair.P != nil || pair.PHolm != nil || !strings.Contains(pair.Note, "agree on all 5") {
		t.Errorf("%+v", pair)
	}
	if x.APGR.Value != nil || x.APGR.Note == "" || x.RetainMeasured.Low != nil || x.RetainMeasured.Note == "" || *x.RetainMeasured.Value != 1 {
		t.Errorf("%+v", x)
	}
	if s := r.Targets[0].Score; *s.Low > 0.6 || *s.High != 1 {
		t.Errorf("five of five: %v to %v", *s.Low, *s.High)
	}
	if e := r.Targets[0].Escalated; e.Value != nil || e.Note == "" {
		t.Errorf("nobody knows what was escalated: %+v", e)
	}
	if o := r.Targets[0].Overhead; o.P50 != nil || o.Note == "" {
		t.Errorf("nobody measured the overhead: %+v", o)
	}
}
