package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/durable"
)

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		out = append(out, f.Name())
	}
	return out
}

func TestWriteFileReplaces(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "policy")
	for _, content := range []string{"old", "new and longer", ""} {
		if err := durable.WriteFile(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != content {
			t.Fatalf("%q, %v; want %q", got, err, content)
		}
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("%v is left beside it", got)
	}
}

// A write that fails in the middle, as on a full disk, leaves the old file and
// nothing else.
func TestAFailedWriteLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "policy")
	if err := durable.WriteFile(name, []byte("old")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left")
	err := durable.WriteTo(name, func(w io.Writer) error {
		if _, err := w.Write([]byte("half of the n")); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) {
		t.Fatalf("%v, want the writer's error", err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "old" {
		t.Errorf("%q, %v; want the old content", got, err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("%v is left beside it", got)
	}
}

// brokenFS fails where it is told to.
type brokenFS struct {
	durable.OS
	rename error
}

func (b brokenFS) Rename(from, to string) error {
	if b.rename != nil {
		return b.rename
	}
	return b.OS.Rename(from, to)
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "segment")
	full := errors.New("no space left")
	if _, err := durable.Create(brokenFS{rename: full}, name, []byte("header"), true); !errors.Is(err, full) {
		t.Fatalf("%v, want the rename's error", err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("%v is left", got)
	}
	f, err := durable.Create(durable.OS{}, name, []byte("header"), true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("!"), 6); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "header!" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTryLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "LOCK")
	open := func() *os.File {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first, second := open(), open()
	defer second.Close()
	if taken, err := durable.TryLock(first); err != nil || !taken {
		t.Fatalf("%v, %v", taken, err)
	}
	if taken, err := durable.TryLock(second); err != nil || taken {
		t.Fatalf("taken twice: %v, %v", taken, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if taken, err := durable.TryLock(second); err != nil || !taken {
		t.Fatalf("after it was given up: %v, %v", taken, err)
	}
}
