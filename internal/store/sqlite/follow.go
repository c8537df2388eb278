package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
)

// Tail tells when records were added; a *journal.Journal does. The channel
// holds a value when there is something new, and the writer never waits.
type Tail interface {
	Subscribe() (changed <-chan struct{}, cancel func())
}

// How the follower works.
const (
	batchSize  = 1000                   // rows in one transaction
	gatherTime = 100 * time.Millisecond // how long records gather before they are read
	retryTime  = time.Second            // after a failure
	lookTime   = 2 * time.Second        // how often the files are looked for while nothing is added
)

// Follow keeps the index up to date until the context ends, then returns nil.
// It never gives up: the data plane does not depend on it, and what it could not
// write now it reads again later. Failures are logged when they begin and end.
func (x *Index) Follow(ctx context.Context, tail Tail) error {
	changed, cancel := tail.Subscribe()
	defer cancel()
	look := time.NewTicker(lookTime)
	defer look.Stop()
	failed := false
	for {
		err := x.CatchUp(ctx)
		if ctx.Err() != nil {
			return nil
		}
		pause := gatherTime
		switch {
		case err != nil:
			if !failed {
				x.log.Error("index: it falls behind the journal", "path", x.path, "err", err)
			}
			failed, pause = true, retryTime
		case failed:
			x.log.Info("index: it is up to date again", "path", x.path)
			failed = false
		}
		if !failed {
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
			case <-look.C: // its own files may be gone
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// CatchUp reads what the journal holds beyond the index. When it returns nil,
// everything that was appended before the call is in the index.
func (x *Index) CatchUp(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case x.turn <- struct{}{}:
		defer func() { <-x.turn }()
	}
	err := x.ensureOpen()
	if err == nil {
		err = x.catchUp(ctx)
	}
	if rebuildable(err) {
		x.log.Warn("index: it is built anew from the journal", "path", x.path, "why", err)
		if err = x.startOver(); err == nil {
			err = x.catchUp(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("index %s: %w", x.path, err)
	}
	return nil
}

// catchUp reads on in batches. The caller has the turn.
func (x *Index) catchUp(ctx context.Context) error {
	if err := x.sameJournal(); err != nil {
		return err
	}
	for {
		b, err := x.batch(ctx)
		if err != nil {
			return err
		}
		if b.Records < batchSize {
			return nil
		}
	}
}

// sameJournal checks once that the index was built from the journal that is
// there now: not another one, and not one that lost its newest records with the
// power.
func (x *Index) sameJournal() error {
	if x.checked {
		return nil
	}
	err := x.mark.Check(x.dir)
	if errors.Is(err, journal.ErrMark) {
		return fmt.Errorf("%w: it was built from another journal than %s: %w", errOther, x.dir, err)
	}
	x.checked = err == nil
	return err
}

// batch reads at most batchSize records in one transaction.
func (x *Index) batch(ctx context.Context) (*ledger.Batch, error) {
	b, err := ledger.ReadBatch(x.dir, x.mark, batchSize)
	if err != nil || b.Records == 0 {
		return b, err
	}
	tx, err := x.writer.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := x.insert(ctx, tx, b); err != nil {
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	x.mark = b.Mark
	if b.Expired != "" {
		err = x.expire(ctx, b.Expired)
	}
	return b, err
}

// statements are prepared once for the writer.
type statements struct{ decision, outcome, audit, progress *sql.Stmt }

func (s *statements) prepare(db *sql.DB) (err error) {
	for text, into := range map[string]**sql.Stmt{
		"INSERT INTO decision (" + columns + ") VALUES (" + marks + ") ON CONFLICT (id) DO NOTHING": &s.decision,
		"INSERT INTO outcome (id, decision, locator) VALUES (?,?,?) ON CONFLICT (id) DO NOTHING":    &s.outcome,
		"INSERT INTO audit VALUES (?,?,?,?,?) ON CONFLICT (decision) DO NOTHING":                    &s.audit,
		"INSERT INTO progress VALUES (1,?) ON CONFLICT (one) DO UPDATE SET mark = excluded.mark":    &s.progress,
	} {
		if *into, err = db.Prepare(text); err != nil {
			return err
		}
	}
	return nil
}

func (s *statements) close() {
	for _, one := range []*sql.Stmt{s.decision, s.outcome, s.audit, s.progress} {
		if one != nil {
			_ = one.Close()
		}
	}
	*s = statements{}
}

func (x *Index) insert(ctx context.Context, tx *sql.Tx, b *ledger.Batch) error {
	decision := tx.StmtContext(ctx, x.add.decision)
	for i := range b.Rows {
		args, err := values(&b.Rows[i])
		if err != nil {
			return err
		}
		if _, err := decision.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	outcome := tx.StmtContext(ctx, x.add.outcome)
	for _, o := range b.Outcomes {
		if _, err := outcome.ExecContext(ctx, string(o.ID), string(o.Decision), string(o.Locator)); err != nil {
			return err
		}
	}
	audit := tx.StmtContext(ctx, x.add.audit)
	for _, a := range b.Audits {
		if _, err := audit.ExecContext(ctx, string(a.Decision), string(a.Task), string(a.Policy), a.Time.UnixNano(), string(a.Locator)); err != nil {
			return err
		}
	}
	_, err := tx.StmtContext(ctx, x.add.progress).ExecContext(ctx, string(b.Mark))
	return err
}

// expire drops the rows of records that retention has deleted, in transactions
// of bounded size, whose pages SQLite uses again. Rows were added in the order
// of the journal, so they are the first ones.
func (x *Index) expire(ctx context.Context, before journal.Locator) error {
	for _, table := range []string{"decision", "outcome", "audit"} {
		for {
			done, err := x.writer.ExecContext(ctx, "DELETE FROM "+table+" WHERE locator < ? AND rowid IN (SELECT rowid FROM "+table+
				" ORDER BY rowid LIMIT ?)", string(before), batchSize)
			if err != nil {
				return err
			}
			n, err := done.RowsAffected()
			if err != nil {
				return err
			}
			if n < batchSize {
				break
			}
		}
	}
	return nil
}

// readMark reads how far the journal was read.
func (x *Index) readMark() (m journal.Mark, err error) {
	err = x.writer.QueryRow("SELECT mark FROM progress").Scan(&m)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return m, err
}

// rebuildable says whether an error means that the file is not a whole index of
// this version, which reading the journal again mends.
func rebuildable(err error) bool {
	if errors.Is(err, errOther) {
		return true
	}
	var e *sqlitedriver.Error
	if !errors.As(err, &e) {
		return false
	}
	primary := e.Code() & 0xff
	return primary == sqlite3.SQLITE_CORRUPT || primary == sqlite3.SQLITE_NOTADB || e.Code() == sqlite3.SQLITE_READONLY_DBMOVED
}
