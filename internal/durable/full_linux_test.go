package durable_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/testenv"
)

// On a real disk that fills in the middle of a write, the old file is as it was
// and nothing is left beside it; with room, the new one takes its place.
func TestWriteFileOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	testenv.Mount(t, dir, "256k")
	name := filepath.Join(dir, "policy")
	if err := durable.WriteFile(name, []byte("old")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := durable.WriteFile(name, make([]byte, 300<<10)); !durable.IsFull(err) {
			t.Fatalf("%v, want a full disk", err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != "old" {
			t.Errorf("%d bytes, %v; want the old content", len(got), err)
		}
		if got := names(t, dir); len(got) != 1 {
			t.Errorf("%v is left beside it", got)
		}
	}
	fits := bytes.Repeat([]byte("a"), 200<<10)
	if err := durable.WriteFile(name, fits); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, fits) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
