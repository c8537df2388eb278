package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pointsman-ai/pointsman/internal/instance"
)

const (
	keepInterval = time.Second
	maxUnkept    = 16
)

// snapshots are those of configurations that were in force and could not be
// kept in the store yet. It is safe for concurrent use.
type snapshots struct {
	mu     sync.Mutex
	unkept []*instance.Instance // at most maxUnkept, the oldest first
}

// add notes an instance whose decisions will name a snapshot that is not kept.
// It says whether another had to be given up for it.
func (s *snapshots) add(one *instance.Instance) (gaveUp bool) {
	if one.Keep() == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unkept = append(s.unkept, one)
	if gaveUp = len(s.unkept) > maxUnkept; gaveUp {
		s.unkept = s.unkept[1:]
	}
	return gaveUp
}

// retry tries to keep them again and says how many it has kept.
func (s *snapshots) retry() (kept int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.unkept)
	s.unkept = slices.DeleteFunc(s.unkept, func(one *instance.Instance) bool { return one.Keep() == nil })
	return before - len(s.unkept)
}

// keepSnapshots tries again until the context ends, and once more then.
func (s *server) keepSnapshots(ctx context.Context) error {
	tick := time.NewTicker(keepInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.snapshots.retry()
			return nil
		case <-tick.C:
			if kept := s.snapshots.retry(); kept > 0 {
				s.log.Info("snapshots of configurations are kept now", "count", kept)
			}
		}
	}
}

// owe notes what an instance that serves from now on owes the store.
func (s *server) owe(one *instance.Instance) {
	if s.snapshots.add(one) {
		s.log.Error("the snapshot of a configuration could not be kept: its decisions cannot be replayed")
	}
}
