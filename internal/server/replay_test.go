package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/server"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// endings are the ways in which an upstream can end a request, by what the
// client's message asks for.
var endings = map[string]http.HandlerFunc{
	"whole": func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && strings.Contains(string(body), `"stream":true`) {
			io.WriteString(w, event+last) //nolint:errcheck // the client sees it
			return
		}
		io.WriteString(w, answer) //nolint:errcheck // likewise
	},
	"refused": func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":{"message":"no"}}`, http.StatusBadRequest)
	},
	"key": func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":{"message":"no"}}`, http.StatusUnauthorized)
	},
	"too often": func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":{"message":"no"}}`, http.StatusTooManyRequests)
	},
	"unavailable": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) },
	"garbage":     func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "data: {{{\n\n") }, //nolint:errcheck // likewise
	"empty":       func(w http.ResponseWriter, _ *http.Request) {},
	"broken": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, event)              //nolint:errcheck // likewise
		http.NewResponseController(w).Flush() //nolint:errcheck // likewise
		panic(http.ErrAbortHandler)
	},
	"silent": func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // its client's going is seen behind it
		<-r.Context().Done()
	},
	"begun": func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)           //nolint:errcheck // likewise
		io.WriteString(w, event)              //nolint:errcheck // likewise
		http.NewResponseController(w).Flush() //nolint:errcheck // likewise
		<-r.Context().Done()
	},
}

// A replay agrees with every record of a healthy log, whichever way a request
// ended: answered, failed in every way of an upstream, timed out, left by its
// client, cut off by the end of the server; of a task and direct, plain and
// streamed; refused before and by the rules.
func TestReplayAgreesWithEveryEnding(t *testing.T) {
	reload := make(chan os.Signal)
	r := startWith(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		large := strings.Contains(string(body), `"temperature":1`)
		for name, end := range endings {
			if strings.Contains(string(body), "larger "+name) && large || !strings.Contains(string(body), "larger "+name) && strings.Contains(string(body), "end "+name) {
				w.Header().Set("Content-Type", "application/json")
				if strings.Contains(string(body), `"stream":true`) {
					w.Header().Set("Content-Type", "text/event-stream")
				}
				r.Body = io.NopCloser(strings.NewReader(string(body)))
				end(w, r)
				return
			}
		}
		http.Error(w, "a test does not know "+string(body), http.StatusTeapot)
	}, "request_timeout: 500ms, drain_timeout: 100ms", `  trusting: {kind: open, fallback: best_answer, tiers: [{name: small, model: only}, {name: large, model: only, params: {temperature: 1}}]}
  doubting: {kind: open, fallback: best_answer, tiers: [{name: small, model: only}, {name: large, model: only, params: {temperature: 1}}]}
  strict: {kind: open, tiers: [{name: small, model: only}, {name: large, model: only, params: {temperature: 1}}]}
`, server.Options{Listen: "127.0.0.1:0", Reload: reload})
	for task, threshold := range map[pointsman.TaskID]float64{"trusting": 0.5, "doubting": -0.9, "strict": -0.9} {
		putInForce(t, r, task, threshold)
	}
	reload <- syscall.SIGHUP
	reload <- syscall.SIGHUP // taken when the first is done
	sent := 0
	var asking errgroup.Group
	asking.SetLimit(16)
	ask := func(body string, patience time.Duration) {
		sent++
		asking.Go(func() error { return sendOne(t.Context(), r, body, patience) })
	}
	for _, model := range []string{"open", "api/only", "api/some model of ada@example.org"} {
		for _, stream := range []bool{false, true} {
			for name := range endings {
				ask(request(t, model, name, stream), 0)
			}
			for _, name := range []string{"silent", "begun"} {
				ask(request(t, model, name, stream), 100*time.Millisecond) // and the client goes
			}
		}
	}
	for _, model := range []string{"trusting", "doubting", "strict"} {
		for _, stream := range []bool{false, true} {
			for name := range endings {
				ask(request(t, model, name, stream), 0)                  // of both tiers
				ask(request(t, model, "whole, larger "+name, stream), 0) // of the larger alone
			}
			ask(request(t, model, "whole, larger silent", stream), 100*time.Millisecond)
		}
	}
	for _, refused := range []string{
		"{", `{"model":"none","messages":[{"role":"user","content":"x"}]}`, `{"model":"api/","messages":[{"role":"user","content":"x"}]}`,
		`{"model":"open","messages":[]}`,
	} {
		ask(refused, 0)
	}
	if err := asking.Wait(); err != nil {
		t.Fatal(err)
	}
	s := openStreamOf(t, r, request(t, "api/only", "begun", true))
	sent++
	r.stop()
	s.rest(t)
	r.end(t)

	data := filepath.Join(r.dir, "data")
	store := artefact.Open(data)
	reader := &ledger.Reader{Journal: filepath.Join(data, "journal")}
	report, err := reader.Replay(t.Context(), ledger.ReplayOptions{
		Tasks: func(snapshot, policy pointsman.Digest, task pointsman.TaskID) (*cascade.Task, error) {
			return instance.Past(store, snapshot, policy, task)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[pointsman.Cause]int{}
	for found, err := range reader.Decisions(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[found.Decision.Cause]++; slices.Contains([]pointsman.TaskID{"trusting", "doubting", "strict"}, found.Decision.Task) && found.Decision.Policy == "" {
			t.Errorf("decided without a policy: %+v", found.Decision)
		}
	}
	for _, want := range []pointsman.Cause{
		pointsman.CauseAccepted, pointsman.CauseUncertain, pointsman.CauseLast, pointsman.CauseDirect, pointsman.CauseFallback, pointsman.CauseError,
		pointsman.CauseInvalid, pointsman.CauseExhausted, pointsman.CauseAborted, pointsman.CauseBroken, pointsman.CauseDeadline, pointsman.CauseDrained,
	} {
		if seen[want] == 0 {
			t.Errorf("no request ended as %s: %v", want, seen)
		}
	}
	if report.Decisions != sent || report.Agree+report.Skipped != sent {
		t.Errorf("%d requests: %d on record, %d agree, %d skipped", sent, report.Decisions, report.Agree, report.Skipped)
	}
	for _, f := range report.Findings {
		for found, err := range reader.Decisions(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if found.Decision.ID == f.Decision {
				text, _ := json.Marshal(found.Decision)
				t.Errorf("%v: %s", f.Problems, text)
			}
		}
	}
}

// Requests that a policy has no support for replay alike whatever is recorded of
// them: slices that nobody has seen, settings, pictures, scripts and turns.
func TestReplayAgreesUnderEverySupport(t *testing.T) {
	reload := make(chan os.Signal)
	var tasks strings.Builder
	for _, recording := range pointsman.Recordings {
		fmt.Fprintf(&tasks, "  keeps-%s: {kind: open, record: %s, slices: [channel], tiers: [{name: small, model: only}, {name: large, model: only, params: {temperature: 1}}]}\n", recording, recording)
	}
	r := startWith(t, endings["whole"], "", tasks.String(), server.Options{Listen: "127.0.0.1:0", Reload: reload})
	for _, recording := range pointsman.Recordings {
		putInForce(t, r, pointsman.TaskID("keeps-"+recording), 0.5)
	}
	reload <- syscall.SIGHUP
	reload <- syscall.SIGHUP // taken when the first is done
	const user = `{"role":"user","content":"where is it"}`
	sent := 0
	for _, recording := range pointsman.Recordings {
		for _, rest := range []string{
			`"metadata":{"channel":"chat"},"messages":[` + user + `]`,
			`"metadata":{"channel":"ada@example.org"},"messages":[` + user + `]`,
			`"messages":[` + user + `]`,
			`"metadata":{"channel":"chat"},"tools":[],"messages":[` + user + `]`,
			`"metadata":{"channel":"chat"},"messages":[{"role":"assistant","content":"x"},` + user + `]`,
			`"metadata":{"channel":"chat"},"messages":[{"role":"user","content":"где она"}]`,
			`"metadata":{"channel":"chat"},"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:"}}]}]`,
			`"metadata":{"channel":"chat"},"messages":[` + strings.Repeat(user+",", 12) + user + `]`,
		} {
			if err := sendOne(t.Context(), r, fmt.Sprintf(`{"model":"keeps-%s",%s}`, recording, rest), 0); err != nil {
				t.Fatal(err)
			}
			sent++
		}
	}
	r.stop()
	r.end(t)
	data := filepath.Join(r.dir, "data")
	reader := &ledger.Reader{Journal: filepath.Join(data, "journal")}
	report, err := reader.Replay(t.Context(), ledger.ReplayOptions{
		Tasks: func(snapshot, policy pointsman.Digest, task pointsman.TaskID) (*cascade.Task, error) {
			return instance.Past(artefact.Open(data), snapshot, policy, task)
		},
	})
	if err != nil || report.Decisions != sent || report.Agree != sent {
		t.Errorf("%d sent: %+v, %v", sent, report, err)
	}
	seen := map[pointsman.Cause]int{}
	for found, err := range reader.Decisions(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		d := found.Decision
		seen[d.Cause]++
		if d.Cause == pointsman.CauseUnsupported && d.Detail == "" {
			t.Errorf("task %s: nothing says which check failed", d.Task)
		}
	}
	if n := len(pointsman.Recordings); seen[pointsman.CauseAccepted] != n || seen[pointsman.CauseUncertified] != n || seen[pointsman.CauseUnsupported] != 6*n {
		t.Errorf("causes %v", seen)
	}
}

// putInForce puts a policy in force that accepts the small tier's answers at a
// threshold: each has an uplift of 0.
func putInForce(t *testing.T, r *running, task pointsman.TaskID, threshold float64) {
	t.Helper()
	store := artefact.Open(filepath.Join(r.dir, "data"))
	c, err := config.Load(filepath.Join(r.dir, "pointsman.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	i, err := instance.Build(c, instance.Options{Store: store, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	ready, err := i.Task(task)
	if err != nil {
		t.Fatal(err)
	}
	head := policy.Head{Weights: []float64{0}, Missing: []float64{0}}
	terms := ready.Terms()
	terms.Target.Promise = pointsman.PromiseQuality
	p := &policy.Policy{
		Version: policy.Version, Task: task, Kind: ready.Kind, Created: time.Unix(1e9, 0).UTC(), Data: pointsman.DigestOf(nil),
		Tiers: terms.Tiers, Endpoints: terms.Endpoints, SliceKeys: terms.SliceKeys, Target: terms.Target,
		Support: &policy.Support{Turns: 10, Roles: []string{"system", "user"}, Scripts: []string{"latin"}, Sets: ready.Sets(), SliceKeys: terms.SliceKeys},
		Certificate: &policy.Certificate{
			Claim: "test", Certified: true, Promise: pointsman.PromiseQuality, Retain: 0.9, Delta: 0.1, Covers: []string{"test"},
			Evidence: policy.Evidence{Units: 100, Most: 1, N: 100, Local: 50, LargestRight: 90, Quality: 0.9, Largest: 0.9, Level: 0.01, Method: "test"},
			Data:     pointsman.DigestOf(nil), Fresh: pointsman.DigestOf(nil), Test: "test", Issued: time.Unix(1e9, 0).UTC(), VoidedBy: []string{"test"},
		},
		Stages: []policy.Stage{{
			Scorer: policy.Scorer{
				Features:   []policy.Feature{{Signal: signal.AnswerChars, Scale: 1, Low: 0, High: 20}},
				Acceptable: head, OnlyLargest: head, OnlyThis: head,
				Calibration: policy.Map{Method: policy.MethodPlatt, Coefficients: []float64{1, 0}}, Rank: policy.RankUplift,
				Uplift: policy.Map{Method: policy.MethodLinear, Coefficients: []float64{1, 0}},
			},
			Thresholds: []policy.Threshold{{Threshold: &threshold, Certified: true, Why: "test"}, {Slice: "channel=chat", Threshold: &threshold, Certified: true, Why: "test"}},
			Patterns:   []policy.Pattern{{Missing: []pointsman.SignalName{}, Threshold: &threshold, Seen: 50, Why: "test"}},
		}},
	}
	content, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := store.Put(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Activate(task, digest, time.Now()); err != nil {
		t.Fatal(err)
	}
}

func request(t *testing.T, model, ending string, stream bool) string {
	t.Helper()
	body := map[string]any{"model": model, "messages": []map[string]string{{"role": "user", "content": "end " + ending}}}
	if stream {
		body["stream"] = true
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sendOne sends a request and reads what comes; where patience is not zero, its
// client goes away after that long.
func sendOne(ctx context.Context, r *running, body string, patience time.Duration) error {
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.API+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(q)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		err = errors.Join(err, response.Body.Close())
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", body, err)
	}
	return nil
}
