package ledger_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/store/storetest"
)

// entryOf is the entry that a decision makes, in any spelling of JSON.
func entryOf(t interface{ Fatal(...any) }, d *pointsman.Decision, indent bool) *journal.Entry {
	body := map[string]any{"decision": d, "payload": map[string]any{"decision": "not this"}}
	text, err := json.Marshal(body)
	if indent {
		text, err = json.MarshalIndent(body, " ", "\t")
	}
	if err != nil {
		t.Fatal(err)
	}
	return &journal.Entry{Kind: journal.KindDecision, Seq: 7, Body: text}
}

// Strings of every kind come through as encoding/json reads them.
func TestRowOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := storetest.Decision(rapid.IntRange(0, 100).Draw(t, "n"))
		d.Conversation = rapid.String().Draw(t, "conversation")
		d.Detail = rapid.String().Draw(t, "detail")
		d.Slices = rapid.SliceOf(rapid.String()).Draw(t, "slices")
		e := entryOf(t, d, rapid.Bool().Draw(t, "indent"))
		row, err := ledger.RowOf(e)
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := e.Decision()
		if err != nil {
			t.Fatal(err)
		}
		want := ledger.Row{
			ID: back.ID, Time: back.Time, Task: back.Task, Conversation: back.Conversation, Principal: back.Principal, Slices: back.Slices,
			Config: back.Config, Policy: back.Policy, Tier: back.Tier, Model: back.Model, Cause: back.Cause, Lifecycle: back.Lifecycle,
			Status: back.Status, Streamed: back.Streamed, Attempts: len(back.Attempts), Cost: back.Cost, Baseline: back.Baseline,
			BaselineEstimated: back.BaselineEstimated, Latency: back.Latency, Overhead: back.Overhead, Locator: e.Locator(),
		}
		for _, a := range back.Attempts {
			if a.Tier == back.Tier {
				want.Acceptable, want.Uplift = a.Confidence.Acceptable, a.Confidence.Uplift
			}
		}
		if diff := cmp.Diff(want, row); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Foreign bytes make an error or a row, never a panic or an endless loop.
func FuzzRowOf(f *testing.F) {
	f.Add(entryOf(f, storetest.Decision(3), false).Body)
	for _, s := range []string{"", "{", `{"decision":`, `{"decision":{"attempts":[{`, `{"decision":{"id":"\`, `{"decision":{"x":[[[[`, `{"decision":{"status":1e9}}`, `{"a":1:2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := ledger.RowOf(&journal.Entry{Kind: journal.KindDecision, Body: body})
		if err != nil && !errors.Is(err, journal.ErrCorrupt) {
			t.Error(err)
		}
		if !json.Valid(body) {
			return
		}
		var full struct{ Decision *pointsman.Decision }
		if json.Unmarshal(body, &full) == nil && full.Decision == nil && err == nil {
			t.Errorf("a row of %q", body)
		}
	})
}

func BenchmarkRowOf(b *testing.B) {
	e := entryOf(b, storetest.Decision(3), false)
	b.SetBytes(int64(len(e.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ledger.RowOf(e); err != nil {
			b.Fatal(err)
		}
	}
}
