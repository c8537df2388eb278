package openai_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
	"github.com/pointsman-ai/pointsman/internal/upstream/openai"
	"github.com/pointsman-ai/pointsman/internal/upstream/upstreamtest"
)

const (
	whole = `{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"m-2026","choices":[{"index":0,"message":{"role":"assistant","content":"two words","refusal":null},` +
		`"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11},"system_fingerprint":"fp"}`
	head   = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"m-2026","system_fingerprint":"fp",`
	events = "data: " + head + `"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}` + "\n\n" +
		": a comment\n\n" +
		"data: " + head + `"choices":[{"index":0,"delta":{"content":"two "},"logprobs":null,"finish_reason":null}]}` + "\n\n" +
		"data: " + head + `"choices":[{"index":0,"delta":{"content":"words"},"logprobs":null,"finish_reason":null}]}` + "\n\n" +
		"data: " + head + `"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}` + "\n\n" +
		"data: " + head + `"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}` + "\n\n" +
		"data: [DONE]\n\n"

	secret = "sk-test-abcdefghijklmnop1234"
)

var (
	plainCall  = upstream.Call{Body: []byte(`{"model":"m","messages":[{"role":"user","content":"hi"}]}`), Model: "m", Input: "hi"}
	streamCall = upstream.Call{Body: []byte(`{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}`), Model: "m", Input: "hi"}
)

// serve starts a server and an upstream that asks it.
func serve(t *testing.T, handler http.HandlerFunc, change func(*openai.Options)) *openai.Upstream {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o := openai.Options{BaseURL: server.URL + "/v1", APIKey: func() (string, error) { return secret + "\n", nil }}
	if change != nil {
		change(&o)
	}
	u, err := openai.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
	return u
}

// documented answers as the format is documented: events to those who accept
// them, the whole otherwise.
func documented(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if r.Header.Get("Accept") == "text/event-stream" {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for event := range strings.SplitAfterSeq(events, "\n\n") {
			_, _ = io.WriteString(w, event)
			w.(http.Flusher).Flush()
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, whole)
}

func TestConformance(t *testing.T) {
	upstreamtest.Run(t, func(t *testing.T) upstream.Upstream { return serve(t, documented, nil) }, plainCall)
}

func TestConformanceOfServersThatNeverStream(t *testing.T) {
	upstreamtest.Run(t, func(t *testing.T) upstream.Upstream {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, whole)
		}, nil)
	}, streamCall)
}

func TestRequestIsSentAsItIs(t *testing.T) {
	var got *http.Request
	var body []byte
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(r.Context())
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, whole)
	}, func(o *openai.Options) {
		o.BaseURL += "/?api-version=2026-01-01"
		o.Headers = map[string]string{"X-Team": "routing"}
		o.UserAgent = "test/1"
	})
	a, err := u.Complete(t.Context(), plainCall)
	if err != nil {
		t.Fatal(err)
	}
	if string(a.Body) != whole || a.Text != "two words" || a.Latency <= 0 || a.FirstToken != 0 {
		t.Errorf("got %+v", a)
	}
	if string(body) != string(plainCall.Body) {
		t.Errorf("sent %s", body)
	}
	if got.URL.String() != "/v1/chat/completions?api-version=2026-01-01" || got.Method != http.MethodPost {
		t.Errorf("%s %s", got.Method, got.URL)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer " + secret, "X-Team": "routing", "User-Agent": "test/1", "Content-Type": "application/json",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
}

func TestEventsAreGivenAsTheyCame(t *testing.T) {
	u := serve(t, documented, nil)
	s, err := u.Stream(t.Context(), streamCall)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got strings.Builder
	for {
		event, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got.Write(event.Raw)
	}
	if got.String()+"data: [DONE]\n\n" != events {
		t.Errorf("got %s", got.String())
	}
	a := s.Answer()
	if a.FirstToken <= 0 || a.Latency < a.FirstToken || a.Usage.Output != 2 || a.FinishReason != "stop" {
		t.Errorf("got %+v", a)
	}
	if whole, err := chat.ParseAnswer(a.Body); err != nil || whole.Text != "two words" {
		t.Errorf("body %s, %v", a.Body, err)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	var remotes atomic.Value
	remotes.Store("")
	changed := 0
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if old := remotes.Swap(r.RemoteAddr); old != "" && old != r.RemoteAddr {
			changed++
		}
		documented(w, r)
	}, nil)
	for range 5 {
		s, err := u.Stream(t.Context(), streamCall)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = s.Next()
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := u.Complete(t.Context(), plainCall); err != nil {
			t.Fatal(err)
		}
	}
	// A machine under load may miss the moment that Close waits.
	if changed > 3 {
		t.Errorf("%d new connections in 10 calls", changed)
	}
}

func TestGzipIsRead(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("Accept-Encoding %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, whole)
		_ = z.Close()
	}, nil)
	if a, err := u.Complete(t.Context(), plainCall); err != nil || string(a.Body) != whole {
		t.Errorf("%v, %v", a, err)
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	for _, o := range []openai.Options{
		{},
		{BaseURL: "api.example.com/v1"},
		{BaseURL: "ftp://api.example.com/v1"},
		{BaseURL: "https:///v1"},
		{BaseURL: "https://user:" + secret + "@example.com/v1"},
		{BaseURL: "https://exa mple.com/" + secret},
		{BaseURL: "https://example.com", MaxBody: -1},
		{BaseURL: "https://example.com", Headers: map[string]string{"Host": "x"}},
		{BaseURL: "https://example.com", Headers: map[string]string{"a b": "x"}},
		{BaseURL: "https://example.com", Headers: map[string]string{"X-A": secret + "\r\nX-B: c"}},
	} {
		_, err := openai.New(o)
		if !errors.Is(err, openai.ErrOptions) || strings.Contains(err.Error(), secret) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
