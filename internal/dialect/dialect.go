// Package dialect says what a wire format is to the rest of pointsman: how a
// client's request is read and its answer written, and how a request and its
// answer are converted for an upstream that speaks the same format or another.
// Each format has a folder of its own below this one; a conversion is named
// after its two ends, chat_chat.go, and lives with the format of its client.
package dialect

import (
	"errors"
	"fmt"

	"github.com/pointsman-ai/pointsman"
)

// ErrMalformed is wrapped by the errors about bytes of an upstream that are not
// the format which it should speak.
var ErrMalformed = errors.New("not the promised format")

// Malformed is an [ErrMalformed] with what is wrong.
func Malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// VendorError is an error that a vendor sent in place of an answer, or in the
// middle of one, with a status that says nothing of it.
type VendorError struct {
	// Status is the HTTP status that the error's code names or amounts to; 0
	// where it tells nothing of the kind.
	Status int
	// Message is the vendor's own, on one line and bounded.
	Message string
}

// Error implements error.
func (e *VendorError) Error() string { return e.Message }

// Event is one server-sent event of an upstream.
type Event struct {
	// Data is the event's data, its lines joined.
	Data []byte
	// Raw is the event as it stood on the wire, with the comments before it
	// and the empty line behind it; nil where there was no wire.
	Raw []byte
}

// Outgoing is what a tier changes in a request before it is sent.
type Outgoing struct {
	// Model is the name of the model as the upstream knows it.
	Model string
	// System, unless empty, is put before all messages of the client.
	System string
	// Params are members of the request to set, as raw JSON by name. Those
	// that pointsman sets itself are not to be among them.
	Params map[string]string
	// Stream asks for events, with the usage in the last one.
	Stream bool
	// DropMetadata leaves the request's metadata out: it is what the owner's
	// rules see, and no business of a vendor's.
	DropMetadata bool
}

// Client is a wire format as clients speak it. It is safe for concurrent use.
type Client interface {
	// Dialect is the format's name.
	Dialect() pointsman.Dialect
	// Decode reads and checks a request, and gives the name that its client
	// asked for beside it. Its errors are of type *pointsman.Error.
	Decode(body []byte) (model string, r *pointsman.Request, err error)
	// Error is the body of an error response. decision, unless empty, is the
	// id under which the request is recorded.
	Error(e *pointsman.Error, decision pointsman.DecisionID) []byte
	// StreamError is what ends a stream that broke off, as it stands on the
	// wire.
	StreamError(e *pointsman.Error, decision pointsman.DecisionID) []byte
}

// Conversion takes requests of one format to upstreams that speak the same
// format or another, and the answers back. It is safe for concurrent use.
type Conversion interface {
	// Request is the body to send.
	Request(r *pointsman.Request, o Outgoing) ([]byte, error)
	// Answer is the body for the client of an answer that came whole.
	Answer(r *pointsman.Request, a *pointsman.Answer) ([]byte, error)
	// Stream converts the events of one stream.
	Stream(r *pointsman.Request) StreamConversion
}

// StreamConversion converts the events of one stream, in their order. It is
// used by one goroutine.
type StreamConversion interface {
	// Event is what the client is sent for an event, as it stands on the wire;
	// empty where it is sent nothing. It is valid until the next call.
	Event(e Event) ([]byte, error)
	// End is what ends a whole stream.
	End() []byte
}

// Pair names a conversion by its ends.
type Pair struct{ Client, Upstream pointsman.Dialect }

// Table holds the conversions that there are.
type Table map[Pair]Conversion

// Find finds a conversion.
func (t Table) Find(client, upstream pointsman.Dialect) (Conversion, error) {
	if c, ok := t[Pair{client, upstream}]; ok {
		return c, nil
	}
	return nil, fmt.Errorf("there is no conversion from %s to %s", client, upstream)
}
