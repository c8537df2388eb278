package calibrate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/labelling"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// Question is an example with the answers that people may judge.
type Question struct {
	Example *dataset.Example
	// Answers are the different ones, in an order that says nothing of who gave
	// them.
	Answers []labelling.Answer
	// Candidate says what asking about it is worth.
	labelling.Candidate
}

// What is to be expected of those who judge before people have checked them: in
// what share of the answers a judge is wrong, and agreement with the largest tier
// where answers differ. They say where people are asked and nothing else, so that
// a wrong guess costs labels and no validity.
const (
	judgeErrs     = 0.15
	agreementErrs = 0.4
	// fitWeight is what a label is worth on the part that fits, where it teaches
	// how far to trust the judge, against one on the part that certifies.
	fitWeight = 0.5
)

// Questions are what people can be asked about: the examples to which the store of
// answers has one of every tier. Nothing is asked of a tier. missing counts the
// examples that are left out.
func Questions(o Options) (all []Question, missing int, err error) {
	scorer, err := score.For(o.Task.Kind, score.Options{})
	if err != nil {
		return nil, 0, err
	}
	o.Labels = pointsman.LabelsAgreement
	g, err := newGrader(o, scorer)
	if err != nil {
		return nil, 0, err
	}
	g.plan = &labelling.Plan{}
	rows, missing, err := kept(o)
	if err != nil {
		return nil, 0, err
	}
	certifies := certifying(o, rows)
	times := map[pointsman.Digest]int{}
	for i := range o.Examples {
		times[o.Examples[i].AskedDigest()]++
	}
	seen := map[pointsman.Digest]bool{}
	for i := range rows {
		r := &rows[i]
		asked := r.example.AskedDigest()
		if seen[asked] {
			continue
		}
		seen[asked] = true
		q := Question{Example: r.example, Answers: answersOf(r)}
		q.Candidate = labelling.Candidate{Example: asked, Spread: g.spread(o.Task.Target.Retain, r), Always: times[asked] > 1}
		if !certifies[i] {
			q.Spread *= fitWeight
		}
		all = append(all, q)
	}
	return all, missing, nil
}

// kept are the rows of the examples to which every tier's answer is kept.
func kept(o Options) (rows []row, missing int, err error) {
	store, err := collect.Open(o.Cache)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	tiers := &collect.Tiers{Task: o.Task, Now: o.Now}
	n := len(o.Task.Tiers)
	var all []row
	whole := map[int]int{}
	err = tiers.Kept(o.Examples, store, func(out collect.Outcome) {
		if out.Target == 0 {
			all = append(all, row{key: out.Example.Digest().Hex(), example: out.Example, tiers: make([]judged, n)})
		}
		r := out.Result
		if r == nil || r.Excluded != "" {
			return
		}
		whole[out.Index]++
		one := &all[out.Index].tiers[out.Target]
		one.text, one.calls, one.failed = r.Text, r.ToolCalls, r.Err != ""
		if len(r.Decision.Attempts) > 0 {
			one.attempt = r.Decision.Attempts[0]
		}
	})
	for i := range all {
		if whole[i] == n {
			rows = append(rows, all[i])
		}
	}
	return rows, len(all) - len(rows), err
}

// certifying says which rows would certify with the seed and the share of the
// options.
func certifying(o Options, rows []row) []bool {
	stubs := make([]fit.Observation, len(rows))
	for i := range rows {
		stubs[i] = fit.Observation{ID: rows[i].key, Group: rows[i].example.Group, Near: rows[i].example.Folded()}
	}
	parts := fit.Options{Seed: o.Seed, CertifyShare: o.CertifyShare}.Partition(stubs)
	out := make([]bool, len(rows))
	for i := range rows {
		out[i] = parts.Part[i] == fit.PartCertify
	}
	return out
}

// answersOf are the different answers of a row that keep the contract, ordered by
// their names.
func answersOf(r *row) []labelling.Answer {
	var out []labelling.Answer
	for i := range r.tiers {
		t := &r.tiers[i]
		if t.failed || !t.attempt.Reading.Valid {
			continue
		}
		text := t.text
		if t.attempt.Reading.Label != "" {
			text = t.attempt.Reading.Label
		}
		for _, c := range t.calls {
			text += fmt.Sprintf("\n%s(%s)", c.Name, c.Arguments)
		}
		out = append(out, labelling.Answer{Name: t.name(r.example), Text: strings.TrimPrefix(text, "\n")})
	}
	slices.SortFunc(out, func(a, b labelling.Answer) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return slices.CompactFunc(out, func(a, b labelling.Answer) bool { return a.Name == b.Name })
}

// spread is about how far people's word may lie from the judge's, in the margin of
// the promise: by as much as the largest tier's quality counts where all answers
// are the same, and by an answer where they differ.
func (g *grader) spread(retain float64, r *row) float64 {
	errs := 0.0
	last := &r.tiers[len(r.tiers)-1]
	for i := range r.tiers {
		t := &r.tiers[i]
		if t.failed || !t.attempt.Reading.Valid {
			continue
		}
		one := agreementErrs
		if found, ok := g.verdicts.Find(t.name(r.example), pointsman.LabelsJudge); ok && !found.Skipped {
			if one = judgeErrs; found.Score != nil {
				one = max(0.05, min(*found.Score, 1-*found.Score))
			}
		} else if t == last {
			one = judgeErrs
		}
		errs = max(errs, one)
	}
	scale := 1.0
	if len(answersOf(r)) < 2 && !slices.ContainsFunc(r.tiers, func(t judged) bool { return t.failed || !t.attempt.Reading.Valid }) {
		scale = 1 - retain
	}
	return scale * math.Sqrt(errs*(1-errs))
}
