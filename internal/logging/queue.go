package logging

import (
	"slices"
	"sync"
	"sync/atomic"
)

// maxQueued bounds the lines that wait to be written, in bytes.
const maxQueued = 1 << 20

// queue holds lines for one writer. Whoever adds one never waits.
type queue struct {
	filled  chan struct{} // holds a value when there are lines
	dropped atomic.Uint64

	mu    sync.Mutex
	lines [][]byte
	size  int // of lines, in bytes
}

func newQueue() *queue { return &queue{filled: make(chan struct{}, 1)} }

// Write adds a line or drops it, and never fails: a logger could do nothing
// about it. It implements io.Writer for slog, whose handlers write each line at
// once.
func (q *queue) Write(line []byte) (int, error) {
	q.mu.Lock()
	full := q.size+len(line) > maxQueued
	if !full {
		q.lines = append(q.lines, slices.Clone(line))
		q.size += len(line)
	}
	q.mu.Unlock()
	if full {
		q.dropped.Add(1)
		return len(line), nil
	}
	select {
	case q.filled <- struct{}{}:
	default:
	}
	return len(line), nil
}

// take empties the queue.
func (q *queue) take() [][]byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines := q.lines
	q.lines, q.size = nil, 0
	return lines
}
