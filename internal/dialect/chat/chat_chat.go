package chat

import (
	"bytes"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
)

// Client is chat completions as clients speak it.
type Client struct{}

var _ dialect.Client = Client{}

// Dialect implements dialect.Client.
func (Client) Dialect() pointsman.Dialect { return pointsman.DialectChat }

// Decode implements dialect.Client.
func (Client) Decode(body []byte) (model string, r *pointsman.Request, err error) {
	decoded, err := Decode(body)
	if err != nil {
		return "", nil, err
	}
	return decoded.Model, &decoded.Request, nil
}

// Error implements dialect.Client.
func (Client) Error(e *pointsman.Error, decision pointsman.DecisionID) []byte {
	return ErrorBody(e, string(decision))
}

// StreamError implements dialect.Client: OpenAI's clients raise on an event
// with an "error" member.
func (Client) StreamError(e *pointsman.Error, decision pointsman.DecisionID) []byte {
	return appendEvent(nil, ErrorBody(e, string(decision)))
}

// ToChat takes a chat client's requests to an upstream that speaks the same.
// The bytes of answers and events pass as they are but for what a tier asked
// for and the client did not: logprobs, and the usage at a stream's end.
type ToChat struct{}

var _ dialect.Conversion = ToChat{}

// Request implements dialect.Conversion.
func (ToChat) Request(r *pointsman.Request, o dialect.Outgoing) ([]byte, error) {
	return Rewrite(r.Payload.Body, o)
}

// Answer implements dialect.Conversion.
func (ToChat) Answer(r *pointsman.Request, a *pointsman.Answer) ([]byte, error) {
	if asked(r).logprobs {
		return a.Body, nil
	}
	return withoutLogprobs(a.Body), nil
}

// Stream implements dialect.Conversion.
func (ToChat) Stream(r *pointsman.Request) dialect.StreamConversion {
	return &toChatStream{asked: asked(r)}
}

// asked are the details that Decode has kept of a request.
func asked(r *pointsman.Request) details {
	d, _ := r.Payload.Details.(details)
	return d
}

type toChatStream struct {
	asked  details
	buffer []byte
}

// Event implements dialect.StreamConversion.
func (s *toChatStream) Event(e dialect.Event) ([]byte, error) {
	if len(e.Data) == 0 {
		return e.Raw, nil
	}
	if !s.asked.usage && isUsageChunk(e.Data) {
		return nil, nil
	}
	data := e.Data
	if !s.asked.logprobs {
		data = withoutLogprobs(data)
	}
	if e.Raw != nil && len(data) == len(e.Data) && &data[0] == &e.Data[0] {
		return e.Raw, nil
	}
	s.buffer = appendEvent(s.buffer[:0], data)
	return s.buffer, nil
}

// End implements dialect.StreamConversion.
func (*toChatStream) End() []byte { return []byte("data: " + done + "\n\n") }

// appendEvent appends an event with its data, one line of it after the other.
func appendEvent(dst, data []byte) []byte {
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		dst = append(append(append(dst, "data: "...), line...), '\n')
	}
	return append(dst, '\n')
}
