package student

import (
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/pointsman-ai/pointsman/internal/vectors"
)

// Limits that Validate enforces and that Unmarshal holds foreign artefacts to.
// They bound memory and keep the integer arithmetic of a prediction within
// 32 bits (see fixedOne).
const (
	minBits     = 8
	maxBits     = 22
	maxWordGram = 4
	maxCharGram = 8
	maxMaxBytes = 1 << 16
	maxFolds    = 20
	maxEpochs   = 10_000
)

// Range is an inclusive range of n-gram lengths. The zero Range is not
// "unset": it says that no such n-grams are taken.
type Range struct {
	Min, Max int
}

// None reports whether the range takes no n-grams at all.
func (r Range) None() bool { return r == Range{} }

func (r Range) validate(name string, limit int) error {
	if r.None() {
		return nil
	}
	if r.Min < 1 || r.Max < r.Min || r.Max > limit {
		return fmt.Errorf("%s n-grams: want 1 <= min <= max <= %d or none at all, got %d-%d",
			name, limit, r.Min, r.Max)
	}
	return nil
}

// Options are the knobs of [Train]. Build them with [DefaultOptions], [Small]
// or [Large] and change what needs changing: a zero field means what it says
// and never "the default".
type Options struct {
	// Bits is the base-2 logarithm of the number of hash buckets.
	Bits int
	// Words are the word n-grams that are taken, Chars the character n-grams
	// within the boundaries of one word. At least one of the two is needed.
	Words, Chars Range
	// CharWeight is the L2 norm of the block of character n-grams where the
	// block of word n-grams has norm 1.
	CharWeight float64
	// Symbols makes every character that is neither letter, digit nor space
	// a word of its own ("$", "%", "?"); without it such characters only separate.
	Symbols bool
	// Edges adds an invisible word before the first and after the last one, so
	// that word bigrams and longer know where the text begins and ends.
	Edges bool
	// FoldDigits adds to each word with digits its shape ("1,159" and "2,340"
	// are both "0,000") and shows bigrams and character n-grams the shape only.
	FoldDigits bool
	// Signed lets a second hash bit decide the sign of each n-gram, so that
	// collisions cancel in expectation (Weinberger et al. 2009).
	Signed bool
	// SublinearTF counts an n-gram that occurs tf times as 1 + ln tf.
	SublinearTF bool
	// IDFPower weighs n-grams by this power of the smoothed inverse document
	// frequency ln((1+n)/(1+df)) + 1 that was seen in training: 1 is the
	// textbook's TF-IDF, 0 ignores how rare an n-gram is.
	IDFPower float64
	// MinDF drops buckets that fewer training texts than this have hit. They
	// then count as unseen.
	MinDF int
	// MaxBytes is how much of a text is read; what lies beyond is ignored.
	// It bounds the time that one prediction may take.
	MaxBytes int

	// C is the inverse strength of the L2 regularisation of the weights.
	C float64
	// Bias is the value of the constant feature that carries the intercept;
	// 0 means a model without intercepts.
	Bias float64
	// Epochs bounds the passes of the solver over the examples of one class,
	// Tolerance is the violation of optimality at which it stops earlier.
	Epochs    int
	Tolerance float64

	// Folds is the number of parts for cross-fitting temperature and
	// out-of-scope score, at least 2.
	Folds int
	// OOSNegatives shows out-of-scope examples to the weights as well, as
	// negatives of every class, and not only to the out-of-scope score.
	OOSNegatives bool

	// Seed feeds hashes, folds and the order of the solver.
	Seed uint64
	// Vectors is the table of word vectors by which a text has a dense vector
	// beside its n-grams; nil for none, see [Options.WithVectors]. The model is
	// read with the same table again. VectorWeight is the L2 norm of that block
	// of features, and 0 without it.
	Vectors      *vectors.Table
	VectorWeight float64
	// LabelNames takes each label's own name as an example of it.
	LabelNames bool
	// Workers is how many goroutines train. It changes the time and nothing
	// else, and is not part of the artefact.
	Workers int
}

// Large returns the setting for the best quality: word 1-2-grams and character
// 2-5-grams in about a million buckets. It was chosen on the training and
// validation parts of CLINC150 and HWU64 and on folds of the HEADLINES training
// part. There, a gentle IDF is worth half a point to one over the textbook's,
// and dropping rare n-grams (MinDF 2) halves the artefact for up to two points
// where a label has five examples, and next to none where it has a hundred.
func Large() Options {
	return Options{
		Bits:         20,
		Words:        Range{1, 2},
		Chars:        Range{2, 5},
		CharWeight:   0.85,
		Symbols:      true,
		Edges:        true,
		FoldDigits:   true,
		Signed:       false,
		SublinearTF:  true,
		IDFPower:     0.25,
		MinDF:        1,
		MaxBytes:     16 << 10,
		C:            1,
		Bias:         1,
		Epochs:       30,
		Tolerance:    0.1,
		Folds:        4,
		OOSNegatives: true,
		Seed:         1,
		Workers:      runtime.GOMAXPROCS(0),
	}
}

// WithVectors adds word vectors to a setting. The weight was chosen on the
// validation parts of CLINC150 and HWU64, with all examples and with five and
// ten a label.
func (o Options) WithVectors(table *vectors.Table) Options {
	o.Vectors, o.VectorWeight = table, 0.85
	return o
}

// Small returns the setting for the edge: words only and few buckets. On
// CLINC150 the artefact has a quarter of the size and a prediction takes a
// quarter of the time, for two points of accuracy.
func Small() Options {
	o := Large()
	o.Bits = 14
	o.Signed = true // collisions are frequent in so few buckets.
	o.Chars = Range{}
	return o
}

// Validate reports every setting that Train would refuse.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	between := func(name string, v, lo, hi int) {
		if v < lo || v > hi {
			bad("%s: want %d to %d, got %d", name, lo, hi, v)
		}
	}
	within := func(name string, v, lo, hi float64) {
		if !(v >= lo && v <= hi) { // also refuses what is not a number.
			bad("%s: want %g to %g, got %v", name, lo, hi, v)
		}
	}
	between("bits", o.Bits, minBits, maxBits)
	if err := o.Words.validate("word", maxWordGram); err != nil {
		errs = append(errs, err)
	}
	if err := o.Chars.validate("character", maxCharGram); err != nil {
		errs = append(errs, err)
	}
	if o.Words.None() && o.Chars.None() {
		bad("neither word nor character n-grams: nothing to learn from")
	}
	within("character weight", o.CharWeight, 1e-3, maxCharWeight)
	within("IDF power", o.IDFPower, 0, 1)
	between("minimum document frequency", o.MinDF, 1, math.MaxInt32)
	between("maximum bytes", o.MaxBytes, 1, maxMaxBytes)
	within("C", o.C, 1e-6, 1e6)
	if o.Vectors == nil && o.VectorWeight != 0 {
		bad("a weight of word vectors without a table of them")
	}
	if o.Vectors != nil {
		within("weight of word vectors", o.VectorWeight, 1e-3, maxVectorWeight)
	}
	within("bias", o.Bias, 0, 1e3)
	between("epochs", o.Epochs, 1, maxEpochs)
	within("tolerance", o.Tolerance, 1e-9, 10)
	between("folds", o.Folds, 2, maxFolds)
	between("workers", o.Workers, 1, 1<<10)
	if len(errs) > 0 {
		return fmt.Errorf("student options: %w", errors.Join(errs...))
	}
	return nil
}
