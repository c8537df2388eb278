package recorded_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman/internal/upstream/recorded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const stream = `data: {"id":"s","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"stre"}}]}` + "\r\n\r\n: wait\n\n" +
	`data: {"id":"s","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"amed"},"finish_reason":"stop"}]}` + "\n\n" +
	`data: {"id":"s","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}` + "\n\ndata: [DONE]\n\n"

// vendor answers each question in the way that it names.
func vendor(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer client-key" || r.Header.Get("Accept-Encoding") != "identity" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	w.Header().Set("X-Request-Id", "vendor-1")
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	has := func(s string) bool { return bytes.Contains(body, []byte(s)) }
	switch {
	case has("refused"):
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":{"message":"slow down"}}`)
	case has("garbage"):
		_, _ = io.WriteString(w, `<html>`)
	case has("streamed"):
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, stream)
	case has("cut"):
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, stream[:200])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case has("unfinished"):
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, strings.Replace(stream, `"stop"`, `null`, 1))
	default:
		_, _ = w.Write(response(1).Body)
	}
}

func TestProxy(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(vendor))
	defer target.Close()
	path := filepath.Join(t.TempDir(), "proxy.pmrec")
	writer, err := recorded.NewWriter(path, recorded.WithRequests())
	if err != nil {
		t.Fatal(err)
	}
	reports := make(chan error, 16)
	handler, err := recorded.NewProxy(target.URL+"/v1", writer, recorded.ProxyOptions{Recorded: func(err error) { reports <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close()
	proxy := httptest.NewServer(handler)
	defer proxy.Close()

	ask := func(method, path, body string) (int, http.Header, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, proxy.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer client-key")
		response, err := proxy.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		content, _ := io.ReadAll(response.Body) // a cut is one of the cases
		return response.StatusCode, response.Header, string(content)
	}
	question := func(text string) string {
		return `{"model":"m","messages":[{"role":"user","content":"` + text + `"}],"stream":true}`
	}
	for _, c := range []struct {
		text     string
		status   int
		want     string
		recorded bool
	}{
		{"whole", 200, string(response(1).Body), true},
		{"streamed", 200, stream, true},
		{"refused", 429, `{"error":{"message":"slow down"}}`, false},
		{"garbage", 200, `<html>`, false},
		{"cut", 200, stream[:200], false},
		{"unfinished", 200, strings.Replace(stream, `"stop"`, `null`, 1), false},
	} {
		status, header, got := ask(http.MethodPost, "/v1/chat/completions", question(c.text))
		if status != c.status || got != c.want || header.Get("X-Request-Id") != "vendor-1" {
			t.Errorf("%s: status %d, %s", c.text, status, got)
		}
		if err := <-reports; (err == nil) != c.recorded || err != nil && !errors.Is(err, recorded.ErrNotRecorded) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
	if status, _, got := ask(http.MethodGet, "/v1/models", ""); status != 200 || got != `{"object":"list","data":[]}` {
		t.Errorf("models: %d %s", status, got)
	}
	if status, _, got := ask(http.MethodPost, "/v1/embeddings", "{}"); status != 404 || !strings.Contains(got, "no such endpoint") {
		t.Errorf("embeddings: %d %s", status, got)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}

	if content := read(t, path); strings.Contains(content, "client-key") || !strings.Contains(content, `"request":{"model":"m"`) {
		t.Errorf("recorded %s", content)
	}
	u := open(t, path, recorded.Options{})
	c := call(0)
	c.Body = []byte(question("streamed"))
	a, err := u.Complete(t.Context(), c)
	if err != nil || a.Text != "streamed" || a.Usage.Output != 2 || a.FirstToken <= 0 || a.Latency < a.FirstToken {
		t.Errorf("%v: %+v", err, a)
	}
	c.Body = []byte(question("whole"))
	if a, err = u.Complete(t.Context(), c); err != nil || a.FirstToken != 0 || a.Latency <= 0 {
		t.Errorf("%v: %+v", err, a)
	}
}

func TestProxyWithoutItsTarget(t *testing.T) {
	target := httptest.NewServer(http.NotFoundHandler())
	target.Close()
	writer, err := recorded.NewWriter(filepath.Join(t.TempDir(), "x.pmrec"))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	handler, err := recorded.NewProxy(target.URL, writer, recorded.ProxyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := httptest.NewRecorder()
	handler.ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", bytes.NewReader(request(0))))
	if got.Code != http.StatusBadGateway || strings.Contains(got.Body.String(), "127.0.0.1") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	for _, bad := range []string{"", "example.com", "ftp://example.com", "http://user:pass@example.com"} {
		if _, err := recorded.NewProxy(bad, writer, recorded.ProxyOptions{}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
