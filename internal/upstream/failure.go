package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// Failure is why a call gave no answer. Its text is fit for a record and for a
// log: it holds no secret of the upstream's. It is read-only once made.
type Failure struct {
	Kind pointsman.FailureKind
	// Message says what went wrong, the vendor's own words included.
	Message string
	// Response is what the upstream answered in place of an answer; nil where
	// nothing came.
	Response *Response
	// RetryAfter is when the upstream asked to be tried again; 0 where it did
	// not say.
	RetryAfter time.Duration
	// Err is what was found, where that is fit to be shown.
	Err error
}

// Response is an HTTP response that is no answer.
type Response struct {
	Status int
	// Header holds what is of use to a client: when to try again, the vendor's
	// id of the request, the limits of its rate.
	Header map[string]string
	// Body is the vendor's error object in its own dialect; empty where it
	// sent none.
	Body    []byte
	Dialect pointsman.Dialect
}

// The kinds of failure, to be compared with [errors.Is] and to be returned
// where there is nothing more to say.
var (
	ErrUnreachable = &Failure{Kind: pointsman.FailureUnreachable, Message: "upstream unreachable"}
	ErrUnavailable = &Failure{Kind: pointsman.FailureUnavailable, Message: "upstream unavailable"}
	ErrRateLimited = &Failure{Kind: pointsman.FailureRateLimited, Message: "upstream limits the rate"}
	ErrCredentials = &Failure{Kind: pointsman.FailureCredentials, Message: "upstream refused our credentials"}
	ErrRejected    = &Failure{Kind: pointsman.FailureRejected, Message: "upstream rejected the request"}
	ErrTimeout     = &Failure{Kind: pointsman.FailureTimeout, Message: "upstream timed out"}
	ErrMalformed   = &Failure{Kind: pointsman.FailureMalformed, Message: "upstream answered garbage"}
	ErrNoRecording = &Failure{Kind: pointsman.FailureNoRecording, Message: "no recording of this request"}
	ErrOverloaded  = &Failure{Kind: pointsman.FailureOverloaded, Message: "no memory is left for the answer now"}
	ErrLocal       = &Failure{Kind: pointsman.FailureLocal, Message: "the upstream was not asked"}
)

// kinds are the failures that stand for their kind.
var kinds = []*Failure{
	ErrUnreachable, ErrUnavailable, ErrRateLimited, ErrCredentials, ErrRejected, ErrTimeout, ErrMalformed, ErrNoRecording, ErrOverloaded, ErrLocal,
}

// Fail makes a failure of a kind.
func Fail(kind *Failure, format string, args ...any) *Failure {
	return &Failure{Kind: kind.Kind, Message: kind.Message + ": " + fmt.Sprintf(format, args...)}
}

// Error implements error.
func (f *Failure) Error() string {
	if f.Message != "" {
		return f.Message
	}
	return string(f.Kind)
}

// Unwrap gives what was found.
func (f *Failure) Unwrap() error { return f.Err }

// Is says whether target is the failure that stands for this one's kind.
func (f *Failure) Is(target error) bool {
	t, ok := target.(*Failure)
	if !ok || t.Kind != f.Kind {
		return false
	}
	return slices.Contains(kinds, t)
}

// Status is that of the upstream's response, or 0.
func (f *Failure) Status() int {
	if f.Response == nil {
		return 0
	}
	return f.Response.Status
}

// Retryable says that the same call may succeed later.
func (f *Failure) Retryable() bool {
	switch f.Kind {
	case pointsman.FailureUnreachable, pointsman.FailureUnavailable, pointsman.FailureRateLimited, pointsman.FailureTimeout, pointsman.FailureOverloaded:
		return true
	}
	return false
}

// Unbilled says that the call cost nothing: it was refused, or never arrived.
// What a call cost that timed out, answered garbage or was given up is unknown.
func (f *Failure) Unbilled() bool {
	switch f.Kind {
	case pointsman.FailureTimeout, pointsman.FailureMalformed, pointsman.FailureOverloaded:
		return false
	}
	return true
}

// FailureOf finds the failure in a chain of errors; an error without one is
// garbage of our own making, and its text stays with the operator.
func FailureOf(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return &Failure{Kind: pointsman.FailureMalformed, Message: "the call failed", Err: err}
}

// FromContext turns the error of a call whose context has ended into the kind
// of failure it is; any other error is returned as it came.
func FromContext(ctx context.Context, err error) error {
	switch cause := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(cause, context.DeadlineExceeded):
		return ErrTimeout
	case cause != nil:
		return cause
	}
	return err
}
