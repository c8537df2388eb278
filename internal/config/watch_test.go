package config_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman/internal/config"
)

// watching runs a Watch whose timer the test fires.
type watching struct {
	t       *testing.T
	timers  chan chan time.Time // those that were asked for
	changed chan struct{}
	done    chan error
	cancel  context.CancelFunc
}

func watch(t *testing.T, path string, extra ...string) *watching {
	t.Helper()
	w := &watching{t: t, timers: make(chan chan time.Time, 100), changed: make(chan struct{}, 100), done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	w.cancel = cancel
	after := func(time.Duration) <-chan time.Time {
		timer := make(chan time.Time, 1)
		w.timers <- timer
		return timer
	}
	go func() {
		w.done <- config.WatchWith(ctx, path, func() { w.changed <- struct{}{} }, after, extra...)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-w.done; err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
	return w
}

// settle fires timers until a change is reported. An event may come late or in
// several parts, so one timer may not be enough; each is one look.
func (w *watching) settle() {
	w.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case timer := <-w.timers:
			timer <- time.Time{}
		case <-w.changed:
			return
		case <-deadline.C:
			w.t.Fatal("no change was reported")
		}
	}
}

// begin changes the file until the watcher tells of it: before that, it may not
// be watching yet, or have seen the change as what it begins with.
func (w *watching) begin(touch func(i int)) {
	w.t.Helper()
	for i := 0; ; i++ {
		touch(i)
		for again := false; !again; {
			select {
			case timer := <-w.timers:
				timer <- time.Time{}
			case <-w.changed:
				w.drain()
				return
			case <-time.After(20 * time.Millisecond):
				again = true
			}
		}
	}
}

// drain looks until nothing is due any more, so that what is reported next is of
// what is done next.
func (w *watching) drain() {
	for {
		select {
		case timer := <-w.timers:
			timer <- time.Time{}
		case <-w.changed:
		case <-time.After(50 * time.Millisecond):
			return
		}
	}
}

func TestWatchTellsOfEveryKindOfChange(t *testing.T) {
	dir, active := t.TempDir(), t.TempDir()
	path, labels := filepath.Join(dir, "pointsman.yaml"), filepath.Join(dir, "sub", "labels.txt")
	if err := os.Mkdir(filepath.Dir(labels), 0o755); err != nil {
		t.Fatal(err)
	}
	src := []byte(`version: 1
upstreams: {on_premises: {type: openai, base_url: "http://127.0.0.1:1/v1", location: self_hosted}}
models: {small: {upstream: on_premises}}
tasks: {a: {kind: classify, contract: {labels_file: sub/labels.txt}, tiers: [{name: only, model: small}]}}
`)
	write(t, path, src)
	w := watch(t, path, active)
	w.begin(func(i int) { write(t, path, append(src, []byte("# "+string(rune('a'+i%26))+"\n")...)) })

	write(t, labels, []byte("a\nb\n")) // it did not exist: the configuration was bad
	w.settle()
	write(t, filepath.Join(dir, "new"), append(src, "# renamed\n"...))
	if err := os.Rename(filepath.Join(dir, "new"), path); err != nil {
		t.Fatal(err)
	}
	w.settle()
	write(t, labels, []byte("a\nb\nc\n"))
	w.settle()
	write(t, filepath.Join(active, "task"), []byte("sha256:x"))
	w.settle()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.settle()
	write(t, path, src)
	w.settle()
}

// Kubernetes swaps a symbolic link to a directory.
func TestWatchFollowsSwappedLinks(t *testing.T) {
	dir := t.TempDir()
	link := func(to string) {
		t.Helper()
		temp := filepath.Join(dir, "..tmp")
		if err := os.Symlink(to, temp); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temp, filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []string{"v1", "v2", "v3"} {
		write(t, filepath.Join(dir, v, "pointsman.yaml"), []byte("version: 1 # "+v+"\n"))
	}
	link("v1")
	path := filepath.Join(dir, "pointsman.yaml")
	if err := os.Symlink("..data/pointsman.yaml", path); err != nil {
		t.Fatal(err)
	}
	w := watch(t, path)
	w.begin(func(i int) { link([]string{"v2", "v1"}[i%2]) })
	link("v3")
	w.settle()
}

// A file that is rewritten with the same content is no change, and neither is
// another file beside it.
func TestWatchIgnoresWhatIsNoChange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pointsman.yaml")
	write(t, path, []byte("version: 1\n"))
	w := watch(t, path)
	content := ""
	w.begin(func(i int) {
		content = "version: 1 # " + string(rune('a'+i%26)) + "\n"
		write(t, path, []byte(content))
	})
	write(t, path, []byte(content))
	write(t, filepath.Join(dir, "other.yaml"), []byte("x"))
	timer := <-w.timers // the writes were seen
	timer <- time.Time{}
	for {
		select {
		case timer := <-w.timers:
			timer <- time.Time{}
			continue
		case <-w.changed:
			t.Error("a change was reported that is none")
		case <-time.After(100 * time.Millisecond):
		}
		return
	}
}

func TestWatchNeedsADirectory(t *testing.T) {
	if err := config.Watch(t.Context(), filepath.Join(t.TempDir(), "gone", "pointsman.yaml"), func() {}); err == nil {
		t.Error("a directory that does not exist was watched")
	}
}
