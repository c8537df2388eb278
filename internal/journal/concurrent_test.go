package journal

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// Appends from many goroutines interleave whole.
func TestConcurrentAppends(t *testing.T) {
	for _, durability := range []Durability{DurabilityInterval, DurabilitySync} {
		t.Run(string(durability), func(t *testing.T) {
			dir := t.TempDir()
			o := testOptions()
			o.Durability, o.SegmentSize = durability, 64<<10
			j := mustOpen(t, dir, o)
			const writers, each = 8, 40
			changed, cancel := j.Subscribe()
			defer cancel()
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						n := w*each + i
						if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
							t.Error(err)
						}
						_, _ = j.Stats(), j.Healthy()
					}
				})
			}
			wg.Wait()
			select {
			case <-changed:
			default:
				t.Error("a subscriber was not woken")
			}
			mustClose(t, j)
			seen := map[pointsman.DecisionID]bool{}
			for _, e := range readAll(t, dir) {
				d, ref, err := e.Decision()
				if err != nil {
					t.Fatal(err)
				}
				if p, err := ReadPayload(dir, *ref); err != nil || p.Decision != d.ID {
					t.Fatal(err)
				}
				seen[d.ID] = true
			}
			if len(seen) != writers*each {
				t.Errorf("%d decisions, want %d", len(seen), writers*each)
			}
			if r := verifyDir(t, dir, nil); !r.Clean() {
				t.Error(r.Findings)
			}
		})
	}
}

// Those who append while one flushes share the next flush.
func TestGroupCommit(t *testing.T) {
	o := testOptions()
	disk := &gatedFS{FS: durable.OS{}, gate: make(chan struct{})}
	o.FS, o.Durability = disk, DurabilitySync
	j := mustOpen(t, t.TempDir(), o)
	disk.closed.Store(true)
	changed, cancel := j.Subscribe()
	defer cancel()
	const writers = 8
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			if err := j.AppendDecision(testDecision(n), nil); err != nil {
				t.Error(err)
			}
		})
	}
	for j.Stats().Decisions < writers { // all are written, none is durable
		<-changed
	}
	if head, _, err := readHead(j.Dir()); err != nil || head.count != 0 {
		t.Errorf("HEAD names %d records before any flush, %v", head.count, err)
	}
	close(disk.gate)
	wg.Wait()
	if n := disk.syncs.Load(); n > 2 {
		t.Errorf("%d flushes of the segment for %d appends, want at most 2", n, writers)
	}
	if head, _, err := readHead(j.Dir()); err != nil || head.count != writers {
		t.Errorf("HEAD names %d records, %v", head.count, err)
	}
}

// gatedFS counts fsyncs of segments and, once closed, lets none through before
// the gate opens.
type gatedFS struct {
	durable.FS
	gate   chan struct{}
	closed atomic.Bool
	syncs  atomic.Int64
}

func (g *gatedFS) OpenFile(name string, flag int, perm os.FileMode) (durable.File, error) {
	f, err := g.FS.OpenFile(name, flag, perm)
	if err != nil || filepath.Base(filepath.Dir(name)) != segmentDir {
		return f, err
	}
	return gatedFile{f, g}, nil
}

type gatedFile struct {
	durable.File
	fs *gatedFS
}

func (g gatedFile) Sync() error {
	if g.fs.closed.Load() {
		g.fs.syncs.Add(1)
		<-g.fs.gate
	}
	return g.File.Sync()
}

// A journal that is being written to, turned over and kept short verifies clean
// at every moment.
func TestVerifyWhileWriting(t *testing.T) {
	o := testOptions()
	o.SegmentSize = 16 << 10
	j := mustOpen(t, t.TempDir(), o)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			err := j.AppendDecision(testDecision(n), testPayload(n))
			if err == nil && n%10 == 0 {
				err = j.Sync()
			}
			if err != nil {
				done <- err
				return
			}
			if n == 400 { // enough to verify
				<-stop
				done <- nil
				return
			}
		}
	}()
	for range 15 {
		if r := verifyDir(t, j.Dir(), nil); !r.Clean() {
			t.Fatal(r.Findings)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	if r := verifyDir(t, j.Dir(), nil); !r.Clean() || r.Decisions != j.Stats().Decisions {
		t.Fatalf("%+v", r)
	}
}
