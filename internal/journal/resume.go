package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// tornTail is a notice of torn bytes that is still to be written. Bytes of a
// segment are moved first.
type tornTail struct {
	Torn
	pending bool // the bytes still stand behind the segment's last frame
}

// resume takes up a journal that is there. It checks the chain from HEAD's
// segment on, which is all that a crash can have left unfinished.
func (j *Journal) resume(numbers []uint32) error {
	last := numbers[len(numbers)-1]
	head, damaged, err := readHead(j.dir)
	switch {
	case errors.Is(err, os.ErrNotExist) && last == 1:
		// The process may have ended before HEAD was made for the first time.
		size, sizeErr := fileSize(j.path(segmentFile(1)))
		if sizeErr != nil || size > headerSize {
			return corrupt(headName, 0, "HEAD is gone")
		}
		damaged = []int{0, 1}
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, errHead):
		return corrupt(headName, 0, "%v", err)
	case err != nil:
		return err
	case head.segment < numbers[0] || head.segment > last:
		return corrupt(segmentFile(head.segment), head.offset, "HEAD names it and it is gone")
	}
	from := max(head.segment, 1)
	s := resumer{j: j, head: head}
	for n := from; n <= last; n++ {
		if _, there := slices.BinarySearch(numbers, n); !there {
			return corrupt(segmentFile(n), 0, "the segment is gone")
		}
		if err := s.segment(n, n == last); err != nil {
			return err
		}
	}
	return j.takeUp(&s, len(damaged) > 0)
}

// takeUp opens the files for writing where the scan ended, and notes what is
// owed: notices of torn bytes and of records that were not written.
func (j *Journal) takeUp(s *resumer, headDamaged bool) (err error) {
	if headDamaged {
		j.opts.Logger.Warn("journal: HEAD was damaged in part and is written anew", "dir", j.dir)
	}
	if j.seg, err = j.opts.FS.OpenFile(j.path(segmentFile(s.number)), os.O_RDWR, 0o600); err != nil {
		return err
	}
	j.number, j.created, j.offset, j.seq, j.chain = s.number, s.created, s.offset, s.seq, s.chain
	j.first = s.first
	j.torn, j.flushed, j.newNames = s.torn, s.head, true
	if err := j.openHead(s.head, headDamaged); err != nil {
		return err
	}
	if err := j.resumePayload(); err != nil {
		return err
	}
	if s.head.gap > 0 && !s.gapWritten {
		j.gap.from = time.Unix(0, s.head.since)
		j.gap.count += uint64(s.head.gap)
		j.gap.cause = "see the log of the process before"
	}
	return nil
}

// resumer walks the segments that a crash may have touched.
type resumer struct {
	j    *Journal
	head headState

	number     uint32
	created    int64
	offset     int64
	seq        uint64
	first      uint64 // number of the segment's first frame
	chain      hashSum
	torn       []tornTail
	gapWritten bool // the gap that HEAD remembers stands behind it
}

func (s *resumer) segment(n uint32, last bool) error {
	r, err := openSegment(s.j.dir, n)
	if err != nil {
		return err
	}
	defer r.Close()
	h, err := r.header()
	if err == nil && h.number != n {
		err = errHeader
	}
	if err != nil && last && n > s.head.segment && s.number > 0 {
		return s.setAside(r, n) // a power cut took the segment before it held a record
	}
	if err != nil {
		return corrupt(r.name, 0, "%v", err)
	}
	if h.saltID != s.j.saltID {
		return corrupt(saltName, 0, "the salt is not the one that %s was made with", r.name)
	}
	if s.number > 0 && (h.prev != s.chain || h.first != s.seq+1) {
		return corrupt(r.name, 0, "it does not go on where the segment before ends")
	}
	s.number, s.created, s.offset, s.seq, s.first, s.chain = n, h.created, headerSize, h.first-1, h.first, h.link()
	hasher := sha256.New()
	for {
		if err := s.passHead(); err != nil {
			return err
		}
		f, err := r.peek()
		if errors.Is(err, io.EOF) {
			break
		}
		if broken(err) {
			if err := s.tail(r, last, err); err != nil {
				return err
			}
			break
		}
		if err != nil {
			return err
		}
		if f.seq != s.seq+1 || !f.follows(hasher, &s.chain) {
			return corrupt(r.name, r.off, "record %d does not follow record %d", f.seq, s.seq)
		}
		s.gapWritten = s.gapWritten || f.kind == KindGap && f.seq > s.head.count
		s.offset, s.seq, s.chain = r.off+f.size(), f.seq, f.chain
		r.skip(f.size())
	}
	if n == s.head.segment && s.offset < s.head.offset {
		return corrupt(r.name, s.offset, "the segment ends here, and HEAD names a record at byte %d", s.head.offset)
	}
	return nil
}

// passHead checks HEAD when the walk comes by it.
func (s *resumer) passHead() error {
	if s.number != s.head.segment || s.offset != s.head.offset {
		return nil
	}
	if s.seq != s.head.count || s.chain != s.head.chain {
		return corrupt(headName, 0, "the chain does not pass through what HEAD names")
	}
	return nil
}

// tail judges bytes that are no frame: torn off by a crash, or damaged.
func (s *resumer) tail(r *segmentReader, last bool, problem error) error {
	at := r.off
	if !last || s.number == s.head.segment && at < s.head.offset {
		return corrupt(r.name, at, "%v", problem)
	}
	size, err := r.size()
	if err != nil {
		return err
	}
	found, zeros, err := r.resync(s.seq)
	if err != nil {
		return err
	}
	t := tornTail{Torn: Torn{File: filepath.ToSlash(r.name), Offset: at, Bytes: size - at}, pending: true}
	if found {
		// Whole records behind it: only a power cut leaves that, and it leaves
		// zeros where the disk was not written.
		if zeros < unwrittenRun {
			return corrupt(r.name, at, "%v, and whole records follow", problem)
		}
		for err == nil {
			var f frame
			if f, err = r.peek(); err == nil {
				t.Frames++
				r.skip(f.size())
			}
		}
	}
	s.torn = append(s.torn, t)
	return nil
}

// setAside renames a last segment that has no header.
func (s *resumer) setAside(r *segmentReader, n uint32) error {
	size, err := r.size()
	if err != nil {
		return err
	}
	digest, err := digestRange(r.f, 0, size)
	if err != nil {
		return err
	}
	moved := s.j.tornName(n)
	if err := s.j.opts.FS.Rename(s.j.path(r.name), s.j.path(moved)); err != nil {
		return err
	}
	s.torn = append(s.torn, tornTail{Torn: Torn{
		File: filepath.ToSlash(r.name), Moved: filepath.ToSlash(moved), Bytes: size, Digest: digest,
	}})
	return nil
}

// tornName is the next free name beside a segment.
func (j *Journal) tornName(n uint32) string {
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s.torn-%d", segmentFile(n), i)
		if _, err := os.Stat(j.path(name)); errors.Is(err, os.ErrNotExist) {
			return name
		}
	}
}

// settleTorn moves torn bytes aside and writes their notices. The caller holds
// flushMu and mu.
func (j *Journal) settleTorn() error {
	for len(j.torn) > 0 {
		t := &j.torn[0]
		if t.pending {
			if err := j.moveTail(t); err != nil {
				return err
			}
		}
		if err := j.putJSON(KindTorn, t.Torn); err != nil {
			return err
		}
		j.torn = j.torn[1:]
	}
	return nil
}

func (j *Journal) moveTail(t *tornTail) error {
	bytes := make([]byte, t.Bytes)
	if _, err := j.seg.ReadAt(bytes, t.Offset); err != nil {
		return err
	}
	t.Digest = pointsman.DigestOf(bytes)
	name := j.tornName(j.number)
	f, err := durable.Create(j.opts.FS, j.path(name), bytes, true)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	t.Moved = filepath.ToSlash(name)
	if err := j.seg.Truncate(t.Offset); err != nil {
		return err
	}
	t.pending = false
	return nil
}

// resumePayload goes on with the newest payload file if it is whole, and leaves
// it alone otherwise.
func (j *Journal) resumePayload() error {
	numbers, err := listNumbers(j.path(payloadDir), payloadSuffix)
	if err != nil || len(numbers) == 0 {
		return err
	}
	w := &j.payload
	w.number = numbers[len(numbers)-1]
	name := payloadFile(w.number)
	r, err := os.Open(j.path(name))
	if err != nil {
		return err
	}
	defer r.Close()
	end, created, problem, err := scanPayloads(r, w.number, nil)
	if err != nil {
		return err
	}
	if problem != "" {
		return j.tornPayload(r, name, end)
	}
	w.created, w.offset = created, end
	w.file, err = j.opts.FS.OpenFile(j.path(name), os.O_RDWR, 0o600)
	return err
}

// tornPayload notes the bytes behind the last whole payload. They stay where
// they are, so that they go when the file goes.
func (j *Journal) tornPayload(r *os.File, name string, end int64) error {
	info, err := r.Stat()
	if err != nil {
		return err
	}
	digest, err := digestRange(r, end, info.Size())
	if err != nil {
		return err
	}
	j.torn = append(j.torn, tornTail{Torn: Torn{File: filepath.ToSlash(name), Offset: end, Bytes: info.Size() - end, Digest: digest}})
	return nil
}

func digestRange(r io.ReaderAt, from, to int64) (pointsman.Digest, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, from, to-from)); err != nil {
		return "", err
	}
	return pointsman.DigestOfSum(hashSum(h.Sum(nil))), nil
}

func fileSize(name string) (int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
