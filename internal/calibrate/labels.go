package calibrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/labelling"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/score"
	"github.com/pointsman-ai/pointsman/internal/stat"
	"github.com/pointsman-ai/pointsman/internal/verdict"
)

// grader says whether answers are right, by one source of labels. Where people
// have judged an answer too, they have the last word over a judge.
type grader struct {
	kind     pointsman.Kind
	source   pointsman.LabelSource
	scorer   score.Scorer
	verdicts *verdict.Set
	// plan says which sample of the examples people were asked about; nil where
	// there was none.
	plan *labelling.Plan
	// twice are the answers that were judged by people and a judge, and asked
	// counts the examples that people judged of the sample.
	twice     []stat.Double
	asked     int
	counts    stat.JudgeCounts
	predicted pointsman.LabelSource
}

// otherLabels are what can be judged by.
const otherLabels = "give examples with the right answer, verdicts (pointsman collect --import), or --labels agreement for a promise about agreement with the largest tier"

// newGrader chooses the source where none is named: the dataset where it says
// what is right, else people, else a judge. Agreement is a promise of another
// kind, and has to be asked for.
func newGrader(o Options, scorer score.Scorer) (*grader, error) {
	g := &grader{kind: o.Task.Kind, source: o.Labels, scorer: scorer, verdicts: o.Verdicts, plan: o.Plan}
	if g.verdicts == nil {
		g.verdicts = &verdict.Set{}
	}
	truth := false
	for i := range o.Examples {
		truth = truth || scorer.Score(&o.Examples[i], "", pointsman.Reading{}).Skipped == ""
	}
	people, judge := g.verdicts.Has(pointsman.LabelsPeople), g.verdicts.Has(pointsman.LabelsJudge)
	why := ""
	switch g.source {
	case "":
		switch {
		case truth:
			g.source = pointsman.LabelsTruth
		case people:
			g.source = pointsman.LabelsPeople
		case judge:
			g.source = pointsman.LabelsJudge
		default: // there is nothing to judge by, and every example says so
			g.source = pointsman.LabelsTruth
		}
	case pointsman.LabelsTruth:
		if !truth {
			why = "no example says what is right"
		}
	case pointsman.LabelsPeople:
		if !people {
			why = "people have judged no answer of this task"
		}
	case pointsman.LabelsJudge:
		if !judge {
			why = "there is no verdict of a judge on an answer of this task"
		}
	case pointsman.LabelsAgreement:
	default:
		why = fmt.Sprintf("there are no labels of the kind %q", g.source)
	}
	if why != "" {
		return nil, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: why,
			Hint: otherLabels,
		}
	}
	return g, nil
}

// unusable says why an example cannot be used whatever is answered; empty where
// it can.
func (g *grader) unusable(o Options, e *dataset.Example) string {
	if g.source != pointsman.LabelsTruth {
		return ""
	}
	if why := g.scorer.Score(e, "", pointsman.Reading{}).Skipped; why != "" {
		return why
	}
	if foreign(o.Task, e.Label) {
		return "its label is none of the task's"
	}
	return ""
}

// grade judges the answers of a row. It says why that cannot be done; empty where
// it was.
func (g *grader) grade(r *row) string {
	last := &r.tiers[len(r.tiers)-1]
	if g.plan != nil && (g.source == pointsman.LabelsPeople || g.source == pointsman.LabelsJudge) {
		return g.sampled(r, last)
	}
	for i := range r.tiers {
		t := &r.tiers[i]
		if t.failed {
			continue // it is not acceptable; that is known
		}
		if why := g.one(r, t, last); why != "" {
			return why
		}
	}
	r.label = g.label(r)
	return ""
}

// one judges one answer.
func (g *grader) one(r *row, t, last *judged) string {
	switch g.source {
	case pointsman.LabelsTruth:
		return t.scored(g.scorer.Score(r.example, t.text, t.attempt.Reading))
	case pointsman.LabelsAgreement:
		return g.agreement(r, t, last)
	}
	if !t.attempt.Reading.Valid {
		return "" // what breaks its contract is wrong, whoever judges
	}
	name := t.name(r.example)
	found, ok := g.verdicts.Find(name, pointsman.LabelsPeople)
	if judge, both := g.verdicts.Find(name, pointsman.LabelsJudge); g.source == pointsman.LabelsJudge && both && !judge.Skipped {
		t.judge = &fit.Grade{Acceptable: judge.Right}
		if ok && !found.Skipped {
			g.twice = append(g.twice, stat.Double{People: found.Right, Judge: judge.Right, Weight: 1})
			g.counts.Add(found.Right, judge.Right)
		}
	}
	if !ok || found.Skipped {
		if g.source == pointsman.LabelsPeople {
			return "people have not judged every answer to it"
		}
		if found, ok = g.verdicts.Find(name, pointsman.LabelsJudge); !ok || found.Skipped {
			return "the judge has not judged every answer to it"
		}
	}
	t.acceptable = found.Right
	if found.Score != nil && *found.Score != 0 && *found.Score != 1 {
		t.score = found.Score
	}
	return ""
}

// scored takes a score over; it says why there is none.
func (j *judged) scored(s score.Score) string {
	if s.Skipped != "" {
		return s.Skipped
	}
	j.acceptable = s.Acceptable
	if value := s.Value; value != 0 && value != 1 {
		j.score = &value
	}
	return ""
}

// agreement compares an answer with the largest tier's: by label, by fields, by
// calls of tools, or by the overlap of the texts as the scorer of the kind measures
// it.
func (g *grader) agreement(r *row, t, last *judged) string {
	switch {
	case t == last:
		t.acceptable = t.attempt.Reading.Valid
		return ""
	case last.failed || !last.attempt.Reading.Valid:
		return "" // there is nothing to agree with
	case len(t.calls) > 0 || len(last.calls) > 0:
		t.acceptable = sameCalls(t.calls, last.calls)
		return ""
	}
	e := dataset.Example{Input: r.example.Input, Messages: r.example.Messages}
	switch g.kind {
	case pointsman.KindClassify, pointsman.KindModerate:
		e.Label = last.attempt.Reading.Label
	case pointsman.KindExtract:
		e.Want = json.RawMessage(contract.Object(last.text))
	default:
		if last.text == t.text {
			t.acceptable = true
			return ""
		}
		e.Reference = last.text
	}
	return t.scored(g.scorer.Score(&e, t.text, t.attempt.Reading))
}

// corrected are the rates of right answers of each tier by the judge's word alone,
// corrected by what people said of some of the answers; nil where there is no
// correction to make, and null for a tier where it says nothing.
func (g *grader) corrected(rows []row) []*stat.Estimate {
	if g.source != pointsman.LabelsJudge || g.predicted != "" || g.counts == (stat.JudgeCounts{}) {
		return nil
	}
	out := make([]*stat.Estimate, len(rows[0].tiers))
	for tier := range out {
		right, n := 0, 0
		for i := range rows {
			if j := rows[i].tiers[tier].judge; j != nil {
				n++
				if j.Acceptable {
					right++
				}
			}
		}
		if e, err := g.counts.Corrected(right, n, 0.95); err == nil {
			out[tier] = &e
		}
	}
	return out
}

// sameCalls says whether two answers call the same tools with the same arguments,
// however those are written.
func sameCalls(a, b []pointsman.ToolCall) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || !sameJSON(a[i].Arguments, b[i].Arguments) {
			return false
		}
	}
	return true
}

func sameJSON(a, b string) bool {
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		return a == b
	}
	return reflect.DeepEqual(x, y)
}

// label is the right label of an example, or what is known of it: the dataset's,
// or that of an answer that was judged right, the largest tier's before others.
func (g *grader) label(r *row) string {
	if g.source == pointsman.LabelsTruth {
		return r.example.Label
	}
	for i := len(r.tiers) - 1; i >= 0; i-- {
		if t := &r.tiers[i]; !t.failed && t.acceptable {
			return t.attempt.Reading.Label
		}
	}
	return ""
}

// basis is what a policy says of its labels.
func (g *grader) basis() *policy.Labels {
	out := &policy.Labels{Source: g.source, Asked: g.asked, Predicted: g.predicted}
	switch {
	case g.predicted != "":
		out.By = g.verdicts.Names(pointsman.LabelsPeople)
	case g.source == pointsman.LabelsPeople || g.source == pointsman.LabelsJudge:
		out.By = g.verdicts.Names(g.source)
	}
	accuracy := func(e *stat.Estimate) *policy.Accuracy {
		if e == nil {
			return nil
		}
		return &policy.Accuracy{Value: e.Value, Low: e.Low, High: e.High}
	}
	sensitivity, specificity := stat.Accuracy(g.twice, 0.95)
	out.Sensitivity, out.Specificity = accuracy(sensitivity), accuracy(specificity)
	return out
}
