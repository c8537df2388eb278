package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// gateway is a server that answers from a script, one entry a request, the
// last one for all further ones.
type gateway struct {
	mu       sync.Mutex
	script   []http.HandlerFunc
	requests []*http.Request
	bodies   []string
	pauses   []time.Duration
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	g.requests, g.bodies = append(g.requests, r), append(g.bodies, string(body))
	step := g.script[min(len(g.requests), len(g.script))-1]
	g.mu.Unlock()
	step(w, r)
}

// asker starts the server and makes an asker with a clock that does not wait.
func (g *gateway) asker(t *testing.T, change func(*HTTPOptions)) *HTTP {
	t.Helper()
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	o := HTTPOptions{
		BaseURL: server.URL + "/v1/", Model: "intent", Client: server.Client(),
		Read: func(a *pointsman.Answer, _ string) pointsman.Reading {
			return pointsman.Reading{Valid: true, Label: strings.TrimSpace(a.Text)}
		},
		Identity: func(t Target) (pointsman.Digest, error) { return pointsman.DigestOf([]byte(t.Tier)), nil },
		Retry: Retry{
			Now:    func() time.Time { now = now.Add(time.Millisecond); return now },
			Random: func() float64 { return 1 },
			Sleep: func(ctx context.Context, d time.Duration) error {
				g.pauses = append(g.pauses, d)
				return ctx.Err()
			},
		},
	}
	if change != nil {
		change(&o)
	}
	a, err := NewHTTP(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func answer(text string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		content, _ := json.Marshal(text)
		fmt.Fprintf(w, `{"choices":[{"message":{"content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3}}}`, content)
	}
}

func refuse(status int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, `{"error":{"message":"not now"}}`)
	}
}

var greeting = dataset.Example{ID: "e", Input: "hello \"you\"", Label: "greet", Metadata: map[string]string{"language": "en"}}

func TestHTTPAsksTheCascade(t *testing.T) {
	g := &gateway{script: []http.HandlerFunc{answer("greet ",
		"x-pointsman-decision", "019ab000-0000-7000-8000-000000000001", "x-pointsman-tier", "large", "x-pointsman-model", "big",
		"x-pointsman-confidence", "0.8125", "x-pointsman-cause", "uncertain", "x-pointsman-uplift", "-0.25")}}
	a := g.asker(t, func(o *HTTPOptions) { o.Key = "secret" })
	r, err := a.Ask(t.Context(), Target{Name: "cascade"}, &greeting)
	if err != nil {
		t.Fatal(err)
	}
	uplift, acceptable := -0.25, 0.8125
	want := &Result{
		Text: "greet ", Reading: pointsman.Reading{Valid: true, Label: "greet"}, Status: 200, Latency: time.Millisecond,
		Uplift: &uplift, Acceptable: &acceptable,
		Decision: pointsman.Decision{
			ID: "019ab000-0000-7000-8000-000000000001", Task: "intent", Tier: "large", Model: "big", Cause: "uncertain", Status: 200,
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	request := g.requests[0]
	if request.URL.Path != "/v1/chat/completions" || request.Header.Get("Authorization") != "Bearer secret" || request.Header.Get("X-Pointsman-Pin") != "" {
		t.Errorf("%s %v", request.URL, request.Header)
	}
	if want := `{"model":"intent","messages":[{"role":"user","content":"hello \"you\""}],"metadata":{"language":"en"}}`; g.bodies[0] != want {
		t.Errorf("body %s", g.bodies[0])
	}
}

func TestHTTPAsksATier(t *testing.T) {
	g := &gateway{script: []http.HandlerFunc{answer("greet", "x-pointsman-tier", "small", "x-pointsman-cause", "pinned")}}
	r, err := g.asker(t, nil).Ask(t.Context(), Target{Name: "small", Tier: "small"}, &greeting)
	if err != nil || r.Err != "" {
		t.Fatal(r, err)
	}
	if g.requests[0].Header.Get("X-Pointsman-Pin") != "small" {
		t.Error("the tier was not asked for")
	}
	if r.Uplift != nil || r.Acceptable != nil || len(r.Decision.Attempts) != 1 {
		t.Errorf("%+v", r)
	}
	if u := r.Decision.Attempts[0].Usage; !u.Known || u.Input != 7 || u.Output != 2 || u.CachedInput != 3 {
		t.Errorf("usage %+v", u)
	}
	// Another tier's answer is not taken for it.
	if r, err = g.asker(t, nil).Ask(t.Context(), Target{Name: "large", Tier: "large"}, &greeting); err != nil || r.Excluded != "the owner's rules pin it to tier small" {
		t.Errorf("%+v, %v", r, err)
	}
	g = &gateway{script: []http.HandlerFunc{answer("greet", "x-pointsman-tier", "small", "x-pointsman-cause", "last_tier")}}
	if r, err = g.asker(t, nil).Ask(t.Context(), Target{Name: "large", Tier: "large"}, &greeting); err != nil || r.Excluded != "" || r.Err != "tier small answered, not large" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestHTTPAsksABusyGatewayAgain(t *testing.T) {
	g := &gateway{script: []http.HandlerFunc{
		refuse(429, "Retry-After", "3"), refuse(503), refuse(502, "Retry-After", "86400"), answer("greet"),
	}}
	r, err := g.asker(t, nil).Ask(t.Context(), Target{Name: "cascade"}, &greeting)
	if err != nil || r.Err != "" || r.Text != "greet" {
		t.Fatal(r, err)
	}
	if diff := cmp.Diff([]time.Duration{3 * time.Second, time.Second, time.Minute}, g.pauses); diff != "" {
		t.Error(diff)
	}
}

func TestHTTPGivesUpAloud(t *testing.T) {
	cases := map[string]struct {
		script   http.HandlerFunc
		want     string
		requests int
	}{
		"busy":       {refuse(429), "asked 4 times: status 429: not now", 4},
		"failing":    {refuse(500), "asked 4 times: status 500: not now", 4},
		"invalid":    {refuse(400), "status 400: not now", 1},
		"forbidden":  {refuse(403), "status 403: not now", 1},
		"no choice":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"choices":[]}`) }, "no choices", 1},
		"no JSON":    {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `hello`) }, "not a chat completion", 1},
		"bad header": {answer("x", "x-pointsman-uplift", "NaN"), "x-pointsman-uplift is no number", 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := &gateway{script: []http.HandlerFunc{c.script}}
			r, err := g.asker(t, nil).Ask(t.Context(), Target{Name: "cascade"}, &greeting)
			if err != nil || !strings.Contains(r.Err, c.want) || len(g.requests) != c.requests {
				t.Errorf("%+v, %v after %d requests", r, err, len(g.requests))
			}
		})
	}
}

// What the gateway's rules forbid is no failure; another 403 is one.
func TestHTTPTellsRulesFromFailures(t *testing.T) {
	for code, excluded := range map[string]bool{"no_permitted_tier": true, "access_denied": false} {
		g := &gateway{script: []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"error":{"message":"no tier may answer","code":%q}}`, code)
		}}}
		r, err := g.asker(t, nil).Ask(t.Context(), Target{Name: "cascade"}, &greeting)
		if err != nil || (r.Excluded == "no tier may answer") != excluded || (r.Err == "") != excluded || len(g.requests) != 1 {
			t.Errorf("%s: %+v, %v", code, r, err)
		}
	}
}

func TestHTTPStopsWhereNothingHelps(t *testing.T) {
	for _, status := range []int{401, 404} {
		g := &gateway{script: []http.HandlerFunc{refuse(status)}}
		_, err := g.asker(t, func(o *HTTPOptions) { o.Key = "secret" }).Ask(t.Context(), Target{Name: "cascade"}, &greeting)
		if !errors.Is(err, ErrStop) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestHTTPBrokenConnectionsAreFailures(t *testing.T) {
	g := &gateway{script: []http.HandlerFunc{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}}
	_, err := g.asker(t, nil).Ask(t.Context(), Target{Name: "cascade"}, &greeting)
	if err == nil || errors.Is(err, ErrStop) || !strings.Contains(err.Error(), "asked 4 times") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.asker(t, nil).Ask(ctx, Target{Name: "cascade"}, &greeting); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestHTTPLooksDecisionsUp(t *testing.T) {
	g := &gateway{script: []http.HandlerFunc{answer("greet", "x-pointsman-decision", "d1")}}
	whole := pointsman.Decision{ID: "d1", Cost: pointsman.KnownCost(5), Attempts: []pointsman.Attempt{{Tier: "small"}, {Tier: "large"}}}
	a := g.asker(t, func(o *HTTPOptions) {
		o.Lookup = func(_ context.Context, id pointsman.DecisionID) (*pointsman.Decision, error) {
			if id != "d1" {
				t.Errorf("id %s", id)
			}
			return &whole, nil
		}
	})
	r, err := a.Ask(t.Context(), Target{Name: "cascade"}, &greeting)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, r.Decision); diff != "" {
		t.Error(diff)
	}
}

func TestHTTPDoesNotSendWhatItWouldLose(t *testing.T) {
	g := &gateway{script: []http.HandlerFunc{answer("x")}}
	e := dataset.Example{ID: "e", Messages: []pointsman.Message{{Role: "user", Text: "see", NonText: 1}}}
	if _, err := g.asker(t, nil).Ask(t.Context(), Target{Name: "cascade"}, &e); err == nil || len(g.requests) != 0 {
		t.Error(err)
	}
}

func TestHTTPOptionsAreChecked(t *testing.T) {
	id := func(Target) (pointsman.Digest, error) { return "", nil }
	read := func(*pointsman.Answer, string) pointsman.Reading { return pointsman.Reading{} }
	if _, err := NewHTTP(HTTPOptions{BaseURL: "http://x/v1", Model: "m", Identity: id}); err == nil {
		t.Error("answers that nothing reads")
	}
	for _, o := range []HTTPOptions{
		{}, {BaseURL: "localhost:8080", Model: "m", Identity: id}, {BaseURL: "http://x/v1", Identity: id}, {BaseURL: "http://x/v1", Model: "m", Read: read},
	} {
		if _, err := NewHTTP(o); pointsman.CodeOf(err) != pointsman.CodeInvalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0,
		"Mon, 23 Nov 2026 12:00:30 GMT": 30 * time.Second, "Mon, 23 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestPausesGrowAndAreBounded(t *testing.T) {
	r := Retry{Random: func() float64 { return 0 }}.filled()
	for attempt, want := range map[int]time.Duration{1: 250 * time.Millisecond, 2: 500 * time.Millisecond, 7: 16 * time.Second, 60: 30 * time.Second} {
		if got := r.pause(attempt, 0); got != want {
			t.Errorf("%d: %v", attempt, got)
		}
	}
}
