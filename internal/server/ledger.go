package server

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/gateway"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/redact"
	"github.com/pointsman-ai/pointsman/internal/store"
	"github.com/pointsman-ai/pointsman/internal/store/sqlite"
)

// ledger puts decisions and outcomes on record. It is safe for concurrent use.
type ledger struct {
	journal *journal.Journal
	index   *sqlite.Index
	// answers says that requests are taken while records cannot be written.
	answers bool
	// recording is how much of a task's texts is kept now.
	recording func(pointsman.TaskID) pointsman.Recording

	// outcomes lets one outcome be looked up and appended at a time, so that
	// the same word sent twice at once is recorded once.
	outcomes sync.Mutex
}

var (
	_ gateway.Log      = (*ledger)(nil)
	_ gateway.Outcomes = (*ledger)(nil)
)

// Ready implements gateway.Log. Where the owner chose to answer while records
// cannot be written, requests are taken all the same; what was not written is
// counted, and the metrics say that the journal is not healthy.
func (l *ledger) Ready() error {
	if l.answers {
		return nil
	}
	return l.journal.Healthy()
}

// Record implements gateway.Log.
func (l *ledger) Record(d *pointsman.Decision, recording pointsman.Recording, texts *journal.Payload) error {
	var sealed *journal.Payload
	if texts != nil {
		sealed = l.journal.Seal(recording, texts)
	}
	if sealed != nil {
		d.Input = l.name(recording, sealed.Input)
		for i := range sealed.Attempts {
			d.Attempts[i].Answer = l.name(recording, sealed.Attempts[i].Answer)
			if d.Attempts[i].Tier == d.Tier {
				d.Answer = d.Attempts[i].Answer
			}
		}
	}
	return l.journal.AppendDecision(d, sealed)
}

// name is the keyed digest of a text as it is stored. It is keyed under every
// recording: decisions outlive texts, and a plain digest would let whoever
// reads them try short texts against it.
func (l *ledger) name(recording pointsman.Recording, stored string) pointsman.Digest {
	switch {
	case stored == "":
		return ""
	case recording == pointsman.RecordHashed:
		return pointsman.Digest(stored)
	}
	return l.journal.TextDigest(pointsman.RecordHashed, stored)
}

// RecordOutcome implements gateway.Outcomes.
func (l *ledger) RecordOutcome(ctx context.Context, o *pointsman.Outcome) (existed bool, err error) {
	// The name that the client's word makes is keyed like every digest of a
	// text, so that nobody can try words against what is on record.
	o.ID = l.journal.TextDigest(pointsman.RecordHashed, string(o.ID))
	l.outcomes.Lock()
	defer l.outcomes.Unlock()
	if err := l.index.CatchUp(ctx); err != nil {
		return false, fmt.Errorf("look the decision up: %w", err)
	}
	row, err := l.index.Get(ctx, string(o.Decision))
	if errors.Is(err, store.ErrNotFound) {
		return false, &pointsman.Error{
			Code: pointsman.CodeNotFound, Message: fmt.Sprintf("there is no decision %s", o.Decision), Param: "decision_id",
			Hint: "take the id from the x-pointsman-decision header; it may have expired", Err: err,
		}
	}
	if err != nil {
		return false, fmt.Errorf("look the decision up: %w", err)
	}
	if err := l.redact(row.Task, o); err != nil {
		return false, err
	}
	if existed, err = l.index.HasOutcome(ctx, o.ID); err != nil || existed {
		return existed, err
	}
	return false, l.journal.AppendOutcome(o)
}

// redact holds the texts of an outcome to what its task records: they say what
// the answer said, and they stay as long as the decision.
func (l *ledger) redact(task pointsman.TaskID, o *pointsman.Outcome) error {
	switch l.recording(task) {
	case pointsman.RecordFull:
	case pointsman.RecordRedacted:
		o.Comment, o.Correction = redact.Text(o.Comment), redact.Text(o.Correction)
	default:
		o.Comment, o.Correction = "", ""
		if o.Label == "" && o.Correct == nil && o.Score == nil {
			return &pointsman.Error{
				Code: pointsman.CodeInvalid, Message: fmt.Sprintf("task %s records no texts, and the feedback is nothing but text", task),
				Hint: "send a label, correct or score as well",
			}
		}
	}
	return nil
}
