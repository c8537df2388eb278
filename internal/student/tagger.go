package student

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// TaggedExample is one text and the field values that are to be extracted
// from it.
type TaggedExample struct {
	Text string
	// Fields maps names to values. A value is verbatim in the text, from
	// the beginning of a token to the end of one; "" says that the text does
	// not have the field, as does its absence.
	Fields map[string]string
	// Several maps the names of fields that may have several values to those of
	// this text, each as in Fields. Such a field is a list wherever it is found,
	// also in texts with one value.
	Several map[string][]string
}

// Validate reports a field that a tagger could not learn from this example,
// whatever the length of its text. Callers with real-world data drop what does not pass.
func (e TaggedExample) Validate() error {
	_, err := e.locate(tokenise(nil, e.Text), DefaultTaggerOptions())
	return err
}

// TaggerOptions are the knobs of [TrainTagger]. As with [Options], zero is
// never "unset": start from [DefaultTaggerOptions].
type TaggerOptions struct {
	// Bits is the base-2 logarithm of the number of hash buckets.
	Bits int
	// MinDF drops features that fewer training tokens than this have.
	MinDF int
	// Epochs is the number of passes over the examples.
	Epochs int
	// LearningRate is AdaGrad's step, L2 the weight decay per update.
	LearningRate, L2 float64
	// FirstOnly teaches only the first occurrence of a value. Otherwise
	// all its places are taken for the field.
	FirstOnly bool
	// MaxBytes is how much of a text is read in extraction. A longer training
	// text is an error, since its values might lie beyond.
	MaxBytes int
	// Seed feeds hashes, the held-out part and the order of training.
	Seed uint64
}

// DefaultTaggerOptions returns the general-purpose setting.
func DefaultTaggerOptions() TaggerOptions {
	return TaggerOptions{
		Bits:         18,
		MinDF:        1,
		Epochs:       12,
		LearningRate: 0.1,
		L2:           1e-4,
		FirstOnly:    false,
		MaxBytes:     16 << 10,
		Seed:         1,
	}
}

// SmallTagger returns the setting for the edge: a sixteenth of the buckets,
// and only features that were seen twice.
func SmallTagger() TaggerOptions {
	o := DefaultTaggerOptions()
	o.Bits = 14
	o.MinDF = 2
	return o
}

// Validate reports every setting that TrainTagger would refuse.
func (o TaggerOptions) Validate() error {
	var errs []error
	between := func(name string, v, lo, hi float64) {
		if !(v >= lo && v <= hi) { // also refuses what is not a number.
			errs = append(errs, fmt.Errorf("%s: want %g to %g, got %v", name, lo, hi, v))
		}
	}
	between("bits", float64(o.Bits), minBits, maxBits)
	between("minimum document frequency", float64(o.MinDF), 1, math.MaxInt32)
	between("epochs", float64(o.Epochs), 1, maxEpochs)
	between("learning rate", o.LearningRate, 1e-6, 10)
	between("L2", o.L2, 0, 1)
	between("maximum bytes", float64(o.MaxBytes), 1, maxMaxBytes)
	if len(errs) > 0 {
		return fmt.Errorf("tagger options: %w", errors.Join(errs...))
	}
	return nil
}

// FieldValue is one extracted value.
type FieldValue struct {
	Value string
	// Start and End are byte offsets: Value == text[Start:End].
	Start, End int
	// Prob is the model's probability that exactly this stretch of the text,
	// no longer and no shorter, is the field.
	Prob float64
}

// Extraction is what a tagger found in one text.
type Extraction struct {
	// Fields holds the most probable value of each field that was found.
	Fields map[string]FieldValue
	// Several holds all values of each field that may have several and was found,
	// in the order of the text, each once with its most probable place.
	Several map[string][]FieldValue
	// MeanLogProb is the log-probability of the best tags of the whole text,
	// in nats, divided by the number of tokens: 0 is certainty, and what an
	// empty text has.
	MeanLogProb float64
}

// Values are the values of a field: all of one that may have several, else the most
// probable one.
func (x Extraction) Values(field string) []FieldValue {
	if all, ok := x.Several[field]; ok {
		return all
	}
	if one, ok := x.Fields[field]; ok {
		return []FieldValue{one}
	}
	return nil
}

// add notes a value that was found.
func (x *Extraction) add(name string, v FieldValue, list bool) {
	if best, ok := x.Fields[name]; !ok || v.Prob > best.Prob {
		x.Fields[name] = v
	}
	if !list {
		return
	}
	if x.Several == nil {
		x.Several = map[string][]FieldValue{}
	}
	all := x.Several[name]
	same := slices.IndexFunc(all, func(o FieldValue) bool { return o.Value == v.Value })
	switch {
	case same < 0:
		x.Several[name] = append(all, v)
	case v.Prob > all[same].Prob:
		all[same] = v
	}
}

// TaggerReport says what a tagger was trained on, and how it did on the
// held-out fifth before it was refitted on everything.
type TaggerReport struct {
	Examples int
	// HeldOut is the number of fields behind the two figures below; where it
	// is 0 they mean nothing and the probabilities are uncalibrated.
	HeldOut int
	// Exact is the share of the fields that were extracted verbatim.
	Exact float64
	// Found is the share of the fields for which any value was extracted.
	Found float64
}

// Tagger extracts fields from texts: a linear-chain conditional random field
// (Lafferty et al. 2001) over hashed context features with BIO tags. It is
// immutable and safe for concurrent use.
type Tagger struct {
	opts   TaggerOptions
	fields []string // ascending.
	lists  []bool   // of each field: whether it may have several values.
	digest string
	report TaggerReport
	crf    *crf
}

// Fields returns the names of the fields in ascending order.
func (t *Tagger) Fields() []string { return slices.Clone(t.fields) }

// IsList reports whether a field may have several values.
func (t *Tagger) IsList(field string) bool {
	at, found := slices.BinarySearch(t.fields, field)
	return found && t.lists[at]
}

// Options returns the options of training.
func (t *Tagger) Options() TaggerOptions { return t.opts }

// Report returns what the tagger was trained on and its held-out figures.
func (t *Tagger) Report() TaggerReport { return t.report }

// Digest returns the SHA-256, in hexadecimal, of the training examples in
// canonical form: sorted, each as its text and the names and values of its
// fields in ascending order of names, all preceded by their lengths, then those of
// fields with several.
func (t *Tagger) Digest() string { return t.digest }

// Extract finds the fields of a text. It is safe for concurrent use.
func (t *Tagger) Extract(text string) Extraction {
	if len(text) > t.opts.MaxBytes {
		text = text[:t.opts.MaxBytes]
	}
	out := Extraction{Fields: map[string]FieldValue{}}
	tokens := tokenise(nil, text)
	if len(tokens) == 0 {
		return out
	}
	l := newLattice(t.crf)
	l.load(t.crf.rows(tokens, text))
	l.forward()
	l.backward()
	path, logProb := l.viterbi()
	out.MeanLogProb = min(logProb/float64(len(tokens)), 0)
	for from := 0; from < len(path); {
		field := fieldOf(path[from])
		if field < 0 {
			from++
			continue
		}
		to := from + 1
		for to < len(path) && path[to] == insideTag(field) {
			to++
		}
		v := FieldValue{
			Start: tokens[from].start, End: tokens[to-1].end,
			Prob: l.spanProb(path, from, to),
		}
		// The value must outlive a large text, so it does not share its memory.
		v.Value = strings.Clone(text[v.Start:v.End])
		out.add(t.fields[field], v, t.lists[field])
		from = to
	}
	return out
}
