package calibrate_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate"
	"github.com/pointsman-ai/pointsman/internal/labelling"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/verdict"
)

// unlabelled takes the truth away.
func (w *bench) unlabelled() {
	for i := range w.options.Examples {
		w.options.Examples[i].Label = ""
	}
}

// verdicts are what somebody says of both labels of every example.
func (w *bench) verdicts(s *verdict.Set, source pointsman.LabelSource, by string, right func(n int, label string) bool) {
	for i := range w.options.Examples {
		e := &w.options.Examples[i]
		for _, label := range []string{"parcel", "refund"} {
			s.Add(verdict.Verdict{
				Answer: verdict.Of(e.AskedDigest(), label, label, nil), Source: source, By: by, Right: right(number(e.Input), label),
			})
		}
	}
}

// Every source of labels gives a policy that says what it stands on; without any
// there is none.
func TestLabelsFromEverySource(t *testing.T) {
	correct := func(n int, label string) bool { return truth(n) == label }
	never := func(int, string) bool { return false }
	people, judge, both := &verdict.Set{}, &verdict.Set{}, &verdict.Set{}
	w := newBench(t, 300)
	w.verdicts(people, pointsman.LabelsPeople, "ada", correct)
	w.verdicts(judge, pointsman.LabelsJudge, "big-model", correct)
	w.verdicts(both, pointsman.LabelsPeople, "ada", correct)
	w.verdicts(both, pointsman.LabelsJudge, "big-model", never)
	base, _ := w.run(t)
	for _, c := range []struct {
		name     string
		labels   pointsman.LabelSource
		verdicts *verdict.Set
		truth    bool
		want     pointsman.LabelSource
		says     string
	}{
		{"the dataset's", "", both, true, pointsman.LabelsTruth, ""},
		{"people, by themselves", "", people, false, pointsman.LabelsPeople, "where people say so (ada)"},
		{"people against the dataset", pointsman.LabelsPeople, people, true, pointsman.LabelsPeople, "where people say so (ada)"},
		{"a judge", pointsman.LabelsJudge, judge, false, pointsman.LabelsJudge, "where a judge says so (big-model), whom nobody has checked"},
		{"a judge whom people overrule", pointsman.LabelsJudge, both, false, pointsman.LabelsJudge, "who is worth this by people (sensitivity 0.000"},
		{"agreement", pointsman.LabelsAgreement, nil, false, pointsman.LabelsAgreement, "about agreement with the largest tier, not about truth"},
	} {
		w := newBench(t, 300)
		if !c.truth {
			w.unlabelled()
		}
		w.options.Labels, w.options.Verdicts = c.labels, c.verdicts
		p, r, err := calibrate.Run(t.Context(), w.options)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if p.Labels == nil || p.Labels.Source != c.want || !p.Certified() || !strings.Contains(p.Claim(), c.says) {
			t.Errorf("%s: %+v, %s", c.name, p.Labels, p.Claim())
		}
		if !strings.Contains(strings.Join(p.Certificate.Covers, " "), p.Labels.Meaning()) {
			t.Errorf("%s: it covers %q", c.name, p.Certificate.Covers)
		}
		if got, want := r.Calibration.Tiers[1].Value, 1.0; got != want {
			t.Errorf("%s: the largest tier is right in %v", c.name, got)
		}
		if p.Certificate.Evidence.Quality < base.Certificate.Evidence.Quality-0.1 {
			t.Errorf("%s: quality %v, by the dataset %v", c.name, p.Certificate.Evidence.Quality, base.Certificate.Evidence.Quality)
		}
	}
}

// What nobody has judged is not used, and where there is nothing to judge by, or
// not what was asked for, nothing is asked.
func TestLabelsThatAreMissing(t *testing.T) {
	for labels, want := range map[pointsman.LabelSource]string{
		"": "0 of 100 can be used", "truth": "no example says", "people": "people have judged no answer",
		"judge": "no verdict of a judge", "god": "no labels of the kind",
	} {
		w := newBench(t, 100)
		w.unlabelled()
		w.options.Labels = labels
		var told *pointsman.Error
		if _, _, err := calibrate.Run(t.Context(), w.options); !errors.As(err, &told) || !strings.Contains(told.Message, want) || told.Hint == "" {
			t.Errorf("%q: %v", labels, err)
		}
		if n := w.large.reset(); n > 0 {
			t.Errorf("%q: %d were asked", labels, n)
		}
	}
	w := newBench(t, 300)
	some := &verdict.Set{}
	w.options.Examples = w.options.Examples[:200]
	w.verdicts(some, pointsman.LabelsPeople, "ada", func(n int, label string) bool { return truth(n) == label })
	w.options.Examples = examples(300)
	w.unlabelled()
	w.options.Verdicts = some
	_, r, err := calibrate.Run(t.Context(), w.options)
	if err != nil || r.Examples != 200 || r.Skipped["people have not judged every answer to it"] != 100 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A policy of before there were labels is read as it was.
func TestPoliciesWithoutLabels(t *testing.T) {
	w := newBench(t, 160)
	p, _ := w.run(t)
	p.Labels = nil
	if err := p.Validate(); err != nil || p.Labels.Meaning() != "" {
		t.Errorf("%v", err)
	}
	p.Labels = &policy.Labels{Source: "rumour"}
	if err := p.Validate(); err == nil {
		t.Error("labels by rumour")
	}
}

// TestPeopleJudgeASample: with a judge's word on everything and people's on a drawn
// sample the promise is about people's word, and says what the judge is worth.
// What the plan asks and nobody has said counts against the promise, and what is
// asked again and again does not count as independent draws.
func TestPeopleJudgeASample(t *testing.T) {
	correct := func(n int, label string) bool { return truth(n) == label }
	for _, c := range []struct {
		name      string
		judge     func(n int, label string) bool // nil for none
		told      bool
		certified bool
		predicted pointsman.LabelSource
	}{
		{"a judge", func(n int, label string) bool { return n%11 == 0 || truth(n) == label }, true, true, pointsman.LabelsJudge},
		{"agreement", nil, true, true, pointsman.LabelsAgreement},
		{"nobody has said it", nil, false, false, pointsman.LabelsAgreement},
	} {
		w := newBench(t, 900)
		w.unlabelled()
		set := &verdict.Set{}
		if c.judge != nil {
			w.verdicts(set, pointsman.LabelsJudge, "big-model", c.judge)
		}
		var all []labelling.Candidate
		for i := range w.options.Examples {
			all = append(all, labelling.Candidate{Example: w.options.Examples[i].AskedDigest(), Spread: 1})
		}
		plan, err := labelling.Draw(all, 400, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		everything := w.options.Examples
		w.options.Examples = nil
		for _, e := range everything {
			if c.told && plan.Asks(e.AskedDigest()) || e.ID == "3" {
				w.options.Examples = append(w.options.Examples, e)
			}
		}
		w.verdicts(set, pointsman.LabelsPeople, "ada", correct)
		w.options.Examples, w.options.Verdicts, w.options.Plan, w.options.Labels = everything, set, plan, pointsman.LabelsPeople
		p, r, err := calibrate.Run(t.Context(), w.options)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if p.Certified() != c.certified || p.Labels.Predicted != c.predicted {
			t.Errorf("%s: %+v, %s", c.name, p.Labels, p.Claim())
		}
		if !c.certified {
			continue
		}
		e := p.Certificate.Evidence
		if e.People == 0 || e.People > e.N/2+30 || e.Method != "prediction-powered betting" || !strings.Contains(p.Claim(), "they judged a drawn sample of") {
			t.Errorf("%s: %+v, %s", c.name, e, p.Claim())
		}
		if s := p.Labels.Specificity; s == nil || p.Labels.Sensitivity == nil || c.judge != nil && s.Value > 0.99 {
			t.Errorf("%s: specificity %+v", c.name, s)
		}
		if small := r.Calibration.Tiers[0]; small.Low > 0.9 || small.High < 0.9 { // wrong in every tenth case
			t.Errorf("%s: the small tier is right in %+v", c.name, small)
		}
	}
}

// TestQuestions: people are asked about what is there, about each different answer
// once, and sooner where answers differ.
func TestQuestions(t *testing.T) {
	w := newBench(t, 200)
	w.options.Cache = filepath.Join(t.TempDir(), "answers.jsonl")
	w.run(t)
	asked := w.large.reset()
	w.options.Examples = append(examples(210), examples(1)...)
	questions, missing, err := calibrate.Questions(w.options)
	if err != nil || len(questions) != 200 || missing != 10 || asked == 0 || w.large.reset() > 0 {
		t.Fatalf("%d questions, %d missing, %v", len(questions), missing, err)
	}
	seen := map[int]float64{}
	for _, q := range questions {
		n := number(q.Example.Input)
		want := 1
		if n%5 == 0 && truth(n) != "parcel" {
			want = 2
		}
		if len(q.Answers) != want || q.Always != (n == 0) {
			t.Errorf("%d: %+v", n, q)
		}
		seen[want] = max(seen[want], q.Spread)
	}
	if seen[2] <= seen[1] || seen[1] <= 0 {
		t.Errorf("spreads %v", seen)
	}
}

// TestRatesByAJudgeAreCorrected: where people judged some of the answers, the rates
// of the tiers by the judge's word are corrected by what it is worth.
func TestRatesByAJudgeAreCorrected(t *testing.T) {
	w := newBench(t, 600)
	w.unlabelled()
	set := &verdict.Set{}
	// A judge that lets every third wrong answer pass.
	w.verdicts(set, pointsman.LabelsJudge, "big-model", func(n int, label string) bool { return truth(n) == label || n%3 == 0 })
	all := w.options.Examples
	w.options.Examples = all[:200]
	w.verdicts(set, pointsman.LabelsPeople, "ada", func(n int, label string) bool { return truth(n) == label })
	w.options.Examples, w.options.Verdicts, w.options.Labels = all, set, pointsman.LabelsJudge
	_, r, err := calibrate.Run(t.Context(), w.options)
	if err != nil || len(r.Corrected) != 2 {
		t.Fatalf("%v, %v", r.Corrected, err)
	}
	if small := r.Corrected[0]; small == nil || !small.Contains(0.9) || small.Value > 0.93 || small.Value < 0.87 {
		t.Errorf("the small tier is right in %+v, want .9", small)
	}
}
