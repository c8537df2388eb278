package openai

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/memory"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

const (
	// maxEvent bounds one event of a stream.
	maxEvent = 4 << 20
	// drainTime is how long Close waits for the end of a body whose last event
	// was read, so that its connection can be used again.
	drainTime = 20 * time.Millisecond
)

// Stream asks for the answer in events. An upstream that sends the answer whole
// all the same is streamed from that.
func (u *Upstream) Stream(ctx context.Context, call upstream.Call) (upstream.Stream, error) {
	begun := time.Now()
	inner, cancel := context.WithCancel(ctx)
	x := &exchange{u: u, ctx: inner, secrets: u.secrets}
	response, err := x.send(call, true)
	if err != nil {
		cancel()
		return nil, err
	}
	x.ctx = ctx // the stream's own end is no end of its call
	switch kind := mediaType(response); kind {
	case "text/event-stream", "":
		s := &stream{begun: begun, body: response.Body, cancel: cancel, left: u.maxBody, exchange: x}
		s.events = chat.NewEventReader(s, maxEvent)
		return s, nil
	case "application/json":
		defer cancel()
		defer response.Body.Close()
		answer, err := x.answer(response)
		if err != nil {
			return nil, err
		}
		answer.Latency = time.Since(begun)
		return chat.NewWholeStream(answer, func() error { return upstream.FromContext(ctx, ctx.Err()) })
	default:
		defer cancel()
		defer response.Body.Close()
		return nil, upstream.Fail(upstream.ErrMalformed, "a stream of content type %.60q", x.secrets.Clean(kind))
	}
}

// stream is an answer that arrives in events.
type stream struct {
	begun  time.Time
	body   io.ReadCloser
	cancel context.CancelFunc
	left   int64 // bytes that may still be read

	exchange *exchange

	events  *chat.EventReader
	sum     chat.Accumulator
	first   time.Duration
	latency time.Duration // zero until the end
	err     error         // what Next goes on to return
	closed  bool
}

var errTooLong = upstream.Fail(upstream.ErrMalformed, "the stream is too long")

// Read reads the body within its bound.
func (s *stream) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, errTooLong
	}
	n, err := s.body.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if memory.From(s.exchange.ctx).Grow(int64(n)*heldPerByte) != nil {
		return 0, upstream.ErrOverloaded
	}
	return n, err
}

// Next returns the next event, exactly as it was sent.
func (s *stream) Next() (dialect.Event, error) {
	if s.err != nil {
		return dialect.Event{}, s.err
	}
	event, err := s.events.Next()
	if err == nil && len(event.Data) > 0 {
		err = s.sum.Add(event.Data)
	}
	if err == nil {
		if s.first == 0 && s.sum.Started() {
			s.first = time.Since(s.begun)
		}
		return event, nil
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && s.sum.Finished():
		s.err = io.EOF
		s.latency = time.Since(s.begun)
		return dialect.Event{}, io.EOF
	default:
		s.err = s.exchange.failure(upstream.ErrMalformed, "the stream broke off", err)
	}
	return dialect.Event{}, s.err
}

// Answer is what the events so far add up to.
func (s *stream) Answer() *pointsman.Answer {
	a := s.sum.Answer()
	a.ServedBy = s.exchange.secrets.Clean(a.ServedBy)
	a.FirstToken, a.Latency = s.first, s.latency
	if a.Latency == 0 {
		a.Latency = time.Since(s.begun)
	}
	return a
}

var errClosed = errors.New("the stream is closed")

// Close gives up what is left. After the last event it waits for a moment for
// the end of the body.
func (s *stream) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if errors.Is(s.err, io.EOF) {
		timer := time.AfterFunc(drainTime, s.cancel)
		_, _ = io.CopyN(io.Discard, s.body, 4<<10) // whatever comes, the answer is whole
		timer.Stop()
	} else {
		s.err = errClosed
	}
	s.cancel()
	_ = s.body.Close() // only ever reports what was read before
	return nil
}
