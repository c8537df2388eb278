package chat_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

const small = `{"model":"intents","messages":[{"role":"system","content":"Answer with one label."},` +
	`{"role":"user","content":"how do i transfer money to my savings account please"}],` +
	`"temperature":0,"max_tokens":16,"logprobs":true,"top_logprobs":5}`

func TestDecodeReadsWhatPointsmanNeeds(t *testing.T) {
	body := []byte(`{
	"messages": [
		{"role":"developer","content":"Be\nbrief."},
		{"role":"user","content":[{"type":"text","text":"first"},{"type":"image_url","image_url":{"url":"data:…"}},{"type":"text","text":"second \u00e9"}]},
		{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},
		{"role":"tool","tool_call_id":"c1","name":"f","content":"42"},
		{"role":"user","content":"and now?"}
	],
	"mod\u0065l": "acme/large", "stream": true, "stream_options": {"include_usage": true, "x": 1},
	"n": 2.0, "metadata": {"tenant":"a","re\u0067ion":"eu"}, "unknown": [1,2]}`)
	got, err := chat.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	want := &chat.Decoded{Model: "acme/large", Request: pointsman.Request{
		Payload: pointsman.Payload{Dialect: pointsman.DialectChat, Body: body},
		Messages: []pointsman.Message{
			{Role: "developer", Text: "Be\nbrief."},
			{Role: "user", Text: "first\nsecond é", NonText: 1},
			{Role: "assistant"},
			{Role: "tool", Text: "42", ToolName: "f"},
			{Role: "user", Text: "and now?"},
		},
		Input: "and now?", Stream: true, Choices: 2, Settings: []string{"n", "other"},
		Metadata: map[string]string{"tenant": "a", "region": "eu"},
	}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(pointsman.Payload{}, "Details")); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	m := func(messages string) string { return `{"model":"m","messages":` + messages + `}` }
	with := func(members string) string {
		return `{"model":"m","messages":[{"role":"user","content":"x"}],` + members + `}`
	}
	pairs := make([]string, 17)
	for i := range pairs {
		pairs[i] = `"k` + strconv.Itoa(i) + `":"v"`
	}
	for _, c := range []struct{ name, body, param, message string }{
		{"empty", ``, "", "not one complete JSON value"},
		{"cut", small[:80], "", "not one complete JSON value"},
		{"two values", small + small, "", "not one complete JSON value"},
		{"array", `[]`, "", "not a JSON object"},
		{"not UTF-8", m("[{\"role\":\"user\",\"content\":\"\xff\"}]"), "", "UTF-8"},
		{"deep", with(`"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200)), "", "128 levels"},
		{"very deep", strings.Repeat(`{"a":`, 1<<20), "", "128 levels"},
		{"no model", `{"messages":[{"role":"user","content":"x"}]}`, "model", "no model"},
		{"model empty", `{"model":"","messages":[{"role":"user","content":"x"}]}`, "model", "model is not"},
		{"model long", `{"model":"` + strings.Repeat("m", 257) + `"}`, "model", "256 bytes"},
		{"model twice", with(`"m\u006fdel":"other"`), "model", "twice"},
		{"no messages", `{"model":"m"}`, "messages", "no messages"},
		{"messages empty", m(`[]`), "messages", "empty"},
		{"messages object", m(`{}`), "messages", "not an array"},
		{"messages twice", with(`"messages":[]`), "messages", "messages"},
		{"message string", m(`["x"]`), "messages.[0]", "not an object"},
		{"role", m(`[{"role":"user","content":"x"},{"role":"robot","content":"x"}]`), "messages.[1].role", "not a known role"},
		{"no role", m(`[{"content":"x"}]`), "messages.[0].role", "not a known role"},
		{"role twice", m(`[{"role":"user","role":"system","content":"x"}]`), "messages.[0].role", "twice"},
		{"content twice", m(`[{"role":"user","content":"a","content":"b"}]`), "messages.[0].content", "twice"},
		{"no content", m(`[{"role":"user"}]`), "messages.[0].content", "missing"},
		{"assistant without", m(`[{"role":"assistant","tool_calls":null}]`), "messages.[0].content", "missing"},
		{"content number", m(`[{"role":"user","content":1}]`), "messages.[0].content", "neither"},
		{"no parts", m(`[{"role":"user","content":[]}]`), "messages.[0].content", "empty array"},
		{"part string", m(`[{"role":"user","content":["x"]}]`), "messages.[0].content.[0].type", "missing"},
		{"part without text", m(`[{"role":"user","content":[{"type":"text"}]}]`), "messages.[0].content.[0].text", "not a string"},
		{"stream", with(`"stream":"yes"`), "stream", "not a boolean"},
		{"stream_options", with(`"stream_options":[]`), "stream_options", "not an object"},
		{"include_usage", with(`"stream_options":{"include_usage":1}`), "stream_options.include_usage", "not a boolean"},
		{"n", with(`"n":0`), "n", "not a number from 1 to 128"},
		{"n fraction", with(`"n":1.5`), "n", "not a number from 1 to 128"},
		{"n text", with(`"n":"2"`), "n", "not a number from 1 to 128"},
		{"n many", with(`"n":129`), "n", "not a number from 1 to 128"},
		{"logprobs", with(`"logprobs":1`), "logprobs", "not a boolean"},
		{"metadata", with(`"metadata":"x"`), "metadata", "not an object"},
		{"metadata value", with(`"metadata":{"a":1}`), "metadata.a", "not a string"},
		{"metadata twice", with(`"metadata":{"a":"1","a":"2"}`), "metadata.a", "twice"},
		{"metadata pairs", with(`"metadata":{` + strings.Join(pairs, ",") + `}`), "metadata", "16 pairs"},
		{"metadata key", with(`"metadata":{"` + strings.Repeat("é", 65) + `":"x"}`), "metadata." + strings.Repeat("é", 20) + "…", "64 characters"},
		{"metadata long", with(`"metadata":{"a":"` + strings.Repeat("é", 513) + `"}`), "metadata.a", "512 characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := chat.Decode([]byte(c.body))
			var e *pointsman.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Code != pointsman.CodeInvalid || e.Param != c.param || !strings.Contains(e.Message, c.message) {
				t.Errorf("got %q, param %q, code %q", e.Message, e.Param, e.Code)
			}
		})
	}
}

func TestDecodeTakesNullForAbsent(t *testing.T) {
	got, err := chat.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":""}],"stream":null,"stream_options":null,"n":null,"metadata":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Request.Stream || got.Request.Choices != 1 || got.Request.Metadata != nil {
		t.Errorf("got %+v", got.Request)
	}
}

func TestDecodeAllocatesLittle(t *testing.T) {
	body := []byte(small)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := chat.Decode(body); err != nil {
			t.Fatal(err)
		}
	}); n > 12 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"\ud83d\ude00"}]}],"metadata":{"a":"b"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		before := string(body)
		got, err := chat.Decode(body)
		if err != nil {
			if pointsman.CodeOf(err) != pointsman.CodeInvalid {
				t.Fatalf("error %v", err)
			}
			return
		}
		out, err := chat.Rewrite(body, dialect.Outgoing{Model: "up", System: "sys", Params: map[string]string{"temperature": "0"}, Stream: true})
		if err != nil {
			t.Fatalf("rewrite: %v", err)
		}
		again, err := chat.Decode(out)
		if err != nil {
			t.Fatalf("decode what was rewritten: %v\n%s", err, out)
		}
		if again.Model != "up" || !again.Request.Stream || len(again.Request.Messages) != len(got.Request.Messages)+1 {
			t.Fatalf("rewritten to %s", out)
		}
		if string(body) != before {
			t.Fatal("the body was changed")
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	body := []byte(small)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := chat.Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPartsAreReadByTheirType: rules and records see what the model is asked, and
// not what stands beside it.
func TestPartsAreReadByTheirType(t *testing.T) {
	read := func(part string) (string, error) {
		d, err := chat.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":[` + part + `]}]}`))
		if err != nil {
			return "", err
		}
		return d.Request.Input, nil
	}
	for part, want := range map[string]string{
		`{"type":"text","text":"fire","refusal":"harmless"}`:    "fire",
		`{"refusal":"harmless","type":"text","text":"fire"}`:    "fire",
		`{"type":"refusal","text":"harmless","refusal":"fire"}`: "fire",
	} {
		if got, err := read(part); err != nil || got != want {
			t.Errorf("%s: %q, %v", part, got, err)
		}
	}
	for _, part := range []string{`{"type":"text","text":"fire","text":"harmless"}`, `{"type":"text","type":"image_url","text":"fire"}`} {
		if got, err := read(part); err == nil || !strings.Contains(err.Error(), "is there twice") {
			t.Errorf("%s: %q, %v", part, got, err)
		}
	}
}
