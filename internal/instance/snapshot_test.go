package instance_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/artefact"
)

// A store that cannot be written to is no reason not to serve: the snapshot is
// named all the same, and kept when that can be done.
func TestSnapshotThatCannotBeKeptYet(t *testing.T) {
	dir := folder(t)
	inTheWay := filepath.Join(dir, "artefacts")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w := build(t, dir, file)
	if w.Keep() == nil || len(w.Notes()) == 0 {
		t.Errorf("it is kept in a store that cannot be written to; noted: %v", w.Notes())
	}
	remove(t, inTheWay)
	if err := w.Keep(); err != nil {
		t.Fatal(err)
	}
	if _, err := artefact.Open(dir).Get(w.Snapshot()); err != nil {
		t.Error(err)
	}
	if other := build(t, dir, file); other.Snapshot() != w.Snapshot() || other.Keep() != nil {
		t.Errorf("%s, and %s when it could be kept at once", w.Snapshot(), other.Snapshot())
	}
}
