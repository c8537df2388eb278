package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/gateway"
	"github.com/pointsman-ai/pointsman/internal/memory"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// flood answers with more than any socket takes: a stream without end, or one
// large answer.
type flood struct{}

var torrent = strings.Repeat("a", 64<<10)

func (flood) Dialect() pointsman.Dialect { return pointsman.DialectChat }

func (flood) Complete(context.Context, upstream.Call) (*pointsman.Answer, error) {
	return chat.ParseAnswer(chat.Build(chat.Completion{ID: "a", Model: "m", Text: strings.Repeat(torrent, 200), FinishReason: "stop"}))
}

func (flood) Stream(ctx context.Context, _ upstream.Call) (upstream.Stream, error) {
	return &river{ctx: ctx}, nil
}

type river struct {
	ctx context.Context
}

func (r *river) Next() (dialect.Event, error) {
	if err := r.ctx.Err(); err != nil {
		return dialect.Event{}, upstream.FromContext(r.ctx, err)
	}
	return dialect.Event{Data: []byte(`{"choices":[{"index":0,"delta":{"content":"` + torrent + `"}}]}`)}, nil
}
func (*river) Answer() *pointsman.Answer { return &pointsman.Answer{} }
func (*river) Close() error              { return nil }

// A client that does not read holds its request no longer than
// server.request_timeout and the moment that the end takes, whether it asked for
// a stream or not; one that reads is answered meanwhile.
func TestClientsThatDoNotRead(t *testing.T) {
	w := newInstance(t, flood{})
	w.timeout = 300 * time.Millisecond
	b := &records{outcomes: map[pointsman.Digest]bool{}}
	g := gateway.New(gateway.Options{
		Acquire: func() (gateway.Instance, func()) { return w, func() {} }, Gate: admit.New(nil),
		Log: b, Outcomes: b, IDs: pointsman.NewIDSource(nil, nil),
	})
	ended := make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.ServeHTTP(w, r)
		ended <- r.Header.Get("X-Kind")
	}))
	defer s.Close()
	const each = 5
	want := map[string]int{}
	for kind, body := range map[string]string{"plain": hello, "stream": strings.TrimSuffix(hello, "}") + `,"stream":true}`} {
		for range each {
			c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Kind: %s\r\nContent-Length: %d\r\n\r\n%s", kind, len(body), body)
			want[kind]++
		}
	}
	r := send(t, "POST", s.URL+"/v1/chat/completions", hello, "X-Kind", "reader")
	if r.StatusCode != 200 || len(r.body) < 200*len(torrent) {
		t.Errorf("who reads: %d, %d bytes", r.StatusCode, len(r.body))
	}
	want["reader"] = 1
	limit := time.After(20 * time.Second) // two at most, on a machine that does nothing else
	for len(want) > 0 {
		select {
		case kind := <-ended:
			if want[kind]--; want[kind] == 0 {
				delete(want, kind)
			}
		case <-limit:
			t.Fatalf("still held: %v", want)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.decisions) != 2*each+1 {
		t.Errorf("%d decisions on record, want %d", len(b.decisions), 2*each+1)
	}
}

// Memory is lent for bytes that have come. What finds none is refused, with when
// to come again, and on record; afterwards there is room again.
func TestMemoryIsLentForWhatHasCome(t *testing.T) {
	budget := memory.NewBudget(4 << 20)
	w := newInstance(t, model{text: "hi"})
	w.body = 32 << 20
	b := &records{}
	url, _ := startLogged(t, w, b, func(o *gateway.Options) { o.Memory = budget })
	var open []net.Conn
	for range 30 { // each claims eight times the budget
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n{", w.body)
		open = append(open, c)
	}
	if r := send(t, "POST", url+"/v1/chat/completions", hello); r.StatusCode != 200 {
		t.Errorf("beside them: %d %s", r.StatusCode, r.body)
	}
	for _, c := range open {
		c.Close() //nolint:errcheck // they are done
	}
	large := strings.Replace(hello, "hello", strings.Repeat("a", 2<<20), 1)
	r := send(t, "POST", url+"/v1/chat/completions", large)
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.body, "server.memory") {
		t.Errorf("twice the budget: %d %v %s", r.StatusCode, r.Header, r.body)
	}
	if r := send(t, "POST", url+"/v1/chat/completions", strings.Replace(hello, "hello", strings.Repeat("a", 512<<10), 1)); r.StatusCode != 200 {
		t.Errorf("half the budget: %d %s", r.StatusCode, r.body)
	}
	b.mu.Lock()
	refused := 0
	for _, d := range b.decisions {
		if d.Status == 503 && d.Cause == pointsman.CauseInvalid {
			refused++
		}
	}
	b.mu.Unlock()
	if refused != 1 {
		t.Errorf("%d on record as refused for want of memory, want 1", refused)
	}
	deadline := time.Now().Add(10 * time.Second)
	for budget.Used() > 0 && time.Now().Before(deadline) {
		<-time.After(time.Millisecond) // the handlers end behind their answers
	}
	if used := budget.Used(); used != 0 {
		t.Errorf("%d bytes are still lent", used)
	}
}

// An answer that finds no memory is a failure that passes, and not garbage.
func TestAnAnswerThatFindsNoMemory(t *testing.T) {
	budget := memory.NewBudget(1 << 20)
	large := `{"choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("a", 1<<20) + `"},"finish_reason":"stop"}]}`
	w := newInstance(t, vendor(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(string(body), "much") {
			_, _ = io.WriteString(w, large)
			return
		}
		_, _ = io.WriteString(w, strings.Replace(large, strings.Repeat("a", 1<<20), "hi", 1))
	}))
	b := &records{}
	url, _ := startLogged(t, w, b, func(o *gateway.Options) { o.Memory = budget })
	for _, stream := range []string{"}", `,"stream":true}`} {
		r := send(t, "POST", url+"/v1/chat/completions", strings.TrimSuffix(strings.Replace(hello, "hello", "much", 1), "}")+stream)
		if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.body, "service_unavailable") {
			t.Errorf("%s: %d %v %s", stream, r.StatusCode, r.Header, r.body)
		}
		if r := send(t, "POST", url+"/v1/chat/completions", strings.TrimSuffix(hello, "}")+stream); r.StatusCode != 200 {
			t.Errorf("%s, and then a small one: %d %s", stream, r.StatusCode, r.body)
		}
	}
	if tries := b.decisions[0].Attempts[0].Tries; tries[0].Failure != pointsman.FailureOverloaded || b.decisions[0].Cost.Known {
		t.Errorf("on record: %+v, cost %v", tries, b.decisions[0].Cost)
	}
}
