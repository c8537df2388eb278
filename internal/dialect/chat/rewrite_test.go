package chat_test

import (
	"encoding/json"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

func TestRewrite(t *testing.T) {
	for _, c := range []struct {
		name, body string
		out        dialect.Outgoing
		want       string
	}{
		{
			"the model only",
			"\n{ \"model\" : \"a\",\n\t\"messages\":[ {\"role\":\"user\",\"content\":\"\\u00e9\"} ], \"x\":1.50 }\n",
			dialect.Outgoing{Model: "b/\"q\""},
			"{ \"model\" : \"b/\\\"q\\\"\",\n\t\"messages\":[ {\"role\":\"user\",\"content\":\"\\u00e9\"} ], \"x\":1.50 }",
		},
		{
			"stream is dropped wherever it stands",
			`{"stream":true,"model":"a","stream_options":{"include_usage":true},"messages":[],"stream":false}`,
			dialect.Outgoing{Model: "b"},
			`{"model":"b","messages":[]}`,
		},
		{
			"all but what is dropped is added",
			`{"stream":true}`,
			dialect.Outgoing{Model: "b"},
			`{"model":"b"}`,
		},
		{
			"stream is set, its other options stay",
			`{"model":"a","stream_options":{"include_obfuscation":false},"messages":[]}`,
			dialect.Outgoing{Model: "b", Stream: true},
			`{"model":"b","stream_options":{"include_obfuscation":false,"include_usage":true},"messages":[],"stream":true}`,
		},
		{
			"parameters are set in their places or sorted at the end",
			`{"temperature":1,"model":"a","messages":[] }`,
			dialect.Outgoing{Model: "b", Params: map[string]string{"top_p": "1", "temperature": "0", "max_tokens": "16", "stop": `["\n"]`}},
			`{"temperature":0,"model":"b","messages":[],"max_tokens":16,"stop":["\n"],"top_p":1 }`,
		},
		{
			"the prompt comes before the client's",
			`{"model":"a","messages":[{"role":"system","content":"theirs"},{"role":"user","content":"x"}]}`,
			dialect.Outgoing{Model: "b", System: "ours\n\"1\""},
			`{"model":"b","messages":[{"role":"system","content":"ours\n\"1\""},{"role":"system","content":"theirs"},{"role":"user","content":"x"}]}`,
		},
		{
			"the prompt alone",
			`{"model":"a","messages":[ ]}`,
			dialect.Outgoing{Model: "b", System: "s"},
			`{"model":"b","messages":[{"role":"system","content":"s"} ]}`,
		},
		{"an empty object", ` { } `, dialect.Outgoing{Model: "b", Stream: true}, `{"model":"b","stream":true,"stream_options":{"include_usage":true} }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := chat.Rewrite([]byte(c.body), c.out)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRewriteRefuses(t *testing.T) {
	for _, c := range []struct {
		name, body string
		out        dialect.Outgoing
	}{
		{"no JSON", `{"model"`, dialect.Outgoing{}},
		{"no object", `[]`, dialect.Outgoing{}},
		{"no messages", `{}`, dialect.Outgoing{System: "s"}},
		{"parameter not JSON", `{}`, dialect.Outgoing{Params: map[string]string{"a": `1,"model":"x"`}}},
		{"parameter reserved", `{}`, dialect.Outgoing{Params: map[string]string{"messages": `[]`}}},
	} {
		if _, err := chat.Rewrite([]byte(c.body), c.out); !errors.Is(err, chat.ErrRewrite) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestKeyIsOfWhatIsAsked(t *testing.T) {
	key := func(body string) string {
		t.Helper()
		k, err := chat.Key([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return string(k)
	}
	base := key(`{"model":"m","messages":[{"role":"user","content":"é\n"}],"temperature":0.5,"max_tokens":100,"seed":9007199254740993}`)
	for _, same := range []string{
		` {"seed":9007199254740993, "max_tokens":1E2,"temperature":5.00e-1,"messages":[{"content":"\u00e9\u000a","role":"user"}],"model":"m"}`,
		`{"model":"m","messages":[{"role":"user","content":"é\n"}],"temperature":0.5,"max_tokens":100.0,"seed":9007199254740993,"stream":true,"stream_options":{"include_usage":true},"user":"u","metadata":{"a":"b"},"store":true,"service_tier":"auto","prompt_cache_key":"k","safety_identifier":"s"}`,
	} {
		if key(same) != base {
			t.Errorf("another key for %s", same)
		}
	}
	for _, other := range []string{
		`{"model":"m","messages":[{"role":"user","content":"é\n"}],"temperature":0.5,"max_tokens":100,"seed":9007199254740992}`,
		`{"model":"m","messages":[{"role":"user","content":"é\n","user":"u"}],"temperature":0.5,"max_tokens":100,"seed":9007199254740993}`,
		`{"model":"n","messages":[{"role":"user","content":"é\n"}],"temperature":0.5,"max_tokens":100,"seed":9007199254740993}`,
		`{"model":"m","messages":[{"role":"user","content":"é\n"}],"temperature":-0.5,"max_tokens":100,"seed":9007199254740993}`,
		`{"model":"m","messages":[{"role":"user","content":"é\n"}],"temperature":"0.5","max_tokens":100,"seed":9007199254740993}`,
	} {
		if key(other) == base {
			t.Errorf("the same key for %s", other)
		}
	}
	// The key is stored in recordings: it must never change. This one was
	// computed apart, from the canonical form as it is documented.
	if want := "sha256:c7dbac71c9d93fdbdb77a18ed4b6b5796b948daacf01f0e0cf57f9b8b6893165"; base != want {
		t.Errorf("key %s, want %s", base, want)
	}
	if _, err := chat.Key([]byte(`{`)); err == nil {
		t.Error("no error for half an object")
	}
}

func TestKeyOutlivesRewriting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(rapid.StringMatching(`[a-z \\"\n]{0,20}`).Draw(t, "text"))
		if err != nil {
			t.Fatal(err)
		}
		body := []byte(`{"model":"m","messages":[{"role":"user","content":` + string(text) + `}]}`)
		before, err := chat.Key(body)
		if err != nil {
			t.Fatal(err)
		}
		out, err := chat.Rewrite(body, dialect.Outgoing{Model: "m", Stream: rapid.Bool().Draw(t, "stream")})
		if err != nil {
			t.Fatal(err)
		}
		if after, err := chat.Key(out); err != nil || after != before {
			t.Fatalf("%v: %s became %s", err, before, after)
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"a":-0.00e-5,"b":[1e400,[],{}],"b":"\ud800"}`))
	f.Fuzz(func(_ *testing.T, body []byte) { _, _ = chat.Key(body) })
}

func BenchmarkRewrite(b *testing.B) {
	body, params := []byte(small), map[string]string{"temperature": "0", "max_tokens": "16"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := chat.Rewrite(body, dialect.Outgoing{Model: "up", System: "Answer with a label.", Params: params}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKey(b *testing.B) {
	body := []byte(small)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := chat.Key(body); err != nil {
			b.Fatal(err)
		}
	}
}
