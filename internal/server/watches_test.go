package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/server"
	"github.com/pointsman-ai/pointsman/internal/watch"
)

// Where less is escalated than calibration saw, a running server warns, and
// decides as before.
func TestWatchesWarn(t *testing.T) {
	var large atomic.Value
	large.Store("yes")
	reload := make(chan os.Signal)
	r := startWith(t, labelled(&large), "", `  sure: {kind: classify, contract: {labels: ["yes", "no"]}, tiers: [{name: small, model: priced}, {name: large, model: priced, params: {temperature: 1, max_tokens: 1}}]}
`, server.Options{Listen: "127.0.0.1:0", Reload: reload})
	putInForce(t, r, "sure", 0.5)
	dir := datadir.Dir(filepath.Join(r.dir, "data"))
	digest := withReference(t, dir, "sure", &policy.Reference{
		Requests: 1000, Units: 1000, Escalated: policy.Tally{Count: 600, Of: 1000}, Unsupported: policy.Tally{Of: 1000}, Broken: policy.Tally{Of: 1000},
	})
	reload <- syscall.SIGHUP
	reload <- syscall.SIGHUP // taken when the first is done
	var warnings []watch.Warning
	for deadline := time.Now().Add(30 * time.Second); len(warnings) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no warning")
		}
		askSure(t, r, false)
		var err error
		if warnings, err = watch.InForce(dir, "sure", digest, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	r.end(t)
	if w := warnings[0]; w.Watch != watch.Escalated || w.Recent != 0 || w.Low > 0.6 || w.High < 0.6 {
		t.Errorf("%+v", w)
	}
	if !strings.Contains(r.log.String(), "watch: traffic is not as calibration saw it") {
		t.Error("the log does not say so")
	}
	if _, err := os.Stat(dir.DriftOf("sure")); !os.IsNotExist(err) {
		t.Errorf("something was withdrawn: %v", err)
	}
}

// withReference puts the policy in force with a reference in force.
func withReference(t *testing.T, dir datadir.Dir, task pointsman.TaskID, r *policy.Reference) pointsman.Digest {
	t.Helper()
	store := artefact.Open(string(dir))
	digest, err := store.Active(task)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(store.Get, digest)
	if err != nil {
		t.Fatal(err)
	}
	p.Reference = r
	content, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if digest, err = store.Put(content); err == nil {
		err = store.Activate(task, digest, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	return digest
}
