package chat_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

func asking(t *testing.T, members string) *pointsman.Request {
	t.Helper()
	_, r, err := chat.Client{}.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"x"}]` + members + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	withLogprobs = `{"id":"c", "choices":[{"index":0,"message":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-1}]},"finish_reason":"stop"},` +
		` {"index":1,"message":{"content":"b"},"logprobs":null}],"usage":{"prompt_tokens":1}}` + "\n"
	withoutThem = `{"id":"c", "choices":[{"index":0,"message":{"content":"a"},"logprobs":null,"finish_reason":"stop"},` +
		`{"index":1,"message":{"content":"b"},"logprobs":null}],"usage":{"prompt_tokens":1}}`
)

// What only a tier asked for is not the client's: logprobs that it did not ask
// for are taken out, those that it did ask for stay, and nothing else changes.
func TestAnswersPassAsTheyAre(t *testing.T) {
	plain := `{"choices":[{"message":{"content":"\"logprobs\""},"logprobs" : null}]}`
	for _, c := range []struct{ name, members, body, want string }{
		{"not asked for", ``, withLogprobs, withoutThem},
		{"declined", `,"logprobs":false`, withLogprobs, withoutThem},
		{"asked for", `,"logprobs":true`, withLogprobs, withLogprobs},
		{"none there", ``, plain, plain},
		{"no choices", ``, `{"logprobs":{}}`, `{"logprobs":{}}`},
	} {
		got, err := chat.ToChat{}.Answer(asking(t, c.members), &pointsman.Answer{Body: []byte(c.body)})
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, got, c.want)
		}
		if !json.Valid(got) {
			t.Errorf("%s: not JSON: %s", c.name, got)
		}
	}
}

func TestEventsPassAsTheyAre(t *testing.T) {
	const (
		text   = `{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":null}]}`
		tokens = `{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-1}]}}]}`
		bare   = `{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":null}]}`
		usage  = `{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}`
	)
	wire := func(data string) string { return ": c\r\nid: 1\r\ndata: " + data + "\r\n\r\n" }
	for _, c := range []struct {
		name, members, data, raw, want string
	}{
		{"byte for byte", ``, text, wire(text), wire(text)},
		{"without a wire", ``, text, "", "data: " + text + "\n\n"},
		{"a comment", ``, "", ": keep-alive\n", ": keep-alive\n"},
		{"logprobs not asked for", ``, tokens, wire(tokens), "data: " + bare + "\n\n"},
		{"logprobs asked for", `,"logprobs":true`, tokens, wire(tokens), wire(tokens)},
		{"usage not asked for", `,"stream":true`, usage, wire(usage), ""},
		{"usage asked for", `,"stream":true,"stream_options":{"include_usage":true}`, usage, wire(usage), wire(usage)},
		{"usage asked for of no stream", `,"stream_options":{"include_usage":true}`, usage, wire(usage), ""},
	} {
		e := dialect.Event{Data: []byte(c.data)}
		if c.raw != "" {
			e.Raw = []byte(c.raw)
		}
		s := chat.ToChat{}.Stream(asking(t, c.members))
		got, err := s.Event(e)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n got %q\nwant %q", c.name, err, got, c.want)
		}
		if end := string(s.End()); end != "data: [DONE]\n\n" {
			t.Errorf("%s: it ends with %q", c.name, end)
		}
	}
}

// An event that is written anew keeps its lines.
func TestAnEventOfSeveralLines(t *testing.T) {
	got, err := chat.ToChat{}.Stream(asking(t, "")).Event(dialect.Event{Data: []byte("{\n}")})
	if err != nil || string(got) != "data: {\ndata: }\n\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhatAnErrorLooksLike(t *testing.T) {
	e := &pointsman.Error{Code: pointsman.CodeForbidden, Message: "no", Hint: "ask"}
	body := string(chat.Client{}.Error(e, "d1"))
	if stream := string(chat.Client{}.StreamError(e, "d1")); stream != "data: "+body+"\n\n" || !strings.Contains(body, `"decision":"d1"`) {
		t.Errorf("%s, %s", body, stream)
	}
}
