package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/store"
)

const columns = `seq, id, time, task, conversation, principal, slices, config, policy, tier, model, cause, lifecycle,
	status, streamed, attempts, cost, baseline, baseline_estimated, acceptable, uplift, latency, overhead, segment, offset`

// Get finds the decision with an id, or with a beginning of it of at least
// [store.MinPrefix] characters that no other shares. What was appended just now
// is found: the index reads the journal on before it says no.
func (x *Index) Get(ctx context.Context, id string) (store.Row, error) {
	row, err := x.get(ctx, id)
	if !errors.Is(err, store.ErrNotFound) {
		return row, err
	}
	if err := x.CatchUp(ctx); err != nil {
		return store.Row{}, err
	}
	return x.get(ctx, id)
}

func (x *Index) get(ctx context.Context, id string) (store.Row, error) {
	low, high, err := store.PrefixRange(id)
	if err != nil {
		return store.Row{}, err
	}
	rows, err := x.rows(ctx, "SELECT "+columns+" FROM decision WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", low, high)
	switch {
	case err != nil:
		return store.Row{}, err
	case len(rows) == 0:
		return store.Row{}, store.NotFound(id)
	case len(rows) > 1:
		return store.Row{}, store.Ambiguous(id)
	}
	return rows[0], nil
}

// Record finds a decision as Get does and reads its whole record.
func (x *Index) Record(ctx context.Context, id string) (*store.Record, error) {
	row, err := x.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	e, err := journal.ReadAt(x.dir, row.Position)
	if errors.Is(err, journal.ErrExpired) {
		return nil, store.NotFound(id)
	}
	if err != nil {
		return nil, err
	}
	d, payload, err := e.Decision()
	if err != nil {
		return nil, err
	}
	return &store.Record{Row: row, Decision: d, Payload: payload}, nil
}

// List returns the decisions that a filter selects, newest first: at most limit
// of them, from the cursor on.
func (x *Index) List(ctx context.Context, f store.Filter, limit int, after store.Cursor) (store.Page, error) {
	if err := store.CheckLimit(limit); err != nil {
		return store.Page{}, err
	}
	w := where(f)
	if after != "" {
		nanos, seq, err := after.Parse()
		if err != nil {
			return store.Page{}, err
		}
		w.and("(time, seq) < (?, ?)", nanos, int64(seq))
	}
	rows, err := x.rows(ctx, "SELECT "+columns+" FROM decision"+w.sql()+" ORDER BY time DESC, seq DESC LIMIT ?", append(w.args, limit+1)...)
	if err != nil {
		return store.Page{}, err
	}
	page := store.Page{Rows: rows}
	if len(rows) > limit {
		page.Rows = rows[:limit]
		page.Next = store.CursorAt(&rows[limit-1])
	}
	return page, nil
}

// Count counts the decisions that a filter selects.
func (x *Index) Count(ctx context.Context, f store.Filter) (n int, err error) {
	w := where(f)
	err = x.read(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, "SELECT count(*) FROM decision"+w.sql(), w.args...).Scan(&n)
	})
	return n, err
}

// Summary sums the decisions that a filter selects by task, tier and cause, in
// that order.
func (x *Index) Summary(ctx context.Context, f store.Filter) (groups []store.Group, err error) {
	w := where(f)
	query := `SELECT task, tier, cause, count(*), coalesce(sum(cost), 0), count(*) - count(cost),
		coalesce(sum(baseline - cost), 0), count(baseline - cost)
		FROM decision` + w.sql() + ` GROUP BY task, tier, cause ORDER BY task, tier, cause`
	err = x.query(ctx, query, w.args, func() { groups = nil }, func(rows *sql.Rows) error {
		var g store.Group
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
func (x *Index) countOutcomes(ctx context.Context, f store.Filter, groups []store.Group) error {
	w := where(f)
	query := `SELECT task, tier, cause, count(*)
		FROM (SELECT DISTINCT decision AS said FROM outcome) CROSS JOIN decision ON id = said` + w.sql() + ` GROUP BY task, tier, cause`
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

// Outcomes reads what was said about a decision, oldest first.
func (x *Index) Outcomes(ctx context.Context, id pointsman.DecisionID) ([]pointsman.Outcome, error) {
	if err := x.CatchUp(ctx); err != nil {
		return nil, err
	}
	var places []journal.Position
	err := x.query(ctx, "SELECT segment, offset FROM outcome WHERE decision = ? ORDER BY seq", []any{string(id)},
		func() { places = nil }, func(rows *sql.Rows) error {
			var p journal.Position
			err := rows.Scan(&p.Segment, &p.Offset)
			places = append(places, p)
			return err
		})
	if err != nil {
		return nil, err
	}
	var outcomes []pointsman.Outcome
	for _, p := range places {
		e, err := journal.ReadAt(x.dir, p)
		if errors.Is(err, journal.ErrExpired) {
			continue
		}
		if err != nil {
			return nil, err
		}
		o, err := e.Outcome()
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, *o)
	}
	return outcomes, nil
}

// HasOutcome says whether an outcome was recorded, so that the same word sent
// twice is written once.
func (x *Index) HasOutcome(ctx context.Context, id pointsman.Digest) (has bool, err error) {
	if err := x.CatchUp(ctx); err != nil {
		return false, err
	}
	err = x.read(ctx, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM outcome WHERE id = ?)", string(id)).Scan(&has)
	})
	return has, err
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

func where(f store.Filter) *condition {
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
func (x *Index) rows(ctx context.Context, query string, args ...any) ([]store.Row, error) {
	var list []store.Row
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

// read runs a query. Where it comes upon damage, the file is built anew and the
// query runs once more.
func (x *Index) read(ctx context.Context, do func(*sql.DB) error) error {
	err := x.readOnce(do)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if rebuildable(err) {
		x.damaged.Store(true)
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
		return sql.ErrConnDone
	}
	return do(x.reader)
}

func scan(rows *sql.Rows) (store.Row, error) {
	var r store.Row
	var nanos, seq int64
	var conversation, principal, slices sql.NullString
	var cost, baseline sql.NullInt64
	err := rows.Scan(&seq, &r.ID, &nanos, &r.Task, &conversation, &principal, &slices, &r.Config, &r.Policy,
		&r.Tier, &r.Model, &r.Cause, &r.Lifecycle, &r.Status, &r.Streamed, &r.Attempts, &cost, &baseline, &r.BaselineEstimated,
		&r.Acceptable, &r.Uplift, &r.Latency, &r.Overhead, &r.Position.Segment, &r.Position.Offset)
	if err != nil {
		return r, err
	}
	r.Seq, r.Time = uint64(seq), time.Unix(0, nanos).UTC()
	r.Conversation, r.Principal = conversation.String, principal.String
	r.Cost, r.Baseline = costOf(cost), costOf(baseline)
	if slices.Valid {
		err = json.Unmarshal([]byte(slices.String), &r.Slices)
	}
	return r, err
}

func costOf(n sql.NullInt64) pointsman.Cost {
	if !n.Valid {
		return pointsman.Cost{}
	}
	return pointsman.KnownCost(pointsman.Money(n.Int64))
}

func costOrNull(c pointsman.Cost) any {
	if !c.Known {
		return nil
	}
	return int64(c.Amount)
}

func floatOrNull(f *float64) any {
	if f == nil {
		return nil
	}
	return *f
}
