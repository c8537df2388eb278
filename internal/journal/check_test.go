package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// What is deleted under a running writer is noticed and made anew, the chain
// goes on, and verification says what is lost and nothing else.
func TestDeletedWhileOpen(t *testing.T) {
	for name, c := range map[string]struct {
		remove []string
		lost   bool // records are
	}{
		"lock":               {[]string{lockName}, false},
		"head":               {[]string{headName}, false},
		"salt":               {[]string{saltName}, false},
		"lock, head, salt":   {[]string{lockName, headName, saltName}, false},
		"payloads":           {[]string{payloadDir}, true},
		"active segment":     {[]string{"active"}, true},
		"segments":           {[]string{segmentDir}, true},
		"segments and head":  {[]string{segmentDir, headName}, true},
		"the whole of it":    {[]string{"."}, true},
		"the parent as well": {[]string{".."}, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions()
			o.SegmentSize = 6 << 10
			dir := filepath.Join(t.TempDir(), "data", "journal")
			j := mustOpen(t, dir, o)
			n := 0
			add := func() {
				t.Helper()
				if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
					t.Fatal(err)
				}
				n++
			}
			for n < 10 {
				add()
			}
			j.Check()
			digest := j.KeyedDigest("text")
			for _, one := range c.remove {
				if one == "active" {
					one = segmentFile(j.End().Segment)
				}
				if err := os.RemoveAll(filepath.Join(dir, one)); err != nil && one != "." {
					t.Fatal(err)
				}
			}
			j.Check()
			if err := j.Healthy(); err != nil {
				t.Fatal(err)
			}
			j.Check()
			before := n
			add()
			add()
			mustClose(t, j)
			r := verifyDir(t, dir, nil)
			if r.Clean() == c.lost {
				t.Errorf("findings %v", r.Findings)
			}
			for _, f := range r.Findings {
				if f.Kind != FoundRemoved && f.Kind != FoundPayloadRemoved {
					t.Errorf("a finding that is not about what was deleted: %s", f)
				}
			}
			if c.lost != strings.Contains(strings.Join(r.Notes, "\n"), "was deleted while it was written to") {
				t.Errorf("notes %q", r.Notes)
			}
			j = mustOpen(t, dir, o)
			if j.KeyedDigest("text") != digest {
				t.Error("another salt is in force")
			}
			add()
			mustClose(t, j)
			last := 0
			for _, e := range readAll(t, dir) {
				if e.Kind != KindDecision {
					continue
				}
				d, _, err := e.Decision()
				if err != nil {
					t.Fatal(err)
				}
				if last++; d.ID == testID(before) {
					last = 1
				}
			}
			if last != 3 {
				t.Errorf("%d records from the first after the deletion on, want 3", last)
			}
		})
	}
}

// What cannot be made anew is served around as the owner chose, and mended as
// soon as it can be.
func TestDeletedAndNotMended(t *testing.T) {
	for _, policy := range []OnFull{OnFullRefuse, OnFullAnswer} {
		o, disk, clock := faulty(testOptions())
		o.OnFull = policy
		dir := t.TempDir()
		j := mustOpen(t, dir, o)
		if err := j.AppendDecision(testDecision(0), nil); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, segmentDir)); err != nil {
			t.Fatal(err)
		}
		disk.set(func(f *faultyFS) { f.noCreate = os.ErrPermission })
		j.Check()
		if err := j.Healthy(); !errors.Is(err, os.ErrPermission) || pointsman.CodeOf(err) != pointsman.CodeUnavailable {
			t.Fatalf("%s: %v", policy, err)
		}
		if err := j.AppendDecision(testDecision(1), nil); (err == nil) != (policy == OnFullAnswer) {
			t.Fatalf("%s: %v", policy, err)
		}
		disk.set(func(f *faultyFS) { f.noCreate = nil })
		clock.Advance(time.Minute)
		if err := j.AppendDecision(testDecision(2), nil); err != nil {
			t.Fatalf("%s: %v", policy, err)
		}
		mustClose(t, j)
		if r := verifyDir(t, dir, nil); r.Decisions != 1 || r.Unwritten != 1 {
			t.Errorf("%s: %+v", policy, r)
		}
	}
}

// A lock that was deleted lets another process in. The first one notices,
// writes nothing more, and goes on behind what the other wrote once that has
// ended.
func TestAnotherWriterAfterTheLockWasDeleted(t *testing.T) {
	o, _, clock := faulty(testOptions())
	dir := t.TempDir()
	first := mustOpen(t, dir, o)
	if err := first.AppendDecision(testDecision(0), testPayload(0)); err != nil {
		t.Fatal(err)
	}
	if err := first.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, lockName)); err != nil {
		t.Fatal(err)
	}
	second := mustOpen(t, dir, o)
	first.Check()
	if err := first.Healthy(); !errors.Is(err, ErrLocked) {
		t.Fatalf("%v, want ErrLocked", err)
	}
	if err := second.AppendDecision(testDecision(1), testPayload(1)); err != nil {
		t.Fatal(err)
	}
	if err := first.AppendDecision(testDecision(2), nil); !errors.Is(err, ErrLocked) {
		t.Fatalf("%v, want ErrLocked", err)
	}
	mustClose(t, second)
	clock.Advance(time.Minute)
	if err := first.AppendDecision(testDecision(3), testPayload(3)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, first)
	if r := verifyDir(t, dir, nil); !r.Clean() || r.Decisions != 3 || r.Unwritten != 1 || r.Payloads != 3 {
		t.Errorf("%+v", r)
	}
}

// Run looks by itself, within seconds.
func TestRunNotices(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := testOptions()
		o.Clock = nil
		j := mustOpen(t, dir, o)
		done := make(chan error, 1)
		go func() { done <- j.Run(t.Context()) }()
		if err := j.AppendDecision(testDecision(0), nil); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, segmentDir)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // of the bubble's clock
		synctest.Wait()
		if err := j.AppendDecision(testDecision(1), nil); err != nil {
			t.Fatal(err)
		}
		if got := len(readAll(t, dir)); got != 2 {
			t.Errorf("%d records in the new segment, want the gap and the decision", got)
		}
		mustClose(t, j)
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

// A journal is opened on a full disk, whether it is new or not, and opens its
// files by itself once there is room.
func TestOpenOnAFullDisk(t *testing.T) {
	for _, policy := range []OnFull{OnFullRefuse, OnFullAnswer} {
		for name, records := range map[string]int{"new": 0, "old": 3} {
			for room := int64(0); room < 700; room += 60 {
				o, disk, clock := faulty(testOptions())
				o.OnFull = policy
				dir := t.TempDir()
				if records > 0 {
					j := mustOpen(t, dir, o)
					for n := range records {
						if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
							t.Fatal(err)
						}
					}
					mustClose(t, j)
				}
				disk.set(func(f *faultyFS) { f.room = room })
				j, err := Open(dir, o)
				if err != nil {
					t.Fatalf("%s, %s, room for %d bytes: %v", policy, name, room, err)
				}
				digest := j.KeyedDigest("text")
				if err := j.AppendDecision(testDecision(10), nil); (err == nil) != (policy == OnFullAnswer) || err != nil && !errors.Is(err, ErrFull) {
					t.Fatalf("%s, %s, room for %d bytes: %v", policy, name, room, err)
				}
				if err := j.Healthy(); !errors.Is(err, ErrFull) {
					t.Fatalf("healthy says %v", err)
				}
				disk.set(func(f *faultyFS) { f.room = -1 })
				clock.Advance(time.Minute)
				if err := j.AppendDecision(testDecision(11), testPayload(11)); err != nil {
					t.Fatal(err)
				}
				if j.KeyedDigest("text") != digest {
					t.Error("digests changed when the salt was kept")
				}
				mustClose(t, j)
				if r := verifyDir(t, dir, nil); !r.Clean() || r.Decisions != uint64(records)+1 || r.Unwritten != 1 {
					t.Fatalf("%s, %s, room for %d bytes: %+v", policy, name, room, r)
				}
			}
		}
	}
}

// Deleting again and again under concurrent writers loses what was deleted and
// nothing else: every append that was refused is an error, and the chain holds.
func TestDeletedUnderLoad(t *testing.T) {
	o := testOptions()
	o.Clock, o.SegmentSize = nil, 32<<10
	dir := filepath.Join(t.TempDir(), "journal")
	j := mustOpen(t, dir, o)
	const writers, each, deletions = 4, 200, 10
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := range each {
				n := w*each + i
				if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil && pointsman.CodeOf(err) != pointsman.CodeUnavailable {
					t.Error(err)
				}
			}
		})
	}
	wait.Go(func() {
		for i := range deletions {
			name := []string{segmentDir, payloadDir, headName, lockName, "."}[i%5]
			_ = os.RemoveAll(filepath.Join(dir, name)) // a writer may make a file in it meanwhile
			j.Check()
			_ = j.Sync()
		}
	})
	wait.Wait()
	j.Check()
	if err := j.Healthy(); err != nil {
		t.Fatal(err)
	}
	if err := j.AppendDecision(testDecision(0), testPayload(0)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	for _, f := range verifyDir(t, dir, nil).Findings {
		if f.Kind != FoundRemoved && f.Kind != FoundPayloadRemoved {
			t.Error(f)
		}
	}
	mustClose(t, mustOpen(t, dir, o))
}
