package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/store/sqlite"
	"github.com/pointsman-ai/pointsman/internal/store/storetest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// written is a closed journal of n decisions.
func written(t testing.TB, n int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	j, err := journal.Open(dir, journal.DefaultOptions())
	must(t, err)
	for i := range n {
		must(t, j.AppendDecision(storetest.Decision(i), nil))
	}
	must(t, j.Close())
	return dir
}

// build makes the index of a journal in a file.
func build(t testing.TB, dir, path string) {
	t.Helper()
	x := open(t, path, dir)
	must(t, x.CatchUp(t.Context()))
	must(t, x.Close())
}

func count(t testing.TB, x *sqlite.Index) int {
	t.Helper()
	n, err := x.Count(t.Context(), ledger.Filter{})
	must(t, err)
	return n
}

// An index that is no longer one of this journal and version is built anew, and
// the log says why.
func TestBuiltAnew(t *testing.T) {
	const rows = 3000
	dir, other := written(t, rows), written(t, 5)
	whole := filepath.Join(t.TempDir(), "index.db")
	build(t, dir, whole)
	content, err := os.ReadFile(whole)
	must(t, err)
	for name, c := range map[string]struct {
		spoil   func(path string)
		journal string
		rows    int
	}{
		"another version": {func(path string) {
			db, err := sql.Open("sqlite", path)
			must(t, err)
			_, err = db.Exec("PRAGMA user_version = 99")
			must(t, errors.Join(err, db.Close()))
		}, dir, rows},
		"no database":     {func(path string) { must(t, os.WriteFile(path, []byte(strings.Repeat("garbage ", 1000)), 0o600)) }, dir, rows},
		"damaged pages":   {func(path string) { must(t, os.WriteFile(path, damaged(content), 0o600)) }, dir, rows},
		"cut":             {func(path string) { must(t, os.WriteFile(path, content[:len(content)/2], 0o600)) }, dir, rows},
		"another journal": {func(string) {}, other, 5},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "index.db")
			must(t, os.WriteFile(path, content, 0o600))
			c.spoil(path)
			var log bytes.Buffer
			x, err := sqlite.Open(path, sqlite.Options{Journal: c.journal, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			must(t, err)
			must(t, x.CatchUp(t.Context()))
			if got := count(t, x); got != c.rows {
				t.Errorf("%d rows, want %d", got, c.rows)
			}
			if !strings.Contains(log.String(), "built anew") {
				t.Errorf("the log does not say so: %s", log.String())
			}
			must(t, x.Close())
		})
	}
}

// damaged overwrites pages in the middle of a database.
func damaged(content []byte) []byte {
	b := bytes.Clone(content)
	for at := len(b) / 4; at < len(b)*3/4; at++ {
		b[at] = byte(at * 7)
	}
	return b
}

// Damage that comes while the index is open is mended by the query that meets
// it.
func TestDamageWhileOpen(t *testing.T) {
	const rows = 3000
	dir := written(t, rows)
	path := filepath.Join(t.TempDir(), "index.db")
	build(t, dir, path)
	x := open(t, path, dir)
	defer x.Close()
	content, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, damaged(content), 0o600))
	page, err := x.List(t.Context(), ledger.Filter{Tier: "large", MinCost: new(storetest.Decision(rows - 49).Cost.Amount)}, 1000, "")
	must(t, err)
	for i := range rows {
		if _, err := x.Get(t.Context(), string(storetest.ID(i))); err != nil {
			t.Fatalf("decision %d: %v", i, err)
		}
	}
	if len(page.Rows) != 9 {
		t.Errorf("%d rows, want 9", len(page.Rows))
	}
}

// An index goes on where it stood, and is the same as one built at once.
func TestGoesOnWhereItStood(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(dir, journal.DefaultOptions())
	must(t, err)
	path := filepath.Join(t.TempDir(), "index.db")
	for i := range 10 {
		must(t, j.AppendDecision(storetest.Decision(i), nil))
		x := open(t, path, dir)
		must(t, x.CatchUp(t.Context()))
		if got := count(t, x); got != i+1 {
			t.Fatalf("%d rows, want %d", got, i+1)
		}
		must(t, x.Close())
	}
	must(t, j.Close())
	atOnce := filepath.Join(t.TempDir(), "index.db")
	build(t, dir, atOnce)
	var pages [2]ledger.Page
	for i, p := range []string{path, atOnce} {
		x := open(t, p, dir)
		pages[i], err = x.List(t.Context(), ledger.Filter{}, 100, "")
		must(t, errors.Join(err, x.Close()))
	}
	if diff := cmp.Diff(pages[0], pages[1]); diff != "" {
		t.Error(diff)
	}
}

// Follow keeps up without being asked, goes on after failures, and ends with
// the context.
func TestFollow(t *testing.T) {
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "index.db")
	synctest.Test(t, func(t *testing.T) {
		j, err := journal.Open(dir, journal.DefaultOptions())
		must(t, err)
		x := open(t, path, dir)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- x.Follow(ctx, j) }()
		for i := range 30 {
			must(t, j.AppendDecision(storetest.Decision(i), nil))
			if i%10 == 9 {
				time.Sleep(time.Second) // of the bubble's clock
				synctest.Wait()
				if got := count(t, x); got != i+1 {
					t.Errorf("%d rows, want %d", got, i+1)
				}
			}
		}
		hidden := filepath.Join(dir, "elsewhere")
		must(t, os.Rename(filepath.Join(dir, "segments"), hidden)) // a disk that is away
		must(t, j.AppendDecision(storetest.Decision(30), nil))
		time.Sleep(10 * time.Second) // of the bubble's clock
		must(t, os.Rename(hidden, filepath.Join(dir, "segments")))
		time.Sleep(10 * time.Second) // of the bubble's clock
		synctest.Wait()
		if got := count(t, x); got != 31 {
			t.Errorf("%d rows after a failure, want 31", got)
		}
		cancel()
		must(t, <-done)
		must(t, errors.Join(x.Close(), j.Close()))
	})
}

// A path with characters that mean something in a URI is a path.
func TestOddPath(t *testing.T) {
	dir := written(t, 3)
	path := filepath.Join(t.TempDir(), "a b?mode=memory%41#x", "index.db")
	x := open(t, path, dir)
	must(t, x.CatchUp(t.Context()))
	must(t, x.Close())
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
}

func TestAfterClose(t *testing.T) {
	x := open(t, filepath.Join(t.TempDir(), "index.db"), written(t, 1))
	must(t, x.Close())
	if _, err := x.Get(t.Context(), string(storetest.ID(0))); !errors.Is(err, sql.ErrConnDone) {
		t.Errorf("%v, want ErrConnDone", err)
	}
	if _, err := sqlite.Open(filepath.Join(t.TempDir(), "x.db"), sqlite.Options{}); !errors.Is(err, sqlite.ErrNoJournal) {
		t.Errorf("%v, want ErrNoJournal", err)
	}
}
