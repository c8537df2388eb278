// Package server is a running pointsman: the journal and its index, the instance in
// force and its replacement when the file changes, the HTTP server and its end.
// Every goroutine of the process belongs to [Run].
package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/gateway"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/logging"
	"github.com/pointsman-ai/pointsman/internal/memory"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/store/sqlite"
	"github.com/pointsman-ai/pointsman/internal/telemetry"
	"github.com/pointsman-ai/pointsman/internal/watch"
)

// Options say what to run.
type Options struct {
	// Path is the configuration file.
	Path string
	// Listen replaces the file's server.listen where it is not empty.
	Listen string
	// AdminListen replaces the file's address of administration where it is not
	// empty; config.AdminOff means none.
	AdminListen string
	// Log takes what the operator should know. Run writes it.
	Log *logging.Log
	// Ready is called once with where the server listens.
	Ready func(Addresses)
	// Reload asks for the file to be read again, as SIGHUP does; may be nil.
	Reload <-chan os.Signal
	// Hurry cuts the requests off that still run while the server drains; may
	// be nil.
	Hurry <-chan struct{}
}

// Addresses are the base URLs that a server listens on.
type Addresses struct {
	API   string
	Admin string // empty where it is off
}

// Run serves until the context ends, then lets running requests finish within
// server.drain_timeout, puts the last of them on record, and returns nil. An
// error means that it could not start, or that something it cannot do without
// failed.
func Run(ctx context.Context, o Options) error {
	before := config.Fingerprint(o.Path)
	c, err := config.Load(o.Path)
	if err != nil {
		return err
	}
	defer writeLog(ctx, o.Log)()
	s, err := open(c, o, before)
	if err != nil {
		return err
	}
	err = s.run(ctx)
	return errors.Join(err, s.close())
}

// writeLog writes the log until the function that it returns is called: longer
// than anything that speaks in it.
func writeLog(ctx context.Context, log *logging.Log) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = log.Run(ctx) // it has no errors: what cannot be written is counted
	}()
	return func() {
		cancel()
		<-ended
	}
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
	gate      *admit.Gate
	memory    *memory.Budget
	guard     atomic.Pointer[gateway.GuardRules]
	active    *active
	recent    *recent
	metrics   *telemetry.Metrics
	watches   *watch.Watches
	seen      string // state of the files in force or refused; for watch alone
	snapshots snapshots
	reloads   atomic.Uint64
	refused   atomic.Uint64 // reloads
}

// open opens everything that can fail before a request is taken. before is the
// state of the configuration before it was loaded.
func open(c *config.Config, o Options, before string) (_ *server, err error) {
	s := &server{
		options: o, config: c, log: o.Log.Logger, store: artefact.Open(c.DataDir.String()), active: newActive(), recent: newRecent(),
		memory: memory.NewBudget(int64(c.Server.Memory)),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := os.MkdirAll(c.DataDir.String(), 0o700); err != nil {
		return nil, unwritable(c.DataDir.String(), fmt.Errorf("data directory: %w", err))
	}
	// What is watched is there from the beginning, so that its coming is no change.
	if err := os.MkdirAll(s.store.ActiveDir(), 0o700); err != nil {
		s.log.Warn("the directory of active policies is not there and cannot be made", "error", err)
	}
	if err := os.MkdirAll(c.Data().Drift(), 0o700); err != nil {
		s.log.Warn("the directory of what is known of drift is not there and cannot be made", "error", err)
	}
	if s.seen = s.state(); config.Fingerprint(o.Path) != before {
		s.seen = "" // it changed while it was loaded: it is read again
	}
	first, err := instance.Build(c, instance.Options{Store: s.store, Logger: s.log})
	if err != nil {
		return nil, err
	}
	s.owe(first)
	s.instances = instance.Hold(first)
	s.gate = admit.New(nil)
	s.admit(c)
	s.advise(c)
	s.instances.Closed = func(err error) { s.log.Error("a replaced configuration could not be closed", "error", err) }
	if s.journal, err = OpenJournal(c, s.log); err != nil {
		return nil, unwritable(c.DataDir.String(), err)
	}
	s.watches = s.newWatches()
	s.follow(first)
	s.metrics = s.newMetrics()
	s.index, err = sqlite.Open(c.Data().Index(), sqlite.Options{Journal: s.journal.Dir(), Logger: s.log})
	return s, err
}

// unwritable says what to do about a data directory that this process may not
// write to. A disk that is full is another matter: that passes.
func unwritable(dir string, err error) error {
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		return err
	}
	return &pointsman.Error{
		Code: pointsman.CodeUnavailable, Message: "the data directory " + dir + " cannot be written to",
		Hint: "decisions are recorded there: let this user write to it, or name another with data_dir", Err: err,
	}
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
	return journal.Open(c.Data().Journal(), o)
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

// policy is the policy of a digest, or nil where it cannot be read.
func (s *server) policy(d pointsman.Digest) *policy.Policy {
	p, err := policy.Load(s.store.Get, d)
	if err != nil {
		return nil
	}
	return p
}
