package chat_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

// dialects are answers in the forms that vendors document, written by hand.
var dialects = []struct {
	name, body string
	want       pointsman.Answer
}{
	{
		"OpenAI with logprobs",
		`{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"gpt-x-2026","choices":[{"index":0,
		"message":{"role":"assistant","content":"transfer","refusal":null,"annotations":[]},
		"logprobs":{"content":[{"token":"transfer","logprob":-0.01,"bytes":[116],"top_logprobs":[
			{"token":"transfer","logprob":-0.01,"bytes":[116]},{"token":"balance","logprob":-4.75,"bytes":[98]}]}],"refusal":null},
		"finish_reason":"stop"}],
		"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,
		"prompt_tokens_details":{"cached_tokens":12,"audio_tokens":0},
		"completion_tokens_details":{"reasoning_tokens":8,"audio_tokens":0}},"service_tier":"default","system_fingerprint":"fp_1"}`,
		pointsman.Answer{
			Text: "transfer", FinishReason: "stop", ServedBy: "gpt-x-2026",
			Usage: pointsman.Usage{Known: true, Input: 19, CachedInput: 12, Output: 10, Reasoning: 8},
			Logprobs: []pointsman.TokenLogprob{{Token: "transfer", Logprob: -0.01, Top: []pointsman.TopLogprob{
				{Token: "transfer", Logprob: -0.01}, {Token: "balance", Logprob: -4.75},
			}}},
		},
	},
	{
		"OpenAI with tool calls",
		`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,
		"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Bern\"}"}},
		{"id":"call_2","type":"custom","custom":{"name":"run","input":"ls"}}]},"logprobs":null,"finish_reason":"tool_calls"}],
		"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`,
		pointsman.Answer{ToolCalls: []pointsman.ToolCall{{ID: "call_1", Name: "get_weather", Arguments: `{"city":"Bern"}`}, {ID: "call_2", Name: "run", Arguments: "ls"}}, FinishReason: "tool_calls", ServedBy: "m", Usage: pointsman.Usage{Known: true, Input: 1, Output: 2}},
	},
	{
		"OpenAI refusal",
		`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I can't help with that."},"finish_reason":"stop"}]}`,
		pointsman.Answer{Refusal: "I can't help with that.", FinishReason: "stop", ServedBy: "m"},
	},
	{
		"vLLM",
		`{"id":"chatcmpl-9","object":"chat.completion","created":1,"model":"Qwen/Qwen3-4B","choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"hm","content":"\n\nyes","tool_calls":[]},"logprobs":null,"finish_reason":"length","stop_reason":null}],"usage":{"prompt_tokens":7,"total_tokens":9,"completion_tokens":2,"prompt_tokens_details":null},"prompt_logprobs":null,"kv_transfer_params":null}`,
		pointsman.Answer{Text: "\n\nyes", FinishReason: "length", ServedBy: "Qwen/Qwen3-4B", Usage: pointsman.Usage{Known: true, Input: 7, Output: 2}},
	},
	{
		"DeepSeek",
		`{"id":"d","object":"chat.completion","created":1,"model":"deepseek-chat","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":2,"total_tokens":102,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36}}`,
		pointsman.Answer{Text: "ok", FinishReason: "stop", ServedBy: "deepseek-chat", Usage: pointsman.Usage{Known: true, Input: 100, CachedInput: 64, Output: 2}},
	},
	{
		"xAI counts reasoning beside the completion",
		`{"id":"x","object":"chat.completion","created":1,"model":"grok","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":30,"completion_tokens":5,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":100}}}`,
		pointsman.Answer{Text: "ok", FinishReason: "stop", ServedBy: "grok", Usage: pointsman.Usage{Known: true, Input: 30, Output: 105, Reasoning: 100}},
	},
	{
		"Gemini shows thinking in the total only",
		`{"object":"chat.completion","created":1,"model":"gemini","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":30,"completion_tokens":5,"total_tokens":75}}`,
		pointsman.Answer{Text: "ok", FinishReason: "stop", ServedBy: "gemini", Usage: pointsman.Usage{Known: true, Input: 30, Output: 45, Reasoning: 40}},
	},
	{
		"Mistral with content in parts",
		`{"id":"m","object":"chat.completion","created":1,"model":"magistral","choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"},{"type":"text","text":"b"}]},"finish_reason":"stop"}]}`,
		pointsman.Answer{Text: "ab", FinishReason: "stop", ServedBy: "magistral"},
	},
	{
		"llama.cpp and Ollama leave things out",
		`{"choices":[{"finish_reason":null,"message":{"content":"hi","role":"assistant"}}],"usage":{"completion_tokens":3}}`,
		pointsman.Answer{Text: "hi"},
	},
	{
		"Together with the older logprobs",
		`{"id":"t","object":"chat.completion","created":1,"model":"m","prompt":[],"choices":[{"finish_reason":"eos","seed":1,"logprobs":{"token_ids":[1,2],"tokens":["a","b"],"token_logprobs":[-0.5,-1]},"index":0,"message":{"role":"assistant","content":"ab","tool_calls":[]}}]}`,
		pointsman.Answer{Text: "ab", FinishReason: "eos", ServedBy: "m", Logprobs: []pointsman.TokenLogprob{{Token: "a", Logprob: -0.5}, {Token: "b", Logprob: -1}}},
	},
	{
		"the older function call",
		`{"id":"f","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"function_call"}]}`,
		pointsman.Answer{ToolCalls: []pointsman.ToolCall{{Name: "f", Arguments: "{}"}}, FinishReason: "function_call", ServedBy: "m"},
	},
}

var ignoreBody = cmpopts.IgnoreFields(pointsman.Answer{}, "Body")

func TestParseAnswerReadsDialects(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			got, err := chat.ParseAnswer([]byte(d.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&d.want, got, ignoreBody); diff != "" {
				t.Error(diff)
			}
			if string(got.Body) != d.body {
				t.Error("the body was changed")
			}
		})
	}
}

func TestParseAnswerRefusesGarbage(t *testing.T) {
	choice := func(inner string) string { return `{"choices":[` + inner + `]}` }
	for _, c := range []struct {
		name, body string
		kind       error
		message    string
	}{
		{"empty", ``, dialect.ErrMalformed, "not one complete JSON value"},
		{"HTML", `<html><body>502 Bad Gateway</body></html>`, dialect.ErrMalformed, "not one complete"},
		{"cut", dialects[0].body[:200], dialect.ErrMalformed, "not one complete"},
		{"array", `[]`, dialect.ErrMalformed, "not a JSON object"},
		{"no choices", `{"id":"x"}`, dialect.ErrMalformed, "no choices"},
		{"empty choices", choice(``), dialect.ErrMalformed, "no choices"},
		{"choice null", choice(`null`), dialect.ErrMalformed, "no choices"},
		{"no message", choice(`{"text":"old"}`), dialect.ErrMalformed, "no message"},
		{"content number", choice(`{"message":{"content":1}}`), dialect.ErrMalformed, "content"},
		{"tool calls", choice(`{"message":{"content":"","tool_calls":"x"}}`), dialect.ErrMalformed, "tool_calls"},
		{"logprobs", choice(`{"message":{"content":"a"},"logprobs":{"content":[{"token":"a"}]}}`), dialect.ErrMalformed, "logprob"},
		{"lists of two lengths", choice(`{"message":{"content":"a"},"logprobs":{"tokens":["a"],"token_logprobs":[]}}`), dialect.ErrMalformed, "1 tokens"},
		{"error with status 200", `{"error":{"message":"overloaded","code":529}}`, &dialect.VendorError{Status: 529}, "overloaded"},
		{"refused with status 200", `{"error":{"message":"no such\n model","type":"invalid_request_error","code":"model_not_found"}}`, &dialect.VendorError{Status: 400}, "no such model"},
		{"error as text", `{"error":"boom"}`, &dialect.VendorError{}, "boom"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := chat.ParseAnswer([]byte(c.body))
			if !isKind(err, c.kind) || !strings.Contains(err.Error(), c.message) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// isKind says whether an error is of a kind, or a vendor's with its status.
func isKind(err, kind error) bool {
	var want, got *dialect.VendorError
	if errors.As(kind, &want) {
		return errors.As(err, &got) && got.Status == want.Status
	}
	return errors.Is(err, kind)
}

func TestUsageThatMeansNothingIsUnknown(t *testing.T) {
	for _, usage := range []string{
		`null`, `"x"`, `{}`, `{"prompt_tokens":1}`, `{"prompt_tokens":-1,"completion_tokens":1}`,
		`{"prompt_tokens":1.5,"completion_tokens":1}`, `{"prompt_tokens":1e300,"completion_tokens":1}`, `{"prompt_tokens":"1","completion_tokens":1}`,
	} {
		got, err := chat.ParseAnswer([]byte(`{"choices":[{"message":{"content":"x"}}],"usage":` + usage + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got.Usage != (pointsman.Usage{}) {
			t.Errorf("%s is %+v", usage, got.Usage)
		}
	}
}

func TestBuildReadsBack(t *testing.T) {
	c := chat.Completion{
		ID: "id", Created: 1790000000, Model: "m\"", Text: "a\tb\u2028\x00é", FinishReason: "stop",
		Usage:    pointsman.Usage{Known: true, Input: 5, CachedInput: 1, Output: 3, Reasoning: 2},
		Logprobs: []pointsman.TokenLogprob{{Token: "é", Logprob: -1e-9, Top: []pointsman.TopLogprob{{Token: "é", Logprob: -1e-9}, {Token: "x", Logprob: -21}}}},
	}
	got, err := chat.ParseAnswer(chat.Build(c))
	if err != nil {
		t.Fatal(err)
	}
	want := &pointsman.Answer{Text: c.Text, FinishReason: "stop", Usage: c.Usage, Logprobs: c.Logprobs, ServedBy: c.Model}
	if diff := cmp.Diff(want, got, ignoreBody); diff != "" {
		t.Error(diff)
	}
	const plain = `{"id":"i","object":"chat.completion","created":0,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"t","refusal":null},"logprobs":null,"finish_reason":null}]}`
	if got := chat.Build(chat.Completion{ID: "i", Model: "m", Text: "t"}); string(got) != plain {
		t.Errorf("got %s", got)
	}
}

func TestErrorBody(t *testing.T) {
	const want = `{"error":{"message":"messages.[1].role is not a known role: the roles are …","type":"invalid_request_error",` +
		`"param":"messages.[1].role","code":"invalid_request","hint":"the roles are …","decision":"01"}}`
	e := &pointsman.Error{
		Code: pointsman.CodeInvalid, Message: "messages.[1].role is not a known role", Hint: "the roles are …",
		Param: "messages.[1].role", Err: errors.New("for the operator"),
	}
	if got := string(chat.ErrorBody(e, "01")); got != want {
		t.Errorf("got %s", got)
	}
	for code, want := range map[pointsman.ErrorCode]string{
		pointsman.CodeUnknownTask: `"type":"invalid_request_error","param":null,"code":"model_not_found","hint":null}}`,
		pointsman.CodeAuth:        `"type":"authentication_error","param":null,"code":"invalid_api_key","hint":null}}`,
		pointsman.CodeForbidden:   `"type":"permission_error","param":null,"code":"no_permitted_tier","hint":null}}`,
		pointsman.CodeUpstream:    `"type":"server_error","param":null,"code":"upstream_failed","hint":null}}`,
	} {
		if got := string(chat.ErrorBody(&pointsman.Error{Code: code, Message: "m"}, "")); got != `{"error":{"message":"m",`+want {
			t.Errorf("%s: got %s", code, got)
		}
	}
}

func TestModels(t *testing.T) {
	const want = `{"object":"list","data":[{"id":"a","object":"model","created":7,"owned_by":"pointsman"},{"id":"b/c","object":"model","created":7,"owned_by":"pointsman"}]}`
	if got := string(chat.Models([]string{"a", "b/c"}, 7)); got != want {
		t.Errorf("got %s", got)
	}
	if got := string(chat.Models(nil, 7)); got != `{"object":"list","data":[]}` {
		t.Errorf("got %s", got)
	}
}

func TestErrorMessageIsBoundedAndOnOneLine(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":{"message":"a\nb"}}`: "a b", `{"error":"x"}`: "x", `{"message":"m"}`: "m", `{"detail":"d"}`: "d",
		`{"detail":[{"loc":["body"]}]}`: "", `<html>`: "", `{}`: "",
		`{"error":{"message":"` + strings.Repeat("é", 400) + `"}}`: strings.Repeat("é", 150) + "…",
	} {
		if got := chat.ErrorMessage([]byte(body)); got != want {
			t.Errorf("%s: got %q", body, got)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	for _, d := range dialects {
		f.Add([]byte(d.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := chat.ParseAnswer(body)
		if err != nil {
			return
		}
		chunks, err := chat.Chunks(a, true)
		if err != nil {
			return // what lies beyond the first choice may be garbage
		}
		var sum chat.Accumulator
		for _, c := range chunks {
			if err := sum.Add(c); err != nil && !errors.Is(err, dialect.ErrMalformed) {
				t.Fatalf("%v in %s", err, c)
			}
		}
	})
}

func BenchmarkParseAnswer(b *testing.B) {
	body := []byte(dialects[0].body)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := chat.ParseAnswer(body); err != nil {
			b.Fatal(err)
		}
	}
}
