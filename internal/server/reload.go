package server

import (
	"context"
	"time"

	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/instance"
)

// lookInterval is how often the files are looked at beside the watch.
const lookInterval = 2 * time.Second

// watch reads the configuration again when the file, something it names or an
// active policy changes, and when it is asked to.
func (s *server) watch(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	notice := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	watching := make(chan error, 1)
	go func() {
		watching <- config.Watch(ctx, s.options.Path, notice, s.store.ActiveDir(), s.config.Data().Drift())
	}()
	// What changed before the watch had begun, or on a file system that tells
	// nobody, is found by looking.
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			if watching == nil {
				return nil
			}
			return <-watching
		case <-look.C:
			notice()
		case err := <-watching:
			if ctx.Err() != nil {
				return err
			}
			// Serving goes on, and changes are found by looking.
			s.log.Warn("changes of the configuration are noticed later: it cannot be watched", "error", err)
			watching = nil
		case <-changed:
			if s.state() != s.seen {
				s.reload()
			}
		case <-s.options.Reload:
			s.reload()
		}
	}
}

// state tells two states of what a configuration is made from apart, as it lies
// on disk now.
func (s *server) state() string {
	return config.Fingerprint(s.options.Path, s.store.ActiveDir(), s.config.Data().Drift())
}

// reload builds the instance anew and swaps it in, or says what is wrong and
// changes nothing.
func (s *server) reload() {
	s.seen = s.state() // before it is read: what changes meanwhile is found by looking
	c, err := config.Load(s.options.Path)
	if err == nil {
		err = s.staysClosed(c)
	}
	var next *instance.Instance
	if err == nil {
		next, err = instance.Build(c, instance.Options{Store: s.store, Logger: s.log})
	}
	if err != nil {
		s.refused.Add(1)
		s.log.Error("the changed configuration is refused; the one in force stays", "error", err)
		return
	}
	s.needsRestart(c)
	s.metrics.Configure(names(c))
	s.owe(next)
	s.follow(next)
	s.instances.Swap(next)
	s.memory.Resize(int64(c.Server.Memory))
	s.admit(c)
	s.advise(c)
	s.reloads.Add(1)
	s.log.Info("configuration in force", "config", next.Snapshot().Short(), "tasks", next.Models())
}

// needsRestart says which changes take effect with the next start only.
func (s *server) needsRestart(c *config.Config) {
	was, is := s.config, c
	for _, one := range []struct {
		what    string
		changed bool
	}{
		{"data_dir", was.DataDir.String() != is.DataDir.String()},
		{"server.listen", was.Server.Listen != is.Server.Listen},
		{"server.admin_listen", was.Server.AdminListen != is.Server.AdminListen},
		{"server.memory", was.Server.Memory != is.Server.Memory},
		{"server.read_timeout", was.Server.ReadTimeout != is.Server.ReadTimeout},
		{"server.drain_timeout", was.Server.DrainTimeout != is.Server.DrainTimeout},
		{"journal", was.Journal != is.Journal},
	} {
		if one.changed {
			s.log.Warn("a changed setting takes effect with the next start", "setting", one.what)
		}
	}
}
