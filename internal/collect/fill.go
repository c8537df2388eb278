package collect

import (
	"context"
	"errors"
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/progress"
)

// Filled is what came of filling a store.
type Filled struct {
	// Asked counts the answers that were asked for, Known those that the store had.
	Asked int `json:"asked"`
	Known int `json:"known"`
	// Excluded counts the examples that the owner's rules keep from all tiers, by
	// reason, and Failed those to which a tier gave no answer.
	Excluded map[string]int           `json:"excluded"`
	Failed   map[pointsman.TierID]int `json:"failed"`
	// Cost is what asking cost.
	Cost pointsman.Cost `json:"cost"`
}

// failuresTold is how many failures of a tier are told while it is asked.
const failuresTold = 3

// Fill asks every tier for every example to which the store has no answer. Each
// content is asked once.
func (c *Tiers) Fill(ctx context.Context, examples []dataset.Example, store *Store, workers int, report progress.Reporter) (*Filled, error) {
	distinct := Distinct(examples)
	plan := Plan{Examples: dataset.All(distinct), Targets: c.Targets(), Asker: c, Workers: workers, Store: store}
	var err error
	if plan.Identities, err = Identities(c, plan.Targets); err != nil {
		return nil, err
	}
	out := &Filled{Excluded: map[string]int{}, Failed: map[pointsman.TierID]int{}, Cost: pointsman.KnownCost(0)}
	report.Start("ask the tiers", len(distinct)*len(plan.Targets))
	defer report.Done()
	err = Run(ctx, plan, func(o Outcome) error {
		defer report.Add(1)
		r, tier := o.Result, plan.Targets[o.Target].Tier
		switch {
		case r.Excluded != "":
			if o.Target == 0 {
				out.Excluded[r.Excluded]++
			}
			return nil
		case o.Reused:
			out.Known++
			return nil
		}
		out.Asked++
		out.Cost = out.Cost.Add(r.Decision.Cost)
		if r.Err != "" {
			if out.Failed[tier]++; out.Failed[tier] <= failuresTold {
				report.Note(fmt.Sprintf("tier %s failed: %s", tier, r.Err))
			}
		}
		return nil
	})
	return out, errors.Join(err, store.sync())
}
