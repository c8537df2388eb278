package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/gateway"
	"github.com/pointsman-ai/pointsman/internal/ledger"
)

// run runs the server and what it stands on until the context ends.
func (s *server) run(ctx context.Context) error {
	open, err := s.listen()
	if err != nil {
		return err
	}
	records := ledger.New(ledger.Options{
		Journal: s.journal, Index: s.index, Recording: s.recording, Labels: s.labels, Policy: s.policy, AnswerUnrecorded: s.config.Journal.OnFull == config.OnFullAnswer,
	})
	auditor := s.newAuditor(records)
	g := gateway.New(gateway.Options{
		Acquire: func() (gateway.Instance, func()) { return s.instances.Acquire() }, Gate: s.gate, Memory: s.memory, Log: records, Outcomes: records, IDs: pointsman.NewIDSource(nil, nil),
		Logger: s.log, Observe: s.observe, Draining: s.active.isDraining, Kept: auditor.Kept,
	})

	// What requests stand on outlives the last of them.
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	requests, cut := context.WithCancelCause(below)
	defer cut(nil)
	api, admin := s.newHTTPServer(requests, gateway.Timed(s.guarded(g, s.api(g)))), s.newHTTPServer(below, s.admin(g))
	api.ConnState, api.ConnContext, admin.WriteTimeout = s.recent.note, gateway.ConnContext, adminTime
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
	audited, audit := s.audit(auditor)
	start("audits", audit)
	start("watches", s.watches.Run)
	start("configuration", s.watch)
	start("snapshots", s.keepSnapshots)
	start("api", serve(api, open.api))
	if open.admin != nil {
		start("administration", serve(admin, open.admin))
	}
	at := open.addresses()
	s.log.Info("listening", "url", at.API, "admin", at.Admin, "tasks", s.instances.Current().Models(), "config", s.instances.Current().Snapshot().Short())
	if s.options.Ready != nil {
		s.options.Ready(at)
	}
	select {
	case <-ctx.Done():
	case err = <-fail:
	}
	err = errors.Join(err, s.drain(ctx, api, cut), admin.Close())
	auditor.End()
	if !s.wait(audited, s.config.Server.DrainTimeout.Std(), s.options.Hurry) {
		s.log.Warn("audits are cut off")
	}
	stop()
	return errors.Join(err, group.Wait())
}

// serve runs an HTTP server until it is shut down.
func serve(server *http.Server, l net.Listener) func(context.Context) error {
	return func(context.Context) error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}

// labels are those that an answer of a task may have under the configuration in
// force; of a task that is gone, any.
func (s *server) labels(id pointsman.TaskID) []string {
	t, err := s.instances.Current().Task(id)
	if err != nil {
		return nil
	}
	return t.Contract.Labels
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
