// Package upstream says what the cascade needs of something that answers, and
// which kinds of failure there are. Each family of provider has a package of
// its own below this one and knows nothing of the others.
package upstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/pointsman-ai/pointsman"
)

// The kinds of failure of an upstream. Implementations wrap exactly one of
// them, so that the cascade can say in the record why it moved on.
var (
	// ErrUnavailable: the upstream could not be reached, or answered that it
	// cannot serve now (connection refused, 5xx, 429). Another attempt may do.
	ErrUnavailable = errors.New("upstream unavailable")
	// ErrTimeout: the upstream did not answer in the tier's time.
	ErrTimeout = errors.New("upstream timed out")
	// ErrRejected: the upstream understood and refused the request (4xx). The
	// same request will be refused again.
	ErrRejected = errors.New("upstream rejected the request")
	// ErrMalformed: the upstream answered something that is not the format it
	// promised to speak, or broke off in the middle.
	ErrMalformed = errors.New("upstream answered garbage")
	// ErrNoRecording: a recorded upstream holds no answer to this request.
	ErrNoRecording = errors.New("no recording of this request")
)

// Call is one question to an upstream.
type Call struct {
	// Body is the chat-completions request to send, with the model name and
	// the parameters of the tier already in it. It is not to be changed.
	Body []byte
	// Model is the name of the model as the upstream knows it.
	Model string
	// Input is the text of the last user message, for upstreams that do not
	// speak HTTP and would have to decode Body again.
	Input string
}

// Upstream answers calls. It is safe for concurrent use. It starts no
// goroutine that outlives a call, and honours the context's end promptly,
// returning an error that wraps ErrTimeout for a deadline and the context's own
// error for a cancellation.
type Upstream interface {
	// Complete asks for the whole answer.
	Complete(ctx context.Context, call Call) (*pointsman.Answer, error)
	// Stream asks for the answer in events. The caller closes the stream.
	Stream(ctx context.Context, call Call) (Stream, error)
}

// Stream is an answer that arrives in pieces. It is used by one goroutine.
type Stream interface {
	// Next returns the data of the next server-sent event, a
	// chat.completion.chunk object exactly as the upstream sent it. io.EOF
	// comes after the last one; the closing "[DONE]" is not returned. The
	// bytes are valid until the next call.
	Next() ([]byte, error)
	// Answer is what the events so far add up to. It is complete once Next
	// has returned io.EOF.
	Answer() *pointsman.Answer
	// Close gives up what is left. It is safe to call twice.
	Close() error
}

// FromContext turns the error of a call whose context has ended into the kind
// of failure it is; any other error is returned as it came.
func FromContext(ctx context.Context, err error) error {
	switch cause := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(cause, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	case cause != nil:
		return cause
	}
	return err
}
