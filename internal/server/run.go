package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/gateway"
)

// run runs the server and what it stands on until the context ends.
func (s *server) run(ctx context.Context) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	metrics := s.metrics()
	ledger := &ledger{journal: s.journal, index: s.index, recording: s.recording, answers: s.config.Journal.OnFull == config.OnFullAnswer}
	handler := gateway.New(gateway.Options{
		Acquire: s.instances.Acquire, Gate: s.gate, Log: ledger, Outcomes: ledger, IDs: pointsman.NewIDSource(nil, nil),
		Logger: s.log, Observe: metrics.Observe, Metrics: metrics.Handler(), Draining: s.draining.Load,
	})
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: s.config.Server.ReadTimeout.Std(), ReadTimeout: s.config.Server.ReadTimeout.Std(),
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}

	// What requests stand on outlives the last of them.
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var group errgroup.Group
	fail := make(chan error, 1)
	start := func(what string, run func(context.Context) error) {
		group.Go(func() error {
			if err := run(below); err != nil && below.Err() == nil {
				err = fmt.Errorf("%s: %w", what, err)
				select {
				case fail <- err:
				default:
				}
				return err
			}
			return nil
		})
	}
	start("journal", s.journal.Run)
	start("index", func(ctx context.Context) error { return s.index.Follow(ctx, s.journal) })
	start("configuration", s.watch)
	start("server", func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	url := "http://" + listener.Addr().String()
	s.log.Info("listening", "url", url, "tasks", s.instances.Current().Models(), "config", s.instances.Current().Snapshot().Short())
	if s.options.Ready != nil {
		s.options.Ready(url)
	}
	select {
	case <-ctx.Done():
	case err = <-fail:
	}
	err = errors.Join(err, s.drain(ctx, server))
	stop()
	return errors.Join(err, group.Wait())
}

// recording is how much of a task's texts is kept under the configuration in
// force; of a task that is gone, as much as of a direct request.
func (s *server) recording(id pointsman.TaskID) pointsman.Recording {
	t, err := s.instances.Current().Task(id)
	if err != nil {
		return pointsman.RecordRedacted
	}
	return t.Record
}
