package cascade

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// errClient marks a failure to write to the client.
var errClient = errors.New("client went away")

// maxBuffered bounds the bytes of a stream that is held until its tier is
// decided.
const maxBuffered = 16 << 20

// call asks a tier for its answer within the tier's time. For a stream whose
// tier is already decided the events go straight to the client, and the time
// covers the way to the first one; otherwise it covers the whole answer.
func (r *run) call(ctx context.Context, w *walk, s step, tier *Tier, a *pointsman.Attempt) (*given, error) {
	variant := tier.Tier.Variant
	body, err := chat.Rewrite(r.request.Body, chat.Outgoing{
		Model: tier.Name, System: variant.Prompt.System, Params: variant.Params, Stream: r.sink != nil, DropMetadata: !r.task.Direct,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the request: %w", err)
	}
	call := upstream.Call{Body: body, Model: tier.Name, Input: r.request.Input}
	timed, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(tier.Timeout, func() { cancel(upstream.ErrTimeout) })
	defer timer.Stop()
	late := func(err error) error {
		if err != nil && ctx.Err() == nil && errors.Is(context.Cause(timed), upstream.ErrTimeout) {
			return fmt.Errorf("%w after %v", upstream.ErrTimeout, tier.Timeout)
		}
		return upstream.FromContext(ctx, err)
	}
	if r.sink == nil {
		answer, err := tier.Upstream.Complete(timed, call)
		if err != nil {
			return nil, late(err)
		}
		return &given{answer: answer}, nil
	}
	stream, err := tier.Upstream.Stream(timed, call)
	if err != nil {
		return nil, late(err)
	}
	defer stream.Close()
	if s.final {
		return r.forward(w, s, stream, a, timer, late)
	}
	g, err := r.hold(stream)
	return g, late(err)
}

// hold reads a stream to its end into memory.
func (r *run) hold(stream upstream.Stream) (*given, error) {
	g := &given{}
	size := 0
	for {
		data, err := stream.Next()
		if errors.Is(err, io.EOF) {
			g.answer = stream.Answer()
			return g, nil
		}
		if err != nil {
			return nil, err
		}
		if size += len(data); size > maxBuffered {
			return nil, fmt.Errorf("%w: more than %d bytes before the tier was decided", upstream.ErrMalformed, maxBuffered)
		}
		if r.hidden(data) {
			continue
		}
		g.events = append(g.events, bytes.Clone(data))
	}
}

// forward gives the stream of a decided tier to the client as it comes. An
// upstream that fails before its first event is a failed attempt like any
// other; one that breaks off later leaves a begun answer.
func (r *run) forward(w *walk, s step, stream upstream.Stream, a *pointsman.Attempt, timer *time.Timer, late func(error) error) (*given, error) {
	for {
		data, err := stream.Next()
		if errors.Is(err, io.EOF) {
			if !r.result.Begun { // an answer without a single event
				return nil, fmt.Errorf("%w: an empty stream", upstream.ErrMalformed)
			}
			return &given{answer: stream.Answer()}, nil
		}
		if err != nil {
			g := &given{answer: stream.Answer()}
			if !r.result.Begun {
				g = nil
			}
			return g, late(err)
		}
		if !r.result.Begun {
			timer.Stop()
			r.result.Begun = true
			a.Cause = s.cause
			w.decided(r.decision, s)
			if err := r.sink.Begin(r.decision); err != nil {
				return nil, fmt.Errorf("%w: %w", errClient, err)
			}
		}
		if r.hidden(data) {
			continue
		}
		if err := r.sink.Event(data); err != nil {
			return &given{answer: stream.Answer()}, fmt.Errorf("%w: %w", errClient, err)
		}
	}
}

// hidden says that an event is the usage which we asked for and the client did
// not: the chunk with usage and no choices that stream_options.include_usage
// adds.
func (r *run) hidden(data []byte) bool {
	return !r.request.StreamUsage && chat.IsUsageChunk(data)
}
