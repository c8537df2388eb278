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
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// Options are what a ledger stands on. All but Labels and Policy are required.
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
	// Labels are those that an answer of a task may have now; none means any.
	// It may be nil.
	Labels func(pointsman.TaskID) []string
	// Policy is the policy of a digest, or nil where it cannot be read. Without
	// it no slice keeps its name where texts are not kept.
	Policy func(pointsman.Digest) *policy.Policy
}

// Ledger puts decisions and outcomes on record. It is safe for concurrent use.
type Ledger struct {
	Options

	// outcomes lets one outcome be looked up and appended at a time, so that
	// the same outcome sent twice at once is recorded once.
	outcomes sync.Mutex

	slicesMu sync.Mutex
	slices   map[pointsman.Digest]map[string]bool // that policies have thresholds for
}

// New makes a ledger.
func New(o Options) *Ledger {
	return &Ledger{Options: o, slices: map[pointsman.Digest]map[string]bool{}}
}

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

// Fits says whether what a request of so many bytes makes can be put on record,
// so that no model is paid for an answer that cannot: nil, or an error with
// CodeTooLarge for the client.
func (l *Ledger) Fits(recording pointsman.Recording, requestBytes int64) error {
	most := int64(journal.MaxPayload - answerRoom)
	if recording != pointsman.RecordFull && recording != pointsman.RecordRedacted || requestBytes <= most {
		return nil
	}
	return &pointsman.Error{
		Code:    pointsman.CodeTooLarge,
		Message: fmt.Sprintf("the request is too large to be recorded: %d bytes, at most %d", requestBytes, most),
		Hint:    "send less, or ask the owner to record less of this task (record: hashed or none)",
		Err:     journal.ErrTooLarge,
	}
}

// answerRoom is what a payload keeps for answers beside the request.
const answerRoom = 1 << 20

// redactionTime is how long the texts of one request may be redacted: much
// longer than the largest takes.
const redactionTime = 10 * time.Second

// Record returns when a decision is on record as durably as the owner asked
// for, with as much of its own texts and of the payload (which may be nil) as
// the recording says. It fills in the decision's digests of texts, and changes
// nothing else of it.
func (l *Ledger) Record(d *pointsman.Decision, recording pointsman.Recording, payload *journal.Payload) error {
	ctx, cancel := context.WithTimeout(context.Background(), redactionTime)
	defer cancel()
	return l.RecordContext(ctx, d, recording, payload)
}

// RecordContext is [Ledger.Record] with a context that ends redaction. What was
// not redacted by then is not stored, and the decision is all the same.
func (l *Ledger) RecordContext(ctx context.Context, d *pointsman.Decision, recording pointsman.Recording, payload *journal.Payload) error {
	s := sealer{ctx: ctx, recording: recording, digest: l.Journal.KeyedDigest, certified: l.slicesOf(d.Policy)}
	texts := s.payload(payload)
	if s.err != nil {
		texts, s.err = nil, nil
	}
	if texts != nil {
		d.Input = s.digestOfStored(texts.Input)
		for i := range texts.Attempts {
			d.Attempts[i].Answer = s.digestOfAnswer(&texts.Attempts[i])
			if d.Attempts[i].Tier == d.Tier {
				d.Answer = d.Attempts[i].Answer
			}
		}
	}
	sealed := s.decision(d)
	if s.err != nil {
		s.recording, s.err = pointsman.RecordNone, nil // in time or not, nothing is stored that was not redacted
		sealed = s.decision(d)
	}
	return l.append(sealed, texts)
}

// append writes a decision with its texts. Answers were paid for: where all
// texts together are too large, what can be told from others or is largest is
// left out, and the payload says so.
func (l *Ledger) append(d *pointsman.Decision, texts *journal.Payload) error {
	err := l.Journal.AppendDecision(d, texts)
	for _, omit := range []struct {
		name string
		drop func()
	}{
		{"input", func() { texts.Input = "" }}, // it is a part of the request
		{"request", func() { texts.Request = "" }},
		{"attempts", func() { texts.Attempts = nil }},
	} {
		if texts == nil || !errors.Is(err, journal.ErrTooLarge) {
			return err
		}
		omit.drop()
		texts.Omitted = append(texts.Omitted, omit.name)
		err = l.Journal.AppendDecision(d, texts)
	}
	return err
}

// slicesOf says which slices the policy of a digest has thresholds for.
func (l *Ledger) slicesOf(d pointsman.Digest) func(slice string) bool {
	if d == "" || l.Policy == nil {
		return nil
	}
	l.slicesMu.Lock()
	defer l.slicesMu.Unlock()
	known, ok := l.slices[d]
	if !ok {
		p := l.Policy(d)
		if p == nil {
			return nil // it may be readable the next time
		}
		known = map[string]bool{}
		for i := range p.Stages {
			for _, t := range p.Stages[i].Thresholds {
				known[t.Slice] = true
			}
		}
		if len(l.slices) >= maxPolicies {
			clear(l.slices)
		}
		l.slices[d] = known
	}
	return func(slice string) bool { return known[slice] }
}

// maxPolicies bounds of how many policies the slices are remembered.
const maxPolicies = 64

// RecordOutcome stores an outcome once, and says whether it was there before.
// An unknown decision, and one of another credential than
// the outcome's source, is a *pointsman.Error with CodeNotFound; a label that no
// answer of the decision's task may have is one with CodeInvalid.
func (l *Ledger) RecordOutcome(ctx context.Context, o *pointsman.Outcome) (existed bool, err error) {
	// The id that the client's content makes is keyed like every digest of a
	// text, so that nobody can try contents against what is on record.
	o.ID = l.Journal.KeyedDigest(string(o.ID))
	l.outcomes.Lock()
	defer l.outcomes.Unlock()
	if err := l.Index.CatchUp(ctx); err != nil {
		return false, unavailable(fmt.Errorf("look the decision up: %w", err))
	}
	row, err := l.Index.Get(ctx, string(o.Decision))
	if err == nil && sourceOf(row.Principal) != o.Source {
		err = NotFound(string(o.Decision)) // another key's: whether there is one is none of this key's business
	}
	if errors.Is(err, ErrNotFound) {
		return false, &pointsman.Error{
			Code: pointsman.CodeNotFound, Message: fmt.Sprintf("there is no decision %s", o.Decision), Param: "decision_id",
			Hint: "take the id from the x-pointsman-decision header; it may have expired", Err: err,
		}
	}
	if err != nil {
		return false, unavailable(fmt.Errorf("look the decision up: %w", err))
	}
	if err := l.checkLabel(row.Task, o.Label); err != nil {
		return false, err
	}
	s := sealer{ctx: ctx, recording: l.Recording(row.Task), digest: l.Journal.KeyedDigest}
	if err := s.outcome(row.Task, o); err != nil {
		return false, err
	}
	if existed, err = l.Index.HasOutcome(ctx, o.ID); err != nil || existed {
		return existed, unavailable(err)
	}
	return false, l.Journal.AppendOutcome(o)
}

// checkLabel refuses a label that no answer of a task may have: nothing could be
// learned from it.
func (l *Ledger) checkLabel(task pointsman.TaskID, label string) error {
	if label == "" || l.Labels == nil {
		return nil
	}
	labels := l.Labels(task)
	if len(labels) == 0 || slices.Contains(labels, label) {
		return nil
	}
	return &pointsman.Error{
		Code: pointsman.CodeInvalid, Message: fmt.Sprintf("task %s has no label %q", task, excerpt.Of(label, 64)), Param: "label",
		Hint: "its labels are " + excerpt.Of(strings.Join(labels, ", "), 1000) + "; say anything else in comment",
	}
}

// sourceOf is what a decision's principal is called as the source of an outcome.
func sourceOf(principal string) string {
	if principal == "" {
		return pointsman.Anonymous
	}
	return principal
}
