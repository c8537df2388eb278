package journal

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/testenv"
)

// faultyFS is a disk with so much room left, on which calls can be made to
// fail. Removing files gives nothing back. It is safe for concurrent use.
type faultyFS struct {
	mu       sync.Mutex
	room     int64 // bytes that fit; negative means no limit
	noSync   error
	noCut    error
	noCreate error
}

func (f *faultyFS) set(change func(*faultyFS)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *faultyFS) OpenFile(name string, flag int, perm os.FileMode) (durable.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flag&os.O_CREATE != 0 && f.noCreate != nil {
		return nil, f.noCreate
	}
	file, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyFile{file, f}, nil
}
func (f *faultyFS) Rename(from, to string) error { return os.Rename(from, to) }
func (f *faultyFS) Remove(name string) error     { return os.Remove(name) }

type faultyFile struct {
	*os.File
	fs *faultyFS
}

// WriteAt writes as much as fits, as a disk that fills in the middle does.
// Overwriting takes no room.
func (f *faultyFile) WriteAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	need := max(off+int64(len(b))-info.Size(), 0)
	if f.fs.room >= 0 && need > f.fs.room {
		n, err := f.File.WriteAt(b[:int64(len(b))-need+f.fs.room], off)
		f.fs.room = 0
		return n, errors.Join(err, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC})
	}
	if f.fs.room >= 0 {
		f.fs.room -= need
	}
	return f.File.WriteAt(b, off)
}

func (f *faultyFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.noSync != nil {
		return f.fs.noSync
	}
	return f.File.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.noCut != nil {
		return f.fs.noCut
	}
	return f.File.Truncate(size)
}

func faulty(o Options) (Options, *faultyFS, *manualClock) {
	clock, disk := &manualClock{epoch}, &faultyFS{room: -1}
	o.FS, o.Clock = disk, clock.Now
	return o, disk, clock
}

// A disk that fills, at every possible byte of a decision and its payload:
// nothing half-written stays, the owner's policy is followed, and when there is
// room again a gap says what is missing.
func TestFullDisk(t *testing.T) {
	for _, policy := range []OnFull{OnFullRefuse, OnFullAnswer} {
		for room := int64(0); room < 2600; room += 97 {
			o, disk, clock := faulty(testOptions())
			o.OnFull = policy
			fullDisk(t, o, disk, clock, room)
		}
	}
}

func fullDisk(t *testing.T, o Options, disk *faultyFS, clock *manualClock, room int64) {
	t.Helper()
	dir := t.TempDir()
	j := mustOpen(t, dir, o)
	appendOne := func(n int) error { return j.AppendDecision(testDecision(n), testPayload(n)) }
	if err := appendOne(0); err != nil {
		t.Fatal(err)
	}
	disk.set(func(f *faultyFS) { f.room = room })
	var failed uint64
	for n := range 3 {
		err := appendOne(1 + n)
		if err == nil && j.Stats().Unwritten == failed {
			t.Fatalf("room for %d bytes took a decision", room)
		}
		failed++
		if o.OnFull == OnFullRefuse && (!errors.Is(err, ErrFull) || pointsman.CodeOf(err) != pointsman.CodeUnavailable) {
			t.Fatalf("room for %d bytes: %v, want ErrFull", room, err)
		}
		if o.OnFull == OnFullAnswer && err != nil {
			t.Fatalf("room for %d bytes: %v, want nil", room, err)
		}
	}
	if err := j.Healthy(); !errors.Is(err, ErrFull) {
		t.Fatalf("healthy says %v, want ErrFull", err)
	}
	if got := len(readAll(t, dir)); got != 1 {
		t.Fatalf("%d records while full, want 1", got)
	}
	if err := j.Sync(); err != nil { // HEAD takes no room
		t.Fatal(err)
	}
	disk.set(func(f *faultyFS) { f.room = -1 })
	if err := appendOne(4); o.OnFull == OnFullRefuse && err == nil {
		t.Fatal("writing was tried again at once")
	}
	clock.Advance(o.FsyncInterval)
	if err := appendOne(5); err != nil {
		t.Fatal(err)
	}
	if err := j.Healthy(); err != nil {
		t.Fatal(err)
	}
	all := readAll(t, dir)
	if len(all) != 3 {
		t.Fatalf("%d records, want a decision, a gap and a decision", len(all))
	}
	gap, err := all[1].Gap()
	if err != nil || gap.Count != 4 || !gap.From.Equal(epoch) || !gap.To.Equal(clock.now) || gap.Cause == "" {
		t.Fatalf("gap %+v, %v", gap, err)
	}
	if s := j.Stats(); s.Unwritten != 4 || s.Decisions != 2 || s.Gaps != 1 {
		t.Fatalf("%+v", s)
	}
	mustClose(t, j)
	if r := verifyDir(t, dir, nil); !r.Clean() || r.Unwritten != 4 {
		t.Fatal(r.Unwritten, r.Findings)
	}
}

// What a full disk left uncounted in the chain is remembered in HEAD over a kill
// and a start on the full disk.
func TestGapSurvivesKill(t *testing.T) {
	o, disk, clock := faulty(testOptions())
	o.OnFull = OnFullAnswer
	dir := t.TempDir()
	j := mustOpen(t, dir, o)
	disk.set(func(f *faultyFS) { f.room = 10 })
	for n := range 5 {
		if err := j.AppendDecision(testDecision(n), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Sync(); err != nil { // as Run does
		t.Fatal(err)
	}
	killed := filepath.Join(t.TempDir(), "j")
	copyDir(t, dir, killed)
	again := mustOpen(t, killed, o) // the disk is still full
	if err := again.Healthy(); !errors.Is(err, ErrFull) {
		t.Fatalf("healthy says %v", err)
	}
	disk.set(func(f *faultyFS) { f.room = -1 })
	clock.Advance(time.Minute)
	if err := again.AppendDecision(testDecision(9), nil); err != nil {
		t.Fatal(err)
	}
	mustClose(t, again)
	all := readAll(t, killed)
	if gap, err := all[0].Gap(); err != nil || gap.Count != 5 || !gap.From.Equal(epoch) {
		t.Fatalf("%+v, %v", gap, err)
	}
	if again = mustOpen(t, killed, o); len(readAll(t, killed)) != len(all) {
		t.Error("the gap is told of twice")
	}
	mustClose(t, again)
}

// A failed write whose remains cannot be cut off keeps the journal shut until
// they can be.
func TestFailedCut(t *testing.T) {
	o, disk, clock := faulty(testOptions())
	dir := t.TempDir()
	j := mustOpen(t, dir, o)
	if err := j.AppendDecision(testDecision(0), testPayload(0)); err != nil {
		t.Fatal(err)
	}
	disk.set(func(f *faultyFS) { f.room, f.noCut = 700, syscall.EIO })
	if err := j.AppendDecision(testDecision(1), testPayload(1)); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	disk.set(func(f *faultyFS) { f.room = -1 })
	clock.Advance(time.Minute)
	if err := j.AppendDecision(testDecision(2), nil); !errors.Is(err, ErrWrite) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("%v, want ErrWrite", err)
	}
	disk.set(func(f *faultyFS) { f.noCut = nil })
	clock.Advance(time.Minute)
	if err := j.AppendDecision(testDecision(3), nil); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	if r := verifyDir(t, dir, nil); !r.Clean() || r.Decisions != 2 || r.Unwritten != 2 {
		t.Fatalf("%+v", r)
	}
}

// An fsync that fails is an error for who waits for it and makes the journal
// unhealthy; what it did not confirm is written once more before the next.
func TestFailedFlush(t *testing.T) {
	o, disk, clock := faulty(testOptions())
	o.Durability = DurabilitySync
	dir := t.TempDir()
	j := mustOpen(t, dir, o)
	disk.set(func(f *faultyFS) { f.noSync = syscall.EIO })
	if err := j.AppendDecision(testDecision(0), testPayload(0)); !errors.Is(err, ErrWrite) {
		t.Fatalf("%v, want ErrWrite", err)
	}
	if err := j.Healthy(); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if head, _, err := readHead(dir); err != nil || head.count != 0 {
		t.Fatalf("HEAD names %d records, %v", head.count, err)
	}
	disk.set(func(f *faultyFS) { f.noSync = nil })
	clock.Advance(time.Minute)
	if err := j.AppendDecision(testDecision(1), testPayload(1)); err != nil {
		t.Fatal(err)
	}
	if head, _, err := readHead(dir); err != nil || head.count != 2 {
		t.Fatalf("HEAD names %d records, %v", head.count, err)
	}
	if s := j.Stats(); s.FlushFailures != 1 || s.Unwritten != 0 {
		t.Errorf("%+v", s)
	}
	mustClose(t, j)
	if r := verifyDir(t, dir, nil); !r.Clean() || r.Payloads != 2 {
		t.Fatal(r.Findings)
	}
}

// A segment that cannot be begun leaves the journal as it was.
func TestFailedRotation(t *testing.T) {
	o, disk, clock := faulty(testOptions())
	o.SegmentSize = 3000
	dir := t.TempDir()
	j := mustOpen(t, dir, o)
	if err := j.AppendDecision(testDecision(0), testPayload(0)); err != nil {
		t.Fatal(err)
	}
	disk.set(func(f *faultyFS) { f.noCreate = syscall.ENOSPC })
	if err := j.AppendDecision(testDecision(1), testPayload(1)); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	disk.set(func(f *faultyFS) { f.noCreate = nil })
	clock.Advance(time.Minute)
	if err := j.AppendDecision(testDecision(2), testPayload(2)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	if r := verifyDir(t, dir, nil); !r.Clean() || r.Segments < 2 || r.Payloads != 2 {
		t.Fatalf("%+v", r)
	}
}

// The same on a real disk of one mebibyte, where the operating system lets the
// test mount one.
func TestFullTmpfs(t *testing.T) {
	dir := t.TempDir()
	testenv.Mount(t, dir, "1m")
	o, _, clock := faulty(testOptions())
	o.FS = nil
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 600<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	j := mustOpen(t, filepath.Join(dir, "journal"), o)
	written := 0
	for {
		err := j.AppendDecision(testDecision(written), testPayload(written))
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		written++
	}
	if written < 50 {
		t.Errorf("only %d decisions fit", written)
	}
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	if err := j.AppendDecision(testDecision(0), nil); !errors.Is(err, ErrFull) {
		t.Fatalf("%v while there is no room to probe", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	if err := j.AppendDecision(testDecision(written), testPayload(written)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	r := verifyDir(t, j.Dir(), nil)
	if !r.Clean() || r.Decisions != uint64(written+1) || r.Unwritten != 2 {
		t.Errorf("%d decisions, %d unwritten, %v; want %d and 2", r.Decisions, r.Unwritten, r.Findings, written+1)
	}
}
