package calibrate

import (
	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// sampled judges the answers of a row by a judge, or by agreement with the largest
// tier where no judge has judged them, and by people where the plan asks them. What
// the plan asks and nobody has said counts against the promise.
func (g *grader) sampled(r *row, last *judged) string {
	asked := r.example.AskedDigest()
	people := &fit.People{Probability: g.plan.Probability(asked), Asked: g.plan.Asks(asked)}
	if people.Probability == 0 {
		return "it is not in the plan of labelling"
	}
	for i := range r.tiers {
		t := &r.tiers[i]
		if t.failed {
			continue
		}
		if why := g.predict(r, t, last); why != "" {
			return why
		}
	}
	if people.Asked {
		people.Untold = !g.told(r)
	}
	for i := range r.tiers {
		t := &r.tiers[i]
		if t.failed {
			continue
		}
		if !people.Asked || people.Untold {
			t.acceptable, t.score = t.judge.Acceptable, t.judge.Score
			continue
		}
		g.hear(r, t, people.Probability)
	}
	if people.Asked && !people.Untold {
		g.asked++
	}
	r.people, r.label = people, g.label(r)
	return ""
}

// predict writes down what a judge says of an answer.
func (g *grader) predict(r *row, t, last *judged) string {
	t.judge = &fit.Grade{}
	if !t.attempt.Reading.Valid {
		return ""
	}
	if found, ok := g.verdicts.Find(t.name(r.example), pointsman.LabelsJudge); ok && !found.Skipped {
		g.predicted = pointsman.LabelsJudge
		t.judge.Acceptable, t.judge.Score = found.Right, partial(found.Score)
		return ""
	}
	if g.source == pointsman.LabelsJudge {
		return "the judge has not judged every answer to it"
	}
	if g.predicted == "" {
		g.predicted = pointsman.LabelsAgreement
	}
	by := *t
	by.acceptable, by.score = false, nil
	why := g.agreement(r, &by, last)
	if t == last {
		by.acceptable = true
	}
	t.judge.Acceptable, t.judge.Score = by.acceptable, by.score
	return why
}

// told says whether people have judged every answer to an example that needs it.
func (g *grader) told(r *row) bool {
	for i := range r.tiers {
		t := &r.tiers[i]
		if t.failed || !t.attempt.Reading.Valid {
			continue
		}
		if found, ok := g.verdicts.Find(t.name(r.example), pointsman.LabelsPeople); !ok || found.Skipped {
			return false
		}
	}
	return true
}

// hear takes over what people say of an answer, and notes it beside the judge's word.
func (g *grader) hear(r *row, t *judged, probability float64) {
	if !t.attempt.Reading.Valid {
		return
	}
	found, _ := g.verdicts.Find(t.name(r.example), pointsman.LabelsPeople)
	t.acceptable, t.score = found.Right, partial(found.Score)
	g.twice = append(g.twice, stat.Double{People: found.Right, Judge: t.judge.Acceptable, Weight: 1 / probability})
}

// partial is a grade that says more than right or wrong, else nil.
func partial(score *float64) *float64 {
	if score == nil || *score == 0 || *score == 1 {
		return nil
	}
	return score
}

// together is how people were asked about an example that stands for several
// requests. Their draws are one and not independent, so that where it was not
// certain to be asked the worst is assumed if it was not.
func together(p *fit.People) *fit.People {
	if p == nil || p.Probability >= 1 {
		return p
	}
	return &fit.People{Probability: 1, Asked: true, Untold: !p.Asked || p.Untold}
}
