package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// harvest makes examples of the recorded requests of a task on which somebody
// has said what is right: a label, or a correction. The latest word counts.
// Requests whose text is not on record in full are left out.
func harvest(ctx context.Context, c *config.Config, task pointsman.TaskID) ([]dataset.Example, error) {
	if err := hasJournal(c); err != nil {
		return nil, err
	}
	said := map[pointsman.DecisionID]pointsman.Outcome{}
	for entry, err := range entries(ctx, c) {
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
			said[o.Decision] = *o
		}
	}
	var examples []dataset.Example
	for d, err := range decisions(ctx, c) {
		if err != nil {
			return nil, err
		}
		o, ok := said[d.ID]
		if !ok || d.Task != task || d.payload == nil {
			continue
		}
		p, err := journal.ReadPayload(c.Data().Journal(), *d.payload)
		if errors.Is(err, journal.ErrExpired) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if p.Recording != pointsman.RecordFull {
			continue
		}
		decoded, err := chat.Decode([]byte(p.Request))
		if err != nil {
			return nil, err
		}
		e := dataset.Example{
			ID: string(d.ID), Messages: decoded.Request.Messages, Label: o.Label, Metadata: d.Metadata, Group: d.Conversation,
		}
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

func sorted(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}
