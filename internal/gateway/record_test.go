package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// A request that is too large to be recorded is refused before a model is paid.
func TestWhatCannotBeRecordedIsNotAsked(t *testing.T) {
	var asked atomic.Int32
	w := newInstance(t, vendor(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`)
	}))
	b := &records{unfit: &pointsman.Error{Code: pointsman.CodeTooLarge, Message: "the request is too large to be recorded"}}
	url, _ := startLogged(t, directly{w}, b)
	for _, model := range []string{"t", "up/m"} {
		r := send(t, "POST", url+"/v1/chat/completions", strings.Replace(hello, `"t"`, `"`+model+`"`, 1))
		if r.StatusCode != 413 || !strings.Contains(r.body, "too large to be recorded") {
			t.Errorf("%s: %d %s", model, r.StatusCode, r.body)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the upstream was asked %d times", n)
	}
	if len(b.decisions) != 2 || b.decisions[0].Status != 413 || b.texts[0] != nil {
		t.Errorf("on record: %+v", b.decisions)
	}
	b.unfit = nil
	if r := send(t, "POST", url+"/v1/chat/completions", hello); r.StatusCode != 200 || asked.Load() != 1 {
		t.Errorf("one that fits: %d %s", r.StatusCode, r.body)
	}
}

// A panic leaves a decision, with the attempt that it happened in; so does one
// in the middle of a stream, whose client is told. The log has where.
func TestAPanicIsOnRecord(t *testing.T) {
	for name, c := range map[string]struct {
		model upstream.Upstream
		body  string
		want  string
		begun bool
	}{
		"plain":               {model{text: "panic"}, hello, `"code":"internal"`, false},
		"before a stream":     {model{text: "panic"}, strings.TrimSuffix(hello, "}") + `,"stream":true}`, `"code":"internal"`, false},
		"in the middle of it": {trap{}, strings.TrimSuffix(hello, "}") + `,"stream":true}`, `"code":"internal"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := &records{}
			url, log := startLogged(t, newInstance(t, c.model), b)
			r := send(t, "POST", url+"/v1/chat/completions", c.body)
			if !strings.Contains(r.body, c.want) || (r.StatusCode == 200) != c.begun || strings.Contains(r.body, "[DONE]") {
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
			if len(b.decisions) != 1 {
				t.Fatalf("%d decisions", len(b.decisions))
			}
			d := b.decisions[0]
			if d.Cause != pointsman.CauseInternal || d.Lifecycle != pointsman.Failed || d.Status != r.StatusCode || d.Cost.Known {
				t.Errorf("on record: %+v", d)
			}
			if len(d.Attempts) != 1 || d.Attempts[0].Tier != "only" {
				t.Errorf("attempts: %+v", d.Attempts)
			}
			if text := log.String(); !strings.Contains(text, "a fault") || !strings.Contains(text, "record_test.go") && !strings.Contains(text, "gateway_test.go") {
				t.Errorf("logged: %s", text)
			}
		})
	}
}

// trap gives one event and then panics.
type trap struct{ model }

func (trap) Stream(context.Context, upstream.Call) (upstream.Stream, error) { return &trapped{}, nil }

type trapped struct{ given bool }

func (s *trapped) Next() (dialect.Event, error) {
	if s.given {
		panic("a fault")
	}
	s.given = true
	return dialect.Event{Data: []byte(`{"choices":[{"index":0,"delta":{"content":"h"}}]}`)}, nil
}
func (*trapped) Answer() *pointsman.Answer { return &pointsman.Answer{} }
func (*trapped) Close() error              { return nil }

const (
	calling  = `{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Bern\"}"}}]},"finish_reason":"tool_calls"}]}`
	commands = ": processing\n\n" +
		`data: {"id":"1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]},"finish_reason":null}]}` + "\n\n" +
		": keep-alive\n\n" +
		`data: {"id":"1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":\"Bern\"}"}}]},"finish_reason":null}]}` + "\n\n" +
		`data: {"id":"1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\n" +
		"data: [DONE]\n\n"
)

// Calls of tools are on record with the attempt's texts, and what the upstream
// sent reaches the client byte for byte, comments included.
func TestToolCallsAreOnRecord(t *testing.T) {
	w := newInstance(t, vendor(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, commands)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, calling)
	}))
	b := &records{}
	url, _ := startLogged(t, w, b)
	for body, want := range map[string]string{hello: calling, strings.TrimSuffix(hello, "}") + `,"stream":true}`: commands} {
		if r := send(t, "POST", url+"/v1/chat/completions", body); r.StatusCode != 200 || r.body != want {
			t.Errorf("%d %s\nwant %s", r.StatusCode, r.body, want)
		}
	}
	for i, texts := range b.texts {
		if len(texts.Attempts) != 1 || len(texts.Attempts[0].ToolCalls) != 1 {
			t.Fatalf("texts %d: %+v", i, texts)
		}
		if call := texts.Attempts[0].ToolCalls[0]; call != (pointsman.ToolCall{ID: "call_1", Name: "weather", Arguments: `{"city":"Bern"}`}) {
			t.Errorf("call %d: %+v", i, call)
		}
	}
}

// More than one answer is for who names the model itself: it passes untouched.
func TestSeveralChoices(t *testing.T) {
	two := `{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":"b"},"finish_reason":"stop"}]}`
	var sent atomic.Value
	w := newInstance(t, vendor(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		sent.Store(string(body))
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, two)
	}))
	b := &records{}
	url, _ := startLogged(t, directly{w}, b)
	body := strings.TrimSuffix(hello, "}") + `,"n":2}`
	if r := send(t, "POST", url+"/v1/chat/completions", body); r.StatusCode != 400 || !strings.Contains(r.body, `"param":"n"`) || sent.Load() != nil {
		t.Errorf("a task: %d %s", r.StatusCode, r.body)
	}
	r := send(t, "POST", url+"/v1/chat/completions", strings.Replace(body, `"t"`, `"up/m"`, 1))
	if r.StatusCode != 200 || r.body != two || !strings.Contains(sent.Load().(string), `"n":2`) {
		t.Errorf("direct: %d %s, sent %v", r.StatusCode, r.body, sent.Load())
	}
	if r := send(t, "POST", url+"/v1/chat/completions", strings.TrimSuffix(hello, "}")+`,"n":1}`); r.StatusCode != 200 {
		t.Errorf("one answer of a task: %d %s", r.StatusCode, r.body)
	}
}
