package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The demo's figures hold together, and the commands that it prints work.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("training takes minutes under the race detector: make unit runs the demo")
	}
	dir := filepath.Join(t.TempDir(), "demo")
	var r demoReport
	t.Setenv(childVariable, "1") // its gateway is this test binary
	if err := json.Unmarshal([]byte(must(t, "demo", "-q", "--json", "--dir", dir, "--keep", "1m")), &r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var pid int
		if _, err := fmt.Sscanf(r.Stop, "kill %d", &pid); err == nil {
			syscall.Kill(pid, syscall.SIGTERM) //nolint:errcheck // it may be gone
		}
	})
	if r.Messages < 200 || r.Large.Value <= r.Small.Value || !r.Certified || r.Kept == nil || !*r.Kept || r.CostVsLarge == nil || *r.CostVsLarge >= 1 {
		t.Errorf("figures: %+v", r)
	}
	if r.Recorded != 3*r.Messages || !r.Verified || r.Replayed != r.Recorded {
		t.Errorf("records: %d of %d, verified %v, replayed %d", r.Recorded, 3*r.Messages, r.Verified, r.Replayed)
	}
	if answer, body := post(t, r.URL+"/v1/chat/completions", `{"model":"support-intent","messages":[{"role":"user","content":"where is my parcel"}]}`); answer.StatusCode != 200 {
		t.Errorf("%s %s", answer.Status, body)
	}
	words := strings.Fields(r.Explain)
	if out := must(t, words[1:]...); !strings.Contains(out, "certified threshold") || !strings.Contains(out, "promise:") {
		t.Errorf("%s\n%s", r.Explain, out)
	}
	must(t, "check", "--config", filepath.Join(dir, "pointsman.yaml"))
	if out := must(t, "audit", "show", words[3], "--json", "--config", filepath.Join(dir, "pointsman.yaml")); !strings.Contains(out, `"payload":{`) {
		t.Errorf("audit show: %s", out)
	}
	// A demo whose gateway has stopped names no command that needs it.
	if again := must(t, "demo", "-q", "--dir", dir, "--keep", "0"); !strings.Contains(again, "kept") || strings.Contains(again, "curl") || !strings.Contains(again, " serve --config ") {
		t.Errorf("a second demo: %s", again)
	}
}
