package student

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
)

// Model is a trained classifier. It is immutable and safe for concurrent use.
type Model struct {
	opts   Options
	labels []string
	linear *linear
	beta   float64 // the inverse temperature.
	scope  scope
	report Report
	digest string
}

// Labels returns the labels in the order of [Model.Proba]: ascending.
func (m *Model) Labels() []string { return slices.Clone(m.labels) }

// Options returns the options of training, with Workers 1: how many trained
// the model is not part of it.
func (m *Model) Options() Options { return m.opts }

// Report returns what the model was trained on and its held-out figures.
func (m *Model) Report() Report { return m.report }

// Digest returns the SHA-256, in hexadecimal, of the training examples in
// canonical form: sorted by label and text, each of the two preceded by its
// length as eight bytes in big-endian order.
func (m *Model) Digest() string { return m.digest }

// Temperature returns the T of temperature scaling, by which scores are
// divided before the softmax.
func (m *Model) Temperature() float64 { return 1 / m.beta }

// MarshalBinary returns the model's artefact. Equal models give equal bytes,
// and [Unmarshal] gives back a model that predicts the same to the last bit.
// It never fails.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := newWriter(kindClassifier, m.version())
	extended := m.version() == versionExtended
	w.options(m.opts)
	if extended {
		w.extension(m)
	}
	w.uint(len(m.labels))
	for _, l := range m.labels {
		w.string(l)
	}
	digest, err := hex.DecodeString(m.digest)
	if err != nil {
		return nil, fmt.Errorf("marshal student: %w", err)
	}
	w.bytes(digest)
	w.report(m.report)
	w.float64(m.beta)
	w.scope(m.scope, extended)
	w.vocabulary(m.linear.vocab)
	w.float32s(m.linear.step)
	w.float32s(m.linear.bias)
	w.matrix(m.linear.weights, m.linear.classes)
	if m.opts.Vectors != nil {
		w.dense(m.linear.vocab.dense)
		w.neighbours(m.linear.near)
	}
	return w.finish(), nil
}

// Unmarshal reads an artefact that [Model.MarshalBinary] wrote. The bytes may
// come from anywhere: they are checked, and memory is bounded by a megabyte or
// two and a small multiple of their number. It fails with [ErrArtefact], and
// with [ErrVectors] for a model that reads texts with word vectors.
func Unmarshal(data []byte) (*Model, error) { return UnmarshalWith(data, nil) }

// UnmarshalWith is [Unmarshal] for models that may need word vectors, which it
// looks up by their digest. It fails with [ErrVectors] where they are not found.
func UnmarshalWith(data []byte, find FindVectors) (*Model, error) {
	r, err := openArtefact(data, kindClassifier, versionExtended)
	if err != nil {
		return nil, err
	}
	m := &Model{opts: r.options()}
	if r.version == versionExtended {
		r.extension(m, find)
	}
	if r.err != nil {
		return nil, r.err
	}
	classes := r.count("labels", maxLabels, 1)
	for i := range classes {
		m.labels = append(m.labels, r.string("label", maxLabelBytes))
		if r.err == nil && (m.labels[i] == OutOfScope || i > 0 && m.labels[i] <= m.labels[i-1]) {
			r.fail("labels are not ascending")
		}
	}
	if r.err == nil && classes < 2 {
		r.fail("%d labels", classes)
	}
	m.digest = hex.EncodeToString(r.bytes("digest", 32))
	selfTrained := m.report.SelfTrained
	m.report = r.report()
	m.report.SelfTrained = selfTrained
	m.beta = r.float64("inverse temperature")
	if r.err == nil && (m.beta < minBeta || m.beta > maxBeta) {
		r.fail("inverse temperature %v out of range", m.beta)
	}
	m.scope = r.scope(r.version == versionExtended)
	if r.err != nil {
		return nil, r.err
	}
	m.linear = &linear{vocab: r.vocabulary(m.opts), classes: classes}
	m.linear.step = r.float32s("steps", classes)
	m.linear.bias = r.float32s("intercepts", classes)
	rows := m.linear.vocab.known.rows
	if m.opts.Vectors != nil {
		rows += m.opts.Vectors.Dimension()
	}
	m.linear.weights = r.matrix("weights", rows, classes)
	if m.opts.Vectors != nil {
		m.linear.vocab.dense = r.dense(m.opts.Vectors)
		m.linear.near = r.neighbours(m.opts.Vectors.Dimension(), classes)
	}
	if err := r.close(); err != nil {
		return nil, err
	}
	return m, nil
}

func (w *writer) options(o Options) {
	for _, v := range []int{
		o.Bits, o.Words.Min, o.Words.Max, o.Chars.Min, o.Chars.Max,
		o.MinDF, o.MaxBytes, o.Epochs, o.Folds,
	} {
		w.uint(v)
	}
	for _, v := range []bool{
		o.Symbols, o.Edges, o.FoldDigits, o.Signed, o.SublinearTF,
		o.OOSNegatives,
	} {
		w.bool(v)
	}
	for _, v := range []float64{o.CharWeight, o.IDFPower, o.C, o.Bias, o.Tolerance} {
		w.float64(v)
	}
	w.uint64(o.Seed)
}

func (r *reader) options() Options {
	o := Options{Workers: 1}
	for _, v := range []*int{
		&o.Bits, &o.Words.Min, &o.Words.Max, &o.Chars.Min, &o.Chars.Max,
		&o.MinDF, &o.MaxBytes, &o.Epochs, &o.Folds,
	} {
		*v = r.uint("option", math.MaxInt32)
	}
	for _, v := range []*bool{
		&o.Symbols, &o.Edges, &o.FoldDigits, &o.Signed, &o.SublinearTF,
		&o.OOSNegatives,
	} {
		*v = r.bool("option")
	}
	for _, v := range []*float64{&o.CharWeight, &o.IDFPower, &o.C, &o.Bias, &o.Tolerance} {
		*v = r.float64("option")
	}
	o.Seed = r.uint64("seed")
	if r.err == nil {
		if err := o.Validate(); err != nil {
			r.fail("%v", err)
		}
	}
	return o
}

func (w *writer) report(p Report) {
	w.uint(p.Examples)
	w.uint(p.OutOfScope)
	w.uint(p.HeldOut)
	w.float64(p.Accuracy)
	w.float64(p.NLL)
	w.float64(p.ECE)
}

func (r *reader) report() Report {
	return Report{
		Examples:   r.uint("examples", maxExamples),
		OutOfScope: r.uint("examples out of scope", maxExamples),
		HeldOut:    r.uint("held-out examples", maxExamples),
		Accuracy:   r.float64("accuracy"),
		NLL:        r.float64("likelihood"),
		ECE:        r.float64("calibration error"),
	}
}

// scope writes the score. A plain artefact has no weight of neighbours, and no
// weights at all where the sum is the negated top score.
func (w *writer) scope(s scope, extended bool) {
	w.bool(s.fitted)
	for i, v := range s.weights {
		if extended || s.fitted && i != scopeNear {
			w.float64(v)
		}
	}
	if s.fitted {
		w.float64(s.bias)
		return
	}
	w.uint(len(s.quantiles))
	for _, v := range s.quantiles {
		w.float64(v)
	}
}

func (r *reader) scope(extended bool) scope {
	s := scope{fitted: r.bool("scope")}
	for i := range s.weights {
		if extended || s.fitted && i != scopeNear {
			s.weights[i] = r.boundedFloat("scope weight")
		}
	}
	if s.fitted {
		s.bias = r.boundedFloat("scope intercept")
		return s
	}
	n := r.count("scope quantiles", scopeQuantiles+1, 8)
	for i := range n {
		s.quantiles = append(s.quantiles, r.boundedFloat("scope quantile"))
		if i > 0 && s.quantiles[i] < s.quantiles[i-1] {
			r.fail("scope quantiles are not ascending")
		}
	}
	if n != 0 && n != scopeQuantiles+1 {
		r.fail("%d scope quantiles", n)
	}
	if n != 0 && !extended {
		s.weights[scopeTop] = -1
	}
	return s
}

// boundedFloat reads a number whose products with scores stay finite: those are
// sums of 32-bit integers times 32-bit floats, and so below 1e50.
func (r *reader) boundedFloat(what string) float64 {
	v := r.float64(what)
	if math.Abs(v) > 1e100 {
		r.fail("%s: %v out of range", what, v)
	}
	return v
}
