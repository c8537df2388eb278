// Package call asks one tier for its answer: over the endpoints that serve its
// model, in the dialect that each of them speaks, within the tier's time, with
// every call that was made on record.
package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// Endpoint is one place where a tier's model can be asked.
type Endpoint struct {
	ID       pointsman.UpstreamID
	Upstream upstream.Upstream
	// Model is the model's name as the upstream knows it.
	Model string
}

// Tier is a tier that is ready to be called. Its timeout covers an answer from
// asking to its end, or to the first event of a stream that is passed on as it
// comes. It is read-only and safe for concurrent use.
type Tier struct {
	pointsman.Tier
	// Endpoints serve the tier's model. The first is asked; there may be none
	// where nothing is to be asked, such as for replay.
	Endpoints []Endpoint
	// KeepMetadata passes the client's metadata on to the upstream.
	KeepMetadata bool
	// Conversions are those that the endpoints may need.
	Conversions dialect.Table
}

// Answer is an answer that came whole.
type Answer struct {
	*pointsman.Answer
	conversion dialect.Conversion
	request    *pointsman.Request
}

// Body is the answer as its client is given it.
func (a *Answer) Body() ([]byte, error) { return a.conversion.Answer(a.request, a.Answer) }

// Complete asks for the whole answer. The tries are those that were made,
// whether they gave one or not. An error is a *upstream.Failure, or the
// context's own where that was canceled.
func (t *Tier) Complete(ctx context.Context, now func() time.Time, r *pointsman.Request) (*Answer, []pointsman.Try, error) {
	c, err := t.prepare(r, false)
	if err != nil {
		return nil, nil, err
	}
	timed, cancel := context.WithTimeoutCause(ctx, t.Timeout, upstream.ErrTimeout)
	defer cancel()
	started := now()
	answer, err := c.endpoint.Upstream.Complete(timed, c.call)
	err = t.late(ctx, timed, err)
	tries := []pointsman.Try{c.try(now().Sub(started), err)}
	if err != nil {
		return nil, tries, err
	}
	return &Answer{Answer: answer, conversion: c.conversion, request: r}, tries, nil
}

// prepared is a call that is about to be made.
type prepared struct {
	endpoint   *Endpoint
	conversion dialect.Conversion
	call       upstream.Call
}

// prepare makes the body that the tier's endpoint is sent.
func (t *Tier) prepare(r *pointsman.Request, stream bool) (*prepared, error) {
	if len(t.Endpoints) == 0 || t.Endpoints[0].Upstream == nil {
		return nil, upstream.Fail(upstream.ErrLocal, "no endpoint serves this tier")
	}
	c := &prepared{endpoint: &t.Endpoints[0]}
	var err error
	if c.conversion, err = t.Conversions.Find(r.Payload.Dialect, c.endpoint.Upstream.Dialect()); err != nil {
		return nil, upstream.Fail(upstream.ErrLocal, "%v", err)
	}
	body, err := c.conversion.Request(r, dialect.Outgoing{
		Model: c.endpoint.Model, System: t.Variant.Prompt.System, Params: t.Variant.Params, Stream: stream, DropMetadata: !t.KeepMetadata,
	})
	if err != nil {
		return nil, upstream.Fail(upstream.ErrLocal, "prepare the request: %v", err)
	}
	c.call = upstream.Call{Body: body, Model: c.endpoint.Model, Input: r.Input}
	return c, nil
}

// try is the record of a call.
func (c *prepared) try(took time.Duration, err error) pointsman.Try {
	out := pointsman.Try{Upstream: c.endpoint.ID, Latency: took}
	var f *upstream.Failure
	if errors.As(err, &f) {
		out.Failure, out.Status, out.RetryAfter = f.Kind, f.Status(), f.RetryAfter
	}
	return out
}

// late names the end of the tier's own time for what it is, and not the end of
// the request.
func (t *Tier) late(ctx, timed context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case timed.Err() != nil && errors.Is(context.Cause(timed), upstream.ErrTimeout):
		return upstream.Fail(upstream.ErrTimeout, "no answer after %v", t.Timeout)
	}
	var f *upstream.Failure
	if errors.As(err, &f) {
		return err
	}
	return &upstream.Failure{Kind: pointsman.FailureMalformed, Message: "the call failed", Err: err}
}

// Stream is an answer that arrives in pieces, as its client is given them. It is
// used by one goroutine.
type Stream struct {
	tier   *Tier
	ctx    context.Context //nolint:containedctx // a stream lives as long as its call
	timed  context.Context //nolint:containedctx // the same, within the tier's time
	cancel context.CancelCauseFunc
	timer  *time.Timer

	now     func() time.Time
	started time.Time
	call    *prepared
	inner   upstream.Stream
	convert dialect.StreamConversion
	err     error // that the stream ended with, but for io.EOF
}

// Open asks for the answer as a stream. Where it fails the tries say how; else
// they are the stream's.
func (t *Tier) Open(ctx context.Context, now func() time.Time, r *pointsman.Request) (*Stream, []pointsman.Try, error) {
	c, err := t.prepare(r, true)
	if err != nil {
		return nil, nil, err
	}
	timed, cancel := context.WithCancelCause(ctx)
	s := &Stream{
		tier: t, ctx: ctx, timed: timed, cancel: cancel, timer: time.AfterFunc(t.Timeout, func() { cancel(upstream.ErrTimeout) }),
		now: now, started: now(), call: c, convert: c.conversion.Stream(r),
	}
	inner, err := c.endpoint.Upstream.Stream(timed, c.call)
	if err != nil {
		err = t.late(ctx, timed, err)
		s.stop()
		return nil, []pointsman.Try{c.try(now().Sub(s.started), err)}, err
	}
	s.inner = inner
	return s, nil, nil
}

// Next is the next piece for the client, as it stands on the wire, and whether
// it is part of the answer; a comment is not. A piece may be empty. It is valid
// until the next call. io.EOF comes after the last one.
func (s *Stream) Next() (piece []byte, content bool, err error) {
	event, err := s.inner.Next()
	if errors.Is(err, io.EOF) {
		return nil, false, io.EOF
	}
	if err == nil {
		if piece, err = s.convert.Event(event); err == nil {
			return piece, len(event.Data) > 0, nil
		}
		err = fmt.Errorf("%w: %w", upstream.Fail(upstream.ErrMalformed, "an event could not be converted"), err)
	}
	s.err = s.tier.late(s.ctx, s.timed, err)
	return nil, false, s.err
}

// End is what ends the stream for the client, once it is whole.
func (s *Stream) End() []byte { return s.convert.End() }

// Untimed lifts the tier's time from the rest of the stream: its first piece
// is with the client.
func (s *Stream) Untimed() { s.timer.Stop() }

// Answer is what the events so far add up to.
func (s *Stream) Answer() *pointsman.Answer { return s.inner.Answer() }

// Tries are the calls that were made for the stream.
func (s *Stream) Tries() []pointsman.Try {
	return []pointsman.Try{s.call.try(s.now().Sub(s.started), s.err)}
}

// Close gives up what is left.
func (s *Stream) Close() error {
	err := s.inner.Close()
	s.stop()
	return err
}

func (s *Stream) stop() {
	s.timer.Stop()
	s.cancel(nil)
}
