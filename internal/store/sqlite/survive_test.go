package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/store/sqlite"
	"github.com/pointsman-ai/pointsman/internal/store/storetest"
)

// Files that are deleted or replaced while the index is open are noticed, and
// the index is whole again with the next look.
func TestDeletedWhileOpen(t *testing.T) {
	const rows = 300
	for name, spoil := range map[string]func(t *testing.T, path string){
		"the file": func(t *testing.T, path string) { must(t, os.Remove(path)) },
		"the log":  func(t *testing.T, path string) { must(t, os.Remove(path+"-wal")) },
		"all": func(t *testing.T, path string) {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				must(t, os.Remove(path+suffix))
			}
		},
		"the folder": func(t *testing.T, path string) { must(t, os.RemoveAll(filepath.Dir(path))) },
		"garbage in its place": func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.WriteFile(path, bytes.Repeat([]byte("garbage "), 1000), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j, err := journal.Open(dir, journal.DefaultOptions())
			must(t, err)
			defer j.Close()
			for n := range rows {
				must(t, j.AppendDecision(storetest.Decision(n), nil))
			}
			var log bytes.Buffer
			path := filepath.Join(t.TempDir(), "index", "index.db")
			x, err := sqlite.Open(path, sqlite.Options{Journal: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			must(t, err)
			must(t, x.CatchUp(t.Context()))
			spoil(t, path)
			must(t, j.AppendDecision(storetest.Decision(rows), nil))
			if _, err := x.Get(t.Context(), string(storetest.ID(rows))); err != nil {
				t.Errorf("what was appended just now: %v", err)
			}
			if got := count(t, x); got != rows+1 {
				t.Errorf("%d rows, want %d", got, rows+1)
			}
			if !strings.Contains(log.String(), "built anew") {
				t.Errorf("the log does not say so: %s", log.String())
			}
			must(t, x.Close())
			again := open(t, path, dir)
			if got := count(t, again); got != rows+1 {
				t.Errorf("%d rows when it is opened again, want %d", got, rows+1)
			}
			must(t, again.Close())
		})
	}
}

// Also while nothing is added, within seconds.
func TestFollowLooksForItsFiles(t *testing.T) {
	dir, path := written(t, 3), filepath.Join(t.TempDir(), "index.db")
	synctest.Test(t, func(t *testing.T) {
		j, err := journal.Open(dir, journal.DefaultOptions())
		must(t, err)
		x := open(t, path, dir)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- x.Follow(ctx, j) }()
		time.Sleep(time.Second) // of the bubble's clock
		must(t, os.Remove(path))
		time.Sleep(5 * time.Second) // of the bubble's clock
		synctest.Wait()
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
		if got := count(t, x); got != 3 {
			t.Errorf("%d rows, want 3", got)
		}
		cancel()
		must(t, <-done)
		must(t, errors.Join(x.Close(), j.Close()))
	})
}

// An index that cannot be opened says so to who asks it, and is there as soon as
// it can be.
func TestAnIndexThatCannotBeOpened(t *testing.T) {
	dir, data := written(t, 3), t.TempDir()
	blocked := filepath.Join(data, "blocked")
	must(t, os.WriteFile(blocked, nil, 0o600)) // a file where a folder is to be
	x := open(t, filepath.Join(blocked, "index.db"), dir)
	defer x.Close()
	if err := x.CatchUp(t.Context()); err == nil {
		t.Error("it was opened")
	}
	if _, err := x.List(t.Context(), ledger.Filter{}, 10, ""); err == nil {
		t.Error("it answered")
	}
	must(t, os.Remove(blocked))
	must(t, x.CatchUp(t.Context()))
	if got := count(t, x); got != 3 {
		t.Errorf("%d rows, want 3", got)
	}
}
