package openai

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
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
	response, key, err := u.send(inner, call, true)
	if err != nil {
		cancel()
		return nil, err
	}
	switch kind := mediaType(response); kind {
	case "text/event-stream", "":
		s := &stream{begun: begun, body: response.Body, cancel: cancel, left: u.maxBody}
		s.fail = func(err error) error {
			if kindOf(err) != nil {
				return u.cleaned(err, key)
			}
			return failure(ctx, upstream.ErrMalformed, "the stream broke off", err)
		}
		s.events = chat.NewEventReader(s, maxEvent)
		return s, nil
	case "application/json":
		defer cancel()
		defer response.Body.Close()
		answer, err := u.readAnswer(ctx, response, key)
		if err != nil {
			return nil, err
		}
		answer.Latency = time.Since(begun)
		return chat.NewReplay(ctx, answer)
	default:
		defer cancel()
		defer response.Body.Close()
		return nil, fmt.Errorf("%w: a stream of content type %.60q", upstream.ErrMalformed, kind)
	}
}

// stream is an answer that arrives in events.
type stream struct {
	begun  time.Time
	body   io.ReadCloser
	cancel context.CancelFunc
	fail   func(error) error
	left   int64 // bytes that may still be read

	events  *chat.EventReader
	sum     chat.Accumulator
	first   time.Duration
	latency time.Duration // zero until the end
	err     error         // what Next goes on to return
	closed  bool
}

var errTooLong = fmt.Errorf("%w: the stream is too long", upstream.ErrMalformed)

// Read reads the body within its bound.
func (s *stream) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, errTooLong
	}
	n, err := s.body.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	return n, err
}

// Next returns the next event, exactly as it was sent.
func (s *stream) Next() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	data, err := s.events.Next()
	if err == nil {
		err = s.sum.Add(data)
	}
	if err == nil {
		if s.first == 0 && s.sum.Started() {
			s.first = time.Since(s.begun)
		}
		return data, nil
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && s.sum.Finished():
		s.err = io.EOF
		s.latency = time.Since(s.begun)
		return nil, io.EOF
	default:
		s.err = s.fail(err)
	}
	return nil, s.err
}

// Answer is what the events so far add up to.
func (s *stream) Answer() *pointsman.Answer {
	a := s.sum.Answer()
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
