package server

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/instance"
)

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
	if err := os.MkdirAll(s.store.ActiveDir(), 0o700); err != nil {
		return err
	}
	watching := make(chan error, 1)
	go func() { watching <- config.Watch(ctx, s.options.Path, notice, s.store.ActiveDir()) }()
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
			// Serving goes on: a reload can still be asked for by SIGHUP.
			s.log.Error("the configuration is no longer watched; send SIGHUP after a change", "error", err)
			watching = nil
		case <-changed:
			if s.fingerprint() != s.seen {
				s.reload()
			}
		case <-s.options.Reload:
			s.reload()
		}
	}
}

// lookInterval is how often the files are looked at beside the watch.
const lookInterval = 2 * time.Second

// fingerprint is the digest of all that a configuration is made from, as it
// lies on disk now. What cannot be read counts as empty: loading it says why.
func (s *server) fingerprint() pointsman.Digest {
	var all []byte
	add := func(path string) { all = append(append(append(all, path...), 0), digestOf(path)...) }
	add(s.options.Path)
	for _, path := range s.instances.Current().Config().Files() {
		add(path)
	}
	if active, err := os.ReadDir(s.store.ActiveDir()); err == nil {
		for _, one := range active {
			add(filepath.Join(s.store.ActiveDir(), one.Name()))
		}
	}
	return pointsman.DigestOf(all)
}

// digestOf is the digest of a file, empty where it cannot be read.
func digestOf(path string) pointsman.Digest {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return pointsman.DigestOf(content)
}

// reload builds the instance anew and swaps it in, or says what is wrong and
// changes nothing.
func (s *server) reload() {
	s.seen = s.fingerprint()
	c, err := config.Load(s.options.Path)
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
	s.instances.Swap(next)
	s.gate.Replace(keys(c))
	s.seen = s.fingerprint() // other files may be part of it now
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
		{"server.read_timeout", was.Server.ReadTimeout != is.Server.ReadTimeout},
		{"server.drain_timeout", was.Server.DrainTimeout != is.Server.DrainTimeout},
		{"journal", was.Journal != is.Journal},
	} {
		if one.changed {
			s.log.Warn("a changed setting takes effect with the next start", "setting", one.what)
		}
	}
}
