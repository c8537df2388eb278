package student

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
)

// OutOfScope is the label of an example that belongs to none of the classes.
// It is never predicted; such examples teach the out-of-scope score and, with
// [Options.OOSNegatives], what no class looks like.
const OutOfScope = ""

// Bounds on what Train accepts. They keep counts within 32 bits and artefacts
// within what Unmarshal is willing to read.
const (
	maxExamples   = 1 << 26
	maxLabels     = 1 << 14
	maxLabelBytes = 1 << 12
	maxWeights    = 1 << 30
)

var (
	// ErrNoExamples is returned by the trainers when there is nothing to
	// learn from.
	ErrNoExamples = errors.New("no training examples")
	// ErrOneLabel is returned by Train when all examples that are in scope
	// have the same label: there is nothing to tell apart.
	ErrOneLabel = errors.New("training needs at least two labels")
	// ErrTooLarge is returned by the trainers when examples or labels are
	// beyond the bounds of this package.
	ErrTooLarge = errors.New("beyond the bounds of an embedded student")
	// ErrArtefact is returned by Unmarshal and UnmarshalTagger for bytes
	// that are not a whole and valid artefact of this version.
	ErrArtefact = errors.New("not a valid student artefact")
	// ErrVectors is returned where a model reads texts with a table of word
	// vectors that is not there.
	ErrVectors = errors.New("word vectors are missing")
)

// Example is one labelled text.
type Example struct {
	Text string
	// Label is the class of the text, or OutOfScope.
	Label string
}

// Report says what a model was trained on and how it did on held-out folds,
// before it was refitted on everything. These figures are estimates from the
// training examples; they do not replace a test on fresh ones.
type Report struct {
	// Examples counts all examples, OutOfScope those of no class among them.
	Examples, OutOfScope int
	// SelfTrained counts the texts without a label that one round of
	// self-training learned from.
	SelfTrained int
	// HeldOut is the number of in-scope examples behind the figures below. It
	// is smaller than the number of examples where a label has too few of them
	// to be in every fold, and 0 where no figure could be had: the
	// probabilities are then uncalibrated, and the figures mean nothing.
	HeldOut int
	// Accuracy is the share of held-out examples with the right top label.
	Accuracy float64
	// NLL is the mean negative log-likelihood in nats after calibration.
	NLL float64
	// ECE is the expected calibration error of the top label in 15 bins of
	// equal width (Guo et al. 2017, equation 3), after calibration.
	ECE float64
}

// Train fits a model. The order of the examples, the number of workers and
// the machine's load make no difference to the result: equal examples and
// options give equal artefacts.
//
// progress, unless nil, is called with the number of finished and of all
// steps, one call at a time and in order. When ctx ends, Train returns its
// error within about one pass over the examples.
func Train(ctx context.Context, examples []Example, opts Options, progress func(done, total int)) (*Model, error) {
	return SelfTrain(ctx, examples, nil, opts, progress)
}

// SelfTrain is [Train] with one round of self-training: a first model labels
// the texts that nobody has labelled, and those of which it is surest, as many
// as selfTrainShare of them, are examples of a second one. Every figure and the
// calibration stay those of labelled examples that neither round has seen.
// Texts that are among the examples are left out.
func SelfTrain(ctx context.Context, examples []Example, unlabelled []string, opts Options, progress func(done, total int)) (*Model, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	set, err := newTrainingSet(examples, unlabelled)
	if err != nil {
		return nil, fmt.Errorf("train student: %w", err)
	}
	if err := set.analyse(ctx, opts); err != nil {
		return nil, fmt.Errorf("train student: %w", err)
	}
	done := counter(progress, len(set.labels)*(opts.Folds+1)*set.rounds())

	held, err := crossFit(ctx, opts, set, done)
	if err != nil {
		return nil, fmt.Errorf("train student: cross-fit: %w", err)
	}
	final, err := set.fit(ctx, opts, func(int) bool { return true }, done)
	if err != nil {
		return nil, fmt.Errorf("train student: %w", err)
	}
	m := &Model{
		opts:   opts,
		labels: set.labels,
		linear: final.linear,
		digest: set.digest,
		beta:   held.fitTemperature(),
	}
	m.opts.Workers, m.linear.vocab.opts.Workers = 1, 1
	m.scope = held.fitScope(m.beta)
	m.report = held.report(m.beta)
	m.report.Examples = len(set.examples)
	m.report.OutOfScope = set.outOfScope
	m.report.SelfTrained = final.selfTrained
	return m, nil
}

// counter returns a function that reports one more step as done. It may be
// called concurrently; progress is not.
func counter(progress func(done, total int), total int) func() {
	if progress == nil {
		return func() {}
	}
	var mu sync.Mutex
	n := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		n++
		progress(n, total)
	}
}

// trainingSet is the examples in canonical order: by label, then by text.
type trainingSet struct {
	examples   []Example
	labels     []string
	class      []int32 // the index into labels, -1 for out of scope.
	outOfScope int
	digest     string
	docs       []*document
	// nameDocs are documents of the labels' names, in the order of labels, and
	// unlabelledDocs those of the texts without a label; either may be empty.
	nameDocs, unlabelledDocs []*document
	unlabelled               []string
}

func newTrainingSet(examples []Example, unlabelled []string) (*trainingSet, error) {
	if len(examples) == 0 {
		return nil, ErrNoExamples
	}
	if len(examples) > maxExamples {
		return nil, fmt.Errorf("%d examples, at most %d: %w", len(examples), maxExamples, ErrTooLarge)
	}
	s := &trainingSet{examples: slices.Clone(examples)}
	slices.SortFunc(s.examples, func(a, b Example) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Text, b.Text))
	})
	for _, e := range s.examples {
		if e.Label == OutOfScope {
			s.class = append(s.class, -1)
			s.outOfScope++
			continue
		}
		if n := len(s.labels); n == 0 || s.labels[n-1] != e.Label {
			if len(e.Label) > maxLabelBytes {
				return nil, fmt.Errorf("label of %d bytes, at most %d: %w", len(e.Label), maxLabelBytes, ErrTooLarge)
			}
			s.labels = append(s.labels, e.Label)
		}
		s.class = append(s.class, int32(len(s.labels)-1))
	}
	switch n := len(s.labels); {
	case n == 0:
		return nil, fmt.Errorf("all %d are out of scope: %w", len(examples), ErrNoExamples)
	case n == 1:
		return nil, fmt.Errorf("all examples are %q: %w", s.labels[0], ErrOneLabel)
	case n > maxLabels:
		return nil, fmt.Errorf("%d labels, at most %d: %w", n, maxLabels, ErrTooLarge)
	}
	s.digest = digestExamples(s.examples)
	s.keepUnlabelled(unlabelled)
	return s, nil
}

// digestExamples is the SHA-256 of the sorted examples, label before text,
// each preceded by its length as eight bytes in big-endian order.
func digestExamples(sorted []Example) string {
	h := sha256.New()
	var length [8]byte
	write := func(s string) {
		binary.BigEndian.PutUint64(length[:], uint64(len(s)))
		h.Write(length[:])
		h.Write([]byte(s))
	}
	for _, e := range sorted {
		write(e.Label)
		write(e.Text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// digestUnlabelled is the SHA-256 of the examples' digest and the sorted texts
// without a label, each preceded by its length.
func digestUnlabelled(examples string, sorted []string) string {
	h := sha256.New()
	var length [8]byte
	for _, s := range append([]string{examples}, sorted...) {
		binary.BigEndian.PutUint64(length[:], uint64(len(s)))
		h.Write(length[:])
		h.Write([]byte(s))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// analyse fills the documents of s.
func (s *trainingSet) analyse(ctx context.Context, opts Options) error {
	a := newAnalyser(opts)
	n := 0
	read := func(text string) (*document, error) {
		if n++; n%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		a.analyse(text)
		d := new(document)
		d.read(a)
		return d, nil
	}
	var err error
	if s.docs, err = readAll(s.examples, func(e Example) string { return e.Text }, read); err != nil {
		return err
	}
	if opts.LabelNames {
		if s.nameDocs, err = readAll(s.labels, labelText, read); err != nil {
			return err
		}
	}
	s.unlabelledDocs, err = readAll(s.unlabelled, func(text string) string { return text }, read)
	return err
}

// readAll makes documents of texts.
func readAll[T any](all []T, text func(T) string, read func(string) (*document, error)) ([]*document, error) {
	docs := make([]*document, len(all))
	for i, one := range all {
		var err error
		if docs[i], err = read(text(one)); err != nil {
			return nil, err
		}
	}
	return docs, nil
}

// fitting returns the documents that the weights may see, of those that keep
// admits.
func (s *trainingSet) fitting(opts Options, keep func(i int) bool) (docs []*document, class []int32) {
	for i, d := range s.docs {
		if keep(i) && (s.class[i] >= 0 || opts.OOSNegatives) {
			docs = append(docs, d)
			class = append(class, s.class[i])
		}
	}
	return docs, class
}

// finite reports whether x is an ordinary number.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
