package chat

import (
	"io"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
)

// WholeStream is the stream of an answer that came whole.
type WholeStream struct {
	ended  func() error
	answer *pointsman.Answer
	chunks [][]byte
	next   int
	closed bool
}

// NewWholeStream streams an answer as its [Chunks], with the usage. It ends
// with the error of ended, which is asked before each chunk: that of the call's
// context, once it has ended.
func NewWholeStream(a *pointsman.Answer, ended func() error) (*WholeStream, error) {
	chunks, err := Chunks(a, true)
	if err != nil {
		return nil, err
	}
	return &WholeStream{ended: ended, answer: a, chunks: chunks}, nil
}

// Next returns the next chunk.
func (s *WholeStream) Next() (dialect.Event, error) {
	if err := s.ended(); err != nil {
		return dialect.Event{}, err
	}
	if s.closed {
		return dialect.Event{}, io.ErrClosedPipe
	}
	if s.next == len(s.chunks) {
		return dialect.Event{}, io.EOF
	}
	s.next++
	return dialect.Event{Data: s.chunks[s.next-1]}, nil
}

// Answer is the whole answer once all chunks were given, and before that what
// those that were given add up to.
func (s *WholeStream) Answer() *pointsman.Answer {
	if s.next == len(s.chunks) {
		return s.answer
	}
	var sum Accumulator
	for _, c := range s.chunks[:s.next] {
		_ = sum.Add(c) // our own chunks of an answer that was read before
	}
	return sum.Answer()
}

// Close gives up what is left.
func (s *WholeStream) Close() error {
	s.closed = true
	return nil
}

// Len is the number of chunks of the whole stream.
func (s *WholeStream) Len() int { return len(s.chunks) }
