package vectors

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/pointsman-ai/pointsman"
)

// An artefact is the magic, a version, the dimension and the number of words as
// unsigned varints, the words, each with its length before it, their scales as
// little-endian 32-bit floats, their values, and a CRC-32C of all of these.
const (
	magic         = "PMVECTRS"
	version       = 1
	headerBytes   = len(magic) + 1
	checksumBytes = 4
	scaleBytes    = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MarshalBinary returns the table's artefact. Equal tables give equal bytes. It
// never fails.
func (t *Table) MarshalBinary() ([]byte, error) { return t.encode(), nil }

func (t *Table) encode() []byte {
	out := append([]byte(magic), version)
	out = binary.AppendUvarint(out, uint64(t.dimension))
	out = binary.AppendUvarint(out, uint64(len(t.words)))
	for _, w := range t.words {
		out = binary.AppendUvarint(out, uint64(len(w)))
		out = append(out, w...)
	}
	for _, s := range t.scales {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(s))
	}
	for _, v := range t.values {
		out = append(out, byte(v))
	}
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

// Parse reads an artefact. The bytes may come from anywhere: they are checked,
// and memory is bounded by a small multiple of their number. It fails with
// [ErrArtefact]. The table keeps no reference to the bytes.
func Parse(content []byte) (*Table, error) {
	d := &decoder{rest: content}
	d.open()
	t := &Table{dimension: d.uint("dimension", 1, MaxDimension)}
	n := d.uint("words", 1, MaxWords)
	if d.err == nil && n > len(d.rest)/(1+1+scaleBytes+t.dimension) {
		d.fail("%d words of %d dimensions in %d bytes", n, t.dimension, len(d.rest))
	}
	if d.err != nil {
		return nil, d.err
	}
	t.words, t.index = make([]string, 0, n), make(map[string]int32, n)
	for i := range n {
		w := string(d.bytes("word", d.uint("length of a word", 1, maxWordBytes)))
		if first, twice := t.index[w]; twice && d.err == nil {
			d.fail("word %d is word %d again: %q", i+1, first+1, w)
		}
		if d.err != nil {
			return nil, d.err
		}
		t.index[w] = int32(i)
		t.words = append(t.words, w)
	}
	t.scales = d.scales(n)
	t.values = d.values(n * t.dimension)
	if d.err == nil && len(d.rest) > 0 {
		d.fail("%d bytes too many", len(d.rest))
	}
	if d.err != nil {
		return nil, d.err
	}
	t.weigh()
	t.digest = pointsman.DigestOf(content)
	return t, nil
}

// decoder takes an artefact apart. The first failure sticks.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrArtefact, fmt.Sprintf(format, args...))
	}
}

// open checks the frame and leaves what is in it.
func (d *decoder) open() {
	b := d.rest
	if len(b) < headerBytes+checksumBytes || string(b[:len(magic)]) != magic {
		d.fail("no %s header; tables are made by pointsman vectors import", magic)
		return
	}
	if v := b[len(magic)]; v != version {
		d.fail("version %d, this build reads version %d", v, version)
		return
	}
	sealed := len(b) - checksumBytes
	if crc32.Checksum(b[:sealed], castagnoli) != binary.LittleEndian.Uint32(b[sealed:]) {
		d.fail("checksum mismatch")
		return
	}
	d.rest = b[headerBytes:sealed]
}

func (d *decoder) uint(what string, least, most int) int {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || n > 1 && d.rest[n-1] == 0 { // also refuses needless bytes
		d.fail("%s: broken number", what)
		return 0
	}
	if v < uint64(least) || v > uint64(most) {
		d.fail("%s: want %d to %d, got %d", what, least, most, v)
		return 0
	}
	d.rest = d.rest[n:]
	return int(v)
}

func (d *decoder) bytes(what string, n int) []byte {
	if d.err == nil && n > len(d.rest) {
		d.fail("%s: want %d bytes, %d left", what, n, len(d.rest))
	}
	if d.err != nil {
		return nil
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

func (d *decoder) scales(n int) []float32 {
	content := d.bytes("scales", n*scaleBytes)
	out := make([]float32, len(content)/scaleBytes)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(content[i*scaleBytes:]))
		if !validScale(out[i]) {
			d.fail("scale of word %d: %v", i+1, out[i])
		}
	}
	return out
}

// validScale keeps the sum of all words' vectors finite.
func validScale(s float32) bool { return s >= 0 && s <= maxScale }

const maxScale = 1e9

func (d *decoder) values(n int) []int8 {
	content := d.bytes("values", n)
	out := make([]int8, len(content))
	for i, b := range content {
		if out[i] = int8(b); out[i] == math.MinInt8 {
			d.fail("value %d: -128", i+1)
		}
	}
	return out
}
