package journal

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

func numbered(number uint32, suffix string) string { return fmt.Sprintf("%08d%s", number, suffix) }

// listNumbers lists the numbers of the files of a directory, in order.
func listNumbers(dir, suffix string) ([]uint32, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var numbers []uint32
	for _, e := range entries {
		if n, ok := parseNumber(e.Name(), suffix); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func parseNumber(name, suffix string) (uint32, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n == 0 || numbered(uint32(n), suffix) != name {
		return 0, false
	}
	return uint32(n), true
}

// segmentReader reads the frames of one segment in order with a bounded
// buffer. It is used by one goroutine.
type segmentReader struct {
	f    *os.File
	name string // relative, for errors
	buf  []byte // what was read and not yet parsed
	off  int64  // the place of buf[0] in the file
	room []byte // what buf lies in
}

// readRoom is the usual size of the buffer; a larger frame makes it grow.
const readRoom = 64 << 10

func openSegment(dir string, number uint32) (*segmentReader, error) {
	name := segmentFile(number)
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	return &segmentReader{f: f, name: name, room: make([]byte, readRoom)}, nil
}

func (r *segmentReader) Close() error { return r.f.Close() }

// header reads and checks the header, and leaves the reader behind it.
func (r *segmentReader) header() (header, error) {
	var b [headerSize]byte
	if _, err := r.f.ReadAt(b[:], 0); err != nil && !isEOF(err) {
		return header{}, err
	} else if err != nil {
		return header{}, errShort
	}
	r.seek(headerSize)
	return parseHeader(b[:], segmentMagic)
}

// seek goes to a place and forgets what was buffered.
func (r *segmentReader) seek(off int64) { r.off, r.buf = off, r.room[:0] }

// fill tries to have n bytes buffered; fewer mean the end of the file.
func (r *segmentReader) fill(n int) error {
	if len(r.buf) >= n {
		return nil
	}
	if n > len(r.room) {
		r.room = make([]byte, n)
	}
	kept := copy(r.room, r.buf)
	got, err := r.f.ReadAt(r.room[kept:], r.off+int64(kept))
	r.buf = r.room[:kept+got]
	if err != nil && !isEOF(err) {
		return err
	}
	return nil
}

// peek parses the frame at the current place. io.EOF means that the file ends
// there; errShort, errShape and errChecksum that what is there is no frame. The
// frame is valid until the next call.
func (r *segmentReader) peek() (frame, error) {
	if err := r.fill(frameHead); err != nil {
		return frame{}, err
	}
	if len(r.buf) == 0 {
		return frame{}, io.EOF
	}
	n, err := frameSize(r.buf)
	if err != nil {
		return frame{}, err
	}
	if err := r.fill(int(n)); err != nil {
		return frame{}, err
	}
	return parseFrame(r.buf)
}

// skip goes n bytes on, within what is buffered or beyond.
func (r *segmentReader) skip(n int64) {
	if n > int64(len(r.buf)) {
		r.seek(r.off + n)
		return
	}
	r.buf = r.buf[n:]
	r.off += n
}

// size is the length of the file now.
func (r *segmentReader) size() (int64, error) {
	info, err := r.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// broken says whether an error of peek means that there is no frame, rather
// than that reading failed.
func broken(err error) bool {
	return errors.Is(err, errShort) || errors.Is(err, errShape) || errors.Is(err, errChecksum)
}

// Read streams the journal's records from a position on, with bounded memory.
// It may run while another process writes, and then stops at the last whole
// record. A position in a segment that retention has deleted means the oldest
// record that there is. The sequence ends after the first error. Read trusts
// checksums; whether the chain holds is for [Verify].
func Read(dir string, from Position) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		numbers, err := listNumbers(filepath.Join(dir, segmentDir), segmentSuffix)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		i, _ := slices.BinarySearch(numbers, from.Segment)
		if i == len(numbers) {
			return
		}
		at := Position{Segment: numbers[i], Offset: headerSize}
		if at.Segment == from.Segment {
			at.Offset = max(from.Offset, headerSize)
		}
		for at.Segment > 0 {
			// A segment that was deleted behind the writer's back is passed over.
			next := at.Segment + 1
			if i++; i < len(numbers) {
				next = numbers[i]
			}
			more, err := readSegment(dir, at, next, yield)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !more {
				return
			}
			at = Position{next, headerSize}
		}
	}
}

// readSegment yields one segment's records and says whether to go on with the
// next segment.
func readSegment(dir string, at Position, next uint32, yield func(Entry, error) bool) (more bool, err error) {
	r, err := openSegment(dir, at.Segment)
	if err != nil {
		return false, err
	}
	defer r.Close()
	if _, err := r.header(); err != nil {
		if errors.Is(err, errShort) && !hasSegment(dir, next) {
			return false, nil // the writer is about to make it
		}
		if broken(err) || errors.Is(err, errHeader) {
			err = corrupt(r.name, 0, "%v", err)
		}
		return false, err
	}
	r.seek(at.Offset)
	ended, again := false, false // the writer is done with this segment; the place was read twice
	for {
		f, err := r.peek()
		switch {
		case err == nil:
			e := f.entry(at.Segment, r.off)
			if !yield(e, nil) {
				return false, nil
			}
			r.skip(f.size())
			again = false
		case !errors.Is(err, io.EOF) && !broken(err):
			return false, err
		case !ended && hasSegment(dir, next):
			ended = true // look again: it may have grown before the next was begun
			r.seek(r.off)
		case ended && errors.Is(err, io.EOF):
			return true, nil
		case ended:
			return false, corrupt(r.name, r.off, "%v", err)
		case errors.Is(err, io.EOF) || errors.Is(err, errShort):
			return false, nil
		case !again:
			again = true // the writer may have been in the middle of it
			r.seek(r.off)
		default:
			if last, sizeErr := r.lastFrame(); sizeErr != nil || last {
				return false, sizeErr
			}
			return false, corrupt(r.name, r.off, "%v", err)
		}
	}
}

// lastFrame says whether the frame at the current place reaches to the end of
// the file, so that it may be what a killed writer left.
func (r *segmentReader) lastFrame() (bool, error) {
	n, err := frameSize(r.buf)
	if err != nil {
		return false, nil
	}
	size, err := r.size()
	return r.off+n >= size, err
}

func hasSegment(dir string, number uint32) bool {
	_, err := os.Stat(filepath.Join(dir, segmentFile(number)))
	return err == nil
}

func (f *frame) entry(segment uint32, off int64) Entry {
	return Entry{
		Position: Position{segment, off},
		Next:     Position{segment, off + f.size()},
		Kind:     f.kind,
		Seq:      f.seq,
		Body:     f.body,
		Chain:    f.chain,
	}
}

// readAt reads the one record at a position. The error wraps ErrExpired where
// retention has deleted its segment.
func readAt(dir string, at Position) (Entry, error) {
	r, err := openSegment(dir, at.Segment)
	if errors.Is(err, os.ErrNotExist) {
		return Entry{}, fmt.Errorf("record at %s: %w", at, ErrExpired)
	}
	if err != nil {
		return Entry{}, err
	}
	defer r.Close()
	r.room = make([]byte, 4<<10)
	r.seek(at.Offset)
	f, err := r.peek()
	if broken(err) || errors.Is(err, io.EOF) {
		return Entry{}, corrupt(r.name, at.Offset, "%v", err)
	}
	if err != nil {
		return Entry{}, err
	}
	return f.entry(at.Segment, at.Offset), nil
}

// chainAt reads the chain hash that ends at a position. It is false where no
// record ends there, or not anymore.
func chainAt(dir string, at Position) ([32]byte, bool) {
	var chain hashSum
	r, err := openSegment(dir, at.Segment)
	if err != nil {
		return chain, false
	}
	defer r.Close()
	if at.Offset <= headerSize {
		h, err := r.header()
		return h.prev, err == nil
	}
	_, err = r.f.ReadAt(chain[:], at.Offset-frameChain)
	return chain, err == nil
}

// Oldest is the number of the oldest segment that there is, or 0.
func Oldest(dir string) (uint32, error) {
	numbers, err := listNumbers(filepath.Join(dir, segmentDir), segmentSuffix)
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	return numbers[0], nil
}
