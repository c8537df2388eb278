package cascade

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// ErrDrained is the cause with which a server that stops cancels the requests
// that outlast its patience: the client is told, and the record says so.
var ErrDrained error = &pointsman.Error{
	Code: pointsman.CodeUnavailable, Message: "the server stopped before the answer was complete", Hint: "send the request again",
}

// errClient marks a failure to write to the client.
var errClient = errors.New("client went away")

// ends says whether a cause ends a request at the attempt that has it, without
// an answer that could be judged.
func ends(c pointsman.Cause) bool {
	switch c {
	case pointsman.CauseAborted, pointsman.CauseDeadline, pointsman.CauseDrained, pointsman.CauseBroken, pointsman.CauseInternal:
		return true
	}
	return false
}

// failed says whether a cause is that of an attempt without an answer, after
// which the cascade moves on.
func failed(c pointsman.Cause) bool {
	return c == pointsman.CauseError || c == pointsman.CauseTimeout
}

// ending is how a request ends whose context has ended; the cause is empty
// where it has not.
func ending(ctx context.Context) (pointsman.Cause, error) {
	switch {
	case ctx.Err() == nil:
		return "", nil
	case errors.Is(context.Cause(ctx), ErrDrained):
		return pointsman.CauseDrained, ErrDrained
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return pointsman.CauseDeadline, &pointsman.Error{
			Code: pointsman.CodeTimeout, Message: "the request took longer than server.request_timeout", Hint: "try again", Err: ctx.Err(),
		}
	}
	return pointsman.CauseAborted, context.Canceled
}

// left is how a request ends whose client could not be written to.
func left(ctx context.Context) (pointsman.Cause, error) {
	if cause, err := ending(ctx); err != nil {
		return cause, err
	}
	return pointsman.CauseAborted, context.Canceled
}

// broken is the error of a stream that broke off after it had begun.
func broken(err error) error {
	return &pointsman.Error{
		Code: pointsman.CodeUpstream, Message: "the answer broke off", Hint: "what was sent is incomplete; try again", Err: err,
	}
}

// Fault is a panic that was caught, with its stack. It is for the operator.
type Fault struct {
	Value any
	Stack []byte
}

// Error implements error.
func (f *Fault) Error() string { return fmt.Sprintf("panic: %v", f.Value) }

// Recovered is the error of a panic with that value. It is called where the panic
// was recovered.
func Recovered(value any) error {
	return &pointsman.Error{
		Code: pointsman.CodeInternal, Message: "internal error", Hint: "the server's log has the details",
		Err: &Fault{Value: value, Stack: debug.Stack()},
	}
}

// exhausted ends a request whose permitted tiers all failed: with the best
// answer that was not trusted where the owner permits it, else with an error.
func (r *run) exhausted(ctx context.Context) error {
	if r.fallback("every larger tier failed") {
		return r.give(ctx, r.chosen)
	}
	d, f := r.decision, mostUseful(r.failures)
	d.Cause, d.Detail = pointsman.CauseExhausted, detail(f)
	e := &pointsman.Error{
		Code: pointsman.CodeUpstream, Message: fmt.Sprintf("no tier of %s could answer", r.task.ID),
		Hint: "try again; the decision's record names what each tier answered", Err: f,
	}
	switch f.Kind {
	case pointsman.FailureTimeout:
		e.Code = pointsman.CodeTimeout
	case pointsman.FailureRateLimited:
		e.Code = pointsman.CodeRateLimited
	case pointsman.FailureOverloaded:
		e.Code = pointsman.CodeUnavailable
	case pointsman.FailureCredentials:
		e.Code = pointsman.CodeCredentials
		e.Message = fmt.Sprintf("no tier of %s could answer: an upstream refused this server's credentials", r.task.ID)
		e.Hint = "this is for the operator of this server, and not about your key; the decision's record names the upstream"
	case pointsman.FailureRejected:
		e.Code = pointsman.CodeRejected
		e.Message = fmt.Sprintf("no tier of %s could answer: an upstream rejected the request", r.task.ID)
		e.Hint = "the same request will fail again: change it; the decision's record names what each tier answered"
	case pointsman.FailureNoRecording, pointsman.FailureLocal:
		e.Hint = "the same request will fail again; the decision's record names what each tier answered"
	}
	return e
}

// fallback chooses the best answer that was not trusted, where the owner
// permits it and there is one.
func (r *run) fallback(why string) bool {
	d := r.decision
	i := fallback(d.Attempts)
	if !r.task.Fallback || i < 0 || r.replies[i] == nil {
		return false
	}
	d.Tier, d.Model = d.Attempts[i].Tier, d.Attempts[i].Model
	d.Cause, d.Detail = pointsman.CauseFallback, why
	r.chosen = r.replies[i]
	return true
}

// mostUseful is the failure that says most about what to do: where one passes
// with time, the one that is said to pass first, else the last of those; where
// none does, that of the largest tier.
func mostUseful(failures []*upstream.Failure) *upstream.Failure {
	var best *upstream.Failure
	for _, f := range failures {
		switch {
		case !f.Retryable():
		case best == nil, best.RetryAfter == 0, f.RetryAfter > 0 && f.RetryAfter < best.RetryAfter:
			best = f
		}
	}
	switch {
	case best != nil:
		return best
	case len(failures) > 0:
		return failures[len(failures)-1]
	}
	return upstream.Fail(upstream.ErrLocal, "no tier was asked")
}

// detail is what an upstream's error may add to a record.
func detail(err error) string { return excerpt.Of(err.Error(), 500) }
