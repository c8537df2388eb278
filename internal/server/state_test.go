package server

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/logging"
)

// What a server makes itself in an empty folder is no change of its
// configuration.
func TestAFirstStartIsNoChange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pointsman.yaml")
	content := `version: 1
upstreams:
  api: {type: openai, location: edge, base_url: "http://127.0.0.1:9"}
models:
  only: {upstream: api, price: unknown}
tasks:
  open: {kind: open, tiers: [{name: only, model: only}]}
`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	before := config.Fingerprint(path)
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := open(c, Options{Path: path, Log: logging.New(io.Discard, logging.Options{})}, before)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	if s.seen == "" || s.state() != s.seen {
		t.Errorf("state %q, seen %q", s.state(), s.seen)
	}
	if _, err := os.Stat(s.store.ActiveDir()); err != nil {
		t.Errorf("what is watched is not there yet: %v", err)
	}
}
