package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/pointsman-ai/pointsman/internal/cascade"
)

// How long each step of the end may take after server.drain_timeout.
const (
	cutTime   = 3 * time.Second // for error events and records of requests that were cut off
	closeTime = time.Second     // for connections to take their last bytes

	// A client that asks again and again over one connection must not find it
	// closed under its next request: it is refused that, which closes the
	// connection. One that has been silent for so long is closed.
	silence   = 300 * time.Millisecond
	silenceBy = 2 * time.Second // for all of them
)

// drain ends the server in steps: readiness says that it drains, and new
// requests are refused, while both listeners still answer; running requests
// have server.drain_timeout, or until the operator asks again; those that are
// left are cancelled with cascade.ErrDrained, so that their clients are told
// and the record says why; then connections are closed, once they are silent. What requests stand
// on is still there when it returns, and no request is.
func (s *server) drain(ctx context.Context, api *http.Server, cut context.CancelCauseFunc) error {
	ctx = context.WithoutCancel(ctx)
	idle := s.active.drain()
	patience := s.config.Server.DrainTimeout.Std()
	s.log.Info("draining", "requests", s.active.requests(), "patience", patience)
	if !s.wait(idle, patience, s.options.Hurry) {
		s.log.Warn("requests are cut off", "requests", s.active.requests(), "patience", patience)
		cut(cascade.ErrDrained)
		s.wait(idle, cutTime, nil)
	}
	s.awaitSilence()
	timed, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	err := api.Shutdown(timed)
	if errors.Is(err, context.DeadlineExceeded) {
		err = api.Close()
	}
	// A request whose client does not read ends when its connection is closed.
	if !s.wait(idle, cutTime, nil) {
		s.log.Error("requests did not end though their connections are closed", "requests", s.active.requests())
	}
	return err
}

// awaitSilence waits until no connection was used a moment ago.
func (s *server) awaitSilence() {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	most := time.NewTimer(silenceBy)
	defer most.Stop()
	for s.recent.within(silence) {
		select {
		case <-tick.C:
		case <-most.C:
			return
		}
	}
}

// wait waits until nothing is served, for so long at most or until the operator
// is in a hurry, and says whether nothing is.
func (s *server) wait(idle <-chan struct{}, most time.Duration, hurry <-chan struct{}) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	case <-hurry:
	}
	select {
	case <-idle: // maybe at the same time
		return true
	default:
		return false
	}
}
