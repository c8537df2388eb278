package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// retained is a journal with a clock and a short retention.
func retained(t *testing.T, records, payloads time.Duration) (*Journal, *manualClock) {
	t.Helper()
	clock := &manualClock{epoch}
	o := testOptions()
	o.Clock, o.Retention, o.PayloadRetention = clock.Now, records, payloads
	return mustOpen(t, t.TempDir(), o), clock
}

func (j *Journal) mustSweep(t *testing.T) {
	t.Helper()
	if err := j.sweep(); err != nil {
		t.Fatal(err)
	}
}

// Payloads go when their retention ends and not before, whole files at a time;
// their decisions stay, the chain says what happened, and verify accepts it.
func TestPayloadRetention(t *testing.T) {
	const day = 24 * time.Hour
	j, clock := retained(t, Forever, 8*day)
	ref := func(i int) (r Ref) {
		for _, e := range readAll(t, j.Dir()) {
			if e.Kind != KindDecision {
				continue
			}
			if i--; i < 0 {
				_, at, err := e.Decision()
				if err != nil {
					t.Fatal(err)
				}
				return *at
			}
		}
		t.Fatal("no such decision")
		return r
	}
	for n := range 20 { // one decision a day
		if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
			t.Fatal(err)
		}
		j.mustSweep(t)
		clock.Advance(day)
		for m := range n + 1 {
			age := time.Duration(n+1-m) * day
			_, err := ReadPayload(j.Dir(), ref(m))
			if age < 8*day && err != nil {
				t.Fatalf("payload of %v: %v", age, err)
			}
			if age > 10*day && !errors.Is(err, ErrExpired) {
				t.Fatalf("payload of %v: %v, want ErrExpired", age, err)
			}
		}
	}
	mustClose(t, j)
	r := verifyDir(t, j.Dir(), nil)
	if !r.Clean() || r.Decisions != 20 || r.PayloadsExpired == 0 || r.Payloads+r.PayloadsExpired != 20 {
		t.Fatalf("%+v", r)
	}
	// A file that nobody announced to delete is another matter.
	if err := os.Remove(filepath.Join(j.Dir(), payloadFile(ref(18).Segment))); err != nil {
		t.Fatal(err)
	}
	if r := verifyDir(t, j.Dir(), nil); len(r.Findings) != 1 || r.Findings[0].Kind != FoundPayloadRemoved {
		t.Error(r.Findings)
	}
}

// Records go with their segments, oldest first; the rest verifies from where
// the chain says that it begins. No payload number is used again after all
// payloads are gone and the journal was opened anew.
func TestRecordRetention(t *testing.T) {
	const day = 24 * time.Hour
	j, clock := retained(t, 16*day, Forever)
	dir := j.Dir()
	for n := range 60 {
		if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
			t.Fatal(err)
		}
		j.mustSweep(t)
		clock.Advance(day)
	}
	r := verifyDir(t, dir, nil)
	if !r.Clean() || r.SegmentsExpired < 30 || r.Decisions > 20 || r.Decisions < 16 {
		t.Fatalf("%+v", r)
	}
	anchor := j.Head()
	newest := j.payload.number
	clock.Advance(40 * day)
	j.mustSweep(t)
	clock.Advance(40 * day)
	j.mustSweep(t)
	o := j.opts
	mustClose(t, j)
	r = verifyDir(t, dir, &anchor)
	if !r.Clean() || r.Decisions != 0 || !strings.Contains(fmt.Sprint(r.Notes), "anchor") {
		t.Fatalf("%+v", r)
	}
	j = mustOpen(t, dir, o)
	if err := j.AppendDecision(testDecision(99), testPayload(99)); err != nil {
		t.Fatal(err)
	}
	if j.payload.number <= newest {
		t.Errorf("payload file %d after %d", j.payload.number, newest)
	}
	mustClose(t, j)
	if r = verifyDir(t, dir, nil); !r.Clean() {
		t.Fatal(r.Findings)
	}
	// Without the oldest segment left the chain does not begin where it says.
	oldest, err := Oldest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, segmentFile(oldest))); err != nil {
		t.Fatal(err)
	}
	if r := verifyDir(t, dir, nil); len(r.Findings) == 0 || r.Findings[0].Kind != FoundRemoved {
		t.Error(r.Findings)
	}
}

// A kill between the announcement and the deletion leaves a file that is
// deleted later, and a journal that verifies clean meanwhile.
func TestKillBeforeDeletion(t *testing.T) {
	j, clock := retained(t, Forever, 8*time.Hour)
	for n := range 3 {
		if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
			t.Fatal(err)
		}
		clock.Advance(20 * time.Hour)
	}
	expired, err := j.expired()
	if err != nil || len(expired) == 0 {
		t.Fatal(expired, err)
	}
	if err := j.announce(&expired[0]); err != nil {
		t.Fatal(err)
	}
	o := j.opts
	mustClose(t, j)
	if r := verifyDir(t, j.Dir(), nil); !r.Clean() || r.Payloads != 3 {
		t.Fatalf("%+v", r)
	}
	j = mustOpen(t, j.Dir(), o)
	j.mustSweep(t)
	mustClose(t, j)
	if r := verifyDir(t, j.Dir(), nil); !r.Clean() || r.PayloadsExpired == 0 {
		t.Fatalf("%+v", r)
	}
}

// A clock that steps back, or was ahead for a while, loses nothing early and
// keeps nothing much longer than asked, and the journal works on.
func TestClockStepsBack(t *testing.T) {
	const day = 24 * time.Hour
	j, clock := retained(t, Forever, 8*day)
	clock.Advance(365 * day) // a year ahead
	for n := range 3 {
		if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(-365 * day)
	if err := j.AppendDecision(testDecision(3), testPayload(3)); err != nil {
		t.Fatal(err)
	}
	j.mustSweep(t)
	if r := verifyDir(t, j.Dir(), nil); r.Payloads != 4 {
		t.Fatalf("%d payloads left, want 4", r.Payloads)
	}
	clock.Advance(9 * day)
	j.mustSweep(t)
	mustClose(t, j)
	r := verifyDir(t, j.Dir(), nil)
	if !r.Clean() || r.PayloadsExpired < 3 {
		t.Fatalf("%+v", r)
	}
}

// Run flushes by the interval, so that HEAD follows, sweeps, and ends with the
// context.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Clock, o.PayloadRetention = time.Now, time.Hour
		j := mustOpen(t, dir, o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }()
		if err := j.AppendDecision(testDecision(0), testPayload(0)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(o.FsyncInterval + time.Millisecond) // of the bubble's clock
		synctest.Wait()
		if head, _, err := readHead(dir); err != nil || head.count != 1 {
			t.Errorf("HEAD names %d records, %v", head.count, err)
		}
		time.Sleep(3 * time.Hour) // of the bubble's clock
		synctest.Wait()
		if got := j.Stats().Expired; got == 0 {
			t.Error("nothing has expired")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		mustClose(t, j)
		if err := j.Sync(); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	if r := verifyDir(t, dir, nil); !r.Clean() || r.PayloadsExpired != 1 {
		t.Errorf("%+v", r)
	}
}

// Writing is tried again by Run also where nobody appends.
func TestRunRecovers(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o, disk, _ := faulty(testOptions())
		o.Clock = time.Now
		j := mustOpen(t, dir, o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }()
		disk.set(func(f *faultyFS) { f.room = 0 })
		if err := j.AppendOutcome(testOutcome(0)); !errors.Is(err, ErrFull) {
			t.Error(err)
		}
		disk.set(func(f *faultyFS) { f.room = -1 })
		time.Sleep(2*o.FsyncInterval + time.Millisecond) // of the bubble's clock
		synctest.Wait()
		if err := j.Healthy(); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		mustClose(t, j)
	})
	if r := verifyDir(t, dir, nil); !r.Clean() || r.Gaps != 1 || r.Unwritten != 1 {
		t.Errorf("%+v", r)
	}
}

func TestOpenRefusesBadOptions(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"durability":        func(o *Options) { o.Durability = "" },
		"on full":           func(o *Options) { o.OnFull = "panic" },
		"interval":          func(o *Options) { o.FsyncInterval = 0 },
		"segment size":      func(o *Options) { o.SegmentSize = 0 },
		"retention":         func(o *Options) { o.Retention = 0 },
		"payload retention": func(o *Options) { o.PayloadRetention = -1 },
	} {
		o := testOptions()
		spoil(&o)
		if _, err := Open(t.TempDir(), o); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v, want ErrOptions", name, err)
		}
	}
}

func TestSecondWriterIsRefused(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	_, err := Open(dir, testOptions())
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("%v, want ErrLocked by process %d", err, os.Getpid())
	}
	mustClose(t, j)
	mustClose(t, mustOpen(t, dir, testOptions()))
}

func TestAppendRefuses(t *testing.T) {
	j := mustOpen(t, t.TempDir(), testOptions())
	d := testDecision(0)
	if err := j.AppendDecision(d, &Payload{Decision: d.ID, Input: "raw"}); !errors.Is(err, ErrRecording) {
		t.Errorf("%v, want ErrRecording", err)
	}
	if err := j.AppendDecision(d, testPayload(1)); !errors.Is(err, ErrOther) {
		t.Errorf("%v, want ErrOther", err)
	}
	d.Detail = strings.Repeat("x", MaxBody)
	if err := j.AppendDecision(d, nil); !errors.Is(err, ErrTooLarge) || pointsman.CodeOf(err) != pointsman.CodeTooLarge {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	p := &Payload{Decision: d.ID, Recording: pointsman.RecordFull, Input: strings.Repeat("x", MaxPayload)}
	if err := j.AppendDecision(testDecision(0), p); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	d.Detail = strings.Repeat("x", MaxBody-4096)
	large := &Payload{Decision: d.ID, Recording: pointsman.RecordFull, Input: strings.Repeat("x", MaxPayload-4096)}
	if err := j.AppendDecision(d, large); err != nil {
		t.Error(err)
	}
	if got := len(readAll(t, j.Dir())); got != 1 {
		t.Errorf("%d records, want the large one", got)
	}
	mustClose(t, j)
	if err := j.AppendDecision(testDecision(0), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
	if r := verifyDir(t, j.Dir(), nil); !r.Clean() || r.Payloads != 1 {
		t.Errorf("%+v", r)
	}
}

func TestKeyedDigest(t *testing.T) {
	j, other := mustOpen(t, t.TempDir(), testOptions()), mustOpen(t, t.TempDir(), testOptions())
	const text = "I am jane@example.com"
	d := j.KeyedDigest(text)
	if d != j.KeyedDigest(text) || d == j.KeyedDigest(text+".") {
		t.Error("equal texts have one digest, and others have another")
	}
	if d == other.KeyedDigest(text) || d == pointsman.DigestOf([]byte(text)) {
		t.Error("a keyed digest does not depend on its key")
	}
}
