package vectors

import (
	"errors"
	"fmt"
	"math"

	"github.com/pointsman-ai/pointsman"
)

// Bounds on a table. They keep a hostile file from taking memory, and the sums
// of a student's features within 32 bits.
const (
	MaxWords     = 1 << 20
	MaxDimension = 1 << 10
	maxWordBytes = 1 << 8
)

// DefaultWords is how many of a file's words are kept unless told otherwise:
// the 40,000 most frequent ones cover nearly all of everyday English, in 4 MB.
const DefaultWords = 40_000

// ErrArtefact is returned by Parse for bytes that are not a whole and valid
// table of this version.
var ErrArtefact = errors.New("not a valid table of word vectors")

// Table is a table of word vectors. It is immutable and safe for concurrent
// use; one copy serves all students of a process.
type Table struct {
	dimension int
	words     []string // in order of frequency, the most frequent first
	index     map[string]int32
	values    []int8    // len(words) x dimension
	scales    []float32 // by word: what one unit of its values is worth
	// weights are scale times smooth inverse frequency, by word.
	weights []float64
	digest  pointsman.Digest
}

// Words is the number of words, Dimension the length of their vectors.
func (t *Table) Words() int { return len(t.words) }

// Dimension is the length of a vector.
func (t *Table) Dimension() int { return t.dimension }

// Digest is the digest of the table's artefact.
func (t *Table) Digest() pointsman.Digest { return t.digest }

// Lookup returns the row of a word, which must be in lower case. The bytes are
// not kept, so that a caller may reuse them.
func (t *Table) Lookup(word []byte) (row int32, ok bool) {
	row, ok = t.index[string(word)]
	return row, ok
}

// Vector appends a word's own vector to dst.
func (t *Table) Vector(dst []float64, row int32) []float64 {
	for _, v := range t.values[int(row)*t.dimension:][:t.dimension] {
		dst = append(dst, float64(v)*float64(t.scales[row]))
	}
	return dst
}

// add appends a word with its vector, which is quantised to multiples of a
// 127th of its largest component, in 32-bit numbers.
func (t *Table) add(word string, vector []float64) error {
	largest := 0.0
	for _, v := range vector {
		largest = max(largest, math.Abs(v))
	}
	scale := float32(largest) / 127
	if !validScale(scale) {
		return fmt.Errorf("the vector of %q has a component of %g, at most %g is sensible", word, largest, 127*maxScale)
	}
	for _, v := range vector {
		q := 0.0
		if scale > 0 {
			q = math.RoundToEven(float64(float32(v) / scale))
		}
		t.values = append(t.values, int8(min(max(q, -127), 127)))
	}
	t.scales = append(t.scales, scale)
	t.words = append(t.words, word)
	return nil
}

// First is the table of the first words, which are the most frequent ones.
func (t *Table) First(words int) (*Table, error) {
	n := min(max(words, 0), len(t.words))
	return (&Table{dimension: t.dimension, words: t.words[:n], scales: t.scales[:n], values: t.values[:n*t.dimension]}).finish()
}

// finish makes a table ready for use once all of its words are there.
func (t *Table) finish() (*Table, error) {
	if len(t.words) == 0 {
		return nil, errors.New("there is not one word with a vector")
	}
	if t.index == nil {
		t.index = make(map[string]int32, len(t.words))
		for i, w := range t.words {
			t.index[w] = int32(i)
		}
	}
	t.weigh()
	t.digest = pointsman.DigestOf(t.encode())
	return t, nil
}
