// Package server is a running pointsman: the journal and its index, the instance in
// force and its replacement when the file changes, the HTTP server and its end.
// Every goroutine of the process belongs to [Run].
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/gateway"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/store/sqlite"
	"github.com/pointsman-ai/pointsman/internal/telemetry"
)

// Options say what to run.
type Options struct {
	// Path is the configuration file.
	Path string
	// Listen replaces the file's server.listen where it is not empty.
	Listen string
	// Logger takes what the operator should know.
	Logger *slog.Logger
	// Ready is called once with the base URL that the server listens on.
	Ready func(url string)
	// Reload asks for the file to be read again, as SIGHUP does; may be nil.
	Reload <-chan os.Signal
}

// Where things lie below the data directory.
const (
	journalDir = "journal"
	indexFile  = "index.sqlite"
)

// JournalDir is the journal of a configuration.
func JournalDir(c *config.Config) string { return filepath.Join(c.DataDir.String(), journalDir) }

// IndexPath is the index of a configuration's journal.
func IndexPath(c *config.Config) string { return filepath.Join(c.DataDir.String(), indexFile) }

// Run serves until the context ends, then lets running requests finish within
// server.drain_timeout, puts the last of them on record, and returns nil. An
// error means that it could not start, or that something it cannot do without
// failed.
func Run(ctx context.Context, o Options) error {
	before := digestOf(o.Path)
	c, err := config.Load(o.Path)
	if err != nil {
		return err
	}
	s, err := open(c, o, before)
	if err != nil {
		return err
	}
	err = s.run(ctx)
	return errors.Join(err, s.close())
}

// server is what Run runs.
type server struct {
	options   Options
	config    *config.Config // that the process started with
	log       *slog.Logger
	journal   *journal.Journal
	index     *sqlite.Index
	store     *artefact.Store
	instances *instance.Holder
	draining  atomic.Bool
	seen      pointsman.Digest // of the files in force or refused; for watch alone
	reloads   atomic.Uint64
	refused   atomic.Uint64 // reloads
}

// open opens everything that can fail before a request is taken. before is the
// digest of the configuration file before it was loaded.
func open(c *config.Config, o Options, before pointsman.Digest) (_ *server, err error) {
	s := &server{options: o, config: c, log: o.Logger, store: artefact.Open(c.DataDir.String())}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := os.MkdirAll(c.DataDir.String(), 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	first, err := instance.Build(c, instance.Options{Store: s.store, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	s.instances = instance.Hold(first)
	if s.seen = s.fingerprint(); digestOf(o.Path) != before {
		s.seen = "" // it changed while it was loaded: it is read again
	}
	s.instances.Closed = func(err error) { s.log.Error("a replaced configuration could not be closed", "error", err) }
	if s.journal, err = OpenJournal(c, o.Logger); err != nil {
		return nil, err
	}
	s.index, err = sqlite.Open(IndexPath(c), sqlite.Options{Journal: s.journal.Dir(), Logger: o.Logger})
	return s, err
}

// OpenJournal opens the journal of a configuration for writing.
func OpenJournal(c *config.Config, log *slog.Logger) (*journal.Journal, error) {
	o := journal.DefaultOptions()
	o.Durability = journal.Durability(c.Journal.Durability)
	o.OnFull = journal.OnFull(c.Journal.OnFull)
	o.FsyncInterval = c.Journal.FsyncInterval.Std()
	o.SegmentSize = int64(c.Journal.SegmentSize)
	o.Retention = c.Journal.Retention.Std()
	o.PayloadRetention = c.Journal.PayloadRetention.Std()
	o.Logger = log
	return journal.Open(JournalDir(c), o)
}

// close closes what is open, in the order in which requests stop needing it.
func (s *server) close() error {
	var errs []error
	if s.instances != nil {
		s.instances.Close()
	}
	if s.index != nil {
		errs = append(errs, s.index.Close())
	}
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	return errors.Join(errs...)
}

// run runs the server and what it stands on until the context ends.
func (s *server) run(ctx context.Context) error {
	address := s.config.Server.Listen
	if s.options.Listen != "" {
		address = s.options.Listen
		if err := s.exposed(address); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return &pointsman.Error{
			Code: pointsman.CodeUnavailable, Message: "cannot listen on " + address,
			Hint: "another process may listen there; choose another with --listen, port 0 for any", Err: err,
		}
	}
	metrics := s.metrics()
	ledger := &ledger{journal: s.journal, index: s.index, recording: s.recording, answers: s.config.Journal.OnFull == config.OnFullAnswer}
	handler := gateway.New(gateway.Options{
		Acquire: s.instances.Acquire, Log: ledger, Outcomes: ledger, IDs: pointsman.NewIDSource(nil, nil),
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

// exposed refuses an address that others can reach where no key is asked for.
func (s *server) exposed(address string) error {
	if len(s.config.Server.Keys) > 0 {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return &pointsman.Error{
		Code: pointsman.CodeConfig, Message: fmt.Sprintf("%q can be reached by others, and no key is asked for", address),
		Hint: "name keys under server.keys (pointsman key new makes one), or listen on 127.0.0.1",
	}
}

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

// metrics are those of requests and of what they stand on.
func (s *server) metrics() *telemetry.Metrics {
	m := telemetry.New()
	stat := func(read func(journal.Stats) uint64) func() float64 {
		return func() float64 { return float64(read(s.journal.Stats())) }
	}
	m.Counter("pointsman_journal_decisions_total", "Decisions written by this process.", stat(func(s journal.Stats) uint64 { return s.Decisions }))
	m.Counter("pointsman_journal_unwritten_total", "Records that could not be written and were answered all the same.", stat(func(s journal.Stats) uint64 { return s.Unwritten }))
	m.Counter("pointsman_journal_flush_failures_total", "Failed fsyncs.", stat(func(s journal.Stats) uint64 { return s.FlushFailures }))
	m.Gauge("pointsman_journal_healthy", "1 while records can be written.", func() float64 {
		if s.journal.Healthy() != nil {
			return 0
		}
		return 1
	})
	m.Counter("pointsman_config_reloads_total", "Configurations put in force after the first.", func() float64 { return float64(s.reloads.Load()) })
	m.Counter("pointsman_config_refused_total", "Changed configurations that were refused.", func() float64 { return float64(s.refused.Load()) })
	return m
}
