package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// verifyDir verifies a journal and fails the test only if reading fails.
func verifyDir(t interface {
	Helper()
	Fatal(...any)
}, dir string, anchor *Head,
) *Report {
	t.Helper()
	r, err := Verify(ctxOf(), dir, VerifyOptions{Anchor: anchor}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pristine makes a closed journal of several segments and payload files with
// every kind of record, once for all tests that damage copies of it.
func pristine(t testing.TB) (dir string, head Head) {
	t.Helper()
	dir = t.TempDir()
	o := testOptions()
	o.SegmentSize = 6 << 10
	j := mustOpen(t, dir, o)
	for n := range 7 {
		if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
			t.Fatal(err)
		}
		if err := j.AppendOutcome(testOutcome(n)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 20 { // for a second payload file
		d := testDecision(100 + n)
		d.Attempts, d.Request, d.Metadata = nil, nil, nil
		if err := j.AppendDecision(d, testPayload(100+n)); err != nil {
			t.Fatal(err)
		}
	}
	head = j.Head()
	mustClose(t, j)
	return dir, head
}

// evidence lists the files of a journal whose every byte counts.
func evidence(t testing.TB, dir string) (files []string) {
	t.Helper()
	for _, pattern := range []string{"segments/*", "payloads/*", "HEAD", "salt"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			rel, err := filepath.Rel(dir, f)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, rel)
		}
	}
	if len(files) < 7 {
		t.Fatalf("too few files to be a test: %v", files)
	}
	return files
}

func TestVerifyCleanJournal(t *testing.T) {
	dir, head := pristine(t)
	r := verifyDir(t, dir, &head)
	if !r.Clean() || len(r.Notes) > 0 {
		t.Fatal(r.Findings, r.Notes)
	}
	if r.Records != 34 || r.Decisions != 27 || r.Outcomes != 7 || r.Payloads != 27 || r.End != head || !r.AnchorChecked {
		t.Errorf("%+v", r)
	}
}

// Any single flipped bit of any file is found, and the finding names the file
// and a place no later than the bit.
func TestVerifyFindsAnyFlippedBit(t *testing.T) {
	dir, _ := pristine(t)
	files := evidence(t, dir)
	whole := readFiles(t, dir, files)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(files).Draw(t, "file")
		content := bytes.Clone(whole[name])
		at := rapid.IntRange(0, len(content)-1).Draw(t, "byte")
		content[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		put(t, dir, name, content)
		defer put(t, dir, name, whole[name])
		r := verifyDir(t, dir, nil)
		if r.Clean() {
			t.Fatal("not found")
		}
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.File == name && f.Offset <= int64(at) }) {
			t.Fatalf("no finding names %s at or before byte %d: %v", name, at, r.Findings)
		}
		if len(r.Findings) > 3 {
			t.Fatalf("one bit makes %d findings: %v", len(r.Findings), r.Findings)
		}
	})
}

// One flip does not hide the next, and what is between is not called damaged.
func TestVerifyGoesOnAfterDamage(t *testing.T) {
	dir, _ := pristine(t)
	damaged := []int{1, 3, 4}
	entries := readAll(t, dir)
	for _, i := range damaged {
		flip(t, dir, segmentFile(entries[i].Segment), entries[i].Offset+frameHead+20)
	}
	r := verifyDir(t, dir, nil)
	var got []uint64
	for _, f := range r.Findings {
		got = append(got, f.Seq)
		if f.Kind != FoundFlipped || f.Offset != entries[f.Seq-1].Offset {
			t.Errorf("%v", f)
		}
	}
	if fmt.Sprint(got) != "[2 4 5]" {
		t.Errorf("findings at %v, want records 2, 4 and 5: %v", got, r.Findings)
	}
	if r.Records != uint64(len(entries)-len(damaged)) {
		t.Errorf("%d records read, want %d", r.Records, len(entries)-len(damaged))
	}
}

// Any cut of any file is found, at frame boundaries too.
func TestVerifyFindsAnyCut(t *testing.T) {
	dir, _ := pristine(t)
	files := evidence(t, dir)
	whole := readFiles(t, dir, files)
	boundaries := map[string][]int{}
	for _, e := range readAll(t, dir) {
		boundaries[segmentFile(e.Segment)] = append(boundaries[segmentFile(e.Segment)], int(e.Offset))
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(files).Draw(t, "file")
		length := rapid.IntRange(0, len(whole[name])-1).Draw(t, "length")
		if b := boundaries[name]; len(b) > 0 && rapid.Bool().Draw(t, "boundary") {
			length = rapid.SampledFrom(b).Draw(t, "at")
		}
		put(t, dir, name, whole[name][:length])
		defer put(t, dir, name, whole[name])
		r := verifyDir(t, dir, nil)
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.File == name }) {
			t.Fatalf("%s cut to %d of %d bytes: %v", name, length, len(whole[name]), r.Findings)
		}
	})
}

// Two frames in each other's place are found, also across segments, and called
// that.
func TestVerifyFindsSwappedFrames(t *testing.T) {
	dir, _ := pristine(t)
	whole := readFiles(t, dir, evidence(t, dir))
	entries := readAll(t, dir)
	raw := func(e Entry) []byte { return whole[segmentFile(e.Segment)][e.Offset:e.Next.Offset] }
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.IntRange(0, len(entries)-2).Draw(t, "a")
		b := rapid.IntRange(a+1, len(entries)-1).Draw(t, "b")
		swapped := map[uint32][]byte{}
		for i, e := range entries {
			if swapped[e.Segment] == nil {
				swapped[e.Segment] = bytes.Clone(whole[segmentFile(e.Segment)][:headerSize])
			}
			switch i {
			case a:
				e.Position, e.Next = entries[b].Position, entries[b].Next
			case b:
				e.Position, e.Next = entries[a].Position, entries[a].Next
			}
			swapped[entries[i].Segment] = append(swapped[entries[i].Segment], raw(e)...)
		}
		for n, content := range swapped {
			put(t, dir, segmentFile(n), content)
			defer put(t, dir, segmentFile(n), whole[segmentFile(n)])
		}
		r := verifyDir(t, dir, nil)
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == FoundSwapped }) {
			t.Fatalf("records %d and %d swapped: %v", a+1, b+1, r.Findings)
		}
	})
}

// A removed run of frames is found, and named by its sequence numbers.
func TestVerifyFindsRemovedFrames(t *testing.T) {
	dir, _ := pristine(t)
	whole := readFiles(t, dir, evidence(t, dir))
	entries := readAll(t, dir)
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(entries).Draw(t, "entry")
		name := segmentFile(e.Segment)
		put(t, dir, name, slices.Concat(whole[name][:e.Offset], whole[name][e.Next.Offset:]))
		defer put(t, dir, name, whole[name])
		r := verifyDir(t, dir, nil)
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool {
			return f.File == name && f.Seq == e.Seq && (f.Kind == FoundRemoved || f.Kind == FoundCut || f.Kind == FoundHeadAhead)
		}) {
			t.Fatalf("record %d removed from %s: %v", e.Seq, name, r.Findings)
		}
	})
}

// A removed or exchanged file is found and named.
func TestVerifyFindsRemovedAndSwappedFiles(t *testing.T) {
	dir, _ := pristine(t)
	files := evidence(t, dir)
	whole := readFiles(t, dir, files)
	names := func(r *Report, name string) bool {
		return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.File == name })
	}
	for _, name := range files {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if r := verifyDir(t, dir, nil); !names(r, name) {
			t.Errorf("%s removed: %v", name, r.Findings)
		}
		put(t, dir, name, whole[name])
		for _, other := range files {
			if filepath.Ext(other) != filepath.Ext(name) || other <= name || !strings.Contains(name, ".") {
				continue
			}
			put(t, dir, name, whole[other])
			put(t, dir, other, whole[name])
			if r := verifyDir(t, dir, nil); !names(r, name) || !names(r, other) || len(r.Findings) > 60 {
				t.Errorf("%s and %s exchanged: %v", name, other, r.Findings)
			}
			put(t, dir, name, whole[name])
			put(t, dir, other, whole[other])
		}
	}
	if r := verifyDir(t, dir, nil); !r.Clean() {
		t.Error(r.Findings)
	}
}

// Somebody who changes a record and makes its checksum anew breaks the chain;
// who makes the whole chain and HEAD anew is found by the anchor alone.
func TestVerifyFindsRewriting(t *testing.T) {
	dir, head := pristine(t)
	e := readAll(t, dir)[2]
	name := segmentFile(e.Segment)
	content := readFiles(t, dir, []string{name})[name]
	body := bytes.Replace(content[e.Offset+frameHead:e.Next.Offset-frameChain], []byte(`"status":200`), []byte(`"status":500`), 1)
	if bytes.Equal(body, content[e.Offset+frameHead:e.Next.Offset-frameChain]) {
		t.Fatal("nothing was changed")
	}
	f, err := parseFrame(content[e.Offset:])
	if err != nil {
		t.Fatal(err)
	}
	framed, _ := sealFrame(sha(), append(make([]byte, frameHead), body...), f.kind, f.seq, &hashSum{})
	copy(framed[len(framed)-frameChain:], f.chain[:])
	resum(framed)
	copy(content[e.Offset:], framed)
	put(t, dir, name, content)
	r := verifyDir(t, dir, nil)
	if len(r.Findings) != 1 || r.Findings[0].Kind != FoundRewritten || r.Findings[0].Seq != e.Seq {
		t.Errorf("a forged record: %v", r.Findings)
	}

	// The same journal written anew, with other content.
	forged := t.TempDir()
	j := mustOpen(t, forged, testOptions())
	for n := range 40 {
		if err := j.AppendDecision(testDecision(n), nil); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, j)
	if r := verifyDir(t, forged, nil); !r.Clean() {
		t.Fatal(r.Findings)
	}
	r = verifyDir(t, forged, &head)
	if len(r.Findings) != 1 || r.Findings[0].Kind != FoundAnchor {
		t.Errorf("a journal written anew: %v", r.Findings)
	}
	head.Count = 1000
	r = verifyDir(t, forged, &head)
	if len(r.Findings) != 1 || r.Findings[0].Kind != FoundAnchor {
		t.Errorf("a journal cut before the anchor: %v", r.Findings)
	}
}
