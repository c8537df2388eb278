// Package auxiliary trains the auxiliary students whose predictions are signals of
// a policy, and gives the observations those signals without ever letting a
// student judge an example that it learned from (stacked generalisation,
// Wolpert 1992). Students learn from the fit part of the observations alone:
// there the signals are cross-fitted by conversation, and in the certify part
// they come from the student that the policy will use.
package auxiliary

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/vectors"
)

// Texts are the texts behind an observation.
type Texts struct {
	Input string
	// Label is the right label; empty where the task has none.
	Label string
	// Answers are the texts that the tiers gave, and Labels what was read from
	// them, in cascade order.
	Answers []string
	Labels  []string
}

// Options say which students to train.
type Options struct {
	// InFitPart says which observations may be learned from, and Fold in which of
	// Folds folds of the cross-fitting each of those is, from 0; there are at
	// least 2.
	InFitPart func(i int) bool
	Fold      func(i int) int
	Folds     int
	Seed      uint64
	// Label trains a student of the task's own labels, Judge one judge of the
	// answers' texts for each tier but the last.
	Label, Judge bool
	// Vectors are read by the student of labels, if there are any. Judges do
	// without: word vectors do not help to tell a hard prompt from an easy one.
	Vectors *vectors.Table
	// Progress is told of each finished student; nil is fine.
	Progress func(done, total int)
}

// Students are what was trained. Label is nil, and so are judges, where there
// was nothing to learn from; Skipped says why.
type Students struct {
	Label   *student.Model
	Judges  []*student.Model // one for each tier but the last
	Skipped []string
}

// minPerStudent is the least number of examples from which a student is worth
// training, and minPerLabel the least number of examples of a label.
const (
	minPerStudent = 60
	minPerLabel   = 3
)

// Fill trains the students and replaces the observations' signals that are
// theirs. texts go with the observations one to one.
func Fill(ctx context.Context, observations []fit.Observation, texts []Texts, o Options) (*Students, error) {
	if len(observations) != len(texts) {
		return nil, fmt.Errorf("%d observations with %d texts", len(observations), len(texts))
	}
	f := &filler{observations: observations, texts: texts, options: o, students: &Students{}}
	for i := range observations {
		if o.InFitPart(i) {
			f.fit = append(f.fit, i)
		}
	}
	if len(observations) == 0 {
		return f.students, nil
	}
	tiers := len(observations[0].Tiers)
	f.total = (tiers - 1) * (o.Folds + 1)
	if o.Label {
		f.total += o.Folds + 1
		if err := f.label(ctx); err != nil {
			return nil, err
		}
	}
	f.students.Judges = make([]*student.Model, tiers-1)
	for tier := range tiers - 1 {
		if !o.Judge {
			break
		}
		if err := f.judge(ctx, tier); err != nil {
			return nil, err
		}
	}
	return f.students, nil
}

type filler struct {
	observations []fit.Observation
	texts        []Texts
	options      Options
	fit          []int // indices of the fit part
	students     *Students
	done, total  int
}

// subject is one thing to learn: what an example shows, and what to do with a
// student's prediction of it.
type subject struct {
	options student.Options
	text    func(i int) string
	label   func(i int) string // empty: not an example
	set     func(i int, m *student.Model)
}

// learn trains a student of the whole fit part for the certify part and for
// the policy, and one without each fold for that fold.
func (f *filler) learn(ctx context.Context, what string, s subject) (*student.Model, error) {
	counts := map[string]int{}
	for _, i := range f.fit {
		counts[s.label(i)]++
	}
	usable, labels := 0, 0
	for label, n := range counts {
		if label != "" && n >= minPerLabel {
			usable += n
			labels++
		}
	}
	if usable < minPerStudent || labels < 2 {
		f.students.Skipped = append(f.students.Skipped, fmt.Sprintf("%s: %d usable examples of %d labels, want %d of 2", what, usable, labels, minPerStudent))
		f.step(f.options.Folds + 1)
		return nil, nil
	}
	train := func(without int) (*student.Model, error) {
		var examples []student.Example
		for _, i := range f.fit {
			if label := s.label(i); label != "" && counts[label] >= minPerLabel && (without < 0 || f.fold(i) != without) {
				examples = append(examples, student.Example{Text: s.text(i), Label: label})
			}
		}
		m, err := student.Train(ctx, examples, s.options, nil)
		f.step(1)
		if err != nil {
			return nil, fmt.Errorf("train the student of %s: %w", what, err)
		}
		return m, nil
	}
	whole, err := train(-1)
	if err != nil {
		return nil, err
	}
	models := make([]*student.Model, f.options.Folds)
	for k := range models {
		models[k], err = train(k)
		if errors.Is(err, student.ErrOneLabel) || errors.Is(err, student.ErrNoExamples) {
			f.students.Skipped = append(f.students.Skipped, what+": a label is in one fold alone, so its signal cannot be cross-fitted")
			f.step(f.options.Folds - k - 1)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	for i := range f.observations {
		m := whole
		if _, inFit := slices.BinarySearch(f.fit, i); inFit {
			m = models[f.fold(i)]
		}
		s.set(i, m)
	}
	return whole, nil
}

func (f *filler) step(n int) {
	f.done += n
	if f.options.Progress != nil {
		f.options.Progress(f.done, f.total)
	}
}

// fold is the fold of an observation.
func (f *filler) fold(i int) int {
	return f.options.Fold(i)
}

// label trains the student of the task's labels.
func (f *filler) label(ctx context.Context) error {
	options := student.Large()
	options.Chars = student.Range{Min: 3, Max: 4} // half the time of 2 to 5, on the way of every request
	options.Seed = f.options.Seed
	if f.options.Vectors != nil {
		options = options.WithVectors(f.options.Vectors)
	}
	var err error
	f.students.Label, err = f.learn(ctx, "the task's labels", subject{
		options: options,
		text:    func(i int) string { return f.texts[i].Input },
		label:   func(i int) string { return f.texts[i].Label },
		set: func(i int, m *student.Model) {
			o, t := &f.observations[i], &f.texts[i]
			put(&o.Request, pointsman.Measured(signal.RequestOOS, m.Predict(t.Input, 1).OOS))
			for tier := range o.Tiers {
				if tier < len(t.Labels) && t.Labels[tier] != "" {
					agreement := signal.Agreement(m, t.Input, t.Labels[tier])
					put(&o.Tiers[tier].Signals, pointsman.Measured(signal.StudentAgreement, agreement))
					put(&o.Tiers[tier].Signals, pointsman.Measured(signal.AgreementOdds, signal.Odds(agreement)))
				} else {
					put(&o.Tiers[tier].Signals, pointsman.Unmeasured(signal.StudentAgreement, "the answer has no label"))
					put(&o.Tiers[tier].Signals, pointsman.Unmeasured(signal.AgreementOdds, "the answer has no label"))
				}
			}
		},
	})
	return err
}

// judge trains the student that judges a tier's answers.
func (f *filler) judge(ctx context.Context, tier int) error {
	options := JudgeOptions()
	options.Seed = f.options.Seed
	last := len(f.observations[0].Tiers) - 1
	m, err := f.learn(ctx, fmt.Sprintf("the answers of tier %d", tier+1), subject{
		options: options,
		text:    func(i int) string { return signal.JudgeText(f.texts[i].Input, f.texts[i].Answers[tier]) },
		label: func(i int) string {
			o := &f.observations[i]
			if o.Tiers[tier].Failed || o.Tiers[last].Failed {
				return ""
			}
			return judgeLabel(o.Tiers[tier].Acceptable, o.Tiers[last].Acceptable)
		},
		set: func(i int, m *student.Model) {
			t := &f.observations[i].Tiers[tier]
			if t.Failed {
				return
			}
			acceptable, uplift := signal.Judged(m, signal.JudgeText(f.texts[i].Input, f.texts[i].Answers[tier]))
			put(&t.Signals, pointsman.Measured(signal.JudgeAcceptable, acceptable))
			put(&t.Signals, pointsman.Measured(signal.JudgeUplift, uplift))
		},
	})
	f.students.Judges[tier] = m
	return err
}

func judgeLabel(this, largest bool) string {
	switch {
	case this && largest:
		return signal.JudgeBoth
	case this:
		return signal.JudgeOnlyThis
	case largest:
		return signal.JudgeOnlyLargest
	}
	return signal.JudgeNeither
}

// JudgeOptions are those of a judge's student: few buckets and words only,
// since a judge reads whole answers and there are rarely many of them, and a
// strong regularisation. In five-fold cross-validation on the 4,000 calibration
// questions of the MMLU-Pro example, a judge alone routes with an APGR of .553,
// .561, .564, .568, .566 and .564 at C of .01, .02, .05, .1, .2 and 1.
func JudgeOptions() student.Options {
	o := student.Small()
	o.C = 0.1
	o.Folds = 2
	o.MaxBytes = 16 << 10
	return o
}

// put replaces a signal where it is, or appends it.
func put(s *pointsman.Signals, one pointsman.Signal) {
	out := slices.Clone(*s)
	for i := range out {
		if out[i].Name == one.Name {
			out[i] = one
			*s = out
			return
		}
	}
	*s = append(out, one)
}
