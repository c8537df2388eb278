package chat

import (
	"math"
	"strconv"

	"github.com/pointsman-ai/pointsman"
)

// Completion is an answer that pointsman itself gives the form of, such as an
// embedded model's.
type Completion struct {
	ID           string
	Created      int64 // seconds since 1970
	Model        string
	Text         string
	FinishReason string
	Usage        pointsman.Usage
	Logprobs     []pointsman.TokenLogprob
}

// Build is the chat.completion object of a completion. A usage that is not
// known is left out.
func Build(c Completion) []byte {
	out := make([]byte, 0, 512+2*len(c.Text)+len(c.Logprobs)*256)
	out = AppendText(append(out, '{'), "id", c.ID)
	out = append(out, `,"object":"chat.completion","created":`...)
	out = strconv.AppendInt(out, c.Created, 10)
	out = AppendText(out, "model", c.Model)
	out = append(out, `,"choices":[{"index":0,"message":{"role":"assistant","content":`...)
	out = appendString(out, c.Text)
	out = append(out, `,"refusal":null},"logprobs":`...)
	if len(c.Logprobs) == 0 {
		out = append(out, "null"...)
	} else {
		out = appendLogprobs(out, c.Logprobs)
	}
	out = append(out, `,"finish_reason":`...)
	if c.FinishReason == "" {
		out = append(out, "null"...)
	} else {
		out = appendString(out, c.FinishReason)
	}
	out = append(out, `}]`...)
	if c.Usage.Known {
		out = appendUsage(append(out, `,"usage":`...), c.Usage)
	}
	return append(out, '}')
}

func appendLogprobs(dst []byte, tokens []pointsman.TokenLogprob) []byte {
	dst = append(dst, `{"content":[`...)
	for i, t := range tokens {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendToken(dst, t.Token, t.Logprob), `,"top_logprobs":[`...)
		for j, top := range t.Top {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendToken(dst, top.Token, top.Logprob), '}')
		}
		dst = append(dst, `]}`...)
	}
	return append(dst, `],"refusal":null}`...)
}

// appendToken appends a token's object, left open.
func appendToken(dst []byte, token string, logprob float64) []byte {
	dst = AppendText(append(dst, '{'), "token", token)
	dst = append(dst, `,"logprob":`...)
	dst = appendFloat(dst, logprob)
	dst = append(dst, `,"bytes":[`...)
	for i := range len(token) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(token[i]), 10)
	}
	return append(dst, ']')
}

// appendFloat appends a logarithm of a probability. JSON has no infinities:
// what is below all numbers is written as −9999, as OpenAI does.
func appendFloat(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = -9999
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

// Models is the list of models that GET /v1/models answers with.
func Models(ids []string, created int64) []byte {
	out := []byte(`{"object":"list","data":[`)
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = AppendText(append(out, '{'), "id", id)
		out = append(out, `,"object":"model","created":`...)
		out = strconv.AppendInt(out, created, 10)
		out = append(out, `,"owned_by":"pointsman"}`...)
	}
	return append(out, `]}`...)
}

// Model is the body of GET /v1/models/{id}.
func Model(id string, created int64) []byte {
	out := append([]byte(`{"id":`), appendString(nil, id)...)
	out = strconv.AppendInt(append(out, `,"object":"model","created":`...), created, 10)
	return append(out, `,"owned_by":"pointsman"}`...)
}

// ErrorBody is the body of an error response: the message with its hint, typed
// and coded as OpenAI's clients expect it, and never the wrapped error, which
// is for the operator. decision, unless empty, is the id under which the
// request is recorded.
func ErrorBody(e *pointsman.Error, decision string) []byte {
	kind, code := errorType(e.Code)
	message := e.Message
	if e.Hint != "" {
		message += ": " + e.Hint
	}
	out := AppendText([]byte(`{"error":{`), "message", message)
	out = AppendText(out, "type", kind)
	out = appendNullable(out, "param", e.Param)
	out = AppendText(out, "code", code)
	out = appendNullable(out, "hint", e.Hint)
	if decision != "" {
		out = AppendText(out, "decision", decision)
	}
	return append(out, `}}`...)
}

func appendNullable(dst []byte, name, value string) []byte {
	if value == "" {
		return appendMember(dst, name, "null")
	}
	return AppendText(dst, name, value)
}

// errorType is the type and the code of an error in OpenAI's words.
func errorType(code pointsman.ErrorCode) (kind, name string) {
	switch code {
	case pointsman.CodeUnknownTask:
		return "invalid_request_error", "model_not_found"
	case pointsman.CodeInvalid, pointsman.CodeNotFound, pointsman.CodeTooLarge, pointsman.CodeRejected:
		return "invalid_request_error", string(code)
	case pointsman.CodeAuth:
		return "authentication_error", string(code)
	case pointsman.CodeForbidden:
		return "permission_error", string(code)
	case pointsman.CodeRateLimited:
		return "rate_limit_error", string(code)
	}
	return "server_error", string(code)
}
