package calibrate

import (
	"context"
	"errors"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// row is one example with every tier's judged answer.
type row struct {
	key     string
	example *dataset.Example
	request pointsman.Signals
	tiers   []judged
	// excluded says why the owner's rules keep the example out.
	excluded string
}

// judged is one tier's answer and what the scorer made of it.
type judged struct {
	text       string
	attempt    pointsman.Attempt
	failed     bool // there is no answer
	acceptable bool
	skipped    string
}

// answers asks every tier for every example. An example whose answer cannot be
// judged is skipped, and the reason counted.
func answers(ctx context.Context, o Options, r *Report) ([]row, error) {
	scorer, err := score.For(o.Task.Kind, score.Options{})
	if err != nil {
		return nil, err
	}
	if err := sendable(o); err != nil {
		return nil, err
	}
	tiers := &collect.Tiers{Task: o.Task, Now: o.Now}
	plan := collect.Plan{Examples: dataset.All(o.Examples), Targets: tiers.Targets(), Asker: tiers, Workers: o.Workers}
	if plan.Identities, err = collect.Identities(tiers, plan.Targets); err != nil {
		return nil, err
	}
	if o.Cache != "" {
		if plan.Store, err = collect.Open(o.Cache); err != nil {
			return nil, err
		}
	}
	g := &gathering{options: o, report: r, scorer: scorer, rows: make([]row, len(o.Examples))}
	r.Cost = pointsman.KnownCost(0)
	o.Progress.Start("ask the tiers", len(o.Examples)*len(o.Task.Tiers))
	err = collect.Run(ctx, plan, g.take)
	o.Progress.Done()
	if err := errors.Join(err, plan.Store.Close()); err != nil {
		return nil, err
	}
	return g.usable(), nil
}

// sendable finds an example that cannot be sent before any is.
func sendable(o Options) error {
	for i := range o.Examples {
		if _, err := collect.Request(o.Task.ID, &o.Examples[i]); err != nil {
			return err
		}
	}
	return nil
}

// gathering is the state of one call of answers.
type gathering struct {
	options Options
	report  *Report
	scorer  score.Scorer
	rows    []row
}

// take judges one answer. A failed one is not acceptable; that is known.
func (g *gathering) take(out collect.Outcome) error {
	defer g.options.Progress.Add(1)
	r := out.Result
	row := &g.rows[out.Index]
	if r.Excluded != "" {
		row.excluded = r.Excluded
		return nil
	}
	if row.tiers == nil {
		row.key, row.example, row.tiers = out.Example.Digest().Hex(), out.Example, make([]judged, len(g.options.Task.Tiers))
	}
	one := &row.tiers[out.Target]
	one.text, one.failed = r.Text, r.Err != ""
	if len(r.Decision.Attempts) > 0 {
		one.attempt = r.Decision.Attempts[0]
	}
	if out.Target == 0 {
		row.request = r.Decision.Request
	}
	if !one.failed {
		s := g.scorer.Score(out.Example, r.Text, r.Reading)
		one.acceptable, one.skipped = s.Acceptable, s.Skipped
	}
	if out.Reused {
		g.report.Reused++
	} else {
		g.report.Cost = g.report.Cost.Add(r.Decision.Cost)
		if one.failed {
			g.options.Progress.Note("a tier failed: " + r.Err)
		}
	}
	return nil
}

// usable leaves out what the owner's rules exclude, what could not be judged, and examples that are in the data
// twice: each counts once.
func (g *gathering) usable() []row {
	seen := make(map[string]bool, len(g.rows))
	out := g.rows[:0]
	for _, one := range g.rows {
		if one.excluded != "" {
			g.report.Excluded[one.excluded]++
			continue
		}
		why := ""
		for _, tier := range one.tiers {
			if why == "" {
				why = tier.skipped
			}
		}
		if why == "" && seen[one.key] {
			why = "the same example again"
		}
		seen[one.key] = true
		if why != "" {
			g.report.Skipped[why]++
			continue
		}
		out = append(out, one)
	}
	return out
}
