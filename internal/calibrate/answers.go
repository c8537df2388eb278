package calibrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/verdict"
)

// row is one example with every tier's judged answer.
type row struct {
	key     string
	example *dataset.Example
	request pointsman.Signals
	tiers   []judged
	label   string // the right one, as far as it is known
	// people say how people were asked, where they were asked about a sample.
	people *fit.People
}

// judged is one tier's answer and what the scorer made of it.
type judged struct {
	text       string
	calls      []pointsman.ToolCall
	attempt    pointsman.Attempt
	failed     bool // there is no answer
	acceptable bool
	score      *float64 // where there is a grade
	// judge is what a judge says, where people were asked about a sample.
	judge *fit.Grade
}

// name names the answer, whoever gave it.
func (j *judged) name(e *dataset.Example) pointsman.Digest {
	return verdict.Of(e.AskedDigest(), j.text, j.attempt.Reading.Label, j.calls)
}

// answers asks every tier for every example. An example whose answer cannot be
// judged is skipped, and the reason counted.
func answers(ctx context.Context, o Options, grader *grader, tiers *collect.Tiers, sample *sample, r *Report) ([]row, error) {
	examples := sample.examples
	plan := collect.Plan{Examples: dataset.All(examples), Targets: tiers.Targets(), Asker: tiers, Workers: o.Workers}
	var err error
	if plan.Identities, err = collect.Identities(tiers, plan.Targets); err != nil {
		return nil, err
	}
	if o.Cache != "" {
		if plan.Store, err = collect.Open(o.Cache); err != nil {
			return nil, err
		}
	}
	g := &gathering{options: o, report: r, grader: grader, rows: make([]row, len(examples))}
	r.Cost = pointsman.KnownCost(0)
	o.Progress.Start("ask the tiers", len(examples)*len(o.Task.Tiers))
	err = collect.Run(ctx, plan, g.take)
	o.Progress.Done()
	if err := errors.Join(err, plan.Store.Close()); err != nil {
		return nil, err
	}
	return g.judged(sample), nil
}

// failuresTold is how many failures of a tier are told while it is asked; the
// report counts all.
const failuresTold = 3

// gathering is the state of one call of answers.
type gathering struct {
	options Options
	report  *Report
	grader  *grader
	rows    []row
}

// take notes one answer.
func (g *gathering) take(out collect.Outcome) error {
	defer g.options.Progress.Add(1)
	r := out.Result
	row := &g.rows[out.Index]
	if r.Excluded != "" { // usable has asked the same rules
		return fmt.Errorf("example %s: %s", out.Example.ID, r.Excluded)
	}
	if row.tiers == nil {
		row.key, row.example, row.tiers = out.Example.Digest().Hex(), out.Example, make([]judged, len(g.options.Task.Tiers))
	}
	one := &row.tiers[out.Target]
	one.text, one.calls, one.failed = r.Text, r.ToolCalls, r.Err != ""
	if len(r.Decision.Attempts) > 0 {
		one.attempt = r.Decision.Attempts[0]
	}
	if out.Target == 0 {
		row.request = r.Decision.Request
	}
	if out.Reused {
		g.report.Reused++
	} else {
		g.report.Cost = g.report.Cost.Add(r.Decision.Cost)
	}
	if one.failed {
		tier := g.options.Task.Tiers[out.Target].ID
		if g.report.Failed[tier]++; g.report.Failed[tier] <= failuresTold {
			g.options.Progress.Note(fmt.Sprintf("tier %s failed: %s", tier, r.Err))
		}
	}
	return nil
}

// judged grades the answers, leaves out the examples of which an answer could not be judged, and
// gives the others as often as the sample has them.
func (g *gathering) judged(s *sample) []row {
	var out []row
	times := map[pointsman.Digest]int{}
	for _, o := range s.all() {
		times[o.example.AskedDigest()]++
	}
	for i, one := range g.rows {
		if why := g.grader.grade(&one); why != "" {
			g.report.Skipped[why]++
			continue
		}
		if times[one.example.AskedDigest()] > 1 {
			one.people = together(one.people)
		}
		for _, o := range s.occurrences(i) {
			one.key, one.example = o.id, o.example
			out = append(out, one)
		}
	}
	return out
}
