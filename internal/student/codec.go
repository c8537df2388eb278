package student

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
)

// An artefact is the magic, a version, a kind, the body and a CRC-32C of all
// of these. Numbers are little-endian, lengths and counts unsigned varints.
// The checksum finds accidents; who needs to find forgeries keeps the digest
// of the whole artefact elsewhere.
const (
	artefactMagic   = "PMSTUDNT"
	artefactVersion = 1

	kindClassifier = 'c'
	kindTagger     = 't'

	headerBytes   = len(artefactMagic) + 2
	checksumBytes = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writer appends to an artefact.
type writer struct{ buf []byte }

func newWriter(kind, version byte) *writer {
	w := &writer{buf: []byte(artefactMagic)}
	w.byte(version)
	w.byte(kind)
	return w
}

// finish seals the artefact with its checksum.
func (w *writer) finish() []byte {
	return binary.LittleEndian.AppendUint32(w.buf, crc32.Checksum(w.buf, castagnoli))
}

func (w *writer) byte(b byte)     { w.buf = append(w.buf, b) }
func (w *writer) bytes(b []byte)  { w.buf = append(w.buf, b...) }
func (w *writer) uint(v int)      { w.buf = binary.AppendUvarint(w.buf, uint64(v)) }
func (w *writer) uint64(v uint64) { w.buf = binary.LittleEndian.AppendUint64(w.buf, v) }

func (w *writer) bool(b bool) {
	if b {
		w.byte(1)
	} else {
		w.byte(0)
	}
}

func (w *writer) float64(v float64) { w.uint64(math.Float64bits(v)) }

func (w *writer) float32s(vs []float32) {
	for _, v := range vs {
		w.buf = binary.LittleEndian.AppendUint32(w.buf, math.Float32bits(v))
	}
}

func (w *writer) string(s string) {
	w.uint(len(s))
	w.buf = append(w.buf, s...)
}

// reader takes an artefact apart. The first failure sticks; from then on every
// read returns a zero value. No read allocates more than a small multiple of
// the bytes that are there.
type reader struct {
	rest    []byte
	version byte
	err     error
}

// openArtefact checks frame, kind, checksum, and that the version is at most
// the given one.
func openArtefact(data []byte, kind, latest byte) (*reader, error) {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrArtefact, fmt.Sprintf(format, args...))
	}
	if len(data) < headerBytes+checksumBytes || string(data[:len(artefactMagic)]) != artefactMagic {
		return nil, fail("no %s header", artefactMagic)
	}
	version := data[len(artefactMagic)]
	if version < artefactVersion || version > latest {
		return nil, fail("version %d, this build reads up to version %d", version, latest)
	}
	if k := data[len(artefactMagic)+1]; k != kind {
		return nil, fail("kind %q, want %q", k, kind)
	}
	sealed := len(data) - checksumBytes
	if crc32.Checksum(data[:sealed], castagnoli) != binary.LittleEndian.Uint32(data[sealed:]) {
		return nil, fail("checksum mismatch")
	}
	return &reader{rest: data[headerBytes:sealed], version: version}, nil
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrArtefact, fmt.Sprintf(format, args...))
		r.rest = nil
	}
}

// stop makes an error that is none of the bytes' the first failure.
func (r *reader) stop(err error) {
	if r.err == nil {
		r.err = err
		r.rest = nil
	}
}

// close reports the first failure; bytes that nobody asked for are one.
func (r *reader) close() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("%d bytes too many", len(r.rest))
	}
	return r.err
}

func (r *reader) bytes(what string, n int) []byte {
	if n > len(r.rest) {
		r.fail("%s: want %d bytes, %d left", what, n, len(r.rest))
	}
	if r.err != nil {
		return nil
	}
	out := r.rest[:n:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) byte(what string) byte {
	if b := r.bytes(what, 1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) bool(what string) bool {
	b := r.byte(what)
	if b > 1 {
		r.fail("%s: want 0 or 1, got %d", what, b)
	}
	return b == 1
}

// uint reads a number of at most limit.
func (r *reader) uint(what string, limit int) int {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || n > 1 && r.rest[n-1] == 0 { // also refuses needless bytes.
		r.fail("%s: broken number", what)
	} else if v > uint64(limit) {
		r.fail("%s: %d, at most %d", what, v, limit)
	}
	if r.err != nil {
		return 0
	}
	r.rest = r.rest[n:]
	return int(v)
}

// count reads how many items follow, of which each takes at least size bytes.
func (r *reader) count(what string, limit, size int) int {
	n := r.uint(what, limit)
	if n > len(r.rest)/size {
		r.fail("%s: %d items in %d bytes", what, n, len(r.rest))
		return 0
	}
	return n
}

func (r *reader) uint64(what string) uint64 {
	if b := r.bytes(what, 8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) float64(what string) float64 {
	v := math.Float64frombits(r.uint64(what))
	if !finite(v) {
		r.fail("%s: not a finite number", what)
	}
	return v
}

func (r *reader) float32s(what string, n int) []float32 {
	if n > len(r.rest)/4 {
		r.fail("%s: %d numbers in %d bytes", what, n, len(r.rest))
	}
	b := r.bytes(what, 4*n)
	if b == nil {
		return nil
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if !finite(float64(out[i])) {
			r.fail("%s: not a finite number", what)
			return nil
		}
	}
	return out
}

func (r *reader) string(what string, limit int) string {
	return string(r.bytes(what, r.count(what, limit, 1)))
}

// matrix writes rows of quantised weights: for each row a bitmap of the
// columns that are not zero, then these. Most weights of a support vector
// machine over many classes are zero.
func (w *writer) matrix(weights []int8, columns int) {
	for start := 0; start < len(weights); start += columns {
		row := weights[start : start+columns]
		bitmap := len(w.buf)
		w.buf = append(w.buf, make([]byte, (columns+7)/8)...)
		for c, v := range row {
			if v != 0 {
				w.buf[bitmap+c/8] |= 1 << (c % 8)
				w.buf = append(w.buf, byte(v))
			}
		}
	}
}

// matrix reads what writer.matrix wrote. The result is at most eight times as
// long as the bytes it came from.
func (r *reader) matrix(what string, rows, columns int) []int8 {
	width := (columns + 7) / 8
	if rows > len(r.rest)/width || rows > maxWeights/columns {
		r.fail("%s: %d rows of %d in %d bytes", what, rows, columns, len(r.rest))
		return nil
	}
	out := make([]int8, rows*columns)
	for i := range rows {
		bitmap := r.bytes(what, width)
		if bitmap == nil {
			return nil
		}
		for c := range columns {
			if bitmap[c/8]>>(c%8)&1 == 0 {
				continue
			}
			v := int8(r.byte(what))
			if v == 0 || v == math.MinInt8 {
				r.fail("%s: weight out of range", what)
				return nil
			}
			out[i*columns+c] = v
		}
		if columns%8 != 0 && bitmap[width-1]>>(columns%8) != 0 {
			r.fail("%s: weights beyond the last column", what)
			return nil
		}
	}
	return out
}

// vocabulary writes the known buckets and their idf.
func (w *writer) vocabulary(v *vocabulary) {
	w.buckets(v.known)
	w.float32s(v.idf)
	w.float32s([]float32{v.unseen})
}

func (r *reader) vocabulary(opts Options) *vocabulary {
	const idfBytes = 4
	v := &vocabulary{opts: opts, known: r.buckets(opts.Bits, idfBytes)}
	v.idf = r.float32s("idf", v.known.rows)
	if unseen := r.float32s("idf", 1); unseen != nil {
		v.unseen = unseen[0]
	}
	for _, x := range append(slices.Clip(v.idf), v.unseen) {
		// ln of the largest number of examples is below 20.
		if x <= 0 || x > 64 {
			r.fail("idf %v out of range", x)
		}
	}
	return v
}
