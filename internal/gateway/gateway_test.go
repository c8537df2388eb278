package gateway_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/call/calltest"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/gateway"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/rules"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model answers with its text, or waits until it is told to go on.
type model struct {
	text string
	err  error
	hold chan struct{}
}

func (model) Dialect() pointsman.Dialect { return pointsman.DialectChat }

func (m model) Complete(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	if m.hold != nil {
		select {
		case <-m.hold:
		case <-ctx.Done():
			return nil, upstream.FromContext(ctx, ctx.Err())
		}
	}
	if m.err != nil {
		return nil, m.err
	}
	if m.text == "panic" {
		panic("a fault")
	}
	return chat.ParseAnswer(chat.Build(chat.Completion{
		ID: "a", Model: call.Model, Text: m.text, FinishReason: "stop", Usage: pointsman.Usage{Known: true, Input: 3, Output: 2},
	}))
}

func (m model) Stream(ctx context.Context, call upstream.Call) (upstream.Stream, error) {
	answer, err := m.Complete(ctx, call)
	if err != nil {
		return nil, err
	}
	return chat.NewWholeStream(answer, ctx.Err)
}

// still is an instance of one task with one tier.
type still struct {
	task    *cascade.Task
	keys    []admit.Key
	timeout time.Duration // a minute where it is zero
	body    int64         // the largest; 4096 where it is zero
}

// served is an instance with the keys of its clients.
type served interface {
	gateway.Instance
	credentials() []admit.Key
}

func (s *still) credentials() []admit.Key { return s.keys }

type noRules struct{ set *rules.Set }

func (n noRules) Apply(r *pointsman.Request) pointsman.RuleEffect { return n.set.Apply(r, "t") }

func newInstance(t testing.TB, m upstream.Upstream) *still {
	t.Helper()
	tiers := []pointsman.Tier{{ID: "only", Timeout: time.Minute, Variant: pointsman.Variant{Model: "m"}}}
	set, err := rules.Compile(nil, tiers, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Compile(pointsman.KindOpen, pointsman.Contract{})
	if err != nil {
		t.Fatal(err)
	}
	return &still{task: &cascade.Task{
		ID: "t", Kind: pointsman.KindOpen, Record: pointsman.RecordFull,
		Tiers: []cascade.Tier{{Tier: calltest.Tier(tiers[0], m)}}, Rules: noRules{set}, Reader: c,
	}}
}

func (s *still) Find(name string) (*cascade.Task, error) {
	if name == "t" {
		return s.task, nil
	}
	return nil, &pointsman.Error{Code: pointsman.CodeUnknownTask, Message: "there is no task " + name, Hint: "the tasks here are t", Param: "model"}
}
func (s *still) Models() []string           { return []string{"t"} }
func (s *still) Snapshot() pointsman.Digest { return pointsman.DigestOf([]byte("config")) }
func (s *still) MaxBody() int64             { return cmp.Or(s.body, 4096) }
func (s *still) RequestTimeout() time.Duration {
	return cmp.Or(s.timeout, time.Minute)
}

// records keeps what was put on record.
type records struct {
	mu        sync.Mutex
	decisions []pointsman.Decision
	texts     []*journal.Payload
	outcomes  map[pointsman.Digest]bool
	fail      error
	unfit     error
	written   chan struct{}
}

func (b *records) Ready() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return nil
}

func (b *records) Fits(pointsman.Recording, int64) error { return b.unfit }

func (b *records) Record(d *pointsman.Decision, _ pointsman.Recording, texts *journal.Payload) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.decisions, b.texts = append(b.decisions, *d), append(b.texts, texts)
	if b.written != nil {
		b.written <- struct{}{}
	}
	return b.fail
}

func (b *records) RecordOutcome(_ context.Context, o *pointsman.Outcome) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.decisions) == 0 || b.decisions[0].ID != o.Decision {
		return false, &pointsman.Error{Code: pointsman.CodeNotFound, Message: "there is no decision"}
	}
	existed := b.outcomes[o.ID]
	b.outcomes[o.ID] = true
	return existed, nil
}

func start(t *testing.T, w served, b *records) string {
	t.Helper()
	b.outcomes = map[pointsman.Digest]bool{}
	s := httptest.NewServer(gateway.New(gateway.Options{
		Acquire: func() (gateway.Instance, func()) { return w, func() {} }, Gate: admit.New(w.credentials()),
		Log: b, Outcomes: b, IDs: pointsman.NewIDSource(nil, nil),
	}))
	t.Cleanup(s.Close)
	return s.URL
}

type response struct {
	*http.Response
	body string
}

func send(t *testing.T, method, url, body string, header ...string) response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return response{r, string(content)}
}

const hello = `{"model":"t","messages":[{"role":"user","content":"hello"}]}`

func TestCompletion(t *testing.T) {
	b := &records{}
	url := start(t, newInstance(t, model{text: "hi"}), b)
	r := send(t, "POST", url+"/v1/chat/completions", hello, gateway.HeaderConversation, "c1")
	if r.StatusCode != 200 || !strings.Contains(r.body, `"content":"hi"`) {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	d := b.decisions[0]
	for header, want := range map[string]string{
		gateway.HeaderDecision: string(d.ID), gateway.HeaderTier: "only", gateway.HeaderModel: "m", gateway.HeaderCause: "last_tier", gateway.HeaderConfidence: "",
	} {
		if got := r.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if d.Lifecycle != pointsman.Completed || d.Status != 200 || d.Conversation != "c1" || d.Latency <= 0 || d.Overhead <= 0 || d.Overhead > d.Latency {
		t.Errorf("on record: %+v", d)
	}
	if p := b.texts[0]; p.Input != "hello" || len(p.Attempts) != 1 || p.Attempts[0].Answer != "hi" || p.Request != hello {
		t.Errorf("texts: %+v", p)
	}
}

func TestStream(t *testing.T) {
	b := &records{}
	url := start(t, newInstance(t, model{text: "hi there"}), b)
	for _, c := range []struct {
		options string
		usage   bool
	}{{"", false}, {`,"stream_options":{"include_usage":true}`, true}} {
		r := send(t, "POST", url+"/v1/chat/completions", strings.TrimSuffix(hello, "}")+`,"stream":true`+c.options+`}`)
		if r.Header.Get("Content-Type") != "text/event-stream" || r.Header.Get(gateway.HeaderTier) != "only" {
			t.Fatalf("headers %v", r.Header)
		}
		if !strings.HasSuffix(r.body, "data: [DONE]\n\n") || strings.Contains(r.body, "prompt_tokens") != c.usage {
			t.Errorf("usage %v:\n%s", c.usage, r.body)
		}
	}
	if len(b.decisions) != 2 || !b.decisions[0].Streamed {
		t.Errorf("on record: %+v", b.decisions)
	}
}

func TestErrors(t *testing.T) {
	failing := upstream.Fail(upstream.ErrUnavailable, "no route")
	for _, c := range []struct {
		name, method, path, body string
		model                    model
		status                   int
		code, inMessage          string
		recorded                 int
	}{
		{"malformed JSON", "POST", "/v1/chat/completions", `{"model":`, model{}, 400, "invalid_request", "JSON", 1},
		{"no messages", "POST", "/v1/chat/completions", `{"model":"t"}`, model{}, 400, "invalid_request", "messages", 1},
		{"wrong role", "POST", "/v1/chat/completions", `{"model":"t","messages":[{"role":"boss","content":"x"}]}`, model{}, 400, "invalid_request", "role", 1},
		{"unknown task", "POST", "/v1/chat/completions", strings.Replace(hello, `"t"`, `"u"`, 1), model{}, 404, "model_not_found", "the tasks here are t", 1},
		{"huge body", "POST", "/v1/chat/completions", strings.Replace(hello, "hello", strings.Repeat("a", 5000), 1), model{}, 413, "request_too_large", "max_body", 1},
		{"all tiers fail", "POST", "/v1/chat/completions", hello, model{err: failing}, 502, "upstream_failed", "no tier of t could answer", 1},
		{"all tiers fail in a stream", "POST", "/v1/chat/completions", strings.TrimSuffix(hello, "}") + `,"stream":true}`, model{err: failing}, 502, "upstream_failed", "no tier", 1},
		{"our own fault", "POST", "/v1/chat/completions", hello, model{text: "panic"}, 500, "internal", "internal error", 1},
		{"unknown path", "GET", "/v2/chat", "", model{}, 404, "not_found", "/v1/chat/completions", 0},
		{"unknown method", "GET", "/v1/chat/completions", "", model{}, 404, "not_found", "no such endpoint", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &records{}
			r := send(t, c.method, start(t, newInstance(t, c.model), b)+c.path, c.body)
			var e struct {
				Error struct{ Message, Type, Code string }
			}
			if err := json.Unmarshal([]byte(r.body), &e); err != nil {
				t.Fatalf("%v in %s", err, r.body)
			}
			if r.StatusCode != c.status || e.Error.Code != c.code || !strings.Contains(e.Error.Message, c.inMessage) || e.Error.Type == "" {
				t.Errorf("%d %s, want %d %s %q", r.StatusCode, r.body, c.status, c.code, c.inMessage)
			}
			if len(b.decisions) != c.recorded {
				t.Fatalf("%d decisions on record, want %d", len(b.decisions), c.recorded)
			}
			if c.recorded > 0 && (b.decisions[0].Lifecycle != pointsman.Failed || b.decisions[0].Status != c.status) {
				t.Errorf("on record: %+v", b.decisions[0])
			}
		})
	}
}

func TestKeys(t *testing.T) {
	w := newInstance(t, model{text: "hi"})
	w.keys = []admit.Key{{Name: "app", SHA256: sha256.Sum256([]byte("k1")), Metadata: map[string]string{"tenant": "emea"}}}
	b := &records{}
	url := start(t, w, b)
	for _, wrong := range []string{"", "Bearer k2", "Basic k1", "k1"} {
		if r := send(t, "POST", url+"/v1/chat/completions", hello, "Authorization", wrong); r.StatusCode != 401 || !strings.Contains(r.body, "invalid_api_key") {
			t.Errorf("%q: %d %s", wrong, r.StatusCode, r.body)
		}
	}
	claim := strings.TrimSuffix(hello, "}") + `,"metadata":{"tenant":"another","x":"y"}}`
	if r := send(t, "POST", url+"/v1/chat/completions", claim, "Authorization", "bearer k1"); r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if d := b.decisions[0]; len(b.decisions) != 1 || d.Principal != "app" || d.Metadata["tenant"] != "emea" || d.Metadata["x"] != "y" {
		t.Errorf("on record: %+v", b.decisions)
	}
	if r := send(t, "GET", url+"/healthz", ""); r.StatusCode != 200 {
		t.Errorf("health asks for a key: %d", r.StatusCode)
	}
}

// An answer whose decision cannot be recorded is not given.
func TestNoAnswerWithoutARecord(t *testing.T) {
	for _, body := range []string{hello, strings.TrimSuffix(hello, "}") + `,"stream":true}`} {
		b := &records{fail: errors.New("disk full")}
		r := send(t, "POST", start(t, newInstance(t, model{text: "hi"}), b)+"/v1/chat/completions", body)
		if strings.Contains(r.body, "[DONE]") || !strings.Contains(r.body, "service_unavailable") || r.StatusCode == 200 && !strings.Contains(body, "stream") {
			t.Errorf("%d %s", r.StatusCode, r.body)
		}
	}
}

func TestAClientThatGoesAwayIsOnRecord(t *testing.T) {
	b := &records{written: make(chan struct{}, 1)}
	url := start(t, newInstance(t, model{hold: make(chan struct{})}), b)
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(hello), hello)
	if err := connection.Close(); err != nil {
		t.Fatal(err)
	}
	<-b.written
	if d := b.decisions[0]; d.Lifecycle != pointsman.Aborted || d.Cause != pointsman.CauseAborted || d.Status != 499 {
		t.Errorf("on record: %+v", d)
	}
}

func TestABodyThatBreaksOff(t *testing.T) {
	b := &records{}
	url := start(t, newInstance(t, model{text: "hi"}), b)
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(hello)+10, hello)
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != 400 {
		t.Errorf("status %d", r.StatusCode)
	}
	r.Body.Close() //nolint:errcheck // not read
}

func TestFeedback(t *testing.T) {
	w := newInstance(t, model{text: "hi"})
	w.keys = []admit.Key{{Name: "reviewer", SHA256: sha256.Sum256([]byte("k"))}}
	b := &records{}
	url := start(t, w, b)
	send(t, "POST", url+"/v1/chat/completions", hello, "Authorization", "Bearer k")
	id := string(b.decisions[0].ID)
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"decision_id":"` + id + `","label":"yes"}`, 201, `"existed":false`},
		{`{"decision_id":"` + id + `","label":"yes"}`, 200, `"existed":true`},
		{`{"decision_id":"` + id + `","label":"no"}`, 201, `"existed":false`},
		{`{"decision_id":"` + id + `","score":0.5,"idempotency_key":"k1"}`, 201, `"existed":false`},
		{`{"decision_id":"` + id + `","score":0.7,"idempotency_key":"k1"}`, 200, `"existed":true`},
		{`{"decision_id":"` + id + `"}`, 400, "says nothing"},
		{`{"decision_id":"` + id + `","score":2}`, 400, "between 0 and 1"},
		{`{"decision_id":"` + id + `","lable":"x"}`, 400, "lable"},
		{`{"decision_id":"` + id + `","label":"x"} {}`, 400, "more follows"},
		{`{"decision_id":"yesterday","label":"x"}`, 400, "not a decision's id"},
		{`{"decision_id":"0190b8a6-7e2f-7cc3-98c4-dc0c0c07398f","label":"x"}`, 404, "no decision"},
		{`[`, 400, "JSON"},
		{`{"decision_id":"` + id + `","label":"` + strings.Repeat("a", 300) + `"}`, 400, "longer than 256"},
	} {
		r := send(t, "POST", url+"/v1/feedback", c.body, "Authorization", "Bearer k")
		if r.StatusCode != c.status || !strings.Contains(r.body, c.want) {
			t.Errorf("%s: %d %s, want %d %s", c.body, r.StatusCode, r.body, c.status, c.want)
		}
	}
}

func TestModels(t *testing.T) {
	url := start(t, newInstance(t, model{}), &records{})
	if r := send(t, "GET", url+"/v1/models", ""); r.StatusCode != 200 || !strings.Contains(r.body, `"id":"t"`) {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := send(t, "GET", url+"/v1/models/t", ""); r.StatusCode != 200 {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := send(t, "GET", url+"/v1/models/x", ""); r.StatusCode != 404 || !strings.Contains(r.body, "model_not_found") {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
}
