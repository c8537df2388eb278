// Package calibrate turns labelled examples into a policy: it has every tier of
// a task asked by package collect, judges the answers, trains the auxiliary
// students, fits and certifies the policy, and stores what came of it as
// artefacts.
package calibrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/calibrate/auxiliary"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/labelling"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/progress"
	"github.com/pointsman-ai/pointsman/internal/score"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/stat"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/vectors"
	"github.com/pointsman-ai/pointsman/internal/verdict"
)

// Options say what to fit and how.
type Options struct {
	// Task must have been built without its policy.
	Task     *cascade.Task
	Examples []dataset.Example
	Store    *artefact.Store
	Now      func() time.Time
	Seed     uint64
	// CertifyShare is the share of conversations that certifies; 0 means the
	// default of package calibrate.
	CertifyShare float64
	// Workers is how many requests are under way at once.
	Workers int
	// Cache is the file of the store of answers, so that a run that was stopped
	// goes on and a second one asks nothing again; empty for none.
	Cache string
	// Spent is the file that remembers which examples have certified a policy of
	// the task; empty for none.
	Spent string
	// Reuse lets examples that have certified before do so again, and pay for it:
	// each time halves the error level.
	Reuse bool
	// Vectors are read by the student of the task's labels; nil for none. The
	// store must hold them, since whoever serves looks for them there.
	Vectors *vectors.Table
	// Labels say by what answers are judged; empty for the best that there is.
	Labels pointsman.LabelSource
	// Verdicts are what people and judges have said of answers; nil for none.
	Verdicts *verdict.Set
	// Plan says which sample of the examples people were asked about, and with
	// which probability; nil where there was none.
	Plan *labelling.Plan
	// Progress is told how far it is.
	Progress progress.Reporter
}

// Report is what came of it.
type Report struct {
	Task     pointsman.TaskID `json:"task"`
	Policy   pointsman.Digest `json:"policy"`
	Examples int              `json:"examples"`
	// Skipped counts examples that could not be judged, by reason.
	Skipped map[string]int `json:"skipped"`
	// Repeated counts examples that are the same as another. They are asked once
	// and count as often as they are there.
	Repeated int `json:"repeated"`
	// Spent counts examples that have certified a policy before.
	Spent int `json:"spent"`
	// Excluded counts examples that the owner's rules keep out, by reason: some
	// tier may not answer them, or the rules choose the tier. No tier was asked
	// them.
	Excluded map[string]int `json:"excluded"`
	// Failed counts the examples to which a tier gave no answer. They count as
	// not acceptable, and are asked again by the next run.
	Failed map[pointsman.TierID]int `json:"failed"`
	// Corrected are the rates of right answers, among those of each tier that keep
	// the contract, by a judge's word,
	// corrected by what people said of some of them as if those had been drawn at
	// random; null where there is nothing to correct by.
	Corrected []*stat.Estimate `json:"corrected,omitempty"`
	// Least is what the target takes at the least.
	Least fit.Least `json:"least"`
	// Cost is what asking the tiers cost, Reused how many answers came from
	// the cache.
	Cost        pointsman.Cost   `json:"cost"`
	Reused      int              `json:"reused"`
	Students    []policy.Student `json:"students"`
	NoStudents  []string         `json:"no_students"`
	Calibration *fit.Report      `json:"calibration"`
}

// folds is the number of folds of every cross-validation in a calibration.
const folds = 5

// Run measures, calibrates and stores a policy. It does not put it in force:
// [artefact.Store.Activate] does.
func Run(ctx context.Context, o Options) (*policy.Policy, *Report, error) {
	if len(o.Task.Tiers) < 2 {
		return nil, nil, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("task %s has a single tier: there is nothing to decide", o.Task.ID),
			Hint: "give it a larger tier to escalate to",
		}
	}
	r := &Report{Task: o.Task.ID, Skipped: map[string]int{}, Excluded: map[string]int{}, Failed: map[pointsman.TierID]int{}, NoStudents: []string{}}
	scorer, err := score.For(o.Task.Kind, score.Options{})
	if err != nil {
		return nil, nil, err
	}
	tiers := &collect.Tiers{Task: o.Task, Now: o.Now}
	grader, err := newGrader(o, scorer)
	if err != nil {
		return nil, nil, err
	}
	sample, err := usable(o, grader, tiers, r)
	if err != nil {
		return nil, nil, err
	}
	terms := o.Task.Terms()
	options := fit.Options{
		Task: o.Task.ID, Kind: o.Task.Kind, Tiers: terms.Tiers, Endpoints: terms.Endpoints, Target: terms.Target,
		SliceKeys: terms.SliceKeys, Costs: terms.Costs, Sets: o.Task.Sets(),
		Labels: grader.basis(), Now: o.Now(), Seed: o.Seed, CertifyShare: o.CertifyShare, Folds: folds,
	}
	uses, err := readUses(o.Spent)
	if err != nil {
		return nil, nil, err
	}
	run, err := runOf(o.Task, options, sample, o.Reuse)
	if err != nil {
		return nil, nil, err
	}
	spent, rounds, last := spentBefore(uses, run)
	options.Round = rounds
	if o.Reuse {
		spent, options.Tries = nil, triesBefore(uses, run, sample)
	}
	if err := enough(o, options, sample, spent, last, r); err != nil {
		return nil, nil, err
	}
	rows, err := answers(ctx, o, grader, tiers, sample, r)
	if err != nil {
		return nil, nil, err
	}
	r.Examples, r.Corrected, options.Labels = len(rows), grader.corrected(rows), grader.basis()
	options.WitnessPrices = witnessPrices(o.Task, rows)
	observations, texts, err := observe(o.Task, rows, sample.freshNames(), spent)
	if err != nil {
		return nil, nil, err
	}
	parts := options.Partition(observations)
	students, err := train(ctx, o, options, parts, observations, texts)
	if err != nil {
		return nil, nil, err
	}
	r.NoStudents = append(r.NoStudents, students.Skipped...)
	if options.Students, err = keep(o, students); err != nil {
		return nil, nil, err
	}
	r.Students = options.Students
	p, report, err := fit.Fit(ctx, observations, options)
	if err != nil {
		return nil, nil, explained(err, r)
	}
	names := sample.freshNames()
	one := use{Time: o.Now().UTC(), Run: run, Fresh: p.Certificate.Fresh}
	for i := range observations {
		if parts.Part[i] == fit.PartCertify {
			one.Examples = append(one.Examples, names[rows[i].key])
		}
	}
	if err := remember(o.Spent, uses, one); err != nil {
		return nil, nil, err
	}
	r.Calibration = report
	content, err := p.Marshal()
	if err != nil {
		return nil, nil, err
	}
	r.Policy, err = o.Store.Put(content)
	return p, r, err
}

// explained makes the errors of calibration errors for people.
func explained(err error, r *Report) error {
	switch {
	case errors.Is(err, fit.ErrTooFew):
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "there are too few examples to calibrate with",
			Hint: fmt.Sprintf("%d could be used%s; give more labelled examples", r.Examples, r.unused()), Err: err,
		}
	case errors.Is(err, fit.ErrNoVariation):
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "the examples hold nothing to learn from",
			Hint: "see whether labels and answers match: pointsman eval run shows each tier's score", Err: err,
		}
	}
	return err
}

// runOf names a calibration by what it certifies, and on what.
func runOf(t *cascade.Task, f fit.Options, s *sample, reuse bool) (pointsman.Digest, error) {
	var examples []string
	for _, one := range s.all() {
		request, err := collect.Request(t.ID, one.example)
		if err != nil {
			return "", err
		}
		examples = append(examples, fmt.Sprint(one.id, " at ", t.Rules.Apply(request).Stakes))
	}
	slices.Sort(examples)
	content, err := json.Marshal(struct {
		Tiers    []pointsman.Digest
		Target   pointsman.Target
		Seed     uint64
		Share    float64
		Slices   []string
		Costs    pointsman.Digest
		Reuse    bool
		Examples []string
		Labels   *policy.Labels `json:",omitempty"`
	}{f.Tiers, f.Target, f.Seed, f.CertifyShare, f.SliceKeys, f.Costs, reuse, examples, other(f.Labels)})
	return pointsman.DigestOf(content), err
}

// witnessPrices are what the witnesses cost for each answer that they gave, in
// their order, and then what all samples do, as shares of what the largest tier
// costs; none where one of these is unknown.
func witnessPrices(t *cascade.Task, rows []row) []float64 {
	var largest mean
	beside := make([]mean, len(t.Witnesses)+1)
	for i := range rows {
		tiers := rows[i].tiers
		largest.add(tiers[len(tiers)-1].attempt.Cost)
		for k := range tiers[:len(tiers)-1] {
			a := &tiers[k].attempt
			for _, w := range a.Witnesses {
				if place := slices.IndexFunc(t.Witnesses, func(one cascade.Tier) bool { return one.ID == w.Name }); place >= 0 {
					beside[place].add(w.Cost)
				}
			}
			if samples := pointsman.KnownCost(0); len(a.Samples) > 0 {
				for _, s := range a.Samples {
					samples = samples.Add(s.Cost)
				}
				beside[len(t.Witnesses)].add(samples)
			}
		}
	}
	if t.Samples == 0 {
		beside = beside[:len(t.Witnesses)]
	}
	out := make([]float64, len(beside))
	for i, b := range beside {
		if b.n == 0 || largest.value() <= 0 {
			return nil
		}
		out[i] = b.value() / largest.value()
	}
	return out
}

// other are labels that are not the dataset's.
func other(l *policy.Labels) *policy.Labels {
	if l.Source == pointsman.LabelsTruth {
		return nil
	}
	return l
}

// mean is that of the costs that are known.
type mean struct{ sum, n float64 }

func (m *mean) add(c pointsman.Cost) {
	if c.Known {
		m.sum += float64(c.Amount)
		m.n++
	}
}

func (m *mean) value() float64 { return m.sum / max(m.n, 1) }

// observe turns measured rows into observations with their texts.
func observe(t *cascade.Task, rows []row, names map[string]string, spent map[string]bool) ([]fit.Observation, []auxiliary.Texts, error) {
	observations := make([]fit.Observation, len(rows))
	texts := make([]auxiliary.Texts, len(rows))
	for i, row := range rows {
		request, err := collect.Request(t.ID, row.example)
		if err != nil {
			return nil, nil, err
		}
		o := fit.Observation{
			ID: row.key, Group: row.example.Group, Near: row.example.Folded(), Spent: spent[names[row.key]],
			People: row.people, Stakes: t.Rules.Apply(request).Stakes, Shape: signal.ShapeOf(request),
			Slices: cascade.SlicesOf(t.Slices, row.example.Metadata), Request: row.request,
		}
		x := auxiliary.Texts{Input: row.example.Text(), Label: row.label}
		last := &row.tiers[len(row.tiers)-1]
		for _, tier := range row.tiers {
			same := row.people != nil && !tier.failed && !last.failed && tier.name(row.example) == last.name(row.example)
			o.Tiers = append(o.Tiers, fit.TierOutcome{
				Signals: tier.attempt.Signals, Valid: tier.attempt.Reading.Valid, Acceptable: tier.acceptable, Failed: tier.failed,
				Score: costed(t, row.label, &tier), Judge: graded(t, &tier), Same: same, Stakes: t.Stakes(tier.attempt.Reading.Label),
				Cost: dollars(tier.attempt.Cost), Seconds: seconds(&tier.attempt),
			})
			x.Answers, x.Labels = append(x.Answers, tier.text), append(x.Labels, tier.attempt.Reading.Label)
		}
		observations[i], texts[i] = o, x
	}
	return observations, texts, nil
}

// graded is what a judge says of an answer, with what the mistake may cost.
func graded(t *cascade.Task, j *judged) *fit.Grade {
	if j.judge == nil {
		return nil
	}
	by := *j
	by.acceptable, by.score = j.judge.Acceptable, j.judge.Score
	return &fit.Grade{Acceptable: by.acceptable, Score: costed(t, "", &by)}
}

// dollars is a cost that is known.
func dollars(c pointsman.Cost) *float64 {
	if !c.Known {
		return nil
	}
	d := c.Amount.Dollars()
	return &d
}

// seconds is how long an answer took; nil where nothing was asked.
func seconds(a *pointsman.Attempt) *float64 {
	if a.Tier == "" {
		return nil
	}
	s := a.Latency.Seconds()
	return &s
}

// costed is the grade of an answer where mistakes cost differently: 1 for the
// right label, 0 for the worst mistake, and in proportion between. Where they do
// not it is the scorer's.
func costed(t *cascade.Task, truth string, j *judged) *float64 {
	costs := t.Costs
	if len(costs) == 0 || j.failed {
		return j.score
	}
	worst, cost := 1.0, 1.0
	for _, c := range costs {
		worst = max(worst, c.Cost)
		if c.Truth == truth && c.Answer == j.attempt.Reading.Label {
			cost = c.Cost
		}
	}
	if truth == "" { // nobody knows which mistake it is
		cost = t.Stakes(j.attempt.Reading.Label)
	}
	grade := 1.0
	if !j.acceptable {
		grade = 1 - cost/worst
	}
	return &grade
}

// train trains the auxiliary students that the task's kind can use.
func train(ctx context.Context, o Options, c fit.Options, parts fit.Partition, observations []fit.Observation, texts []auxiliary.Texts) (*auxiliary.Students, error) {
	labels := o.Task.Kind == pointsman.KindClassify || o.Task.Kind == pointsman.KindModerate
	last := 0
	defer o.Progress.Done()
	return auxiliary.Fill(ctx, observations, texts, auxiliary.Options{
		InFitPart: func(i int) bool { return parts.Part[i] == fit.PartFit }, Fold: func(i int) int { return parts.Fold[i] }, Folds: c.Folds, Seed: o.Seed, Label: labels, Judge: true, Vectors: o.Vectors,
		Progress: func(done, total int) {
			if last == 0 {
				o.Progress.Start("train students", total)
			}
			o.Progress.Add(done - last)
			last = done
		},
	})
}

// keep stores the students and names them, in increasing order.
func keep(o Options, s *auxiliary.Students) ([]policy.Student, error) {
	models := map[string]*student.Model{}
	if s.Label != nil {
		models[signal.LabelStudent] = s.Label
	}
	for tier, judge := range s.Judges {
		if judge != nil {
			models[signal.JudgeStudent(o.Task.Tiers[tier].ID)] = judge
		}
	}
	var out []policy.Student
	for _, name := range slices.Sorted(maps.Keys(models)) {
		content, err := models[name].MarshalBinary()
		if err != nil {
			return nil, err
		}
		digest, err := o.Store.Put(content)
		if err != nil {
			return nil, err
		}
		out = append(out, policy.Student{Name: name, Digest: digest})
	}
	return out, nil
}
