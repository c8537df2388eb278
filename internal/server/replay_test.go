package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/ledger"
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
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		for name, end := range endings {
			if strings.Contains(string(body), "end "+name) {
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
	}, "request_timeout: 500ms, drain_timeout: 100ms")
	sent := 0
	for _, model := range []string{"open", "api/only", "api/some model of ada@example.org"} {
		for _, stream := range []bool{false, true} {
			for name := range endings {
				sendOne(t, r, request(t, model, name, stream), 0)
				sent++
			}
			for _, name := range []string{"silent", "begun"} {
				sendOne(t, r, request(t, model, name, stream), 100*time.Millisecond) // and the client goes
				sent++
			}
		}
	}
	for _, refused := range []string{
		"{", `{"model":"none","messages":[{"role":"user","content":"x"}]}`, `{"model":"api/","messages":[{"role":"user","content":"x"}]}`,
		`{"model":"open","messages":[]}`,
	} {
		sendOne(t, r, refused, 0)
		sent++
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
func sendOne(t *testing.T, r *running, body string, patience time.Duration) {
	t.Helper()
	ctx := t.Context()
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.API+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(q)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		err = errors.Join(err, response.Body.Close())
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(fmt.Errorf("%s: %w", body, err))
	}
}
