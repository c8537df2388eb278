// Package ledger is what is on record about requests. It writes decisions and
// outcomes to the journal under the owner's recording setting, finds them by an
// [Index], and explains, exports, harvests and replays them.
//
// [Ledger] writes, for a running server. [Reader] reads, beside it or without
// one: commands, an API, a console.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// Options are what a ledger stands on. All are required.
type Options struct {
	// Journal is where everything is written. The caller runs and closes it.
	Journal *journal.Journal
	// Index finds decisions. The caller keeps it up to date and closes it.
	Index Index
	// AnswerUnrecorded says that requests are taken while records cannot be
	// written (journal.on_full: answer).
	AnswerUnrecorded bool
	// Recording is how much of a task's texts is kept now.
	Recording func(pointsman.TaskID) pointsman.Recording
}

// Ledger puts decisions and outcomes on record. It is safe for concurrent use.
type Ledger struct {
	Options

	// outcomes lets one outcome be looked up and appended at a time, so that
	// the same outcome sent twice at once is recorded once.
	outcomes sync.Mutex
}

// New makes a ledger.
func New(o Options) *Ledger { return &Ledger{Options: o} }

// Ready says why decisions cannot be recorded now, or nil. Where the owner
// chose to answer while records cannot be written, requests are taken all the
// same; what was not written is counted, and the metrics say that the journal
// is not healthy.
func (l *Ledger) Ready() error {
	if l.AnswerUnrecorded {
		return nil
	}
	return l.Journal.Healthy()
}

// Record returns when a decision is on record as durably as the owner asked
// for, with as much of the texts (which may be nil) as the recording says. It
// fills in the decision's digests of texts.
func (l *Ledger) Record(d *pointsman.Decision, recording pointsman.Recording, texts *journal.Payload) error {
	s := sealer{recording: recording, digest: l.Journal.KeyedDigest}
	sealed := s.payload(texts)
	if sealed != nil {
		d.Input = s.digestOfStored(sealed.Input)
		for i := range sealed.Attempts {
			d.Attempts[i].Answer = s.digestOfStored(sealed.Attempts[i].Answer)
			if d.Attempts[i].Tier == d.Tier {
				d.Answer = d.Attempts[i].Answer
			}
		}
	}
	return l.Journal.AppendDecision(d, sealed)
}

// RecordOutcome stores an outcome once, and says whether it was there before.
// An unknown decision is a *pointsman.Error with CodeNotFound.
func (l *Ledger) RecordOutcome(ctx context.Context, o *pointsman.Outcome) (existed bool, err error) {
	// The id that the client's content makes is keyed like every digest of a
	// text, so that nobody can try contents against what is on record.
	o.ID = l.Journal.KeyedDigest(string(o.ID))
	l.outcomes.Lock()
	defer l.outcomes.Unlock()
	if err := l.Index.CatchUp(ctx); err != nil {
		return false, fmt.Errorf("look the decision up: %w", err)
	}
	row, err := l.Index.Get(ctx, string(o.Decision))
	if errors.Is(err, ErrNotFound) {
		return false, &pointsman.Error{
			Code: pointsman.CodeNotFound, Message: fmt.Sprintf("there is no decision %s", o.Decision), Param: "decision_id",
			Hint: "take the id from the x-pointsman-decision header; it may have expired", Err: err,
		}
	}
	if err != nil {
		return false, fmt.Errorf("look the decision up: %w", err)
	}
	s := sealer{recording: l.Recording(row.Task)}
	if err := s.outcome(row.Task, o); err != nil {
		return false, err
	}
	if existed, err = l.Index.HasOutcome(ctx, o.ID); err != nil || existed {
		return existed, err
	}
	return false, l.Journal.AppendOutcome(o)
}
