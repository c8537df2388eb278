package auxiliary_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/auxiliary"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/vectors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inFit puts every second observation, from the first, into the fit part.
func inFit(i int) bool { return i%2 == 0 }

// divided puts the examples whose id ends with f into the fit part, and those of
// a conversation into one fold.
func divided(o auxiliary.Options, observations []fit.Observation) auxiliary.Options {
	o.InFitPart = func(i int) bool { return strings.HasSuffix(observations[i].ID, "f") }
	o.Fold = func(i int) int {
		name := observations[i].Group
		if name == "" {
			name = observations[i].ID
		}
		return int(crc32.ChecksumIEEE([]byte(name))) % o.Folds
	}
	return o
}

func options() auxiliary.Options { return inFolds(5) }

func inFolds(n int) auxiliary.Options {
	return auxiliary.Options{Folds: n, Seed: 3, Judge: true}
}

// noise makes n examples whose words are their own and whose small tier is
// right by the toss of a coin: there is nothing to learn, and everything to
// memorise. Every second one is in the fit part.
func noise(n int) ([]fit.Observation, []auxiliary.Texts) {
	random := rand.New(rand.NewPCG(1, 2))
	observations, texts := make([]fit.Observation, n), make([]auxiliary.Texts, n)
	for i := range n {
		id := fmt.Sprintf("%04d%c", i, "fc"[i%2])
		word := func() string { return fmt.Sprintf("w%d", random.IntN(5000)) }
		observations[i] = fit.Observation{
			ID: id, Request: pointsman.Signals{pointsman.Measured(signal.RequestWords, 1), pointsman.Unmeasured(signal.RequestOOS, "not yet")},
			Tiers: []fit.TierOutcome{
				{Valid: true, Acceptable: random.IntN(2) == 0, Signals: pointsman.Signals{
					pointsman.Unmeasured(signal.JudgeAcceptable, "not yet"), pointsman.Measured(signal.AnswerWords, 2),
				}},
				{Valid: true, Acceptable: true},
			},
		}
		texts[i] = auxiliary.Texts{
			Input: word() + " " + word() + " " + word(), Label: []string{"yes", "no"}[random.IntN(2)],
			Answers: []string{word() + " " + word(), "yes"}, Labels: []string{"yes", ""},
		}
	}
	return observations, texts
}

// learnable makes n examples in which the word of an answer says whether it is
// right, and the word of the input what its label is.
func learnable(n int) ([]fit.Observation, []auxiliary.Texts) {
	observations, texts := noise(n)
	for i := range observations {
		right := observations[i].Tiers[0].Acceptable
		texts[i].Answers[0] += map[bool]string{true: " certainly", false: " whatever"}[right]
		texts[i].Input += map[string]string{"yes": " parcel", "no": " refund"}[texts[i].Label]
	}
	return observations, texts
}

func fill(t *testing.T, observations []fit.Observation, texts []auxiliary.Texts, o auxiliary.Options) *auxiliary.Students {
	t.Helper()
	s, err := auxiliary.Fill(t.Context(), observations, texts, divided(o, observations))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// auroc is the probability that a right answer has a higher score than a wrong
// one (Mann and Whitney 1947).
func auroc(observations []fit.Observation, of func(i int) float64, part func(i int) bool) float64 {
	var right, wrong []float64
	for i := range observations {
		if !part(i) {
			continue
		}
		if observations[i].Tiers[0].Acceptable {
			right = append(right, of(i))
		} else {
			wrong = append(wrong, of(i))
		}
	}
	wins := 0.0
	for _, r := range right {
		for _, w := range wrong {
			switch {
			case r > w:
				wins++
			case r == w:
				wins += 0.5
			}
		}
	}
	return wins / float64(len(right)*len(wrong))
}

func get(t *testing.T, s pointsman.Signals, name pointsman.SignalName) float64 {
	t.Helper()
	one, ok := s.Get(name)
	if !ok || !one.Present() {
		t.Fatalf("%s is %+v", name, one)
	}
	return one.Value
}

// Of labels that are pure noise a judge can say nothing of an example that it
// did not learn from. One that judged what it learned from would be nearly
// always right, and a policy fitted on that would trust it.
func TestNoStudentJudgesWhatItLearnedFrom(t *testing.T) {
	const n = 800
	observations, texts := noise(n)
	s := fill(t, observations, texts, options())
	judge := s.Judges[0]
	if judge == nil || len(s.Skipped) > 0 {
		t.Fatalf("no judge: %q", s.Skipped)
	}
	signalOf := func(i int) float64 { return get(t, observations[i].Tiers[0].Signals, signal.JudgeAcceptable) }
	fit := func(i int) bool { return inFit(i) }
	certify := func(i int) bool { return !fit(i) }
	inSample := func(i int) float64 {
		acceptable, _ := signal.Judged(judge, signal.JudgeText(texts[i].Input, texts[i].Answers[0]))
		return acceptable
	}
	if a := auroc(observations, inSample, fit); a < 0.9 {
		t.Errorf("in sample the judge has an AUROC of %.3f: this test would not notice a leak", a)
	}
	// The standard error of an AUROC of ½ on 200 against 200 is 0.029.
	for name, part := range map[string]func(int) bool{"fit": fit, "certify": certify} {
		if a := auroc(observations, signalOf, part); math.Abs(a-0.5) > 0.1 {
			t.Errorf("%s part: AUROC %.3f on noise", name, a)
		}
	}
	// The certify part has the word of the student that the policy will use.
	for i := range observations {
		if certify(i) && signalOf(i) != inSample(i) {
			t.Fatalf("%s: %v, the policy's student says %v", observations[i].ID, signalOf(i), inSample(i))
		}
	}
}

// Conversations stay together: a judge knows nothing of a turn through another
// turn of the same conversation.
func TestConversationsAreNotSplit(t *testing.T) {
	observations, texts := noise(800)
	for i := range observations { // four turns of the same words and the same luck
		observations[i].Group = fmt.Sprintf("g%d", i/8*2+i%2)
		first := i/8*8 + i%2
		texts[i].Input, texts[i].Answers = texts[first].Input, texts[first].Answers
		observations[i].Tiers[0].Acceptable = observations[first].Tiers[0].Acceptable
	}
	fill(t, observations, texts, options())
	a := auroc(observations, func(i int) float64 { return get(t, observations[i].Tiers[0].Signals, signal.JudgeAcceptable) },
		func(i int) bool { return inFit(i) })
	if math.Abs(a-0.5) > 0.2 { // 100 conversations: a standard error of 0.058
		t.Errorf("AUROC %.3f on noise that conversations share", a)
	}
}

func TestWhatCanBeLearnedIsLearned(t *testing.T) {
	observations, texts := learnable(400)
	s := fill(t, observations, texts, options())
	for _, part := range []bool{true, false} {
		a := auroc(observations, func(i int) float64 { return get(t, observations[i].Tiers[0].Signals, signal.JudgeAcceptable) },
			func(i int) bool { return inFit(i) == part })
		u := auroc(observations, func(i int) float64 { return get(t, observations[i].Tiers[0].Signals, signal.JudgeUplift) },
			func(i int) bool { return inFit(i) == part })
		if a < 0.9 || u > 0.1 {
			t.Errorf("fit part %v: AUROC %.3f, of the uplift %.3f", part, a, u)
		}
	}
	if len(s.Judges) != 1 || s.Label != nil {
		t.Errorf("%d judges, label student %v", len(s.Judges), s.Label)
	}
	o := observations[0].Tiers[0].Signals
	if o[0].Name != signal.JudgeAcceptable || !o[0].Present() || o[1].Name != signal.AnswerWords || o[2].Name != signal.JudgeUplift || len(o) != 3 {
		t.Errorf("signals are to be replaced in their place, and new ones appended: %+v", o)
	}
}

func marshal(t *testing.T, m *student.Model) []byte {
	t.Helper()
	if m == nil {
		return nil
	}
	content, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Whatever the certify part says of right and wrong, students and signals are
// the same: only then is it fresh for the certificate.
func TestCertifyLabelsChangeNothing(t *testing.T) {
	o := options()
	observations, texts := learnable(240)
	flipped, flippedTexts := learnable(240)
	for i := range flipped {
		if !inFit(i) {
			flipped[i].Tiers[0].Acceptable = !flipped[i].Tiers[0].Acceptable
			flippedTexts[i].Label = "something else"
		}
	}
	a, b := fill(t, observations, texts, o), fill(t, flipped, flippedTexts, o)
	if !bytes.Equal(marshal(t, a.Judges[0]), marshal(t, b.Judges[0])) {
		t.Error("the judge depends on labels of the certify part")
	}
	for i := range observations {
		if d := cmp.Diff(observations[i].Tiers[0].Signals, flipped[i].Tiers[0].Signals); d != "" {
			t.Fatalf("%s: %s", observations[i].ID, d)
		}
	}
}

func TestTheLabelsStudent(t *testing.T) {
	o := inFolds(2)
	o.Judge, o.Label = false, true
	var steps []string
	o.Progress = func(done, total int) { steps = append(steps, fmt.Sprintf("%d/%d", done, total)) }
	observations, texts := learnable(160)
	texts[1].Labels[0] = ""
	s := fill(t, observations, texts, o)
	if s.Label == nil || s.Judges[0] != nil || len(s.Skipped) > 0 {
		t.Fatalf("%+v", s)
	}
	if !slices.Contains(steps, "3/3") && !slices.Contains(steps, "3/6") { // a judge's steps may be counted too
		t.Errorf("progress %q", steps)
	}
	right := 0
	for i := range observations {
		oos := get(t, observations[i].Request, signal.RequestOOS)
		if oos < 0 || oos > 1 {
			t.Errorf("oos %v", oos)
		}
		one, _ := observations[i].Tiers[0].Signals.Get(signal.StudentAgreement)
		if one.Present() != (texts[i].Labels[0] != "") {
			t.Errorf("%d: agreement %+v with the label %q", i, one, texts[i].Labels[0])
		}
		if one.Present() && one.Value > 0.5 == (texts[i].Label == "yes") { // all answers are "yes"
			right++
		}
	}
	if right < 140 {
		t.Errorf("the student agrees with %d of 159 answers as it should", right)
	}
	if last, _ := observations[0].Tiers[1].Signals.Get(signal.StudentAgreement); last.Present() || !strings.Contains(last.Missing, "no label") {
		t.Errorf("an answer without a label: %+v", last)
	}
	if len(observations[0].Request) != 2 {
		t.Errorf("the placeholder was not replaced: %+v", observations[0].Request)
	}
}

func TestTooFewExamplesAreSkippedWithTheReason(t *testing.T) {
	for name, c := range map[string]struct {
		n      int
		change func(observations []fit.Observation, texts []auxiliary.Texts)
		want   string
	}{
		"too few": {100, nil, "50 usable examples of 2 labels, want 60 of 2"},
		"always right": {200, func(o []fit.Observation, _ []auxiliary.Texts) {
			each(o, func(t *fit.TierOutcome) { t.Acceptable = true })
		}, "100 usable examples of 1 labels"},
		"a tier is down": {200, func(o []fit.Observation, _ []auxiliary.Texts) {
			each(o, func(t *fit.TierOutcome) { t.Failed = true })
		}, "0 usable examples of 0 labels"},
		"a label is rare": {200, rare, "98 usable examples of 1 labels"},
	} {
		t.Run(name, func(t *testing.T) {
			observations, texts := noise(c.n)
			if c.change != nil {
				c.change(observations, texts)
			}
			o := options()
			o.Label = true
			for i := range texts {
				texts[i].Label = ""
			}
			before := slices.Clone(observations[0].Tiers[0].Signals)
			last := ""
			o.Progress = func(done, total int) { last = fmt.Sprintf("%d/%d", done, total) }
			s := fill(t, observations, texts, o)
			if len(s.Skipped) != 2 || s.Label != nil || s.Judges[0] != nil {
				t.Fatalf("%+v", s)
			}
			if !strings.Contains(s.Skipped[0], "the task's labels: 0 usable examples of 0 labels") || !strings.Contains(s.Skipped[1], "the answers of tier 1: "+c.want) {
				t.Errorf("%q", s.Skipped)
			}
			if !slices.Equal(before, observations[0].Tiers[0].Signals) {
				t.Errorf("signals without a student: %+v", observations[0].Tiers[0].Signals)
			}
			if last != "12/12" {
				t.Errorf("progress ended at %s", last)
			}
		})
	}
}

func each(o []fit.Observation, change func(t *fit.TierOutcome)) {
	for i := range o {
		change(&o[i].Tiers[0])
	}
}

// rare leaves two wrong answers in the fit part.
func rare(o []fit.Observation, _ []auxiliary.Texts) {
	for i := range o {
		o[i].Tiers[0].Acceptable = i != 0 && i != 2
	}
}

// A label that is just frequent enough may stand in one fold alone; then the
// student without that fold has nothing to tell apart. That is a student which
// is not worth training, and not the end of the calibration.
func TestARareLabelInOneFoldIsNoError(t *testing.T) {
	observations, texts := noise(240)
	for i := range observations {
		observations[i].Tiers[0].Acceptable = true
		if i < 6 && i%2 == 0 { // three wrong answers, in one conversation
			observations[i].Group = "one conversation"
			observations[i].Tiers[0].Acceptable = false
		}
	}
	s, err := auxiliary.Fill(t.Context(), observations, texts, divided(options(), observations))
	if err != nil {
		t.Fatalf("a rare label ends the calibration: %v", err)
	}
	if s.Judges[0] == nil && len(s.Skipped) != 1 {
		t.Errorf("no judge, and no reason: %q", s.Skipped)
	}
}

// A failed tier has no answer to judge, and teaches nothing.
func TestFailedTiersAreLeftOut(t *testing.T) {
	observations, texts := learnable(300)
	for i := range observations {
		if i%10 == 0 {
			observations[i].Tiers[0].Failed, texts[i].Answers[0] = true, ""
		}
	}
	fill(t, observations, texts, options())
	for i := range observations {
		one, _ := observations[i].Tiers[0].Signals.Get(signal.JudgeAcceptable)
		if one.Present() == observations[i].Tiers[0].Failed {
			t.Fatalf("%s: failed %v, judged %+v", observations[i].ID, observations[i].Tiers[0].Failed, one)
		}
	}
}

// The same examples give the same students and signals, also in another order
// and however many processors there are.
func TestDeterminism(t *testing.T) {
	run := func(reverse bool) (map[string]pointsman.Signals, []byte) {
		observations, texts := noise(200)
		if reverse {
			slices.Reverse(observations)
			slices.Reverse(texts)
		}
		s := fill(t, observations, texts, options())
		out := map[string]pointsman.Signals{}
		for i := range observations {
			out[observations[i].ID] = observations[i].Tiers[0].Signals
		}
		return out, marshal(t, s.Judges[0])
	}
	first, model := run(false)
	for _, reverse := range []bool{false, true} {
		again, other := run(reverse)
		if !bytes.Equal(model, other) {
			t.Errorf("reversed %v: another judge", reverse)
		}
		if d := cmp.Diff(first, again); d != "" {
			t.Errorf("reversed %v: %s", reverse, d)
		}
	}
}

func TestThreeTiersHaveAJudgeEach(t *testing.T) {
	observations, texts := learnable(200)
	for i := range observations {
		o := &observations[i]
		o.Tiers = append(o.Tiers, fit.TierOutcome{Valid: true, Acceptable: i%3 > 0})
		o.Tiers[1].Acceptable = i%4 > 1
		texts[i].Answers = append(texts[i].Answers, "x")
		texts[i].Labels = append(texts[i].Labels, "")
	}
	o := inFolds(2)
	s := fill(t, observations, texts, o)
	if len(s.Judges) != 2 || s.Judges[0] == nil || s.Judges[1] == nil {
		t.Fatalf("%d judges, %q", len(s.Judges), s.Skipped)
	}
	want := []string{signal.JudgeBoth, signal.JudgeNeither, signal.JudgeOnlyLargest, signal.JudgeOnlyThis}
	if got := s.Judges[0].Labels(); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("a judge's classes are %q", got)
	}
	if _, ok := observations[0].Tiers[2].Signals.Get(signal.JudgeAcceptable); ok {
		t.Error("the largest tier is judged")
	}
}

func TestArgumentsAndCancellation(t *testing.T) {
	observations, texts := noise(200)
	if _, err := auxiliary.Fill(t.Context(), observations, texts[:1], options()); err == nil || !strings.Contains(err.Error(), "200 observations with 1 texts") {
		t.Errorf("%v", err)
	}
	if s, err := auxiliary.Fill(t.Context(), nil, nil, options()); err != nil || s.Label != nil || len(s.Judges) != 0 {
		t.Errorf("nothing to learn from: %+v, %v", s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o := options()
	o.Progress = func(int, int) { cancel() } // after the first student
	if _, err := auxiliary.Fill(ctx, observations, texts, divided(o, observations)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

// Word vectors are for the student of labels; judges do without.
func TestVectorsAreForLabelsOnly(t *testing.T) {
	table, _, err := vectors.ReadText(strings.NewReader("parcel 1 0\nrefund 0 1\ncertainly 1 1\nwhatever 1 0.5\n"), vectors.DefaultWords)
	if err != nil {
		t.Fatal(err)
	}
	observations, texts := learnable(400)
	o := options()
	o.Label, o.Vectors = true, table
	s := fill(t, observations, texts, o)
	if s.Label == nil || s.Label.Vectors() != table.Digest() {
		t.Error("the student of labels reads texts without vectors")
	}
	if s.Judges[0] == nil || s.Judges[0].Vectors() != "" {
		t.Error("the judge reads texts with vectors")
	}
}
