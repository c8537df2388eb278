package server

import (
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/watch"
	"github.com/pointsman-ai/pointsman/internal/withdraw"
)

// newWatches makes the watches of traffic.
func (s *server) newWatches() *watch.Watches {
	dir := s.config.Data()
	return watch.New(watch.Options{
		Logger: s.log, Now: time.Now, Keep: func(task pointsman.TaskID, w watch.Warning) error { return watch.Keep(dir, task, w) },
	})
}

// follow tells the watches which policies are in force.
func (s *server) follow(i *instance.Instance) {
	dir := s.config.Data()
	var tasks []watch.Task
	for _, t := range i.Tasks() {
		if t.Policy == nil || t.PolicyProblem != nil || t.Policy.Reference == nil {
			continue
		}
		one := watch.Task{ID: t.ID, Policy: t.PolicyDigest, Reference: t.Policy.Reference}
		for k := range t.Tiers {
			one.Tiers = append(one.Tiers, t.Tiers[k].ID)
		}
		events, err := withdraw.Events(dir, t.ID)
		if err != nil {
			s.log.Warn("watch: resets cannot be read", "task", t.ID, "error", err)
		}
		_, one.Since = withdraw.InForce(events, t.PolicyDigest)
		warnings, err := watch.InForce(dir, t.ID, t.PolicyDigest, one.Since)
		if err != nil {
			s.log.Warn("watch: warnings of before cannot be read", "task", t.ID, "error", err)
		}
		for _, w := range warnings {
			one.Warned = append(one.Warned, w.Watch)
		}
		tasks = append(tasks, one)
	}
	s.watches.Follow(tasks)
}

// observe is told of each finished request.
func (s *server) observe(d *pointsman.Decision) {
	s.metrics.Observe(d)
	s.watches.Finished(d)
}
