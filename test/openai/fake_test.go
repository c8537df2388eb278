package openai_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// vendorKey is what pointsman must send to the fake vendor, and nothing else
// may ever show.
const vendorKey = "sk-fake-secret"

// fake is a vendor that speaks OpenAI's wire format and does as the last
// message says:
//
//	slow        a piece every 50 ms, for a minute
//	silent      nothing, until the caller goes
//	fail        status 500
//	refuse N    status N, with the vendor's headers and error object
//	break off   a stream that ends in the middle
//	track N     a call of the tool track, where tools are offered
//	… parcel …  the label "parcel"; "small is down" makes the small model fail
//
// Anything else is repeated.
type fake struct {
	// left counts callers that went away before their answer was whole.
	left atomic.Int64
	// strangers counts calls without the vendor's key or for a model that the
	// vendor does not have.
	strangers atomic.Int64
}

type chatRequest struct {
	Model    string `json:"model"`
	Stream   bool   `json:"stream"`
	Logprobs bool   `json:"logprobs"`
	Top      int    `json:"top_logprobs"`
	Options  struct {
		Usage bool `json:"include_usage"`
	} `json:"stream_options"`
	Tools    []any `json:"tools"`
	Messages []struct {
		Role    string `json:"role"`
		Content any    `json:"content"`
	} `json:"messages"`
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request chatRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request.Messages) == 0 {
		refuse(w, http.StatusBadRequest, "the body is not a chat request")
		return
	}
	if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer "+vendorKey || !strings.HasPrefix(request.Model, "vendor-") {
		f.strangers.Add(1)
		refuse(w, http.StatusUnauthorized, "wrong key "+r.Header.Get("Authorization"))
		return
	}
	last := request.Messages[len(request.Messages)-1]
	said := fmt.Sprint(last.Content)
	switch {
	case last.Role == "tool":
		answer(w, request, "The tool said: "+said+".")
	case said == "silent":
		<-r.Context().Done()
		f.left.Add(1)
	case said == "slow":
		f.slowly(w, r, request)
	case strings.HasPrefix(said, "fail"), strings.Contains(said, "small is down") && request.Model == "vendor-small":
		refuse(w, http.StatusInternalServerError, "the secret is "+vendorKey)
	case strings.HasPrefix(said, "refuse "):
		status, err := strconv.Atoi(strings.TrimPrefix(said, "refuse "))
		if err != nil {
			panic(err)
		}
		w.Header().Set("X-Request-Id", "req_fake")
		w.Header().Set("Retry-After-Ms", "20")
		w.Header().Set("X-Ratelimit-Remaining-Requests", "0")
		refuse(w, status, "the vendor refuses")
	case strings.Contains(said, "parcel"):
		answer(w, request, "parcel")
	case strings.HasPrefix(said, "track ") && len(request.Tools) > 0:
		call(w, request, strings.TrimPrefix(said, "track "))
	case said == "break off" && request.Stream:
		events := begin(w, request)
		for _, piece := range pieces("You said: break off.")[:2] {
			events.delta(map[string]any{"content": piece}, nil)
		}
		panic(http.ErrAbortHandler)
	default:
		answer(w, request, "You said: "+said+".")
	}
}

// slowly streams until the caller goes.
func (f *fake) slowly(w http.ResponseWriter, r *http.Request, request chatRequest) {
	events := begin(w, request)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for range 1200 {
		events.delta(map[string]any{"content": "tick "}, nil)
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			f.left.Add(1)
			return
		}
	}
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	write(w, map[string]any{"error": map[string]any{"message": message, "type": "server_error", "param": nil, "code": nil}})
}

func write(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(body) // a caller that went away is told of elsewhere
}

// pieces cuts a text as a tokenizer would.
func pieces(text string) []string { return strings.SplitAfter(text, " ") }

func usage(text string) map[string]any {
	n := len(pieces(text))
	return map[string]any{"prompt_tokens": 7, "completion_tokens": n, "total_tokens": 7 + n}
}

// logprobs are those of a text, or nil where none were asked for.
func logprobs(r chatRequest, text string) any {
	if !r.Logprobs {
		return nil
	}
	content := []any{}
	for _, piece := range pieces(text) {
		token := map[string]any{"token": piece, "logprob": -0.125, "bytes": nil}
		top := []any{}
		for i := range r.Top {
			top = append(top, map[string]any{"token": piece + strings.Repeat("?", i), "logprob": -0.125 - float64(i), "bytes": nil})
		}
		token["top_logprobs"] = top
		content = append(content, token)
	}
	return map[string]any{"content": content, "refusal": nil}
}

// answer says a text, whole or in pieces.
func answer(w http.ResponseWriter, r chatRequest, text string) {
	if r.Stream {
		events := begin(w, r)
		for _, piece := range pieces(text) {
			events.delta(map[string]any{"content": piece}, logprobs(r, piece))
		}
		events.end("stop", text)
		return
	}
	message := map[string]any{"role": "assistant", "content": text, "refusal": nil}
	whole(w, r, message, "stop", logprobs(r, text), usage(text))
}

// call calls the tool track.
func call(w http.ResponseWriter, r chatRequest, number string) {
	arguments := fmt.Sprintf(`{"number":%q}`, number)
	function := map[string]any{"name": "track", "arguments": arguments}
	if r.Stream {
		events := begin(w, r)
		events.delta(map[string]any{"tool_calls": []any{map[string]any{"index": 0, "id": "call_1", "type": "function", "function": map[string]any{"name": "track", "arguments": ""}}}}, nil)
		for _, piece := range []string{arguments[:4], arguments[4:]} {
			events.delta(map[string]any{"tool_calls": []any{map[string]any{"index": 0, "function": map[string]any{"arguments": piece}}}}, nil)
		}
		events.end("tool_calls", arguments)
		return
	}
	message := map[string]any{
		"role": "assistant", "content": nil, "refusal": nil,
		"tool_calls": []any{map[string]any{"id": "call_1", "type": "function", "function": function}},
	}
	whole(w, r, message, "tool_calls", nil, usage(arguments))
}

func whole(w http.ResponseWriter, r chatRequest, message map[string]any, finish string, logprobs any, usage map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	write(w, map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": r.Model,
		"choices": []any{map[string]any{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish}},
		"usage":   usage, "system_fingerprint": "fp_fake", "vendor_extra": "kept",
	})
}

// events writes the chunks of a stream.
type events struct {
	w http.ResponseWriter
	r chatRequest
}

func begin(w http.ResponseWriter, r chatRequest) events {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	e := events{w, r}
	e.delta(map[string]any{"role": "assistant", "content": "", "refusal": nil}, nil)
	return e
}

func (e events) delta(delta map[string]any, logprobs any) {
	e.chunk([]any{map[string]any{"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": nil}}, nil)
}

// end sends the last chunk, the usage where it was asked for, and the mark.
func (e events) end(finish, text string) {
	e.chunk([]any{map[string]any{"index": 0, "delta": map[string]any{}, "logprobs": nil, "finish_reason": finish}}, nil)
	if e.r.Options.Usage {
		e.chunk([]any{}, usage(text))
	}
	_, _ = fmt.Fprint(e.w, "data: [DONE]\n\n")
	e.flush()
}

func (e events) chunk(choices []any, usage any) {
	chunk := map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": e.r.Model,
		"system_fingerprint": "fp_fake", "choices": choices,
	}
	if e.r.Options.Usage {
		chunk["usage"] = usage // null in all but the last
	}
	_, _ = fmt.Fprint(e.w, "data: ")
	write(e.w, chunk)
	_, _ = fmt.Fprint(e.w, "\n\n")
	e.flush()
}

func (e events) flush() {
	if f, ok := e.w.(http.Flusher); ok {
		f.Flush()
	}
}
