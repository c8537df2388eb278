package server

import (
	"context"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/shadow"
	"github.com/pointsman-ai/pointsman/internal/withdraw"
)

// newAuditor makes the auditor of answers that smaller tiers were trusted with.
func (s *server) newAuditor(records *ledger.Ledger) *shadow.Auditor {
	dir := s.config.Data()
	return shadow.New(shadow.Options{
		Acquire: func() (shadow.Instance, func()) { return s.instances.Acquire() },
		Log:     records, Past: &ledger.Reader{Journal: dir.Journal(), Index: s.index}, Now: time.Now, Logger: s.log, Memory: s.memory,
		Events:   func(task pointsman.TaskID) ([]withdraw.Event, error) { return withdraw.Events(dir, task) },
		Withdraw: func(task pointsman.TaskID, e withdraw.Event) error { return withdraw.Append(dir, task, e) },
		Observe: func(task pointsman.TaskID, r shadow.Result, charged pointsman.Money, status *shadow.Status) {
			s.metrics.Audited(task, string(r), charged)
			if status != nil {
				s.metrics.DriftLevel(task, status.Level)
			}
		},
	})
}

// audit runs the auditor until it has ended.
func (s *server) audit(a *shadow.Auditor) (ended <-chan struct{}, run func(context.Context) error) {
	done := make(chan struct{})
	return done, func(ctx context.Context) error {
		defer close(done)
		return a.Run(ctx)
	}
}

// withdrawn counts the tasks whose certificate is withdrawn.
func (s *server) withdrawn() float64 {
	n := 0.0
	for _, t := range s.instances.Current().Tasks() {
		if t.Withdrawn != nil {
			n++
		}
	}
	return n
}
