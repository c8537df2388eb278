package config

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long a change is left alone before it is looked at: editors
// write in several steps, and half a file is not worth an error.
const settle = 150 * time.Millisecond

// Watch calls onChange after the configuration file has changed, or a file
// whose contents are part of it, or one that holds weights, or anything directly inside one of the extra
// directories or one of the extra files. It returns nil when the context ends,
// and an error where it cannot watch at all.
//
// Directories are watched and contents compared, because editors and
// orchestrators replace files instead of writing them: a rename over the file,
// a swapped symbolic link and a write in place are one and the same, and a
// touch without a change is none. onChange is called by the goroutine of Watch,
// one call at a time.
func Watch(ctx context.Context, path string, onChange func(), extra ...string) error {
	return (&watcher{path: path, extra: extra, onChange: onChange, after: time.After}).run(ctx)
}

// watcher is one Watch.
type watcher struct {
	path     string
	extra    []string
	onChange func()
	// after is time.After; tests pass their own.
	after func(time.Duration) <-chan time.Time

	notify  *fsnotify.Watcher
	watched map[string]bool // directories
	names   []string        // files and directories whose state counts
	state   string
}

func (w *watcher) run(ctx context.Context) (err error) {
	if w.notify, err = fsnotify.NewWatcher(); err != nil {
		return fmt.Errorf("watch configuration: %w", err)
	}
	defer func() { err = errors.Join(err, w.notify.Close()) }()
	w.watched = map[string]bool{}
	if err := w.look(); err != nil {
		return err
	}
	var due <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-w.notify.Events:
			if !ok {
				return errors.New("watch configuration: the watcher ended")
			}
			if due == nil {
				due = w.after(settle)
			}
		case _, ok := <-w.notify.Errors:
			if !ok {
				return errors.New("watch configuration: the watcher ended")
			}
			// An overflow lost events: look whether anything has changed.
			if due == nil {
				due = w.after(settle)
			}
		case <-due:
			due = nil
			before := w.state
			if err := w.look(); err != nil {
				return err
			}
			if w.state != before {
				w.onChange()
			}
		}
	}
}

// Fingerprint tells two states of what [Watch] watches apart, without watching:
// it is taken before a load, and another one later means that it is worth to
// load again.
func Fingerprint(path string, extra ...string) string { return fingerprint(namesOf(path, extra)) }

// namesOf are the files and directories whose state counts.
func namesOf(path string, extra []string) []string {
	return append(append([]string{path}, references(path)...), extra...)
}

// look finds out which files count now, watches their directories and takes
// down their state. The directories are watched before the state is taken, so
// that no change falls between the two.
func (w *watcher) look() error {
	w.names = namesOf(w.path, w.extra)
	wanted := map[string]bool{}
	for _, name := range w.names {
		for _, dir := range directoriesOf(name) {
			wanted[dir] = true
		}
	}
	for dir := range w.watched {
		if !wanted[dir] {
			_ = w.notify.Remove(dir)
			delete(w.watched, dir)
		}
	}
	for dir := range sortedKeys(wanted) {
		// Adding a directory again is harmless and finds one that was replaced.
		switch err := w.notify.Add(dir); {
		case err == nil:
			w.watched[dir] = true
		case dir == filepath.Dir(w.path):
			return fmt.Errorf("watch configuration: %w", err)
		default: // it is not there yet; the file that names it says so when loaded
			delete(w.watched, dir)
		}
	}
	w.state = fingerprint(w.names)
	return nil
}

// directoriesOf are the directories to watch for a name: the directory that it
// is, or the one that it stands in and those of what it links to.
func directoriesOf(name string) []string {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return []string{name}
	}
	dirs := []string{filepath.Dir(name)}
	if target, err := filepath.EvalSymlinks(name); err == nil && filepath.Dir(target) != dirs[0] {
		dirs = append(dirs, filepath.Dir(target))
	}
	return dirs
}

// references are the files that a configuration names for their contents, those
// of weights among them,
// also where the configuration is wrong: a missing file may be what is wrong
// with it.
func references(path string) []string {
	src, err := readBounded(path, maxSource)
	if err != nil {
		return nil
	}
	d := newDecoder(newSource(path, src), filepath.Dir(path))
	root := d.parseYAML(src)
	if root == nil {
		return nil
	}
	c := d.decode(root)
	return append(d.files, c.ArtefactFiles()...)
}

// fingerprint tells two states of files and directories apart.
func fingerprint(names []string) string {
	h := sha256.New()
	for _, name := range names {
		fmt.Fprintf(h, "%q:", name)
		entries, err := os.ReadDir(name)
		if err != nil {
			h.Write(fileState(name))
			continue
		}
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		for _, e := range entries {
			fmt.Fprintf(h, "%q:", e.Name())
			if e.Type().IsRegular() {
				h.Write(fileState(filepath.Join(name, e.Name())))
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fileState is the content of a file as a digest, or why there is none. Of a
// large one, which only weights are, it is the size and the time of the last
// change.
func fileState(name string) []byte {
	if info, err := os.Stat(name); err == nil && info.Size() > maxSource {
		return fmt.Appendf(nil, "%d %d", info.Size(), info.ModTime().UnixNano())
	}
	content, err := readBounded(name, maxSource)
	if err != nil {
		return []byte(err.Error())
	}
	sum := sha256.Sum256(content)
	return sum[:]
}
