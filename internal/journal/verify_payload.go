package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// payload checks one payload against what its decision says of it.
func (v *verifier) payload(ref Ref, at Finding) error {
	at.File = payloadFile(ref.Segment)
	if v.payloadFile == nil || v.payloadNumber != ref.Segment {
		v.closePayload()
		f, err := os.Open(filepath.Join(v.dir, at.File))
		if errors.Is(err, os.ErrNotExist) {
			m := v.missing[ref.Segment]
			if m == nil {
				m = &missingPayload{first: at}
				v.missing[ref.Segment] = m
			}
			m.count++
			return nil
		}
		if err != nil {
			return err
		}
		v.payloadFile, v.payloadNumber = f, ref.Segment
	}
	_, problem, err := loadPayload(v.payloadFile, ref)
	if err != nil {
		return err
	}
	if problem == "" {
		v.report.Payloads++
		return nil
	}
	at.Kind, at.Detail = FoundPayloadAltered, problem
	if size, err := fileSize(filepath.Join(v.dir, at.File)); err == nil && size < ref.Offset+ref.Length {
		at.Kind, at.Detail = FoundPayloadRemoved, "the file ends before it: "+problem
	}
	v.report.add(at)
	return nil
}

func (v *verifier) closePayload() {
	if v.payloadFile != nil {
		_ = v.payloadFile.Close() // it was only read
	}
	v.payloadFile = nil
}

// finishPayloads judges files that are gone, and walks those that are there:
// also bytes that no decision names are to be what was written.
func (v *verifier) finishPayloads(ctx context.Context, numbers []uint32) error {
	for n, m := range v.missing {
		if v.expiredPayloads[n] {
			v.report.PayloadsExpired += m.count
			continue
		}
		f := m.first
		f.Kind = FoundPayloadRemoved
		f.Detail = fmt.Sprintf("the file is gone, %d decisions name payloads in it, and no retention has announced to delete it", m.count)
		v.report.add(f)
	}
	for _, n := range numbers {
		if err := v.payloads(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) payloads(ctx context.Context, n uint32) error {
	name := payloadFile(n)
	f, err := os.Open(filepath.Join(v.dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil // retention was quicker
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, known := v.torn[filepath.ToSlash(name)+":0:"]; known {
		return nil // a power cut left it without its header
	}
	from := int64(0)
	for {
		end, problem, err := v.payloadsFrom(ctx, f, n, from)
		if err != nil || problem == "" {
			return err
		}
		if _, known := v.torn[fmt.Sprintf("%s:%d:", filepath.ToSlash(name), end)]; known {
			return nil
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if end > 0 && problem == errShort.Error() && isLast(v.dir, n) && v.isLive() {
			return nil // the writer is in the middle of it
		}
		if !v.report.has(name, end) {
			kind := FoundFlipped
			if problem == errShort.Error() {
				kind = FoundCut
			}
			v.report.add(Finding{Kind: kind, File: name, Offset: end, Detail: problem})
		}
		// The next frame stands where the broken one says that it ends, if its
		// length is right; otherwise only what decisions name was checked.
		r := segmentReader{f: f, room: make([]byte, payloadHead)}
		r.seek(end)
		if err := r.fill(payloadHead); err != nil {
			return err
		}
		length, sizeErr := payloadSize(r.buf)
		if end < headerSize || sizeErr != nil || end+length >= info.Size() {
			return nil
		}
		from = end + length
	}
}

// payloadsFrom walks a payload file from its start, or from a place behind a
// broken frame.
func (v *verifier) payloadsFrom(ctx context.Context, f *os.File, n uint32, from int64) (end int64, problem string, err error) {
	if from == 0 {
		var canceled error
		end, _, problem, err = scanPayloads(f, n, func(_, length int64) {
			if err := v.advance(ctx, length); err != nil {
				canceled = err
			}
		})
		return end, problem, errors.Join(err, canceled)
	}
	r := segmentReader{f: f, room: make([]byte, payloadRoom)}
	r.seek(from)
	for {
		length, err := r.peekPayload()
		switch {
		case isEOF(err):
			return r.off, "", nil
		case broken(err):
			return r.off, err.Error(), nil
		case err != nil:
			return 0, "", err
		}
		if err := v.advance(ctx, length); err != nil {
			return 0, "", err
		}
		r.skip(length)
	}
}

func isLast(dir string, n uint32) bool {
	_, err := os.Stat(filepath.Join(dir, payloadFile(n+1)))
	return err != nil
}
