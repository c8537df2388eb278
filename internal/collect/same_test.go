package collect_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/score"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// body answers every request with one chat.completion.
type body string

func (body) Dialect() pointsman.Dialect { return pointsman.DialectChat }

func (b body) Complete(context.Context, upstream.Call) (*pointsman.Answer, error) {
	return chat.ParseAnswer([]byte(b))
}

func (b body) Stream(context.Context, upstream.Call) (upstream.Stream, error) {
	return nil, upstream.Fail(upstream.ErrRejected, "nobody streams here")
}

// An answer is read and scored alike whether it was asked for in process or of
// a gateway over HTTP, which passes the bytes of the upstream on.
func TestInProcessAndOverHTTPScoreAlike(t *testing.T) {
	for name, message := range map[string]string{
		"text":                    `{"role":"assistant","content":"yes"}`,
		"a refusal":               `{"role":"assistant","content":null,"refusal":"yes"}`,
		"a refusal beside text":   `{"role":"assistant","content":"yes","refusal":"I cannot"}`,
		"content in parts":        `{"role":"assistant","content":[{"type":"text","text":"ye"},{"type":"text","text":"s"}]}`,
		"parts that are not text": `{"role":"assistant","content":[{"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"yes"}]}`,
		"reasoning":               `{"role":"assistant","reasoning_content":"no, no, no","content":"yes"}`,
		"tool calls":              `{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"yes","arguments":"{}"}}]}`,
		"nothing":                 `{"role":"assistant","content":null}`,
		"another label":           `{"role":"assistant","content":"perhaps"}`,
	} {
		for _, kind := range []pointsman.Kind{pointsman.KindClassify, pointsman.KindOpen} {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				answer := `{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":` + message + `,"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":1}}}`
				local := task(body(answer), body(answer))
				if local.Task.Kind = kind; kind != pointsman.KindClassify {
					local.Task.Contract = pointsman.Contract{}
				}
				read, err := contract.Compile(kind, local.Task.Contract)
				if err != nil {
					t.Fatal(err)
				}
				local.Task.Reader = read
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("X-Pointsman-Tier", "small")
					fmt.Fprint(w, answer)
				}))
				defer server.Close()
				remote, err := collect.NewHTTP(collect.HTTPOptions{
					BaseURL: server.URL + "/v1", Model: "bank", Client: server.Client(), Read: local.Task.Read, Identity: local.Identity,
				})
				if err != nil {
					t.Fatal(err)
				}
				e := &dataset.Example{ID: "e", Input: "is it?", Label: "yes", Reference: "yes"}
				target := collect.Target{Name: "small", Tier: "small"}
				here, err := local.Ask(t.Context(), target, e)
				if err != nil {
					t.Fatal(err)
				}
				there, err := remote.Ask(t.Context(), target, e)
				if err != nil {
					t.Fatal(err)
				}
				if here.Text != there.Text || here.Err != there.Err {
					t.Errorf("in process %q (%s), over HTTP %q (%s)", here.Text, here.Err, there.Text, there.Err)
				}
				if diff := cmp.Diff(here.Reading, there.Reading); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(here.Decision.Attempts[0].Usage, there.Decision.Attempts[0].Usage); diff != "" {
					t.Error(diff)
				}
				scorer, err := score.For(kind, score.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(scorer.Score(e, here.Text, here.Reading), scorer.Score(e, there.Text, there.Reading)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
