package journal

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// unwrittenRun is how many zeros in a row mean that a disk was never written
// there: records are JSON and have none, hashes have no such run.
const unwrittenRun = 512

// seqWindow bounds how far a frame's sequence number may lie from the last one
// to be believed after a broken frame.
const seqWindow = 1 << 32

// resync goes from a place that holds no frame to the next one that does, byte
// by byte, and says whether there is one and how many zeros in a row it passed.
// Candidates are rare, because a frame's length has zeros where JSON has none.
func (r *segmentReader) resync(lastSeq uint64) (found bool, zeros int, err error) {
	run := 0
	for {
		if err := r.fill(readRoom); err != nil {
			return false, zeros, err
		}
		if len(r.buf) < frameHead {
			r.skip(int64(len(r.buf)))
			return false, zeros, nil
		}
		for i := range len(r.buf) - frameHead + 1 {
			if plausible(r.buf[i:], lastSeq) {
				at := r.off + int64(i)
				r.seek(at)
				_, err := r.peek()
				if err == nil {
					return true, zeros, nil
				}
				if !broken(err) && !errors.Is(err, io.EOF) {
					return false, zeros, err
				}
				r.seek(at)
				if err := r.fill(readRoom); err != nil {
					return false, zeros, err
				}
				run, zeros = zeroRun(r.buf[:1], run, zeros)
				r.skip(1)
				break
			}
			run, zeros = zeroRun(r.buf[i:i+1], run, zeros)
			if i == len(r.buf)-frameHead {
				r.skip(int64(i) + 1)
			}
		}
	}
}

func zeroRun(b []byte, run, longest int) (int, int) {
	for _, c := range b {
		if c != 0 {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return run, longest
}

// plausible says whether the head of a frame could stand at the start of b.
func plausible(b []byte, lastSeq uint64) bool {
	if b[4] != 0 || b[9] != 0 {
		return false
	}
	if _, err := frameSize(b); err != nil {
		return false
	}
	seq := binary.BigEndian.Uint64(b[9:])
	return seq > 0 && seq+seqWindow > lastSeq && seq < lastSeq+seqWindow
}

// payloadRoom is how much of a payload file is read at once.
const payloadRoom = 256 << 10

// scanPayloads walks a payload file and calls visit, if there is one, for each
// whole frame. It returns where the last whole frame ends, when the file was
// made, and what is wrong behind that, if anything is.
func scanPayloads(f *os.File, number uint32, visit func(off, length int64)) (end, created int64, problem string, err error) {
	var b [headerSize]byte
	if _, err := f.ReadAt(b[:], 0); err != nil && !isEOF(err) {
		return 0, 0, "", err
	} else if err != nil {
		return 0, 0, errShort.Error(), nil
	}
	h, err := parseHeader(b[:], payloadMagic)
	if err == nil && h.number != number {
		err = errHeader
	}
	if err != nil {
		return 0, 0, err.Error(), nil
	}
	r := segmentReader{f: f, room: make([]byte, payloadRoom)}
	r.seek(headerSize)
	for {
		n, err := r.peekPayload()
		switch {
		case err == nil:
			if visit != nil {
				visit(r.off, n)
			}
			r.skip(n)
		case errors.Is(err, io.EOF):
			return r.off, h.created, "", nil
		case broken(err):
			return r.off, h.created, err.Error(), nil
		default:
			return 0, 0, "", err
		}
	}
}

// peekPayload checks the payload frame at the current place and says how long
// it is.
func (r *segmentReader) peekPayload() (int64, error) {
	if err := r.fill(payloadHead); err != nil {
		return 0, err
	}
	if len(r.buf) == 0 {
		return 0, io.EOF
	}
	n, err := payloadSize(r.buf)
	if err != nil {
		return 0, err
	}
	if err := r.fill(int(n)); err != nil {
		return 0, err
	}
	_, err = parsePayload(r.buf)
	return n, err
}
