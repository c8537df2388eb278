// Package storetest is the conformance suite of indexes of the decision log:
// whatever database is behind one, it passes the same tests.
package storetest

import (
	stdcmp "cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
)

// Run runs the suite. open returns an empty index of the journal in a
// directory; the suite closes it.
func Run(t *testing.T, open func(t *testing.T, journalDir string) ledger.Index) {
	for name, test := range map[string]func(*fixture){
		"rows say what records say":            rowsSayWhatRecordsSay,
		"lists and filters agree with a scan":  listsAgreeWithScan,
		"pages join to the whole list":         pagesJoin,
		"ids are found by unique prefixes":     prefixes,
		"outcomes belong to their decisions":   outcomes,
		"audits belong to their decisions":     audits,
		"the same record twice is one row":     repeats,
		"summaries add up":                     summaries,
		"what was appended just now is there":  fresh,
		"expired segments leave":               expiry,
		"nonsense is refused":                  nonsense,
		"an empty journal makes an empty list": empty,
	} {
		t.Run(name, func(t *testing.T) {
			f := &fixture{T: t, ctx: t.Context(), dir: t.TempDir(), now: epoch}
			f.journal = f.open(journal.Forever)
			f.store = open(t, f.dir)
			t.Cleanup(func() {
				if err := errors.Join(f.store.Close(), f.journal.Close()); err != nil {
					t.Error(err)
				}
			})
			test(f)
		})
	}
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type fixture struct {
	*testing.T
	ctx     context.Context
	dir     string
	now     time.Time
	journal *journal.Journal
	store   ledger.Index
	written []*pointsman.Decision
}

func (f *fixture) open(retention time.Duration) *journal.Journal {
	f.Helper()
	o := journal.DefaultOptions()
	o.Clock = func() time.Time { return f.now }
	o.SegmentSize = 16 << 10
	o.Retention = retention
	j, err := journal.Open(f.dir, o)
	f.must(err)
	return j
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// write appends n decisions that differ in every column, with a clock that
// steps back once, and brings the index up to date.
func (f *fixture) write(n int) {
	f.Helper()
	for range n {
		d := Decision(len(f.written))
		f.must(f.journal.AppendDecision(d, nil))
		f.written = append(f.written, d)
	}
	f.must(f.store.CatchUp(f.ctx))
}

// ID is the n-th identifier of a test; the first 13 characters of each eight
// in a row are the same.
func ID(n int) pointsman.DecisionID {
	return pointsman.DecisionID(fmt.Sprintf("0195%04x-%04x-7%03x-8000-%012x", 0xbeef, n/8, n%8, n))
}

// Decision is the n-th decision of a test.
func Decision(n int) *pointsman.Decision {
	pick := func(list ...string) string { return list[n%len(list)] }
	at := epoch.Add(time.Duration(n) * time.Second)
	if n >= 20 {
		at = at.Add(-15500 * time.Millisecond) // the clock stepped back
	}
	d := &pointsman.Decision{
		ID: ID(n), Time: at, Task: pointsman.TaskID(pick("bank", "mail", "bank", "tick\"et\u2028")),
		Conversation: pick("", "c1", "c2"), Principal: pick("web", ""), Slices: [][]string{nil, {"lang=en"}, {"lang=de", "a,b"}}[n%3],
		Config: pointsman.DigestOf([]byte("config")), Policy: pointsman.Digest(pick("", string(pointsman.DigestOf([]byte("policy"))))),
		Request: pointsman.Signals{pointsman.Measured("request.words", float64(n)), pointsman.Unmeasured("request.ood", "a \"reason\"")},
		Rules:   pointsman.RuleEffect{Permitted: []pointsman.TierID{"small", "large"}, Stakes: 1},
		Tier:    pointsman.TierID(pick("small", "large", "small", "small", "")), Model: "m",
		Cause:     pointsman.Cause(pick("accepted", "uncertain", "accepted", "pinned", "all_tiers_failed")),
		Lifecycle: pointsman.Lifecycle(pick("completed", "completed", "aborted", "completed", "failed")), Status: 200 + n%5,
		Streamed: n%2 == 0, Propensity: 1, Latency: time.Duration(n) * time.Millisecond, Overhead: time.Duration(n) * time.Microsecond,
		Cost: pointsman.KnownCost(pointsman.Money(100 * n)), Baseline: pointsman.KnownCost(pointsman.Money(1000 * n)), BaselineEstimated: n%3 == 0,
	}
	if n%7 == 3 {
		d.Cost = pointsman.Cost{}
	}
	for i, tier := range []pointsman.TierID{"small", "large"} {
		a := pointsman.Attempt{Tier: tier, Model: "m", Signals: d.Request, Cause: d.Cause, Detail: `{"tier":"not this"}`, Cost: d.Cost}
		if (n+i)%2 == 0 {
			acceptable, uplift := 1/float64(n+2), -1e-7*float64(n)
			a.Confidence = pointsman.Confidence{Acceptable: &acceptable, Uplift: &uplift}
		}
		d.Attempts = append(d.Attempts, a)
	}
	return d
}

func rowsSayWhatRecordsSay(f *fixture) {
	f.write(30)
	reader := &ledger.Reader{Journal: f.dir, Index: f.store}
	for _, d := range f.written {
		got, err := reader.Find(f.ctx, string(d.ID))
		f.must(err)
		if diff := cmp.Diff(d, got.Decision); diff != "" {
			f.Fatal(diff)
		}
		entry, err := journal.ReadAt(f.dir, got.Row.Locator)
		f.must(err)
		want, err := ledger.RowOf(&entry)
		f.must(err)
		if diff := cmp.Diff(want, got.Row); diff != "" {
			f.Fatal(diff)
		}
	}
}

// selects is what a filter means.
func selects(f ledger.Filter, d *pointsman.Decision) bool {
	return (f.Task == "" || f.Task == d.Task) && (f.Tier == "" || f.Tier == d.Tier) &&
		(f.Cause == "" || f.Cause == d.Cause) && (f.Lifecycle == "" || f.Lifecycle == d.Lifecycle) &&
		(f.Conversation == "" || f.Conversation == d.Conversation) && (f.Principal == "" || f.Principal == d.Principal) &&
		(f.Since.IsZero() || !d.Time.Before(f.Since)) && (f.Until.IsZero() || d.Time.Before(f.Until)) &&
		(f.MinCost == nil || d.Cost.Known && d.Cost.Amount >= *f.MinCost) &&
		(f.MaxCost == nil || d.Cost.Known && d.Cost.Amount <= *f.MaxCost)
}

func filters() []ledger.Filter {
	zero, some := pointsman.Money(0), pointsman.Money(1500)
	return []ledger.Filter{
		{},
		{Task: "bank"},
		{Task: "tick\"et\u2028"},
		{Task: "' OR 1=1 --"},
		{Tier: "large", Cause: "uncertain"},
		{Lifecycle: pointsman.Aborted},
		{Conversation: "c2", Task: "bank"},
		{Principal: "web"},
		{Since: epoch.Add(6 * time.Second), Until: epoch.Add(12 * time.Second)},
		{Since: epoch.Add(7 * time.Second), Task: "mail"},
		{MinCost: &some},
		{MinCost: &zero, MaxCost: &some},
	}
}

// want lists the ids that a filter selects, newest first.
func (f *fixture) want(filter ledger.Filter) (ids []pointsman.DecisionID) {
	var list []*pointsman.Decision
	for _, d := range slices.Backward(f.written) {
		if selects(filter, d) {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b *pointsman.Decision) int {
		return stdcmp.Or(b.Time.Compare(a.Time), strings.Compare(string(b.ID), string(a.ID)))
	})
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids
}

func idsOf(rows []ledger.Row) (ids []pointsman.DecisionID) {
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

func listsAgreeWithScan(f *fixture) {
	f.write(60)
	for _, filter := range filters() {
		page, err := f.store.List(f.ctx, filter, 100, "")
		f.must(err)
		want := f.want(filter)
		if diff := cmp.Diff(want, idsOf(page.Rows)); diff != "" || page.Next != "" {
			f.Errorf("%+v: next %q, %s", filter, page.Next, diff)
		}
		n, err := f.store.Count(f.ctx, filter)
		f.must(err)
		if n != len(want) {
			f.Errorf("%+v: count %d, want %d", filter, n, len(want))
		}
	}
}

func pagesJoin(f *fixture) {
	f.write(60)
	for _, filter := range filters() {
		for _, limit := range []int{1, 7, 60, ledger.MaxLimit} {
			var got []pointsman.DecisionID
			var after ledger.Cursor
			for {
				page, err := f.store.List(f.ctx, filter, limit, after)
				f.must(err)
				if len(page.Rows) > limit {
					f.Fatalf("%d rows on a page of %d", len(page.Rows), limit)
				}
				got = append(got, idsOf(page.Rows)...)
				if after = page.Next; after == "" {
					break
				}
			}
			if diff := cmp.Diff(f.want(filter), got); diff != "" {
				f.Errorf("%+v by %d: %s", filter, limit, diff)
			}
		}
	}
}

func prefixes(f *fixture) {
	f.write(30)
	for _, c := range []struct {
		prefix string
		want   error
	}{
		{string(ID(17)), nil},
		{string(ID(17))[:18], nil},
		{string(ID(17))[:13], ledger.ErrAmbiguous},
		{string(ID(17))[:8], ledger.ErrAmbiguous},
		{string(ID(17))[:7], ledger.ErrPrefix},
		{"", ledger.ErrPrefix},
		{"0195beef%", ledger.ErrPrefix},
		{"0195BEEF-0002", ledger.ErrPrefix},
		{string(ID(17)) + "0", ledger.ErrPrefix},
		{"0195beef-ffff", ledger.ErrNotFound},
		{string(ID(77)), ledger.ErrNotFound},
	} {
		row, err := f.store.Get(f.ctx, c.prefix)
		if !errors.Is(err, c.want) || c.want == nil && (err != nil || row.ID != ID(17)) {
			f.Errorf("Get(%q) = %s, %v; want %v", c.prefix, row.ID, err, c.want)
		}
	}
}

func outcomes(f *fixture) {
	f.write(5)
	right := true
	outcome := func(n int, label string) pointsman.Outcome {
		return pointsman.Outcome{
			ID: pointsman.DigestOf(fmt.Appendf(nil, "%d %s", n, label)), Decision: ID(n), Time: epoch,
			Source: "web", Label: label, Correct: &right, Comment: strings.Repeat("ü", 10),
		}
	}
	want := []pointsman.Outcome{outcome(2, "a"), outcome(2, "b")}
	for _, o := range []pointsman.Outcome{want[0], outcome(3, "a"), want[1], want[0]} {
		f.must(f.journal.AppendOutcome(&o))
	}
	reader := &ledger.Reader{Journal: f.dir, Index: f.store}
	got, err := reader.Outcomes(f.ctx, ID(2))
	f.must(err)
	if diff := cmp.Diff(want, got); diff != "" {
		f.Error(diff)
	}
	if got, err = reader.Outcomes(f.ctx, ID(4)); err != nil || len(got) > 0 {
		f.Errorf("%v, %v; want none", got, err)
	}
	for id, want := range map[pointsman.Digest]bool{want[0].ID: true, pointsman.DigestOf(nil): false} {
		if has, err := f.store.HasOutcome(f.ctx, id); err != nil || has != want {
			f.Errorf("HasOutcome(%s) = %v, %v; want %v", id, has, err, want)
		}
	}
}

func audits(f *fixture) {
	f.write(5)
	audit := func(n int, task pointsman.TaskID, policy string) pointsman.Audit {
		harm := 0.5
		return pointsman.Audit{
			Decision: ID(n), Time: epoch.Add(time.Duration(n) * time.Hour), Task: task, Policy: pointsman.DigestOf([]byte(policy)), Probability: 0.01,
			Harm: &harm, Kept: "a", Label: "b", Cost: pointsman.KnownCost(3), Charged: 3,
		}
	}
	want := []pointsman.Audit{audit(2, "one", "p"), audit(4, "one", "q"), audit(3, "two", "p")}
	for _, a := range append(want, want[0]) { // the last again, as after an append whose caller saw an error
		f.must(f.journal.AppendAudit(&a))
	}
	reader := &ledger.Reader{Journal: f.dir, Index: f.store}
	for _, c := range []struct {
		filter ledger.AuditFilter
		want   []pointsman.Audit
	}{
		{ledger.AuditFilter{}, want},
		{ledger.AuditFilter{Decision: ID(4)}, want[1:2]},
		{ledger.AuditFilter{Decision: ID(5)}, []pointsman.Audit{}},
		{ledger.AuditFilter{Task: "one"}, want[:2]},
		{ledger.AuditFilter{Task: "one", Policy: want[0].Policy}, want[:1]},
		{ledger.AuditFilter{Since: want[2].Time}, want[1:]},
	} {
		got, err := reader.Audits(f.ctx, c.filter)
		f.must(err)
		if diff := cmp.Diff(c.want, got); diff != "" {
			f.Errorf("%+v: %s", c.filter, diff)
		}
	}
	if sum, err := reader.Charged(f.ctx, "one", epoch); err != nil || sum != 6 {
		f.Errorf("charged %v, %v; want 6", sum, err)
	}
}

func repeats(f *fixture) {
	f.write(5)
	f.must(f.journal.AppendDecision(Decision(2), nil)) // as after an append whose caller saw an error
	f.must(f.store.CatchUp(f.ctx))
	if n, err := f.store.Count(f.ctx, ledger.Filter{}); err != nil || n != 5 {
		f.Errorf("%d, %v; want 5", n, err)
	}
}

func summaries(f *fixture) {
	f.write(60)
	for _, n := range []int{4, 5, 5} {
		o := pointsman.Outcome{ID: pointsman.DigestOf(fmt.Append(nil, n)), Decision: ID(n), Label: "x"}
		f.must(f.journal.AppendOutcome(&o))
	}
	f.must(f.store.CatchUp(f.ctx))
	for _, filter := range filters() {
		type key struct {
			task  pointsman.TaskID
			tier  pointsman.TierID
			cause pointsman.Cause
		}
		sums := map[key]*ledger.Group{}
		for i, d := range f.written {
			if !selects(filter, d) {
				continue
			}
			k := key{d.Task, d.Tier, d.Cause}
			if sums[k] == nil {
				sums[k] = &ledger.Group{Task: d.Task, Tier: d.Tier, Cause: d.Cause}
			}
			g := sums[k]
			g.Count++
			if d.Cost.Known {
				g.Cost += d.Cost.Amount
				g.Saved += d.Baseline.Amount - d.Cost.Amount
				g.Compared++
			} else {
				g.CostUnknown++
			}
			if i == 4 || i == 5 {
				g.WithOutcome++
			}
		}
		var want []ledger.Group
		for _, g := range sums {
			want = append(want, *g)
		}
		order := func(a, b ledger.Group) int {
			return strings.Compare(string(a.Task)+"\x00"+string(a.Tier)+"\x00"+string(a.Cause), string(b.Task)+"\x00"+string(b.Tier)+"\x00"+string(b.Cause))
		}
		slices.SortFunc(want, order)
		got, err := f.store.Summary(f.ctx, filter)
		f.must(err)
		slices.SortFunc(got, order) // collations differ
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("%+v: %s", filter, diff)
		}
	}
}

func fresh(f *fixture) {
	f.write(3)
	f.must(f.journal.AppendDecision(Decision(3), nil))
	if _, err := f.store.Get(f.ctx, string(ID(3))); err != nil {
		f.Error(err)
	}
}

func expiry(f *fixture) {
	f.write(40)
	f.must(f.journal.Close())
	f.now = f.now.Add(48 * time.Hour)
	f.journal = f.open(24 * time.Hour)
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	f.must(f.journal.Run(ctx)) // sweeps once before it ends: the newest segment is closed
	f.now = f.now.Add(48 * time.Hour)
	f.must(f.journal.Run(ctx))
	f.write(1)
	ids := []pointsman.DecisionID{f.written[40].ID}
	page, err := f.store.List(f.ctx, ledger.Filter{}, 100, "")
	f.must(err)
	if diff := cmp.Diff(ids, idsOf(page.Rows)); diff != "" {
		f.Error(diff)
	}
	if _, err := (&ledger.Reader{Journal: f.dir, Index: f.store}).Find(f.ctx, string(ID(1))); !errors.Is(err, ledger.ErrNotFound) {
		f.Errorf("an expired record: %v, want ErrNotFound", err)
	}
}

func nonsense(f *fixture) {
	f.write(1)
	for _, c := range []struct {
		limit int
		after ledger.Cursor
	}{{0, ""}, {-1, ""}, {ledger.MaxLimit + 1, ""}, {1, "x"}, {1, "."}, {1, "1."}, {1, "1"}} {
		if _, err := f.store.List(f.ctx, ledger.Filter{}, c.limit, c.after); !errors.Is(err, ledger.ErrFilter) {
			f.Errorf("List(%d, %q): %v, want ErrFilter", c.limit, c.after, err)
		}
	}
}

func empty(f *fixture) {
	f.must(f.store.CatchUp(f.ctx))
	page, err := f.store.List(f.ctx, ledger.Filter{}, 10, "")
	if err != nil || len(page.Rows) > 0 || page.Next != "" {
		f.Errorf("%+v, %v", page, err)
	}
	if groups, err := f.store.Summary(f.ctx, ledger.Filter{}); err != nil || len(groups) > 0 {
		f.Errorf("%+v, %v", groups, err)
	}
}
