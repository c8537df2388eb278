package eval

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

func TestSecondRunAsksOnlyWhatIsNew(t *testing.T) {
	o := options(t)
	examples := someExamples(60)
	f := &fake{answer: echo}
	first := mustRun(t, labelPlan(examples[:50], f), o)
	if first.Asked != 50 || first.Reused != 0 || !first.Complete {
		t.Fatalf("asked %d, reused %d", first.Asked, first.Reused)
	}

	rand.New(rand.NewPCG(1, 2)).Shuffle(len(examples), func(i, j int) { examples[i], examples[j] = examples[j], examples[i] })
	for i := range examples {
		examples[i].ID += "x" // neither places nor ids count
	}
	second := mustRun(t, labelPlan(examples, f), o)
	if second.Asked != 10 || second.Reused != 50 {
		t.Errorf("asked %d, reused %d", second.Asked, second.Reused)
	}

	f.identity = "another configuration"
	if third := mustRun(t, labelPlan(examples, f), o); third.Asked != 60 {
		t.Errorf("another identity: asked %d", third.Asked)
	}
	f.identity = ""
	if fourth := mustRun(t, labelPlan(examples, f), o); fourth.Asked != 0 {
		t.Errorf("the first identity again: asked %d", fourth.Asked)
	}
}

func TestCorrectedLabelIsScoredAgainWithoutAsking(t *testing.T) {
	o := options(t)
	examples := someExamples(20)
	f := &fake{answer: func(collect.Target, *dataset.Example) (*collect.Result, error) { return answered("yes"), nil }}
	before := mustRun(t, labelPlan(examples, f), o)
	for i := range examples {
		examples[i].Label = "yes"
	}
	after := mustRun(t, labelPlan(examples, f), o)
	if f.calls() != 20 || after.Asked != 0 {
		t.Errorf("asked again: %d calls", f.calls())
	}
	if *before.Targets[0].Score.Value != 0.5 || *after.Targets[0].Score.Value != 1 {
		t.Errorf("scores %v and %v", *before.Targets[0].Score.Value, *after.Targets[0].Score.Value)
	}
	if before.Dataset == after.Dataset {
		t.Error("a label is part of the dataset's digest")
	}
}

func TestChangedMetadataIsAskedAgain(t *testing.T) {
	o := options(t)
	examples := someExamples(6)
	f := &fake{answer: echo}
	mustRun(t, labelPlan(examples, f), o)
	examples[3].Metadata = map[string]string{"language": "it"}
	if r := mustRun(t, labelPlan(examples, f), o); r.Asked != 1 {
		t.Errorf("asked %d", r.Asked)
	}
}

func TestEachOccurrenceIsAskedByItself(t *testing.T) {
	o := options(t)
	one := dataset.Example{ID: "a", Input: "same", Label: "yes", Group: "g"}
	f := &fake{answer: echo}
	r := mustRun(t, labelPlan([]dataset.Example{one, one, one}, f), o)
	if f.calls() != 3 || !r.Clustered() {
		t.Errorf("%d calls, clustered %v", f.calls(), r.Clustered())
	}
	if r := mustRun(t, labelPlan([]dataset.Example{one, one, one, one}, f), o); r.Asked != 1 {
		t.Errorf("asked %d", r.Asked)
	}
}

func TestFailuresAreCountedAndAskedAgain(t *testing.T) {
	o := options(t)
	down := true
	f := &fake{}
	f.answer = func(_ collect.Target, e *dataset.Example) (*collect.Result, error) {
		switch {
		case down && e.ID == "e1":
			return nil, errBusy
		case down && e.ID == "e2":
			return &collect.Result{Err: "all tiers failed", Status: 502}, nil
		case down && e.ID == "e3":
			return nil, nil
		case e.ID == "e4":
			return nil, errBusy
		}
		return answered(e.Label), nil
	}
	examples := someExamples(10)
	examples[5].Label = ""
	first := mustRun(t, labelPlan(examples, f), o)
	s := first.Targets[0]
	if s.Failed != 4 || s.Unscored != 1 || s.Scored != 5 || s.Skipped() != 5 || s.Coverage != 0.5 || *s.Score.Value != 1 {
		t.Errorf("%+v", s.Summary)
	}
	if len(s.Failures) != 3 || s.Failures[0].Name != "busy" || s.Failures[0].N != 2 || len(s.Skips) != 1 {
		t.Errorf("failures %+v, skips %+v", s.Failures, s.Skips)
	}
	down = false
	second := mustRun(t, labelPlan(examples, f), o)
	if second.Asked != 4 || second.Targets[0].Failed != 1 || second.Targets[0].Scored != 8 {
		t.Errorf("asked %d, %+v", second.Asked, second.Targets[0].Summary)
	}
	var text strings.Builder
	if err := second.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"80.0 %", "busy", "the example has no label", "1 of 10 examples failed"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, text.String())
		}
	}
}

// What the owner's rules forbid is neither a failure nor a zero: it is counted
// with its reason, and said.
func TestWhatTheRulesExcludeIsCounted(t *testing.T) {
	f := &fake{answer: func(_ collect.Target, e *dataset.Example) (*collect.Result, error) {
		if e.Metadata["language"] == "de" {
			return &collect.Result{Excluded: "the owner's rules (german) forbid tier small"}, nil
		}
		return answered(e.Label), nil
	}}
	o := options(t)
	for range 2 { // it is not kept
		r := mustRun(t, labelPlan(someExamples(9), f), o)
		s := r.Targets[0]
		if s.Excluded != 3 || s.Failed != 0 || s.Scored != 6 || *s.Score.Value != 1 || !r.Complete || s.Total != 9 || r.Asked+r.Reused != 6 {
			t.Errorf("asked %d, reused %d, %+v", r.Asked, r.Reused, s.Summary)
		}
		if len(s.Exclusions) != 1 || s.Exclusions[0].N != 3 {
			t.Errorf("%+v", s.Exclusions)
		}
		var text strings.Builder
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"the owner's rules (german) forbid tier small", "3 of 9 examples were not asked"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%q is missing in\n%s", want, text.String())
			}
		}
	}
}

func TestInterruptedRunSavesAndGoesOn(t *testing.T) {
	o := options(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	var asked atomic.Int32
	pressed := make(chan struct{})
	f := &fake{}
	f.answer = func(_ collect.Target, e *dataset.Example) (*collect.Result, error) {
		switch n := asked.Add(1); {
		case n == 20:
			cancel(errors.New("somebody pressed ^C"))
			close(pressed)
		case n > 20:
			<-pressed // however long the 20th takes
		}
		return answered(e.Label), nil
	}
	examples := someExamples(50)
	report, err := Run(ctx, labelPlan(examples, f), o)
	if !errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), o.Dir) || !strings.Contains(err.Error(), "^C") {
		t.Fatalf("error %v", err)
	}
	if report.Complete || report.Asked < 20 || report.Asked > 24 || report.Targets[0].Failed != 0 {
		t.Errorf("asked %d, %+v", report.Asked, report.Targets[0].Summary)
	}
	if report.Targets[0].Missing != 50-report.Asked {
		t.Errorf("missing %d", report.Targets[0].Missing)
	}
	m := manifest(t, o.Dir)
	if m.State != "interrupted" || m.Ended == nil {
		t.Errorf("manifest %+v", m)
	}
	again := mustRun(t, labelPlan(examples, f), o)
	if again.Reused != report.Asked || again.Asked != 50-report.Asked || !again.Complete {
		t.Errorf("asked %d, reused %d", again.Asked, again.Reused)
	}
	if m := manifest(t, o.Dir); m.State != "finished" {
		t.Errorf("manifest %+v", m)
	}
}

func TestStopEndsTheRun(t *testing.T) {
	o := options(t)
	f := &fake{answer: func(collect.Target, *dataset.Example) (*collect.Result, error) {
		return nil, fmt.Errorf("key refused: %w", collect.ErrStop)
	}}
	report, err := Run(t.Context(), labelPlan(someExamples(1000), f), o)
	if !errors.Is(err, collect.ErrStop) || f.calls() > o.Workers || report == nil || report.Asked != 0 {
		t.Errorf("error %v after %d calls", err, f.calls())
	}
	if m := manifest(t, o.Dir); m.State != "failed" {
		t.Errorf("manifest %+v", m)
	}
}

func TestNothingIsAskedOfABrokenDataset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.jsonl")
	if err := os.WriteFile(path, []byte("{\"input\":\"a\"}\n{\"inptu\":\"b\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fake{answer: echo}
	p := labelPlan(nil, f)
	p.Examples = dataset.Read(path)
	_, err := Run(t.Context(), p, options(t))
	if err == nil || !strings.Contains(err.Error(), path+":2") || f.calls() != 0 || pointsman.CodeOf(err) != pointsman.CodeInvalid {
		t.Errorf("error %v after %d calls", err, f.calls())
	}
}

func TestDatasetThatChangesUnderTheRun(t *testing.T) {
	passes := 0
	p := labelPlan(nil, &fake{answer: echo})
	p.Examples = func(yield func(dataset.Example, error) bool) {
		passes++
		for _, e := range someExamples(4 + passes) {
			if !yield(e, nil) {
				return
			}
		}
	}
	if _, err := Run(t.Context(), p, options(t)); !errors.Is(err, errChanged) {
		t.Errorf("error %v", err)
	}
}

func TestPlansAndOptionsAreChecked(t *testing.T) {
	f := &fake{answer: echo}
	many := someExamples(300)
	for i := range many {
		many[i].Metadata["user"] = many[i].ID
	}
	cases := map[string]struct {
		change func(p *Plan, o *Options)
		want   string
	}{
		"no dir":     {func(_ *Plan, o *Options) { o.Dir = "" }, "directory"},
		"workers":    {func(_ *Plan, o *Options) { o.Workers = -1 }, "workers"},
		"confidence": {func(_ *Plan, o *Options) { o.Confidence = 95 }, "confidence"},
		"no targets": {func(p *Plan, _ *Options) { p.Targets = nil }, "no target"},
		"no name":    {func(p *Plan, _ *Options) { p.Targets = []collect.Target{{}} }, "no name"},
		"same name": {func(p *Plan, _ *Options) {
			p.Targets = []collect.Target{{Name: "a", Tier: "x"}, {Name: "a", Tier: "y"}}
		}, "two targets"},
		"same target": {func(p *Plan, _ *Options) {
			p.Targets = []collect.Target{{Name: "a", Tier: "x"}, {Name: "b", Tier: "x"}}
		}, "are the same"},
		"empty":     {func(p *Plan, _ *Options) { p.Examples = dataset.All(nil) }, "empty"},
		"no scorer": {func(p *Plan, _ *Options) { p.Scorer = nil }, "scorer"},
		"slices":    {func(p *Plan, _ *Options) { p.Examples, p.Slices = dataset.All(many), []string{"user"} }, "more than 200 values"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, o := labelPlan(someExamples(2), f), options(t)
			c.change(&p, &o)
			if _, err := Run(t.Context(), p, o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if f.calls() != 0 {
		t.Errorf("%d calls", f.calls())
	}
}

func TestOneProcessADirectory(t *testing.T) {
	o := options(t)
	store, err := collect.Open(filepath.Join(o.Dir, ResultsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := Run(t.Context(), labelPlan(someExamples(1), &fake{answer: echo}), o); pointsman.CodeOf(err) != pointsman.CodeUnavailable {
		t.Errorf("error %v", err)
	}
}
