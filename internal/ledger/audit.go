package ledger

import (
	"context"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// RecordAudit puts an audit on record as durably as a decision, with as much of
// what comes from clients and models as the recording says: the conversation and
// the answer as keyed digests, and neither where nothing is kept. It changes the
// audit so.
func (l *Ledger) RecordAudit(a *pointsman.Audit, recording pointsman.Recording, conversation, answer string) error {
	s := sealer{ctx: context.Background(), recording: recording, digest: l.Journal.KeyedDigest}
	a.Detail = s.text(a.Detail)
	if recording != pointsman.RecordNone {
		if conversation != "" {
			a.Unit = l.Journal.KeyedDigest("conversation " + conversation)
		}
		if answer != "" {
			a.Answer = l.Journal.KeyedDigest(answer)
		}
	}
	if s.err != nil {
		return s.err
	}
	return l.Journal.AppendAudit(a)
}

// Audits reads the audits that a filter selects, oldest first, each decision's
// once. What retention has deleted is left out.
func (r *Reader) Audits(ctx context.Context, f AuditFilter) ([]pointsman.Audit, error) {
	locators, err := r.Index.Audits(ctx, f)
	if err != nil {
		return nil, err
	}
	return entries(r, locators, (*journal.Entry).Audit)
}

// Judged calls f for each audit of a policy of a task, oldest first, with the
// latest word on its decision, or nil.
func (r *Reader) Judged(ctx context.Context, task pointsman.TaskID, policy pointsman.Digest, f func(*pointsman.Audit, *pointsman.Outcome)) error {
	audits, err := r.Audits(ctx, AuditFilter{Task: task, Policy: policy})
	if err != nil {
		return err
	}
	for i := range audits {
		outcomes, err := r.Outcomes(ctx, audits[i].Decision)
		if err != nil {
			return err
		}
		var latest *pointsman.Outcome
		if len(outcomes) > 0 {
			latest = &outcomes[len(outcomes)-1]
		}
		f(&audits[i], latest)
	}
	return nil
}

// Charged is what a task's audits were charged since a time.
func (r *Reader) Charged(ctx context.Context, task pointsman.TaskID, since time.Time) (pointsman.Money, error) {
	audits, err := r.Audits(ctx, AuditFilter{Task: task, Since: since})
	var sum pointsman.Money
	for i := range audits {
		sum += audits[i].Charged
	}
	return sum, err
}
