package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/pointsman-ai/pointsman"
)

// VerifyOptions say what else to compare the journal with.
type VerifyOptions struct {
	// Anchor is a state of the chain that was kept elsewhere; nil without one.
	Anchor *Head
}

// Verify reads all of a journal and reports every place that is not what was
// written. It goes on after a broken place, so that one does not hide the rest,
// and never changes anything. It may run while another process writes. progress,
// if there is one, is called with the bytes read and the bytes to read.
//
// The error is about reading, or the context's; what was found is in the report.
func Verify(ctx context.Context, dir string, opts VerifyOptions, progress func(done, total int64)) (*Report, error) {
	v := &verifier{
		dir: dir, report: &Report{Findings: []Finding{}}, hasher: sha256.New(), anchor: opts.Anchor, progress: progress,
		missing: map[uint32]*missingPayload{}, expiredPayloads: map[uint32]bool{}, torn: map[string]tornRange{},
	}
	defer v.closePayload()
	if err := v.run(ctx); err != nil {
		return nil, fmt.Errorf("verify %s: %w", dir, err)
	}
	return v.report, nil
}

// verifier is one run of Verify, in one goroutine.
type verifier struct {
	dir         string
	report      *Report
	hasher      hash.Hash
	anchor      *Head
	progress    func(done, total int64)
	done, total int64

	live     *bool // whether a process writes; nil before anybody asked
	head     headState
	headRead bool
	headMet  bool // the walk came by the place that HEAD names
	salt     [16]byte
	saltRead bool

	// The walk along the chain.
	number  uint32
	seq     uint64 // of the last frame that was read
	highest uint64 // of all frames that were read
	chain   hashSum
	trusted bool // chain is what the next frame must follow
	// alternative is the link that a broken frame carries: where only its body
	// or only its link was changed, one of the two is right.
	alternative *hashSum
	lostTail    bool // the segment before ended with damage that is reported
	holes       []hole
	firstHeader *header

	// Retention and payloads.
	expiredThrough  *Expired
	expiredPayloads map[uint32]bool
	missing         map[uint32]*missingPayload
	payloadFile     *os.File
	payloadNumber   uint32
	torn            map[string]tornRange
}

// hole is a range of sequence numbers that were not met where they belong.
type hole struct {
	from, to uint64
	at       Finding // where the frame after them stands
}

type missingPayload struct {
	first Finding
	count uint64
}

// tornRange is where a notice says that bytes are torn.
type tornRange struct {
	Torn
	seq uint64
}

func (v *verifier) run(ctx context.Context) error {
	// HEAD is read before the segments: a writer only ever adds to them.
	numbers, err := listNumbers(filepath.Join(v.dir, segmentDir), segmentSuffix)
	if err != nil {
		return err
	}
	if err := v.readHead(numbers); err != nil {
		return err
	}
	if numbers, err = listNumbers(filepath.Join(v.dir, segmentDir), segmentSuffix); err != nil {
		return err
	}
	payloads, err := listNumbers(filepath.Join(v.dir, payloadDir), payloadSuffix)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	v.measure(numbers, payloads)
	if err := v.readSalt(); err != nil {
		return err
	}
	for i, n := range numbers {
		if err := v.segment(ctx, n, i == len(numbers)-1); err != nil {
			return err
		}
	}
	v.finishHoles()
	v.finishHead(numbers)
	v.finishStart()
	if err := v.finishPayloads(ctx, payloads); err != nil {
		return err
	}
	return v.finishTorn()
}

// isLive says whether a process writes the journal, so that its end may be in
// the making. Only a broken end makes it ask: asking touches the lock.
func (v *verifier) isLive() bool {
	if v.live == nil {
		live := locked(v.dir)
		v.live = &live
	}
	return *v.live
}

func (v *verifier) measure(segments, payloads []uint32) {
	for _, n := range segments {
		size, _ := fileSize(filepath.Join(v.dir, segmentFile(n))) // only for progress
		v.total += size
	}
	for _, n := range payloads {
		size, _ := fileSize(filepath.Join(v.dir, payloadFile(n)))
		v.total += size
	}
}

// advance tells of progress and asks the context whether to go on.
func (v *verifier) advance(ctx context.Context, n int64) error {
	v.done += n
	if v.progress != nil {
		v.progress(v.done, v.total)
	}
	return ctx.Err()
}

func (v *verifier) readHead(numbers []uint32) error {
	head, damaged, err := readHead(v.dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		size, sizeErr := fileSize(filepath.Join(v.dir, segmentFile(1)))
		if len(numbers) == 0 || len(numbers) == 1 && sizeErr == nil && size <= headerSize {
			return nil // a journal that was never written to
		}
		v.report.add(Finding{Kind: FoundRemoved, File: headName, Detail: "HEAD is gone: a cut at the end of the journal cannot be seen"})
		return nil
	case err != nil && !errors.Is(err, errHead):
		return err
	}
	for _, slot := range damaged {
		v.report.add(Finding{Kind: FoundHead, File: headName, Offset: int64(slot) * headLine, Detail: "the line is not what was written"})
	}
	v.head, v.headRead = head, err == nil
	return nil
}

func (v *verifier) readSalt() error {
	salt, err := os.ReadFile(filepath.Join(v.dir, saltName))
	if errors.Is(err, os.ErrNotExist) {
		v.report.add(Finding{Kind: FoundRemoved, File: saltName, Detail: "the salt is gone: keyed digests cannot be compared anymore"})
		return nil
	}
	v.salt, v.saltRead = saltID(salt), err == nil
	return err
}

// segment walks one segment.
func (v *verifier) segment(ctx context.Context, n uint32, last bool) error {
	name := segmentFile(n)
	r, err := openSegment(v.dir, n)
	if errors.Is(err, os.ErrNotExist) {
		return nil // retention was quicker; its notice is further on
	}
	if err != nil {
		return err
	}
	defer r.Close()
	v.report.Segments++
	if v.number > 0 && n > v.number+1 {
		v.report.add(Finding{
			Kind: FoundRemoved, File: segmentFile(v.number + 1),
			Detail: fmt.Sprintf("the segment is gone, and all up to %s", segmentFile(n-1)),
		})
	}
	follows := v.number > 0 && n == v.number+1
	v.number = n
	h, err := r.header()
	if err != nil && !broken(err) && !errors.Is(err, errHeader) {
		return err
	}
	v.enter(name, n, &h, err, follows, last)
	r.seek(headerSize)
	return v.frames(ctx, r, n, last)
}

// frames walks the frames of a segment from the reader's place on.
func (v *verifier) frames(ctx context.Context, r *segmentReader, n uint32, last bool) error {
	count, advanced := 0, int64(0)
	for {
		if err := v.advance(ctx, r.off-advanced); err != nil {
			return err
		}
		advanced = r.off
		v.passHead(n, r.off)
		f, err := r.peek()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case broken(err):
			if last { // it may have been in the making
				r.seek(r.off)
				if _, err := r.peek(); err == nil {
					continue
				}
			}
			count++
			goOn, err := v.brokenFrame(r, count, last, err)
			if err != nil || !goOn {
				return err
			}
			continue
		case err != nil:
			return err
		}
		count++
		v.frame(&f, Finding{File: r.name, Offset: r.off, Frame: count, Seq: f.seq})
		if err := v.content(&f, n, r.off, count); err != nil {
			return err
		}
		r.skip(f.size())
		v.report.End = Head{Position: Position{n, r.off}, Count: f.seq, Hash: pointsman.DigestOfSum(f.chain)}
		v.checkAnchor(&f)
	}
}
