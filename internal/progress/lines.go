package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Lines presents progress as plain lines, for a log: nothing of a task that is
// done within a second, else a line every five seconds at most and one at its
// end.
type Lines struct {
	mu   sync.Mutex
	out  io.Writer
	now  func() time.Time
	task task
}

var _ Reporter = (*Lines)(nil)

// NewLines writes to out; the clock is nil for the real one.
func NewLines(out io.Writer, now func() time.Time) *Lines {
	if now == nil {
		now = time.Now
	}
	return &Lines{out: out, now: now}
}

// Start begins a task without a word.
func (l *Lines) Start(name string, total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.task.start(name, total, l.now())
}

// Add writes a line where it is time for one.
func (l *Lines) Add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if !l.task.add(n, now) || l.task.total > 0 && l.task.done >= l.task.total {
		return // Done writes the last line
	}
	if left, ok := l.task.left(now); ok {
		l.line("%s, about %s left", &l.task, rough(left))
	} else {
		l.line("%s", &l.task)
	}
}

// Note writes the message on a line of its own.
func (l *Lines) Note(message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line("%s", message)
}

// Done writes how much was done, and in what time.
func (l *Lines) Done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.task.running {
		return
	}
	l.task.running = false
	if now := l.now(); l.task.long(now) {
		l.line("%s in %s", &l.task, rough(now.Sub(l.task.started)))
	}
}

// line writes one line; a message of several lines is brought to one.
func (l *Lines) line(format string, args ...any) {
	write(l.out, []byte(printable(fmt.Sprintf(format, args...))+"\n"))
}

// rough rounds a duration to what a person wants to know.
func rough(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
