package ledger

import (
	"context"
	"errors"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// Harvest makes examples of the recorded requests of a task that have an
// outcome with a label or a correction. The latest outcome counts. Requests
// whose text is not on record in full are left out. decode reads the messages
// of a request as it was recorded.
func (r *Reader) Harvest(ctx context.Context, task pointsman.TaskID, decode func(request string) ([]pointsman.Message, error)) ([]dataset.Example, error) {
	latest, err := r.latestOutcomes(ctx)
	if err != nil {
		return nil, err
	}
	var examples []dataset.Example
	for found, err := range r.Decisions(ctx) {
		if err != nil {
			return nil, err
		}
		d := found.Decision
		o, ok := latest[d.ID]
		if !ok || d.Task != task || found.Texts == nil {
			continue
		}
		p, err := journal.ReadPayload(r.Journal, *found.Texts)
		if errors.Is(err, journal.ErrExpired) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if p.Recording != pointsman.RecordFull {
			continue
		}
		messages, err := decode(p.Request)
		if err != nil {
			return nil, err
		}
		e := dataset.Example{ID: string(d.ID), Messages: messages, Label: o.Label, Metadata: d.Metadata, Group: d.Conversation, Principal: d.Principal}
		if e.Label == "" {
			e.Reference = o.Correction
		}
		examples = append(examples, e)
	}
	if len(examples) == 0 {
		return nil, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "no recorded request of task " + string(task) + " can be learned from",
			Hint: "it takes feedback with a label or a correction (POST /v1/feedback) on requests that are recorded in full (record: full)",
		}
	}
	return examples, nil
}

// latestOutcomes are the latest outcomes that say what is right, by decision.
func (r *Reader) latestOutcomes(ctx context.Context) (map[pointsman.DecisionID]pointsman.Outcome, error) {
	latest := map[pointsman.DecisionID]pointsman.Outcome{}
	for entry, err := range r.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		if entry.Kind != journal.KindOutcome {
			continue
		}
		o, err := entry.Outcome()
		if err != nil {
			return nil, err
		}
		if o.Label != "" || o.Correction != "" {
			latest[o.Decision] = *o
		}
	}
	return latest, nil
}
