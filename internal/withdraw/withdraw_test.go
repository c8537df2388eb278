package withdraw_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/withdraw"
)

// What was withdrawn stays so until a reset of the same policy, also for the next
// process; another policy is not touched by it.
func TestInForce(t *testing.T) {
	dir := datadir.Dir(t.TempDir())
	one, other := pointsman.DigestOf([]byte("one")), pointsman.DigestOf([]byte("other"))
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	if events, err := withdraw.Events(dir, "t"); err != nil || len(events) > 0 {
		t.Errorf("before anything: %v, %v", events, err)
	}
	for i, step := range []struct {
		event     withdraw.Event
		withdrawn bool
	}{
		{withdraw.Event{Time: at(1), Policy: other, Reason: "worse"}, false},
		{withdraw.Event{Time: at(2), Policy: one, Reason: "worse", Evidence: &withdraw.Evidence{Audits: 300}}, true},
		{withdraw.Event{Time: at(3), Policy: other, Reset: true, Reason: "INC-1"}, true},
		{withdraw.Event{Time: at(4), Policy: one, Reset: true, Reason: "INC-2"}, false},
	} {
		if err := withdraw.Append(dir, "t", step.event); err != nil {
			t.Fatal(err)
		}
		events, err := withdraw.Events(dir, "t")
		if err != nil || len(events) != i+1 {
			t.Fatalf("step %d: %d events, %v", i, len(events), err)
		}
		if alarm, _ := withdraw.InForce(events, one); (alarm != nil) != step.withdrawn {
			t.Errorf("step %d: withdrawn %v", i, alarm != nil)
		}
	}
}

// A file that says nothing, or half of something, is an error: what was withdrawn
// must not come back by it.
func TestABrokenFileIsAnError(t *testing.T) {
	dir := datadir.Dir(t.TempDir())
	path := dir.DriftOf("t")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", "{}", "null", `{"events":null}`, `{"events":[{"time":`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := withdraw.Events(dir, "t"); err == nil {
			t.Errorf("%q is taken for no alarm", content)
		}
		if err := withdraw.Append(dir, "t", withdraw.Event{}); err == nil {
			t.Errorf("%q was overwritten", content)
		}
	}
}
