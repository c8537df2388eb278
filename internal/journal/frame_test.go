package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// What is sealed parses back; any prefix of it is short.
func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "body")
		kind := Kind(rapid.IntRange(1, 5).Draw(t, "kind"))
		seq := rapid.Uint64Range(1, 1<<40).Draw(t, "seq")
		var prev hashSum
		prev[0] = rapid.Byte().Draw(t, "prev")
		b, link := sealFrame(sha(), append(make([]byte, frameHead), body...), kind, seq, &prev)
		f, err := parseFrame(b)
		if err != nil || f.kind != kind || f.seq != seq || !bytes.Equal(f.body, body) || f.chain != link || !f.follows(sha(), &prev) {
			t.Fatalf("%+v, %v", f, err)
		}
		if _, err := parseFrame(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")]); !errors.Is(err, errShort) {
			t.Fatalf("%v, want errShort", err)
		}
		prev[1]++
		if f.follows(sha(), &prev) {
			t.Fatal("it follows another link")
		}
	})
}

func FuzzParseFrame(f *testing.F) {
	b, _ := sealFrame(sha(), append(make([]byte, frameHead), `{"a":1}`...), KindOutcome, 7, &hashSum{})
	f.Add(b)
	f.Add(b[:20])
	f.Add(make([]byte, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := parseFrame(b)
		if err == nil && one.size() > int64(len(b)) {
			t.Error("it reads beyond its bytes")
		}
		if err != nil && !broken(err) {
			t.Error(err)
		}
		_, _ = parsePayload(b)
		_ = guessDecision(b)
	})
}

func FuzzParseHeader(f *testing.F) {
	h := header{magic: segmentMagic, number: 3, first: 9, created: 1}
	f.Add(h.marshal())
	f.Add([]byte("PMJRNL"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b, segmentMagic)
		if err == nil && !bytes.Equal(h.marshal(), b[:headerSize]) {
			t.Errorf("%x is read as %x", b, h.marshal())
		}
	})
}

func FuzzParseHead(f *testing.F) {
	h := headState{generation: 1, segment: 2, offset: 3, count: 4, gap: 5, since: 6}
	f.Add(h.marshal())
	f.Add([]byte("pmhead1 generation=+1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeadLine(b)
		if err == nil && !bytes.Equal(h.marshal(), b) {
			t.Errorf("%q is read as %q", b, h.marshal())
		}
	})
}

// Foreign bytes in segments and payload files make errors and findings, never a
// panic or an endless loop.
func FuzzForeignSegment(f *testing.F) {
	seed := f.TempDir()
	j := mustOpen(f, seed, testOptions())
	for n := range 2 {
		if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
			f.Fatal(err)
		}
	}
	mustClose(f, j)
	segment, err := os.ReadFile(filepath.Join(seed, segmentFile(1)))
	if err != nil {
		f.Fatal(err)
	}
	payload, err := os.ReadFile(filepath.Join(seed, payloadFile(1)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(segment, payload)
	f.Add(segment[:len(segment)-5], payload[:len(payload)-5])
	f.Add(segment[:headerSize], payload[:headerSize])
	f.Fuzz(func(t *testing.T, segment, payload []byte) {
		dir := filepath.Join(t.TempDir(), "j")
		copyDir(t, seed, dir)
		put(t, dir, segmentFile(1), segment)
		put(t, dir, payloadFile(1), payload)
		for e, err := range Read(dir, Position{}) {
			if err == nil && e.Kind == KindDecision {
				_, _, _ = e.Decision()
			}
		}
		verifyDir(t, dir, nil)
		if j, err := Open(dir, testOptions()); err == nil {
			mustClose(t, j)
		}
	})
}

// A reader that follows a writer sees each record once, in order, over
// rotations, from whatever position it goes on.
func TestReadFollowsWriter(t *testing.T) {
	o := testOptions()
	o.SegmentSize = 4 << 10
	dir := t.TempDir()
	j := mustOpen(t, dir, o)
	done := make(chan error, 1)
	const n = 200
	go func() {
		for i := range n {
			if err := j.AppendDecision(testDecision(i), nil); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	var at Position
	seen := uint64(0)
	for finished := false; seen < n; {
		for e, err := range Read(dir, at) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Seq != seen+1 {
				t.Fatalf("record %d after %d", e.Seq, seen)
			}
			at, seen = e.Next, e.Seq
			if seen%7 == 0 {
				break // go on from here
			}
		}
		if finished && seen < n && at == j.End() {
			t.Fatalf("%d records read, want %d", seen, n)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			finished = true
		default:
		}
	}
	if chain, ok := chainAt(dir, at); !ok || j.Head().Position != at || fmt.Sprintf("sha256:%x", chain) != string(j.Head().Hash) {
		t.Errorf("chain %x at %s, head %+v", chain, at, j.Head())
	}
}
