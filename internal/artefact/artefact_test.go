package artefact_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
)

func TestStoreGivesBackWhatWasPut(t *testing.T) {
	s := artefact.Open(t.TempDir())
	d, err := s.Put([]byte("weights"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Put([]byte("weights")); err != nil || again != d {
		t.Fatalf("second Put: %s, %v", again, err)
	}
	if got, err := s.Get(d); err != nil || string(got) != "weights" {
		t.Fatalf("Get = %q, %v", got, err)
	}
	if _, err := s.Get(pointsman.DigestOf([]byte("other"))); !errors.Is(err, artefact.ErrNotFound) {
		t.Errorf("unknown digest: %v", err)
	}
	if _, err := s.Get("sha256:../../etc/passwd"); !errors.Is(err, pointsman.ErrDigest) {
		t.Errorf("not a digest: %v", err)
	}
}

func TestAnAlteredArtefactIsAnErrorAndIsMendedByPut(t *testing.T) {
	dir := t.TempDir()
	s := artefact.Open(dir)
	d, err := s.Put([]byte("weights"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "artefacts", d.Hex()[:2], d.Hex())
	if err := os.WriteFile(path, []byte("Weights"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(d); !errors.Is(err, artefact.ErrAltered) {
		t.Fatalf("altered bytes: %v", err)
	}
	if _, err := s.Put([]byte("weights")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(d); err != nil || string(got) != "weights" {
		t.Fatalf("after storing again: %q, %v", got, err)
	}
}

func TestActivePolicyStaysInItsDirectory(t *testing.T) {
	dir := t.TempDir()
	s := artefact.Open(dir)
	d := pointsman.DigestOf([]byte("policy"))
	for _, task := range []pointsman.TaskID{"support", "../../escape", "a/b", "a%2fb", "é"} {
		if _, err := s.Active(task); !errors.Is(err, artefact.ErrNotFound) {
			t.Errorf("%q before: %v", task, err)
		}
		if err := s.Activate(task, d, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Active(task); err != nil || got != d {
			t.Errorf("%q: %s, %v", task, got, err)
		}
	}
	files, err := os.ReadDir(s.ActiveDir())
	if err != nil || len(files) != 5 {
		t.Fatalf("%d files, %v; want one a task", len(files), err)
	}
	if err := os.WriteFile(filepath.Join(s.ActiveDir(), "support"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Active("support"); !errors.Is(err, pointsman.ErrDigest) || !strings.Contains(err.Error(), "support") {
		t.Errorf("damaged pointer: %v", err)
	}
}
