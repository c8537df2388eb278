// Package logging writes the log of a long-running process without making it
// wait. A reader that stops reading, a pipe whose other end is gone and a disk
// that is full cost log lines, which are counted, and never a request.
package logging

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"time"
)

// flushTime is how long the last lines may take when [Log.Run] ends.
const flushTime = time.Second

// Options say how a log is written.
type Options struct {
	// Level is the least that is logged; nil means info.
	Level slog.Leveler
	// JSON writes an object a line in place of key=value pairs.
	JSON bool
}

// Log is a logger in front of a bounded queue. It is safe for concurrent use.
// Lines wait in the queue until [Log.Run] writes them.
type Log struct {
	*slog.Logger
	out     io.Writer
	queue   *queue
	options Options

	reported uint64 // dropped lines that the log itself has named; for Run alone
	torn     bool   // the last line was written in part; for Run alone
}

// New makes a log that is written to out, which Run alone writes to.
func New(out io.Writer, o Options) *Log {
	l := &Log{out: out, queue: newQueue(), options: o}
	l.Logger = slog.New(l.handler(l.queue))
	return l
}

func (l *Log) handler(w io.Writer) slog.Handler {
	o := &slog.HandlerOptions{Level: l.options.Level}
	if l.options.JSON {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

// Dropped counts the lines that were not written, because the queue was full or
// the writer failed.
func (l *Log) Dropped() uint64 { return l.queue.dropped.Load() }

// Run writes the lines until the context ends, then those that still wait, and
// returns nil. It does not wait longer than a second for a reader that has
// stopped: a write to a blocked pipe cannot be taken back, so the goroutine in
// it is then left to the end of the process.
func (l *Log) Run(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.write(ctx)
	}()
	<-ctx.Done()
	if file, ok := l.out.(interface{ SetWriteDeadline(t time.Time) error }); ok {
		// Most files have no deadlines; where they have, the writer returns.
		_ = file.SetWriteDeadline(time.Now().Add(flushTime))
	}
	patience := time.NewTimer(2 * flushTime)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
	}
	return nil
}

// write writes what comes until the context has ended and nothing is left.
func (l *Log) write(ctx context.Context) {
	for {
		ending := ctx.Err() != nil // before the queue is emptied for the last time
		lines := l.queue.take()
		written := false
		for _, line := range lines {
			written = l.line(line)
		}
		if dropped := l.Dropped(); written && dropped > l.reported {
			if l.line(l.notice(dropped - l.reported)) {
				l.reported = dropped
			}
		}
		if ending {
			return
		}
		select {
		case <-ctx.Done():
		case <-l.queue.filled:
		}
	}
}

// line writes one line and says whether it was written whole.
func (l *Log) line(b []byte) bool {
	if l.torn {
		b = append([]byte("\n"), b...)
	}
	n, err := l.out.Write(b)
	if err != nil {
		l.torn = l.torn && n == 0 || n > 0 && n < len(b)
		l.queue.dropped.Add(1)
		return false
	}
	l.torn = false
	return true
}

// notice is the line that names how many are missing.
func (l *Log) notice(lines uint64) []byte {
	var b bytes.Buffer
	slog.New(l.handler(&b)).Warn("log lines were dropped because nobody took them", "lines", lines)
	return b.Bytes()
}
