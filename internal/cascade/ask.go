package cascade

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/call"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

const (
	// maxHeld bounds the bytes of a stream that is held until its tier is
	// decided.
	maxHeld = 16 << 20
	// maxComments bounds the bytes of comments that are kept for the start of
	// a stream.
	maxComments = 64 << 10
)

// reply is an answer, with what its client is sent.
type reply struct {
	answer *pointsman.Answer
	whole  *call.Answer // of a call that was not streamed
	pieces [][]byte     // of a stream that was held
	end    []byte       // of a stream
}

// ask asks one tier and puts the attempt on the decision's record. An attempt
// that failed has no reply. An error is one after which there is no moving on:
// the request has ended, or its client has half an answer.
func (r *run) ask(ctx context.Context, w *walk, s step) (*pointsman.Attempt, *reply, error) {
	tier := &r.task.Tiers[s.tier]
	d := r.decision
	// A panic below leaves the attempt as it is here.
	d.Attempts = append(d.Attempts, pointsman.Attempt{
		Tier: tier.ID, Model: tier.Variant.Model, Variant: tier.Digest, Cause: pointsman.CauseInternal,
	})
	a := &d.Attempts[len(d.Attempts)-1]
	r.replies = append(r.replies, nil)
	r.result.Answers = append(r.result.Answers, nil)
	if cause, err := ending(ctx); err != nil {
		a.Cause, a.Detail, a.Cost = cause, "not asked: the request had ended", pointsman.KnownCost(0)
		return a, nil, err
	}
	started := r.now()
	others := r.besides(s, tier)
	apart, cancel := context.WithCancel(ctx)
	defer others.wait() // whatever happens here, nothing is left running
	defer cancel()
	if !r.inTurn() {
		others.start(apart)
	}
	reply, err := r.call(ctx, w, s, tier, a)
	if err != nil {
		cancel()
	}
	others.wait()
	beside := others.settle(a, err == nil)
	a.Latency = r.now().Sub(started)
	r.waited += a.Latency
	if reply != nil {
		r.replies[len(r.replies)-1], r.result.Answers[len(r.result.Answers)-1] = reply, reply.answer
		r.measure(tier, a, reply.answer, beside)
		if err == nil && r.inTurn() {
			r.askOn(ctx, s, tier, a, reply.answer, others)
		}
	}
	if err != nil {
		reply, err = nil, r.failed(ctx, a, err)
	}
	return a, reply, err
}

// failed writes the failure of a call into its attempt. An error is one after
// which there is no moving on.
func (r *run) failed(ctx context.Context, a *pointsman.Attempt, err error) error {
	if cause, ended := ending(ctx); ended != nil {
		a.Cause, a.Detail = cause, "while tier "+string(a.Tier)+" was asked"
		return ended
	}
	if errors.Is(err, errClient) {
		a.Cause, a.Detail = pointsman.CauseAborted, "while the answer was sent"
		return context.Canceled
	}
	f := upstream.FailureOf(err)
	a.Cause, a.Detail = causeOf(f), detail(f)
	if r.result.Begun {
		a.Cause = pointsman.CauseBroken
		return broken(f)
	}
	if f.Unbilled() {
		a.Cost = pointsman.KnownCost(0)
	}
	r.failures = append(r.failures, f)
	return nil
}

// causeOf is the cause that a failed call goes on record with.
func causeOf(f *upstream.Failure) pointsman.Cause {
	if f.Kind == pointsman.FailureTimeout {
		return pointsman.CauseTimeout
	}
	return pointsman.CauseError
}

// call asks a tier for its answer. For a stream whose tier is already decided
// the pieces go straight to the client, and a reply beside an error is what of
// it has come.
func (r *run) call(ctx context.Context, w *walk, s step, tier *Tier, a *pointsman.Attempt) (*reply, error) {
	if r.sink == nil {
		answer, tries, err := tier.Complete(ctx, r.now, r.request)
		a.Tries = tries
		if err != nil {
			return nil, err
		}
		return &reply{answer: answer.Answer, whole: answer}, nil
	}
	stream, tries, err := tier.Open(ctx, r.now, r.request)
	if err != nil {
		a.Tries = tries
		return nil, err
	}
	defer func() {
		a.Tries = stream.Tries()
		_ = stream.Close() // what is left of it is of no use
	}()
	if s.final {
		return r.forward(w, s, stream, a)
	}
	return r.hold(stream)
}

// hold reads a stream to its end into memory.
func (r *run) hold(stream *call.Stream) (*reply, error) {
	out := &reply{}
	size := 0
	for {
		piece, _, err := stream.Next()
		if errors.Is(err, io.EOF) {
			out.answer, out.end = stream.Answer(), stream.End()
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if size += len(piece); size > maxHeld {
			return nil, upstream.Fail(upstream.ErrMalformed, "more than %d bytes before the tier was decided", maxHeld)
		}
		if len(piece) > 0 {
			out.pieces = append(out.pieces, bytes.Clone(piece))
		}
	}
}

// forward gives the stream of a decided tier to the client as it comes. An
// upstream that fails before the first piece of its answer is a failed attempt
// like any other; one that breaks off later leaves a begun answer. Comments that
// come before that piece are sent with it.
func (r *run) forward(w *walk, s step, stream *call.Stream, a *pointsman.Attempt) (*reply, error) {
	var comments []byte
	for {
		piece, content, err := stream.Next()
		switch {
		case errors.Is(err, io.EOF) && !r.result.Begun:
			return nil, upstream.Fail(upstream.ErrMalformed, "an empty stream")
		case errors.Is(err, io.EOF):
			r.result.End = stream.End()
			return &reply{answer: stream.Answer()}, nil
		case err != nil && !r.result.Begun:
			return nil, err
		case err != nil:
			return &reply{answer: stream.Answer()}, err
		case len(piece) == 0:
			continue
		case !content && !r.result.Begun:
			if len(comments)+len(piece) <= maxComments {
				comments = append(comments, piece...)
			}
			continue
		}
		if !r.result.Begun {
			stream.Untimed()
			r.result.Begun = true
			a.Cause = s.cause
			w.decided(r.decision, s)
			err = r.sink.Begin(r.decision)
			if err == nil && len(comments) > 0 {
				err = r.sink.Write(comments)
			}
		}
		if err == nil {
			err = r.sink.Write(piece)
		}
		if err != nil {
			return &reply{answer: stream.Answer()}, fmt.Errorf("%w: %w", errClient, err)
		}
	}
}

// measure reads and measures an answer into its attempt.
func (r *run) measure(tier *Tier, a *pointsman.Attempt, answer *pointsman.Answer, beside *signal.Beside) {
	a.ServedBy, a.FinishReason = answer.ServedBy, answer.FinishReason
	a.Usage, a.Cost = answer.Usage, tier.Price.Cost(answer.Usage)
	a.FirstToken = answer.FirstToken
	a.Reading = r.task.Read(answer, r.request.Input)
	if r.task.Direct {
		return
	}
	a.Signals = signal.OfAnswer(r.request, answer, a.Reading, beside, tier.Students.Sharing(&r.memo))
}

// Read reads an answer through the task's contract. A direct request has none,
// and for an open task a tool call is an answer although its text is empty.
func (t *Task) Read(answer *pointsman.Answer, input string) pointsman.Reading {
	if t.Direct || len(answer.ToolCalls) > 0 && t.Kind == pointsman.KindOpen {
		return pointsman.Reading{Valid: true}
	}
	return t.Reader.Read(answer.Text, input)
}
