package progress

import (
	"fmt"
	"time"
)

// quiet is how long a task may run without a line.
const quiet = 5 * time.Second

// task is the state of a running task, and when to speak of it next. It has no
// timer: it speaks when it is told something, so a task that stands still is
// silent.
type task struct {
	name        string
	done, total int
	running     bool
	started     time.Time
	spoke       time.Time
	tenth       int
}

func (t *task) start(name string, total int, now time.Time) {
	*t = task{name: name, total: max(0, total), running: true, started: now, spoke: now}
}

// add counts steps and says whether it is time to speak: at every tenth of the
// way, and after five seconds of silence.
func (t *task) add(n int, now time.Time) bool {
	if !t.running {
		return false
	}
	t.done += n
	tenth := t.tenth
	if t.total > 0 {
		tenth = min(10, 10*t.done/t.total)
	}
	if tenth == t.tenth && now.Sub(t.spoke) < quiet {
		return false
	}
	t.tenth, t.spoke = tenth, now
	return true
}

// left estimates the time that remains from the pace so far; ok is false where
// there is nothing to estimate it from.
func (t *task) left(now time.Time) (left time.Duration, ok bool) {
	if t.total <= 0 || t.done <= 0 || t.done >= t.total {
		return 0, false
	}
	pace := float64(now.Sub(t.started)) / float64(t.done)
	return time.Duration(pace * float64(t.total-t.done)), true
}

// String is the state in words: "asking: 120 of 1000 (12 %)".
func (t *task) String() string {
	if t.total <= 0 {
		return fmt.Sprintf("%s: %d", t.name, t.done)
	}
	return fmt.Sprintf("%s: %d of %d (%d %%)", t.name, t.done, t.total, 100*t.done/t.total)
}
