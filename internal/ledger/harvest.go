package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// Harvest makes examples of the recorded requests of a task that have an
// outcome with a label or a correction. The latest outcome counts. Requests
// whose text is not on record in full are left out, and those whose label is none
// of the permitted ones, where there are any; leftOut counts them by reason.
// decode reads the messages of a request as it was recorded.
func (r *Reader) Harvest(
	ctx context.Context, task pointsman.TaskID, labels []string, decode func(request string) ([]pointsman.Message, error),
) (examples []dataset.Example, leftOut map[string]int, err error) {
	leftOut = map[string]int{}
	latest, err := r.latestOutcomes(ctx)
	if err != nil {
		return nil, nil, err
	}
	for found, err := range r.Decisions(ctx) {
		if err != nil {
			return nil, nil, err
		}
		d := found.Decision
		o, ok := latest[d.ID]
		switch {
		case !ok || d.Task != task:
			continue
		case found.Texts == nil:
			leftOut[notInFull]++
			continue
		case o.Label != "" && len(labels) > 0 && !slices.Contains(labels, o.Label):
			leftOut["the feedback has a label that is none of the task's"]++
			continue
		}
		p, err := journal.ReadPayload(r.Journal, *found.Texts)
		if errors.Is(err, journal.ErrExpired) {
			leftOut["the text has expired"]++
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if p.Recording != pointsman.RecordFull || p.Request == "" {
			leftOut[notInFull]++
			continue
		}
		messages, err := decode(p.Request)
		if err != nil {
			return nil, nil, err
		}
		e := dataset.Example{ID: string(d.ID), Messages: messages, Label: o.Label, Metadata: d.Metadata, Group: d.Conversation, Principal: d.Principal}
		if e.Label == "" {
			e.Reference = o.Correction
		}
		examples = append(examples, e)
	}
	if len(examples) == 0 {
		var message strings.Builder
		message.WriteString("no recorded request of task " + string(task) + " can be learned from")
		for _, why := range slices.Sorted(maps.Keys(leftOut)) {
			fmt.Fprintf(&message, "; of %d %s", leftOut[why], why)
		}
		return nil, leftOut, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: message.String(),
			Hint: "it takes feedback with a label or a correction (POST /v1/feedback) on requests that are recorded in full (record: full)",
		}
	}
	return examples, leftOut, nil
}

const notInFull = "the text is not on record in full"

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
