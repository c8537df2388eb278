package student

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
)

// minTaggerHeldOut is the number of examples from which on a fifth of them is
// held out for calibration.
const (
	minTaggerHeldOut = 10
	heldOutShare     = 5
)

// TrainTagger fits a tagger. Equal examples, in whatever order, and equal
// options give equal artefacts. progress and ctx are as in [Train]. An example
// that [TaggedExample.Validate] refuses is an error: leaving it out silently
// would leave it out of the figures too.
func TrainTagger(ctx context.Context, examples []TaggedExample, opts TaggerOptions, progress func(done, total int)) (*Tagger, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	set, err := newTaggingSet(examples, opts)
	if err != nil {
		return nil, fmt.Errorf("train tagger: %w", err)
	}
	steps := opts.Epochs
	calibrate := len(set.texts) >= minTaggerHeldOut
	if calibrate {
		steps *= 2
	}
	done := counter(progress, steps)

	t := &Tagger{opts: opts, fields: set.fields, lists: set.lists, digest: set.digest}
	t.report.Examples = len(examples)
	beta := 1.0
	if calibrate {
		held, rest := set.split(opts)
		part, err := set.fit(ctx, opts, rest, done)
		if err != nil {
			return nil, fmt.Errorf("train tagger: held-out part: %w", err)
		}
		beta = set.fitTemperature(part, held)
		part.beta = beta
		t.crf = part
		t.report.HeldOut, t.report.Exact, t.report.Found = set.check(t, held)
	}
	if t.crf, err = set.fit(ctx, opts, set.all(), done); err != nil {
		return nil, fmt.Errorf("train tagger: %w", err)
	}
	t.crf.beta = beta
	return t, nil
}

// taggedText is an example as the random field sees it.
type taggedText struct {
	example TaggedExample
	tags    []uint16
	hashes  [][]uint64 // the features of each token.
}

// taggingSet is the examples in canonical order.
type taggingSet struct {
	texts  []taggedText
	fields []string
	lists  []bool // which fields have several values.
	digest string
}

func newTaggingSet(examples []TaggedExample, opts TaggerOptions) (*taggingSet, error) {
	if len(examples) == 0 {
		return nil, ErrNoExamples
	}
	if len(examples) > maxExamples {
		return nil, fmt.Errorf("%d examples, at most %d: %w", len(examples), maxExamples, ErrTooLarge)
	}
	s := &taggingSet{}
	index, lists := map[string]int{}, map[string]bool{}
	for _, e := range examples {
		for name, value := range e.Fields {
			if value != "" {
				index[name] = 0
			}
		}
		for name, values := range e.Several {
			lists[name] = true
			if slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
				index[name] = 0
			}
		}
	}
	s.fields = slices.Sorted(maps.Keys(index))
	switch n := len(s.fields); {
	case n == 0:
		return nil, fmt.Errorf("no example has a field: %w", ErrNoExamples)
	case n > maxFields:
		return nil, fmt.Errorf("%d fields, at most %d: %w", n, maxFields, ErrTooLarge)
	}
	for i, name := range s.fields {
		index[name] = i
		s.lists = append(s.lists, lists[name])
	}
	keys := make([][]byte, len(examples))
	order := make([]int, len(examples))
	for i, e := range examples {
		keys[i], order[i] = e.canonical(), i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(bytes.Compare(keys[a], keys[b]), cmp.Compare(a, b))
	})
	digest := sha256.New()
	for _, i := range order {
		e := examples[i]
		if len(e.Text) > opts.MaxBytes {
			return nil, fmt.Errorf("example %d: %d bytes, at most %d: %w", i, len(e.Text), opts.MaxBytes, ErrTooLarge)
		}
		tokens := tokenise(nil, e.Text)
		spans, err := e.locate(tokens, opts)
		if err != nil {
			return nil, fmt.Errorf("example %d: %w", i, err)
		}
		digest.Write(keys[i])
		if len(tokens) == 0 {
			continue // nothing to learn, and no field to miss.
		}
		t := taggedText{example: e, tags: make([]uint16, len(tokens)), hashes: make([][]uint64, len(tokens))}
		for _, p := range spans {
			for k := p.from; k < p.to; k++ {
				t.tags[k] = insideTag(index[p.field])
			}
			t.tags[p.from] = beginTag(index[p.field])
		}
		for k := range tokens {
			tokenFeatures(tokens, e.Text, k, func(h uint64) { t.hashes[k] = append(t.hashes[k], h) })
		}
		s.texts = append(s.texts, t)
	}
	s.digest = hex.EncodeToString(digest.Sum(nil))
	return s, nil
}

// canonical is the example as bytes that differ from those of any other.
func (e TaggedExample) canonical() []byte {
	var b []byte
	write := func(s string) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	write(e.Text)
	b = binary.BigEndian.AppendUint64(b, uint64(len(e.Fields)))
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		write(name)
		write(e.Fields[name])
	}
	for _, name := range slices.Sorted(maps.Keys(e.Several)) {
		write(name)
		b = binary.BigEndian.AppendUint64(b, uint64(len(e.Several[name])))
		for _, value := range e.Several[name] {
			write(value)
		}
	}
	return b
}

func (s *taggingSet) all() []int {
	out := make([]int, len(s.texts))
	for i := range out {
		out[i] = i
	}
	return out
}

// split holds a fifth of the examples out, chosen by the seed.
func (s *taggingSet) split(opts TaggerOptions) (held, rest []int) {
	order := s.all()
	shuffle(&random{state: mix(opts.Seed ^ fnvOffset)}, order)
	n := max(1, len(order)/heldOutShare)
	return order[:n], order[n:]
}

// fitTemperature returns the inverse temperature at which the held-out tags
// are most likely, by golden-section search: the log-likelihood of a random
// field is concave in a factor of all its potentials.
func (s *taggingSet) fitTemperature(c *crf, held []int) float64 {
	rows := make([][][]int32, len(held))
	for k, i := range held {
		rows[k] = s.rows(c, i)
	}
	loss := func(logBeta float64) float64 {
		c.beta = math.Exp(logBeta)
		l := newLattice(c)
		sum := 0.0
		for k, i := range held {
			l.load(rows[k])
			l.forward()
			sum += l.logSum - l.pathScore(s.texts[i].tags)
		}
		return sum
	}
	golden := (math.Sqrt(5) - 1) / 2
	lo, hi := math.Log(minTaggerBeta), math.Log(maxTaggerBeta)
	a, b := hi-golden*(hi-lo), lo+golden*(hi-lo)
	atA, atB := loss(a), loss(b)
	for hi-lo > 1e-3 {
		if atA < atB {
			hi, b, atB = b, a, atA
			a = hi - golden*(hi-lo)
			atA = loss(a)
		} else {
			lo, a, atA = a, b, atB
			b = lo + golden*(hi-lo)
			atB = loss(b)
		}
	}
	return math.Exp((lo + hi) / 2)
}

// check extracts from the held-out texts.
func (s *taggingSet) check(t *Tagger, held []int) (n int, exact, found float64) {
	for _, i := range held {
		e := s.texts[i].example
		got := t.Extract(e.Text)
		values, err := e.values()
		if err != nil {
			panic(err) // it was located
		}
		for _, want := range values {
			n++
			given := got.Values(want.field)
			if len(given) > 0 {
				found++
			}
			if slices.ContainsFunc(given, func(v FieldValue) bool { return v.Value == want.value }) {
				exact++
			}
		}
	}
	if n == 0 {
		return 0, 0, 0
	}
	return n, exact / float64(n), found / float64(n)
}
