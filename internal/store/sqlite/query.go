package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	sqlitedriver "modernc.org/sqlite"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
)

// Get implements ledger.Index. The index reads the journal on before it says no.
func (x *Index) Get(ctx context.Context, id string) (ledger.Row, error) {
	row, err := x.get(ctx, id)
	if !errors.Is(err, ledger.ErrNotFound) {
		return row, err
	}
	if err := x.CatchUp(ctx); err != nil {
		return ledger.Row{}, err
	}
	return x.get(ctx, id)
}

func (x *Index) get(ctx context.Context, id string) (ledger.Row, error) {
	low, high, err := ledger.PrefixRange(id)
	if err != nil {
		return ledger.Row{}, err
	}
	rows, err := x.rows(ctx, "SELECT "+columns+" FROM decision WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", low, high)
	switch {
	case err != nil:
		return ledger.Row{}, err
	case len(rows) == 0:
		return ledger.Row{}, ledger.NotFound(id)
	case len(rows) > 1:
		return ledger.Row{}, ledger.Ambiguous(id)
	}
	return rows[0], nil
}

// List implements ledger.Index.
func (x *Index) List(ctx context.Context, f ledger.Filter, limit int, after ledger.Cursor) (ledger.Page, error) {
	if err := ledger.CheckLimit(limit); err != nil {
		return ledger.Page{}, err
	}
	w := where(f)
	if after != "" {
		nanos, id, err := after.Parse()
		if err != nil {
			return ledger.Page{}, err
		}
		w.and("(time, id) < (?, ?)", nanos, id)
	}
	rows, err := x.rows(ctx, "SELECT "+columns+" FROM decision"+w.sql()+" ORDER BY time DESC, id DESC LIMIT ?", append(w.args, limit+1)...)
	if err != nil {
		return ledger.Page{}, err
	}
	page := ledger.Page{Rows: rows}
	if len(rows) > limit {
		page.Rows = rows[:limit]
		page.Next = ledger.CursorAt(&rows[limit-1])
	}
	return page, nil
}

// Count implements ledger.Index.
func (x *Index) Count(ctx context.Context, f ledger.Filter) (n int, err error) {
	w := where(f)
	err = x.read(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, "SELECT count(*) FROM decision"+w.sql(), w.args...).Scan(&n)
	})
	return n, err
}

// Summary implements ledger.Index.
func (x *Index) Summary(ctx context.Context, f ledger.Filter) (groups []ledger.Group, err error) {
	w := where(f)
	query := `SELECT task, coalesce(tier, ''), cause, count(*), coalesce(sum(cost), 0), count(*) - count(cost),
		coalesce(sum(baseline - cost), 0), count(baseline - cost)
		FROM decision` + w.sql() + ` GROUP BY task, tier, cause ORDER BY task, tier, cause`
	err = x.query(ctx, query, w.args, func() { groups = nil }, func(rows *sql.Rows) error {
		var g ledger.Group
		err := rows.Scan(&g.Task, &g.Tier, &g.Cause, &g.Count, &g.Cost, &g.CostUnknown, &g.Saved, &g.Compared)
		groups = append(groups, g)
		return err
	})
	if err != nil {
		return nil, err
	}
	return groups, x.countOutcomes(ctx, f, groups)
}

// countOutcomes fills in WithOutcome. It starts from the outcomes, which are
// few, and not from the decisions.
func (x *Index) countOutcomes(ctx context.Context, f ledger.Filter, groups []ledger.Group) error {
	w := where(f)
	query := `SELECT task, coalesce(tier, ''), cause, count(*)
		FROM (SELECT DISTINCT decision AS judged FROM outcome) CROSS JOIN decision ON id = judged` + w.sql() + ` GROUP BY task, tier, cause`
	type key struct {
		task  pointsman.TaskID
		tier  pointsman.TierID
		cause pointsman.Cause
	}
	var counts map[key]int
	err := x.query(ctx, query, w.args, func() { counts = map[key]int{} }, func(rows *sql.Rows) error {
		var k key
		var n int
		err := rows.Scan(&k.task, &k.tier, &k.cause, &n)
		counts[k] = n
		return err
	})
	for i := range groups {
		g := &groups[i]
		g.WithOutcome = counts[key{g.Task, g.Tier, g.Cause}]
	}
	return err
}

// Outcomes implements ledger.Index.
func (x *Index) Outcomes(ctx context.Context, id pointsman.DecisionID) (list []journal.Locator, err error) {
	if err := x.CatchUp(ctx); err != nil {
		return nil, err
	}
	err = x.query(ctx, "SELECT locator FROM outcome WHERE decision = ? ORDER BY locator", []any{string(id)},
		func() { list = nil }, func(rows *sql.Rows) error {
			var l journal.Locator
			err := rows.Scan(&l)
			list = append(list, l)
			return err
		})
	return list, err
}

// HasOutcome implements ledger.Index.
func (x *Index) HasOutcome(ctx context.Context, id pointsman.Digest) (has bool, err error) {
	if err := x.CatchUp(ctx); err != nil {
		return false, err
	}
	err = x.read(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM outcome WHERE id = ?)", string(id)).Scan(&has)
	})
	return has, err
}

// Audits implements ledger.Index.
func (x *Index) Audits(ctx context.Context, f ledger.AuditFilter) (list []journal.Locator, err error) {
	if err := x.CatchUp(ctx); err != nil {
		return nil, err
	}
	var c condition
	if f.Decision != "" {
		c.and("decision = ?", string(f.Decision))
	}
	if f.Task != "" {
		c.and("task = ?", string(f.Task))
	}
	if f.Policy != "" {
		c.and("policy = ?", string(f.Policy))
	}
	if !f.Since.IsZero() {
		c.and("time >= ?", f.Since.UnixNano())
	}
	err = x.query(ctx, "SELECT locator FROM audit"+c.sql()+" ORDER BY rowid", c.args,
		func() { list = nil }, func(rows *sql.Rows) error {
			var l journal.Locator
			err := rows.Scan(&l)
			list = append(list, l)
			return err
		})
	return list, err
}

// condition collects the parts of a WHERE clause.
type condition struct {
	parts []string
	args  []any
}

func (c *condition) and(part string, args ...any) {
	c.parts = append(c.parts, part)
	c.args = append(c.args, args...)
}

func (c *condition) sql() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

func where(f ledger.Filter) *condition {
	c := new(condition)
	for _, equal := range []struct{ column, value string }{
		{"task", string(f.Task)},
		{"tier", string(f.Tier)},
		{"cause", string(f.Cause)},
		{"lifecycle", string(f.Lifecycle)},
		{"conversation", f.Conversation},
		{"principal", f.Principal},
	} {
		if equal.value != "" {
			c.and(equal.column+" = ?", equal.value)
		}
	}
	if !f.Since.IsZero() {
		c.and("time >= ?", f.Since.UnixNano())
	}
	if !f.Until.IsZero() {
		c.and("time < ?", f.Until.UnixNano())
	}
	if f.MinCost != nil {
		c.and("cost >= ?", int64(*f.MinCost))
	}
	if f.MaxCost != nil {
		c.and("cost <= ?", int64(*f.MaxCost))
	}
	return c
}

// rows runs a query for whole rows.
func (x *Index) rows(ctx context.Context, query string, args ...any) ([]ledger.Row, error) {
	var list []ledger.Row
	err := x.query(ctx, query, args, func() { list = nil }, func(rows *sql.Rows) error {
		row, err := scan(rows)
		list = append(list, row)
		return err
	})
	return list, err
}

// query calls each for every row of a result, after begin: a second time where
// the first came upon damage.
func (x *Index) query(ctx context.Context, query string, args []any, begin func(), each func(*sql.Rows) error) error {
	return x.read(ctx, func(db *sql.DB) error {
		begin()
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := each(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// read runs a query. Where it fails, the file may be damaged or gone, which
// catching up finds and mends, and the query runs once more.
func (x *Index) read(ctx context.Context, do func(*sql.DB) error) error {
	err := x.readOnce(do)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if rebuildable(err) {
		x.damaged.Store(true)
	}
	var failed *sqlitedriver.Error
	if errors.As(err, &failed) || errors.Is(err, errOther) || errors.Is(err, ledger.ErrUnavailable) {
		if err := x.CatchUp(ctx); err != nil {
			return err
		}
		err = x.readOnce(do)
	}
	if err != nil {
		return fmt.Errorf("index %s: %w", x.path, err)
	}
	return nil
}

func (x *Index) readOnce(do func(*sql.DB) error) error {
	x.pools.RLock()
	defer x.pools.RUnlock()
	if x.reader == nil {
		return ledger.ErrUnavailable
	}
	return do(x.reader)
}
