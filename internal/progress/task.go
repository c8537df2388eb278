package progress

import (
	"fmt"
	"time"
)

// When a task is spoken of.
const (
	patience = time.Second     // work that is done sooner is not worth a line
	pace     = 5 * time.Second // between two lines
)

// task is the state of a running task, and when to speak of it next. It has no
// timer: it speaks when it is told something, so a task that stands still is
// silent.
type task struct {
	name        string
	done, total int
	running     bool
	started     time.Time
	spoke       time.Time // zero before the first line
}

func (t *task) start(name string, total int, now time.Time) {
	*t = task{name: name, total: max(0, total), running: true, started: now}
}

// add counts steps and says whether it is time for a line.
func (t *task) add(n int, now time.Time) bool {
	if !t.running {
		return false
	}
	t.done += n
	if !t.long(now) || !t.spoke.IsZero() && now.Sub(t.spoke) < pace {
		return false
	}
	t.spoke = now
	return true
}

// long says whether the task has taken long enough to be spoken of.
func (t *task) long(now time.Time) bool { return now.Sub(t.started) >= patience }

// left estimates the time that remains from the pace so far; ok is false where
// there is nothing to estimate it from.
func (t *task) left(now time.Time) (left time.Duration, ok bool) {
	if t.total <= 0 || t.done <= 0 || t.done >= t.total {
		return 0, false
	}
	each := float64(now.Sub(t.started)) / float64(t.done)
	return time.Duration(each * float64(t.total-t.done)), true
}

// String is the state in words: "asking: 120 of 1000 (12 %)".
func (t *task) String() string {
	if t.total <= 0 {
		return fmt.Sprintf("%s: %d", t.name, t.done)
	}
	return fmt.Sprintf("%s: %d of %d (%d %%)", t.name, t.done, t.total, 100*t.done/t.total)
}
