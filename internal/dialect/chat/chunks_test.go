package chat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

// added adds chunks up.
func added(t interface{ Fatalf(string, ...any) }, chunks [][]byte) *pointsman.Answer {
	var sum chat.Accumulator
	for _, c := range chunks {
		if err := sum.Add(c); err != nil {
			t.Fatalf("%v in %s", err, c)
		}
	}
	return sum.Answer()
}

// decoded is the value of some JSON without the members that mean nothing.
func decoded(t interface{ Fatalf(string, ...any) }, body []byte) any {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	var prune func(v any) any
	prune = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				if member = prune(member); member == nil {
					delete(v, name)
				} else {
					v[name] = member
				}
			}
		case []any:
			if len(v) == 0 {
				return nil
			}
			for i := range v {
				v[i] = prune(v[i])
			}
		}
		return v
	}
	return prune(v)
}

func TestChunksLoseNothing(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			a, err := chat.ParseAnswer([]byte(d.body))
			if err != nil {
				t.Fatal(err)
			}
			chunks, err := chat.Chunks(a, true)
			if err != nil {
				t.Fatal(err)
			}
			got := added(t, chunks)
			if diff := cmp.Diff(a, got, ignoreBody); diff != "" {
				t.Error(diff)
			}
			want := decoded(t, a.Body).(map[string]any)
			for name, value := range map[string]any{"id": "", "created": 0.0, "model": "", "object": "chat.completion"} {
				if want[name] == nil {
					want[name] = value
				}
			}
			want["choices"].([]any)[0].(map[string]any)["index"] = 0.0
			if diff := cmp.Diff(any(want), decoded(t, got.Body)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChunksOfRandomAnswersAddUp(t *testing.T) {
	text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune(" \n\"\\/é😀\u2028\x01")), rapid.RuneFrom([]rune("abcdefgh   "))))
	rapid.Check(t, func(t *rapid.T) {
		quote := func(s string) string {
			b, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		calls := make([]string, rapid.IntRange(0, 3).Draw(t, "calls"))
		for i := range calls {
			calls[i] = fmt.Sprintf(`{"id":"c%d","type":"function","function":{"name":"f","arguments":%s}}`, i, quote(text.Draw(t, "arguments")))
		}
		logprobs := "null"
		if rapid.Bool().Draw(t, "logprobs") {
			logprobs = fmt.Sprintf(`{"content":[{"token":%s,"logprob":-0.25,"top_logprobs":[]}],"refusal":null}`, quote(text.Draw(t, "token")))
		}
		body := fmt.Sprintf(`{"id":"i","object":"chat.completion","created":5,"model":"m","system_fingerprint":"f","choices":[{"index":0,`+
			`"message":{"role":"assistant","content":%s,"refusal":%s,"reasoning_content":%s,"tool_calls":[%s]},"logprobs":%s,"finish_reason":"stop"}],`+
			`"usage":{"prompt_tokens":%d,"completion_tokens":1,"total_tokens":1}}`,
			quote(text.Draw(t, "content")), quote(text.Draw(t, "refusal")), quote(text.Draw(t, "reasoning")),
			strings.Join(calls, ","), logprobs, rapid.IntRange(0, 9).Draw(t, "input"))
		a, err := chat.ParseAnswer([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		withUsage := rapid.Bool().Draw(t, "usage")
		chunks, err := chat.Chunks(a, withUsage)
		if err != nil {
			t.Fatal(err)
		}
		got := added(t, chunks)
		if !withUsage {
			got.Usage = a.Usage
		}
		if diff := cmp.Diff(a, got, ignoreBody); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestChunksOfALongTextAreFewPieces(t *testing.T) {
	body := chat.Build(chat.Completion{ID: "i", Model: "m", Text: strings.Repeat("some words ", 50), FinishReason: "stop", Usage: pointsman.Usage{Known: true}})
	chunks, err := chat.Chunks(&pointsman.Answer{Body: body}, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(chunks) < 8 || len(chunks) > 11 {
		t.Errorf("%d chunks", len(chunks))
	}
	for i, c := range chunks {
		if !strings.Contains(string(c), `"object":"chat.completion.chunk"`) || strings.Contains(string(c), `"usage":null`) == (i == len(chunks)-1) {
			t.Errorf("chunk %d: %s", i, c)
		}
	}
	if _, err := chat.Chunks(&pointsman.Answer{}, false); !errors.Is(err, dialect.ErrMalformed) {
		t.Errorf("an answer without a body: %v", err)
	}
}

func TestAccumulatorReadsDialects(t *testing.T) {
	for _, c := range []struct {
		name   string
		chunks []string
		want   pointsman.Answer
		body   string
	}{
		{
			"OpenAI tool calls in pieces",
			[]string{
				`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}],"refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}`,
				`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a"}}]},"logprobs":null,"finish_reason":null}],"usage":null}`,
				`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":null}],"usage":null}`,
				`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\":1}"}}]},"finish_reason":null}],"usage":null}`,
				`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":null}`,
				`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`,
			},
			pointsman.Answer{ToolCalls: []pointsman.ToolCall{{ID: "call_1", Name: "f", Arguments: `{"a":1}`}, {ID: "call_2", Name: "g", Arguments: "{}"}}, FinishReason: "tool_calls", ServedBy: "m", Usage: pointsman.Usage{Known: true, Input: 3, Output: 4}},
			`{"id":"c","created":1,"model":"m","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`,
		},
		{
			"Azure begins with filter results and no choices; vLLM counts usage on",
			[]string{
				`{"id":"","object":"","created":0,"model":"","prompt_filter_results":[{"prompt_index":0}],"choices":[]}`,
				`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3}}`,
				`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a "},"logprobs":{"content":[{"token":"a ","logprob":-1,"top_logprobs":[]}]}}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`,
				`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[{"token":"b","logprob":-2,"top_logprobs":[]}]},"finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`,
			},
			pointsman.Answer{
				Text: "a b", FinishReason: "stop", ServedBy: "m", Usage: pointsman.Usage{Known: true, Input: 3, Output: 2},
				Logprobs: []pointsman.TokenLogprob{{Token: "a ", Logprob: -1}, {Token: "b", Logprob: -2}},
			},
			`{"id":"c","created":1,"model":"m","prompt_filter_results":[{"prompt_index":0}],"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"a b","refusal":null},"logprobs":{"content":[{"token":"a ","logprob":-1,"top_logprobs":[]},{"token":"b","logprob":-2,"top_logprobs":[]}]},"finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`,
		},
		{
			"Gemini numbers all parallel calls 0 and sends them whole",
			[]string{`{"model":"g","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"id":"1","index":0,"type":"function","function":{"name":"f","arguments":"{}"}},{"id":"2","index":0,"type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`},
			pointsman.Answer{ToolCalls: []pointsman.ToolCall{{ID: "1", Name: "f", Arguments: "{}"}, {ID: "2", Name: "g", Arguments: "{}"}}, FinishReason: "tool_calls", ServedBy: "g"},
			`{"id":"","created":0,"model":"g","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"2","type":"function","function":{"name":"g","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"}]}`,
		},
		{
			"Mistral streams parts; reasoning is kept",
			[]string{
				`{"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":[{"type":"thinking","thinking":[]}],"reasoning_content":"h"}}]}`,
				`{"model":"m","choices":[{"index":0,"delta":{"content":"a","reasoning_content":"m"}}]}`,
				`{"model":"m","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}`,
			},
			pointsman.Answer{Text: "ab", FinishReason: "stop", ServedBy: "m"},
			`{"id":"","created":0,"model":"m","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"thinking","thinking":[]},{"type":"text","text":"ab"}],"refusal":null,"reasoning_content":"hm"},"logprobs":null,"finish_reason":"stop"}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			chunks := make([][]byte, len(c.chunks))
			for i := range chunks {
				chunks[i] = []byte(c.chunks[i])
			}
			got := added(t, chunks)
			if diff := cmp.Diff(&c.want, got, ignoreBody); diff != "" {
				t.Error(diff)
			}
			if c.body = strings.Replace(c.body, `{"id":"c","created":1`, `{"id":"c","created":1`, 1); string(got.Body) != c.body {
				t.Errorf("body\n got %s\nwant %s", got.Body, c.body)
			}
		})
	}
}

func TestAccumulatorRefuses(t *testing.T) {
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, `,"m%d":1`, i)
	}
	calls := strings.TrimSuffix(strings.Repeat(`{"id":"x","index":1},{"id":"y","index":1},`, 600), ",")
	for _, c := range []struct {
		name, chunk string
		kind        error
	}{
		{"no JSON", `{"choices":[`, dialect.ErrMalformed},
		{"no object", `[]`, dialect.ErrMalformed},
		{"choices", `{"choices":{}}`, dialect.ErrMalformed},
		{"choice", `{"choices":[1]}`, dialect.ErrMalformed},
		{"delta", `{"choices":[{"delta":"x"}]}`, dialect.ErrMalformed},
		{"content", `{"choices":[{"delta":{"content":{}}}]}`, dialect.ErrMalformed},
		{"tool calls", `{"choices":[{"delta":{"tool_calls":{}}}]}`, dialect.ErrMalformed},
		{"tool call", `{"choices":[{"delta":{"tool_calls":[1]}}]}`, dialect.ErrMalformed},
		{"too many calls", `{"choices":[{"delta":{"tool_calls":[` + calls + `]}}]}`, dialect.ErrMalformed},
		{"too many members", `{"id":"x"` + many.String() + `}`, dialect.ErrMalformed},
		{"error", `{"error":{"message":"overloaded","type":"server_error"}}`, &dialect.VendorError{}},
		{"rejected", `{"error":{"message":"no","code":400}}`, &dialect.VendorError{Status: 400}},
		{"too large", `"` + strings.Repeat("x", chat.MaxAnswer) + `"`, dialect.ErrMalformed},
	} {
		var sum chat.Accumulator
		if err := sum.Add([]byte(c.chunk)); !isKind(err, c.kind) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	var empty chat.Accumulator
	if diff := cmp.Diff(&pointsman.Answer{}, empty.Answer()); diff != "" {
		t.Error(diff)
	}
}

func FuzzAccumulator(f *testing.F) {
	f.Add([]byte(`{"choices":[{"delta":{"content":[{}],"tool_calls":[{"index":0,"function":{"arguments":"a"}}]}}]}`), []byte(`{"choices":[{"delta":{"content":"x","audio":{}}}]}`))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		var sum chat.Accumulator
		_ = sum.Add(one)
		_ = sum.Add(two)
		_ = sum.Add(one)
		if a := sum.Answer(); a.Body != nil && !json.Valid(a.Body) {
			t.Fatalf("not JSON: %s", a.Body)
		}
	})
}

func BenchmarkAccumulator(b *testing.B) {
	chunk := []byte(`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a "},"logprobs":null,"finish_reason":null}],"usage":null}`)
	b.ReportAllocs()
	for b.Loop() {
		var sum chat.Accumulator
		if err := sum.Add(chunk); err != nil {
			b.Fatal(err)
		}
	}
}
