package watch

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/drift"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// Task is a task with a policy in force.
type Task struct {
	ID     pointsman.TaskID
	Policy pointsman.Digest
	// Reference is the policy's; nil where it has none, so that nothing is watched.
	Reference *policy.Reference
	// Tiers are the task's, in cascade order.
	Tiers []pointsman.TierID
	// Since is the time of the last reset, and Warned are the watches that have
	// warned after it.
	Since  time.Time
	Warned []Name
}

// Options are what watches need.
type Options struct {
	Logger *slog.Logger
	Now    func() time.Time
	// Keep puts a warning on record.
	Keep func(pointsman.TaskID, Warning) error
}

// Watches are those of all tasks. They are safe for concurrent use.
type Watches struct {
	Options
	tasks atomic.Pointer[map[pointsman.TaskID]*state]
	news  chan news
}

// state is what is known of a task under its policy.
type state struct {
	Task
	mu    sync.Mutex
	tests []*test
}

type news struct {
	task pointsman.TaskID
	Warning
}

// New makes watches of nothing.
func New(o Options) *Watches {
	w := &Watches{Options: o, news: make(chan news, 64)}
	w.tasks.Store(&map[pointsman.TaskID]*state{})
	return w
}

// Follow says which tasks there are now. Watches begin anew where another policy
// is in force, or after a reset.
func (w *Watches) Follow(tasks []Task) {
	was, is := *w.tasks.Load(), map[pointsman.TaskID]*state{}
	for _, t := range tasks {
		if s := was[t.ID]; s != nil && s.Policy == t.Policy && s.Since.Equal(t.Since) && slices.Equal(s.Tiers, t.Tiers) {
			is[t.ID] = s
			continue
		}
		s := &state{Task: t}
		for _, b := range Of(t.Reference) {
			one := newTest(b)
			one.warned = slices.Contains(t.Warned, b.Watch)
			s.tests = append(s.tests, one)
		}
		is[t.ID] = s
	}
	w.tasks.Store(&is)
}

// Finished takes a decision that is finished. It never waits for more than another
// request of the same task, and does not allocate.
func (w *Watches) Finished(d *pointsman.Decision) {
	s := (*w.tasks.Load())[d.Task]
	if s == nil || s.Policy != d.Policy || s.Reference == nil {
		return
	}
	seen, ok := s.show(d)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tests {
		var counts, yes bool
		switch t.Watch {
		case Escalated:
			counts, yes = true, seen.Escalated
		case Unsupported:
			counts, yes = true, seen.Unsupported
		case Broken:
			counts, yes = seen.Answered, seen.Broken
		case LowLogprob:
			counts, yes = seen.Logprob, seen.LowLogprob
		}
		if !counts || t.warned {
			continue
		}
		if side := t.add(yes); side != nil {
			w.warn(s, t, side)
		}
	}
}

// warn passes a warning on. Where that cannot be taken now, the next request
// warns.
func (w *Watches) warn(s *state, t *test, side *drift.Detector) {
	evidence := side.State()
	recent := evidence.Recent()
	if side == t.below {
		recent = 1 - recent
	}
	select {
	case w.news <- news{s.ID, Warning{
		Time: w.Now().UTC(), Policy: s.Policy, Bounds: t.Bounds, Recent: recent, RecentRequests: evidence.N - evidence.Since, Requests: evidence.N,
	}}:
		t.warned = true
	default:
	}
}

// show is what a decision shows; ok is false where it says nothing about traffic:
// calibration saw no request like it, or a tier gave no answer.
func (s *state) show(d *pointsman.Decision) (seen policy.Seen, ok bool) {
	if d.Lifecycle != pointsman.Completed || d.Withdrawn || d.Rules.Pin != "" || d.Rules.NoWitness || len(d.Rules.Permitted) != len(s.Tiers) {
		return seen, false
	}
	switch d.Cause {
	case pointsman.CauseVoid, pointsman.CauseFallback, pointsman.CauseError, pointsman.CauseTimeout, pointsman.CausePinned, pointsman.CauseDirect:
		return seen, false
	}
	for i := range d.Attempts {
		a := &d.Attempts[i]
		stage := slices.Index(s.Tiers, a.Tier)
		switch {
		case a.Cause == pointsman.CauseError || a.Cause == pointsman.CauseTimeout:
			return seen, false
		case stage < 0 || stage == len(s.Tiers)-1:
			continue
		}
		seen.Unsupported = seen.Unsupported || a.Cause == pointsman.CauseUnsupported
		s.Reference.Answer(&seen, stage, a.Reading.Valid, a.Signals)
	}
	seen.Escalated = d.Cause != pointsman.CauseAccepted
	seen.Unsupported = seen.Unsupported || d.Cause == pointsman.CauseUnsupported
	return seen, true
}

// Run logs and keeps warnings until the context ends.
func (w *Watches) Run(ctx context.Context) error {
	for {
		select {
		case n := <-w.news:
			w.tell(n)
		case <-ctx.Done():
			for {
				select {
				case n := <-w.news:
					w.tell(n)
				default:
					return nil
				}
			}
		}
	}
}

func (w *Watches) tell(n news) {
	w.Logger.Warn("watch: traffic is not as calibration saw it; nothing is withdrawn", "task", n.task, "policy", n.Policy.Short(), "watch", n.Watch,
		"recent", n.Recent, "recent_requests", n.RecentRequests, "low", n.Low, "high", n.High, "hint", "pointsman drift status "+string(n.task))
	if err := w.Keep(n.task, n.Warning); err != nil {
		w.Logger.Error("watch: the warning could not be kept", "task", n.task, "error", err)
	}
}

// Warnings counts the watches that have warned.
func (w *Watches) Warnings() float64 {
	n := 0.0
	for _, s := range *w.tasks.Load() {
		s.mu.Lock()
		for _, t := range s.tests {
			if t.warned {
				n++
			}
		}
		s.mu.Unlock()
	}
	return n
}
