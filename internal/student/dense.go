package student

import (
	"math"
	"unicode/utf8"

	"github.com/pointsman-ai/pointsman/internal/vectors"
)

// dense turns the word vectors of a text into features beside its n-grams.
type dense struct {
	table *vectors.Table
	// common is the direction that all training texts share, of norm 1; it is
	// taken out of every text's vector (Arora et al. 2017, algorithm 1).
	common []float64
}

// commonRounds is how many rounds of power iteration look for the common
// direction. It is far larger than all others, so that few are needed.
const commonRounds = 12

// newDense learns the common direction of the documents: the first right
// singular vector of their means.
func newDense(table *vectors.Table, docs []*document) *dense {
	d := &dense{table: table, common: make([]float64, table.Dimension())}
	for i := range d.common {
		d.common[i] = 1 / math.Sqrt(float64(len(d.common)))
	}
	next := make([]float64, len(d.common))
	for range commonRounds {
		clear(next)
		for _, doc := range docs {
			along := product(doc.mean, d.common)
			for k, v := range doc.mean {
				next[k] += float64(along * v)
			}
		}
		if !normalise(next) {
			clear(d.common) // no text has a word with a vector
			return d
		}
		copy(d.common, next)
	}
	return d
}

// direction writes to into the document's vector without the common direction,
// of norm 1; false and zeros where none of its words has a vector.
func (d *dense) direction(doc *document, into []float64) bool {
	along := product(doc.mean, d.common)
	for k, v := range doc.mean {
		into[k] = v - float64(along*d.common[k])
	}
	return normalise(into)
}

// normalise makes the norm of a vector 1; false and zeros where it is next to 0.
func normalise(x []float64) bool {
	length := math.Sqrt(product(x, x))
	if length < 1e-9 {
		clear(x)
		return false
	}
	for k := range x {
		x[k] /= length
	}
	return true
}

// product is the inner product, without fused multiplications.
func product(a, b []float64) float64 {
	sum := 0.0
	for k, v := range a {
		sum += float64(v * b[k])
	}
	return sum
}

// findVectors fills a.rows with the rows of the text's words in the table.
func (a *analyser) findVectors() {
	a.rows = a.rows[:0]
	for _, w := range a.words {
		a.text = a.text[:0]
		apostrophe := -1
		for _, r := range a.runes[w.start:w.end] {
			if r == '\'' {
				apostrophe = len(a.text)
			}
			a.text = utf8.AppendRune(a.text, r)
		}
		if row, ok := a.opts.Vectors.Lookup(a.text); ok {
			a.rows = append(a.rows, row)
			continue
		}
		if apostrophe <= 0 {
			continue
		}
		// Tables are made of texts that were split: "don't" is "do" and "n't",
		// and "who's" is "who" and "'s".
		head, tail := a.text[:apostrophe], a.text[apostrophe:]
		if string(tail) == "'t" && head[len(head)-1] == 'n' {
			head = head[:len(head)-1]
			if row, ok := a.opts.Vectors.Lookup([]byte("not")); ok {
				a.rows = append(a.rows, row)
			}
		}
		if row, ok := a.opts.Vectors.Lookup(head); ok {
			a.rows = append(a.rows, row)
		}
	}
}
