package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman/internal/logging"
	"github.com/pointsman-ai/pointsman/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a server in this process.
type running struct {
	server.Addresses
	dir   string
	stop  func()       // asks for the end, as SIGTERM does
	hurry func()       // asks again
	ended <-chan error // holds what Run returned
	log   *locked
}

// locked is a buffer for several goroutines.
type locked struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs a server whose only task asks an API that a test answers for.
func start(t *testing.T, upstream http.HandlerFunc, settings string) *running {
	t.Helper()
	return startWith(t, upstream, settings, "", server.Options{Listen: "127.0.0.1:0"})
}

// startWith is start with more tasks and with options.
func startWith(t *testing.T, upstream http.HandlerFunc, settings, tasks string, o server.Options) *running {
	t.Helper()
	r, err := tryStartWith(t, upstream, settings, tasks, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tryStart(t *testing.T, upstream http.HandlerFunc, settings string, o server.Options) (*running, error) {
	t.Helper()
	return tryStartWith(t, upstream, settings, "", o)
}

func tryStartWith(t *testing.T, upstream http.HandlerFunc, settings, tasks string, o server.Options) (*running, error) {
	t.Helper()
	api := httptest.NewServer(upstream)
	t.Cleanup(api.Close)
	r := &running{dir: t.TempDir(), log: &locked{}}
	o.Path = filepath.Join(r.dir, "pointsman.yaml")
	content := fmt.Sprintf(`version: 1
server: {%s}
upstreams:
  api: {type: openai, location: edge, region: house, base_url: %q}
models:
  only: {upstream: api, price: unknown}
  priced: {upstream: api, price: {input: 1, output: 2}}
tasks:
  open: {kind: open, tiers: [{name: only, model: only}]}
%s`, settings, api.URL, tasks)
	if err := os.WriteFile(o.Path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Log = logging.New(r.log, logging.Options{})
	ready := make(chan server.Addresses, 1)
	o.Ready = func(at server.Addresses) { ready <- at }
	hurry := make(chan struct{})
	o.Hurry, r.hurry = hurry, sync.OnceFunc(func() { close(hurry) })
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	ended, over := make(chan error, 1), make(chan struct{})
	r.ended = ended
	go func() {
		defer close(over)
		ended <- server.Run(ctx, o)
	}()
	t.Cleanup(func() {
		cancel()
		r.hurry()
		http.DefaultClient.CloseIdleConnections()
		<-over
		if t.Failed() {
			t.Log(r.log.String())
		}
	})
	select {
	case r.Addresses = <-ready:
		return r, nil
	case err := <-ended:
		return nil, err
	}
}

const (
	whole    = `{"model":"open","messages":[{"role":"user","content":"hello"}]}`
	streamed = `{"model":"open","stream":true,"messages":[{"role":"user","content":"hello"}]}`
	event    = `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}` + "\n\n"
	last     = `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
	answer   = `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}`
)

// respond answers a request whole.
func respond(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, answer) //nolint:errcheck // the client sees it
}

// slowStream answers with an event, and with the rest when it is let go on.
func slowStream(goOn <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, event)              //nolint:errcheck // the client sees it
		http.NewResponseController(w).Flush() //nolint:errcheck // likewise
		select {
		case <-goOn:
			io.WriteString(w, last) //nolint:errcheck // the client sees it
		case <-r.Context().Done():
		}
	}
}

// get asks with a connection of its own.
func get(t *testing.T, method, url, body string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%v after %q", err, content)
	}
	return response, string(content)
}

// end waits for the end of the server.
func (r *running) end(t *testing.T) {
	t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the server did not end in 30 s")
	}
}
