package chat

import (
	"context"
	"io"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// Replay is the stream of an answer that came whole.
type Replay struct {
	ended  func() error // the error of the context, once that has ended
	answer *pointsman.Answer
	chunks [][]byte
	next   int
	closed bool
}

var _ upstream.Stream = (*Replay)(nil)

// NewReplay streams an answer as its [Chunks], with the usage. It ends with
// the context.
func NewReplay(ctx context.Context, a *pointsman.Answer) (*Replay, error) {
	chunks, err := Chunks(a, true)
	if err != nil {
		return nil, err
	}
	return &Replay{ended: func() error { return upstream.FromContext(ctx, ctx.Err()) }, answer: a, chunks: chunks}, nil
}

// Next returns the next chunk.
func (r *Replay) Next() ([]byte, error) {
	if err := r.ended(); err != nil {
		return nil, err
	}
	if r.closed {
		return nil, io.ErrClosedPipe
	}
	if r.next == len(r.chunks) {
		return nil, io.EOF
	}
	r.next++
	return r.chunks[r.next-1], nil
}

// Answer is the whole answer once all chunks were given, and before that what
// those that were given add up to.
func (r *Replay) Answer() *pointsman.Answer {
	if r.next == len(r.chunks) {
		return r.answer
	}
	var sum Accumulator
	for _, c := range r.chunks[:r.next] {
		_ = sum.Add(c) // our own chunks of an answer that was read before
	}
	return sum.Answer()
}

// Close gives up what is left.
func (r *Replay) Close() error {
	r.closed = true
	return nil
}

// Len is the number of chunks of the whole stream.
func (r *Replay) Len() int { return len(r.chunks) }
