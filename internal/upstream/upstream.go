// Package upstream says what a call needs of something that answers, and which
// kinds of failure there are. Each family of provider has a package of its own
// below this one and knows nothing of the others.
package upstream

import (
	"context"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
)

// Call is one question to an upstream.
type Call struct {
	// Body is the request to send, in the upstream's dialect, with the model's
	// name and the parameters of the tier already in it. It is not to be
	// changed.
	Body []byte
	// Model is the name of the model as the upstream knows it.
	Model string
	// Input is the text of the last user message, for upstreams that do not
	// speak HTTP and would have to decode Body again.
	Input string
}

// Upstream answers calls. It is safe for concurrent use. It starts no
// goroutine that outlives a call, and honours the context's end promptly,
// returning an ErrTimeout for a deadline and the context's own error for a
// cancellation. Its other errors are of type *Failure.
type Upstream interface {
	// Dialect is the format of its bodies and events.
	Dialect() pointsman.Dialect
	// Complete asks for the whole answer.
	Complete(ctx context.Context, call Call) (*pointsman.Answer, error)
	// Stream asks for the answer in events. The caller closes the stream.
	Stream(ctx context.Context, call Call) (Stream, error)
}

// Stream is an answer that arrives in pieces. It is used by one goroutine.
type Stream interface {
	// Next returns the next event of the upstream's dialect. io.EOF comes
	// after the last one; what closes the stream on the wire is not returned.
	// An event without data is a comment, which keeps the connection alive.
	// Its bytes are valid until the next call.
	Next() (dialect.Event, error)
	// Answer is what the events so far add up to. It is complete once Next
	// has returned io.EOF.
	Answer() *pointsman.Answer
	// Close gives up what is left. It is safe to call twice.
	Close() error
}
