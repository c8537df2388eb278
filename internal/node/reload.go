package node

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/world"
)

// watch reads the configuration again when the file, something it names or an
// active policy changes, and when it is asked to.
func (n *node) watch(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	notice := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	if err := os.MkdirAll(n.store.ActiveDir(), 0o700); err != nil {
		return err
	}
	watching := make(chan error, 1)
	go func() { watching <- config.Watch(ctx, n.options.Path, notice, n.store.ActiveDir()) }()
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
			n.log.Error("the configuration is no longer watched; send SIGHUP after a change", "error", err)
			watching = nil
		case <-changed:
			if n.fingerprint() != n.seen {
				n.reload()
			}
		case <-n.options.Reload:
			n.reload()
		}
	}
}

// lookInterval is how often the files are looked at beside the watch.
const lookInterval = 2 * time.Second

// fingerprint is the digest of all that a configuration is made from, as it
// lies on disk now. What cannot be read counts as empty: loading it says why.
func (n *node) fingerprint() pointsman.Digest {
	var all []byte
	add := func(path string) { all = append(append(append(all, path...), 0), digestOf(path)...) }
	add(n.options.Path)
	for _, path := range n.worlds.Current().Config().Files() {
		add(path)
	}
	if active, err := os.ReadDir(n.store.ActiveDir()); err == nil {
		for _, one := range active {
			add(filepath.Join(n.store.ActiveDir(), one.Name()))
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

// reload builds the world anew and swaps it in, or says what is wrong and
// changes nothing.
func (n *node) reload() {
	n.seen = n.fingerprint()
	c, err := config.Load(n.options.Path)
	var next *world.World
	if err == nil {
		next, err = world.Build(c, world.Options{Store: n.store, Logger: n.log})
	}
	if err != nil {
		n.refused.Add(1)
		n.log.Error("the changed configuration is refused; the one in force stays", "error", err)
		return
	}
	n.needsRestart(c)
	n.worlds.Swap(next)
	n.seen = n.fingerprint() // other files may be part of it now
	n.reloads.Add(1)
	n.log.Info("configuration in force", "config", next.Snapshot().Short(), "tasks", next.Models())
}

// needsRestart says which changes take effect with the next start only.
func (n *node) needsRestart(c *config.Config) {
	was, is := n.config, c
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
			n.log.Warn("a changed setting takes effect with the next start", "setting", one.what)
		}
	}
}
