// Package progress tells people and programs how far a long task is.
//
// One interface, [Reporter], has three presenters: a bar for a terminal, plain
// lines for a log, and silence. What they write belongs on stderr; results
// belong on stdout.
package progress

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Reporter is told how far a task is. A reporter follows one task after the
// other: Start and Done enclose each. All methods may be called concurrently
// between the two; they never block on anything but the writer, and an error
// of the writer is dropped, because progress must not stop the work.
type Reporter interface {
	// Start begins a task of total steps; total is 0 where nobody knows.
	Start(name string, total int)
	// Add says that n more steps are done.
	Add(n int)
	// Note tells something on the way. It may also be called outside of a
	// task.
	Note(message string)
	// Done ends the task, whether or not all its steps were done. A second
	// Done, or one without a Start, does nothing.
	Done()
}

// New presents progress on a file, which is usually os.Stderr: as a bar where it
// is a terminal, else as lines. The clock is nil for the real one.
func New(out *os.File, now func() time.Time) Reporter {
	if term.IsTerminal(int(out.Fd())) {
		return NewBar(out)
	}
	return NewLines(out, now)
}

// Silent is a [Reporter] that says nothing.
type Silent struct{}

var _ Reporter = Silent{}

// Start does nothing.
func (Silent) Start(string, int) {}

// Add does nothing.
func (Silent) Add(int) {}

// Note does nothing.
func (Silent) Note(string) {}

// Done does nothing.
func (Silent) Done() {}

// write drops the writer's error: see [Reporter].
func write(w io.Writer, b []byte) { _, _ = w.Write(b) }
