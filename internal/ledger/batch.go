package ledger

import (
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// Batch is what an index adds in one transaction: some records of the journal
// in order, and how far it has then read.
type Batch struct {
	Rows     []Row
	Outcomes []OutcomeRow
	Audits   []AuditRow
	// Expired says that records with a lesser locator are gone; empty where no
	// more are gone than before.
	Expired journal.Locator
	// Records counts what was read, of every kind, and Mark is behind it.
	Records int
	Mark    journal.Mark
}

// OutcomeRow is what an index knows of one outcome.
type OutcomeRow struct {
	ID       pointsman.Digest
	Decision pointsman.DecisionID
	Locator  journal.Locator
}

// AuditRow is what an index knows of one audit.
type AuditRow struct {
	Decision pointsman.DecisionID
	Task     pointsman.TaskID
	Policy   pointsman.Digest
	Time     time.Time
	Locator  journal.Locator
}

// ReadBatch reads at most limit records of a journal from a mark on. Fewer mean
// that there are no more now.
func ReadBatch(dir string, from journal.Mark, limit int) (*Batch, error) {
	b := &Batch{Mark: from}
	for e, err := range journal.ReadFrom(dir, from) {
		if err != nil {
			return nil, err
		}
		if err := b.add(&e); err != nil {
			return nil, fmt.Errorf("record at %s: %w", e.Position, err)
		}
		b.Mark = e.Mark()
		if b.Records++; b.Records == limit {
			break
		}
	}
	return b, nil
}

func (b *Batch) add(e *journal.Entry) error {
	switch e.Kind {
	case journal.KindDecision:
		row, err := RowOf(e)
		b.Rows = append(b.Rows, row)
		return err
	case journal.KindOutcome:
		o, err := e.Outcome()
		if err != nil {
			return err
		}
		b.Outcomes = append(b.Outcomes, OutcomeRow{ID: o.ID, Decision: o.Decision, Locator: e.Locator()})
	case journal.KindAudit:
		a, err := e.Audit()
		if err != nil {
			return err
		}
		b.Audits = append(b.Audits, AuditRow{a.Decision, a.Task, a.Policy, a.Time, e.Locator()})
	case journal.KindExpired:
		x, err := e.Expired()
		if err != nil {
			return err
		}
		b.Expired = max(b.Expired, x.Through())
	}
	return nil
}
