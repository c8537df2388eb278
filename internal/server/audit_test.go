package server_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/server"
	"github.com/pointsman-ai/pointsman/internal/store/sqlite"
	"github.com/pointsman-ai/pointsman/internal/withdraw"
)

// labelled answers "yes" for the small tier, and for the large one (temperature 1)
// what large holds.
func labelled(large *atomic.Value) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		label := "yes"
		if strings.Contains(string(body), `"temperature":1`) {
			label, _ = large.Load().(string)
		}
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, strings.Replace(event, "word ", label, 1)+last)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":1,"total_tokens":11}}`, label)
	}
}

func auditIndex(t *testing.T, dir datadir.Dir) *ledger.Reader {
	t.Helper()
	index, err := sqlite.Open(filepath.Join(t.TempDir(), "index"), sqlite.Options{Journal: dir.Journal()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { index.Close() })
	return &ledger.Reader{Journal: dir.Journal(), Index: index}
}

func startAudited(t *testing.T, large *atomic.Value, audit string) (*running, datadir.Dir) {
	t.Helper()
	reload := make(chan os.Signal)
	r := startWith(t, labelled(large), "", `  sure: {kind: classify, contract: {labels: ["yes", "no"]}, audit: `+audit+`, tiers: [{name: small, model: priced}, {name: large, model: priced, params: {temperature: 1, max_tokens: 1}}]}
`, server.Options{Listen: "127.0.0.1:0", Reload: reload})
	putInForce(t, r, "sure", 0.5)
	reload <- syscall.SIGHUP
	reload <- syscall.SIGHUP // taken when the first is done
	return r, datadir.Dir(filepath.Join(r.dir, "data"))
}

func askSure(t *testing.T, r *running, stream bool) {
	t.Helper()
	if err := sendOne(t.Context(), r, request(t, "sure", "whole", stream), 0); err != nil {
		t.Fatal(err)
	}
}

// Where the largest tier begins to disagree, the certificate is withdrawn by
// itself, requests go to the largest tier, and that survives the process; every
// audit is on record once, and replay agrees with all decisions.
func TestAuditsWithdrawACertificate(t *testing.T) {
	var large atomic.Value
	large.Store("yes")
	r, dir := startAudited(t, &large, "{share: 1, budget: {per_day: 1}, harm: 0.02}")
	for i := range 20 {
		askSure(t, r, i%2 == 0)
	}
	large.Store("no")
	store := artefact.Open(string(dir))
	digest, err := store.Active("sure")
	if err != nil {
		t.Fatal(err)
	}
	var alarm *withdraw.Event
	for deadline := time.Now().Add(30 * time.Second); alarm == nil; {
		if time.Now().After(deadline) {
			t.Fatal("no alarm")
		}
		askSure(t, r, false)
		events, err := withdraw.Events(dir, "sure")
		if err != nil {
			t.Fatal(err)
		}
		alarm, _ = withdraw.InForce(events, digest)
	}
	if e := alarm.Evidence; e == nil || e.Allowed != 0.02 || e.Recent < 0.5 || e.Audits < 20 {
		t.Errorf("evidence %+v", e)
	}
	reader := auditIndex(t, dir)
	largest := func() (n int) {
		if err := reader.Index.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := reader.List(t.Context(), ledger.Filter{Cause: pointsman.CauseVoid}, 1, "")
		if err != nil {
			t.Fatal(err)
		}
		return list.Total
	}
	for deadline := time.Now().Add(30 * time.Second); largest() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("requests go on to be kept")
		}
		askSure(t, r, false)
	}
	r.stop()
	r.end(t)
	if !strings.Contains(r.log.String(), "drift: the certificate is withdrawn") {
		t.Error("the log does not say so")
	}
	auditsAreOnRecordOnce(t, reader)
	report, err := reader.Replay(t.Context(), ledger.ReplayOptions{
		Tasks: func(snapshot, policy pointsman.Digest, task pointsman.TaskID) (*cascade.Task, error) {
			return instance.Past(store, snapshot, policy, task)
		},
	})
	if err != nil || report.Agree != report.Decisions {
		t.Errorf("replay: %+v, %v", report, err)
	}
	if verified, err := journal.Verify(t.Context(), dir.Journal(), journal.VerifyOptions{}, nil); err != nil || len(verified.Findings) > 0 {
		t.Errorf("%+v, %v", verified, err)
	}
}

// auditsAreOnRecordOnce checks that the kept answers that were drawn, which are
// all, have one audit each, with its cost.
func auditsAreOnRecordOnce(t *testing.T, reader *ledger.Reader) {
	t.Helper()
	seen := map[pointsman.DecisionID]bool{}
	for line, err := range reader.Export(t.Context(), ledger.ExportOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if a := line.Audit; a != nil {
			if seen[a.Decision] || a.Harm == nil || a.Probability != 1 || a.Cost != pointsman.KnownCost(12_000) || a.Charged != 12_000 {
				t.Errorf("%+v", a)
			}
			seen[a.Decision] = true
			record, err := reader.Record(t.Context(), string(a.Decision))
			if err != nil || record.Audit == nil || record.Decision.Cause != pointsman.CauseAccepted {
				t.Errorf("record of %s: %+v, %v", a.Decision, record, err)
			}
		}
	}
	if len(seen) < 30 {
		t.Errorf("%d audits", len(seen))
	}
}

// A budget that is spent stops audits, and no request.
func TestAuditsStayWithinTheirBudget(t *testing.T) {
	var large atomic.Value
	large.Store("yes")
	// One audit costs 12,000 nano-dollars and may cost 69,000, so that three are
	// the most.
	r, dir := startAudited(t, &large, "{share: 1, budget: {per_day: 0.0001}}")
	for range 12 {
		askSure(t, r, false)
	}
	r.stop()
	r.end(t)
	reader := auditIndex(t, dir)
	audits, err := reader.Audits(t.Context(), ledger.AuditFilter{Task: "sure"})
	if err != nil || len(audits) == 0 || len(audits) > 3 {
		t.Errorf("%d audits, %v", len(audits), err)
	}
	if err := reader.Index.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := reader.List(t.Context(), ledger.Filter{Cause: pointsman.CauseAccepted}, 1, ""); err != nil || list.Total != 12 {
		t.Errorf("%+v, %v", list, err)
	}
	if !strings.Contains(r.log.String(), "the budget of audits leaves nothing for more today") {
		t.Error("the log does not say so")
	}
}
