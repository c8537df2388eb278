package server

import (
	"context"
	"errors"
	"net/http"
)

// drain lets running requests finish in their time, then cuts them off.
func (s *server) drain(ctx context.Context, server *http.Server) error {
	s.draining.Store(true)
	patience := s.config.Server.DrainTimeout.Std()
	s.log.Info("draining", "patience", patience)
	timed, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := server.Shutdown(timed)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests were cut off: server.drain_timeout is over", "patience", patience)
		return server.Close()
	}
	return err
}
