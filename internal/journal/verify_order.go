package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// enter judges a segment's header and sets what the first frame must follow.
func (v *verifier) enter(name string, n uint32, h *header, problem error, follows, last bool) {
	bad := func(kind FindingKind, format string, args ...any) {
		v.report.add(Finding{Kind: kind, File: name, Detail: fmt.Sprintf(format, args...)})
	}
	wasSeq, lostTail := v.seq, v.lostTail
	goesOn := !v.trusted || h.first == v.seq+1 && (h.prev == v.chain || v.alternative != nil && h.prev == *v.alternative)
	v.trusted, v.alternative, v.lostTail = false, nil, false
	switch {
	case errors.Is(problem, errShort) && last && v.isLive():
		return
	case errors.Is(problem, errShort):
		bad(FoundCut, "the file ends within its header")
		return
	case problem != nil:
		bad(FoundFlipped, "the header is damaged: %v", problem)
		return
	case h.number != n:
		bad(FoundSwapped, "the file is segment %d", h.number)
		return
	}
	if v.firstHeader == nil {
		v.firstHeader = h
		if v.highest == 0 {
			v.highest = h.first - 1
		}
	}
	if v.saltRead && h.saltID != v.salt {
		if !v.report.has(saltName, 0) {
			v.report.add(Finding{Kind: FoundFlipped, File: saltName, Detail: "the salt is not the one that the journal was made with"})
		}
	}
	switch {
	case follows && h.first > wasSeq+1 && wasSeq == v.highest && lostTail:
	case follows && h.first > wasSeq+1 && wasSeq == v.highest:
		// What is missing was at the end of the segment before.
		before := segmentFile(n - 1)
		size, _ := fileSize(filepath.Join(v.dir, before))
		v.report.add(Finding{
			Kind: FoundCut, File: before, Offset: size, Seq: wasSeq + 1,
			Detail: fmt.Sprintf("records %d to %d are gone from its end", wasSeq+1, h.first-1),
		})
	case follows && !goesOn:
		bad(FoundRewritten, "the segment does not go on where the one before ends")
	}
	if h.first > v.highest+1 {
		v.highest = h.first - 1 // told of already
	}
	v.seq, v.chain, v.trusted = h.first-1, h.link(), true
}

// frame checks a whole frame's place in the order and on the chain.
func (v *verifier) frame(f *frame, at Finding) {
	switch {
	case f.seq > v.highest+1:
		if len(v.holes) < MaxFindings {
			v.holes = append(v.holes, hole{v.highest + 1, f.seq - 1, at})
		}
	case f.seq != v.seq+1 && f.seq <= v.highest:
		at.Kind, at.Detail = FoundSwapped, fmt.Sprintf("record %d stands behind record %d", f.seq, v.seq)
		v.report.add(at)
		v.fillHole(f.seq)
	case f.seq <= v.highest:
		v.fillHole(f.seq)
	}
	if f.seq == v.seq+1 && v.trusted && !f.follows(v.hasher, &v.chain) && (v.alternative == nil || !f.follows(v.hasher, v.alternative)) {
		at.Kind, at.Detail = FoundRewritten, "the record or the one before it was changed and its checksum made anew"
		v.report.add(at)
	}
	v.seq, v.highest = f.seq, max(v.highest, f.seq)
	v.chain, v.trusted, v.alternative = f.chain, true, nil
}

// fillHole notes that a missing frame was met in another place.
func (v *verifier) fillHole(seq uint64) {
	for i, h := range v.holes {
		if seq < h.from || seq > h.to {
			continue
		}
		rest := []hole{{h.from, seq - 1, h.at}, {seq + 1, h.to, h.at}}
		rest = slices.DeleteFunc(rest, func(h hole) bool { return h.from > h.to })
		v.holes = slices.Replace(v.holes, i, i+1, rest...)
		return
	}
}

// finishHoles reports what was met nowhere.
func (v *verifier) finishHoles() {
	for _, h := range v.holes {
		f := h.at
		f.Kind, f.Seq = FoundRemoved, h.from
		f.Detail = fmt.Sprintf("%d records are gone from before this place: %d to %d", h.to-h.from+1, h.from, h.to)
		if h.from == h.to {
			f.Detail = fmt.Sprintf("record %d is gone from before this place", h.from)
		}
		v.report.add(f)
	}
}

// brokenFrame reports bytes that are no frame, looks for the next frame and
// says whether there is one.
func (v *verifier) brokenFrame(r *segmentReader, count int, last bool, problem error) (bool, error) {
	at := r.off
	claimed, sizeErr := frameSize(r.buf)
	size, err := r.size()
	if err != nil {
		return false, err
	}
	inHead := v.headRead && v.number == v.head.segment && at < v.head.offset
	if last && !inHead && (errors.Is(problem, errShort) || sizeErr == nil && at+claimed >= size) && v.isLive() {
		return false, nil // the writer is in the middle of it
	}
	// What the broken frame tells of itself may be right; see alternative.
	if sizeErr == nil && errors.Is(problem, errChecksum) {
		v.supposeFrame(r, claimed)
	} else {
		v.trusted = false
	}
	f := Finding{Kind: FoundFlipped, File: r.name, Offset: at, Frame: count, Seq: v.seq + 1, Decision: guessDecision(r.buf), Detail: problem.Error()}
	before := v.seq
	found, zeros, err := r.resync(v.seq)
	if err != nil {
		return false, err
	}
	switch {
	case found:
		next, err := r.peek()
		if err != nil {
			return false, err
		}
		if next.seq > before+1 && next.seq > v.highest+1 {
			f.Detail += fmt.Sprintf("; it was record %d", before+1)
			if gone := next.seq - before - 1; gone > 1 {
				f.Detail += fmt.Sprintf(", and with it are damaged all up to record %d", next.seq-1)
			}
			if next.seq != before+2 {
				v.trusted = false
			}
			v.seq, v.highest = next.seq-1, next.seq-1
		} else {
			v.trusted = false
		}
	case errors.Is(problem, errShort) && (!inHead || size < v.head.offset):
		f.Kind = FoundCut
		f.Detail = "the file ends within this record"
		if !inHead {
			f.Detail += "; a killed writer leaves this, and the next start moves it aside"
		}
	case zeros >= unwrittenRun:
		f.Detail = "zeros: a power cut leaves this, and the next start moves it aside"
	}
	if !found {
		v.lostTail = true
		if sizeErr == nil && at+claimed == size {
			v.seq++ // one frame, to the end
			v.highest = max(v.highest, v.seq)
		}
	}
	v.report.add(f)
	return found, nil
}

// supposeFrame takes the chain on over a frame whose checksum does not match:
// the next frame follows either the link that belongs to the body or the link
// that is written.
func (v *verifier) supposeFrame(r *segmentReader, size int64) {
	if err := r.fill(int(size)); err != nil || int64(len(r.buf)) < size || !v.trusted {
		v.trusted = false
		return
	}
	f := frame{kind: Kind(r.buf[8]), seq: v.seq + 1, body: r.buf[frameHead : size-frameChain]}
	copy(f.chain[:], r.buf[size-frameChain:])
	v.chain = f.link(v.hasher, &v.chain)
	v.alternative = &f.chain
}
