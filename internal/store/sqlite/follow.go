package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/store"
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
)

// place is how far the journal was read. The zero place is its start.
type place struct {
	pos   journal.Position
	chain [32]byte
}

// Follow keeps the index up to date until the context ends, then returns nil.
// It never gives up: the data plane does not depend on it, and what it could not
// write now it reads again later. Failures are logged when they begin and end.
func (x *Index) Follow(ctx context.Context, tail Tail) error {
	changed, cancel := tail.Subscribe()
	defer cancel()
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
	err := x.catchUp(ctx, nil)
	if rebuildable(err) || err == nil && x.damaged.Load() {
		x.log.Warn("index: it is built anew from the journal", "path", x.path, "why", err)
		if err = x.startOver(); err == nil {
			err = x.catchUp(ctx, nil)
		}
	}
	if err != nil {
		return fmt.Errorf("index %s: %w", x.path, err)
	}
	return nil
}

// catchUp reads on in batches. The caller has the turn.
func (x *Index) catchUp(ctx context.Context, progress func(uint64)) error {
	if x.writer == nil {
		return sql.ErrConnDone
	}
	if err := x.sameJournal(); err != nil {
		return err
	}
	for {
		n, last, err := x.batch(ctx)
		if err != nil {
			return err
		}
		if progress != nil && n > 0 {
			progress(last)
		}
		if n < batchSize {
			return nil
		}
	}
}

// sameJournal checks once that the index was built from the journal that is
// there now: not another one, and not one that lost its newest records with the
// power.
func (x *Index) sameJournal() error {
	if x.checked || x.at.pos == (journal.Position{}) {
		x.checked = true
		return nil
	}
	oldest, err := journal.Oldest(x.dir)
	if err != nil {
		return err
	}
	if chain, ok := journal.ChainAt(x.dir, x.at.pos); x.at.pos.Segment >= oldest && (!ok || chain != x.at.chain) {
		return fmt.Errorf("%w: it was built from another journal than %s", errOther, x.dir)
	}
	x.checked = true
	return nil
}

// batch reads at most batchSize records in one transaction.
func (x *Index) batch(ctx context.Context) (n int, last uint64, err error) {
	var tx *sql.Tx
	defer func() {
		if tx != nil {
			_ = tx.Rollback() // after Commit it does nothing
		}
	}()
	at := x.at
	var expired uint64
	for e, err := range journal.Read(x.dir, x.at.pos) {
		if err != nil {
			return 0, 0, err
		}
		if tx == nil {
			if tx, err = x.writer.BeginTx(ctx, nil); err != nil {
				return 0, 0, err
			}
		}
		if err := x.insert(ctx, tx, &e); err != nil {
			return 0, 0, fmt.Errorf("record at %s: %w", e.Position, err)
		}
		if e.Kind == journal.KindExpired {
			notice, err := e.Expired()
			if err != nil {
				return 0, 0, err
			}
			expired = max(expired, notice.Last)
		}
		at, last = place{e.Next, e.Chain}, e.Seq
		if n++; n == batchSize {
			break
		}
	}
	if n == 0 {
		return 0, 0, nil
	}
	if _, err := tx.StmtContext(ctx, x.add.progress).ExecContext(ctx, at.pos.Segment, at.pos.Offset, at.chain[:]); err != nil {
		return 0, 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, 0, err
	}
	x.at = at
	if expired > 0 {
		err = x.expire(ctx, expired)
	}
	return n, last, err
}

// statements are prepared once for the writer.
type statements struct{ decision, outcome, progress *sql.Stmt }

func (s *statements) prepare(db *sql.DB) (err error) {
	for text, into := range map[string]**sql.Stmt{
		`INSERT INTO decision VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING`: &s.decision,
		`INSERT INTO outcome VALUES (?,?,?,?,?) ON CONFLICT (id) DO NOTHING`:                                          &s.outcome,
		`INSERT INTO progress VALUES (1,?,?,?) ON CONFLICT (one) DO UPDATE
			SET segment = excluded.segment, offset = excluded.offset, chain = excluded.chain`: &s.progress,
	} {
		if *into, err = db.Prepare(text); err != nil {
			return err
		}
	}
	return nil
}

func (s *statements) close() {
	for _, one := range []*sql.Stmt{s.decision, s.outcome, s.progress} {
		if one != nil {
			_ = one.Close()
		}
	}
	*s = statements{}
}

func (x *Index) insert(ctx context.Context, tx *sql.Tx, e *journal.Entry) error {
	switch e.Kind {
	case journal.KindDecision:
		row, err := store.RowOf(e)
		if err != nil {
			return err
		}
		var slices any
		if len(row.Slices) > 0 {
			text, err := json.Marshal(row.Slices)
			if err != nil {
				return err
			}
			slices = string(text)
		}
		_, err = tx.StmtContext(ctx, x.add.decision).ExecContext(ctx,
			int64(row.Seq), string(row.ID), row.Time.UnixNano(), string(row.Task),
			orNull(row.Conversation), orNull(row.Principal), slices, string(row.Config), string(row.Policy),
			string(row.Tier), string(row.Model), string(row.Cause), string(row.Lifecycle), row.Status, row.Streamed, row.Attempts,
			costOrNull(row.Cost), costOrNull(row.Baseline), row.BaselineEstimated, floatOrNull(row.Acceptable), floatOrNull(row.Uplift),
			int64(row.Latency), int64(row.Overhead), row.Position.Segment, row.Position.Offset)
		return err
	case journal.KindOutcome:
		o, err := e.Outcome()
		if err != nil {
			return err
		}
		_, err = tx.StmtContext(ctx, x.add.outcome).ExecContext(ctx,
			int64(e.Seq), string(o.ID), string(o.Decision), e.Segment, e.Offset)
		return err
	}
	return nil
}

// expire drops the rows of segments that retention has deleted: ranges of the
// primary key, in transactions of bounded size, whose pages SQLite uses again.
func (x *Index) expire(ctx context.Context, last uint64) error {
	for _, table := range []string{"decision", "outcome"} {
		for {
			done, err := x.writer.ExecContext(ctx, "DELETE FROM "+table+" WHERE seq IN (SELECT seq FROM "+table+
				" WHERE seq <= ? ORDER BY seq LIMIT ?)", int64(last), batchSize)
			if err != nil {
				return err
			}
			if n, err := done.RowsAffected(); err != nil || n < batchSize {
				if err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// readPlace reads how far the journal was read.
func (x *Index) readPlace() (place, error) {
	var at place
	var chain []byte
	err := x.writer.QueryRow("SELECT segment, offset, chain FROM progress").Scan(&at.pos.Segment, &at.pos.Offset, &chain)
	if errors.Is(err, sql.ErrNoRows) {
		return place{}, nil
	}
	if err == nil && copy(at.chain[:], chain) != len(at.chain) {
		err = fmt.Errorf("%w: a chain hash of %d bytes", errOther, len(chain))
	}
	return at, err
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
	return primary == sqlite3.SQLITE_CORRUPT || primary == sqlite3.SQLITE_NOTADB
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
