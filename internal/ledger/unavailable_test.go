package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/store/sqlite"
)

// Without an index, decisions are recorded, who looks one up is told to try
// again, and can as soon as the index is there.
func TestWithoutAnIndex(t *testing.T) {
	data := t.TempDir()
	j, err := journal.Open(filepath.Join(data, "journal"), journal.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	blocked := filepath.Join(data, "index")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil { // a file where a folder is to be
		t.Fatal(err)
	}
	x, err := sqlite.Open(filepath.Join(blocked, "index.sqlite"), sqlite.Options{Journal: j.Dir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(x.Close(), j.Close()); err != nil {
			t.Error(err)
		}
	}()
	l := ledger.New(ledger.Options{Journal: j, Index: x, Recording: func(pointsman.TaskID) pointsman.Recording { return pointsman.RecordFull }})
	if err := l.Ready(); err != nil {
		t.Fatal(err)
	}
	d := record(t, l, pointsman.RecordFull)
	o := pointsman.Outcome{ID: pointsman.DigestOf(nil), Decision: d.ID, Source: "web", Label: "refund"}
	sent := o
	_, err = l.RecordOutcome(t.Context(), &sent)
	var e *pointsman.Error
	if !errors.As(err, &e) || e.Code != pointsman.CodeUnavailable || e.Hint == "" {
		t.Fatalf("%v, want CodeUnavailable", err)
	}
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	sent = o
	if existed, err := l.RecordOutcome(t.Context(), &sent); err != nil || existed {
		t.Errorf("existed %v, %v", existed, err)
	}
}
