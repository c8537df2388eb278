package student

import (
	"encoding/hex"
	"fmt"
	"math"
)

// MarshalBinary returns the tagger's artefact. Equal taggers give equal
// bytes, and [UnmarshalTagger] gives back one that extracts the same to the
// last bit. It never fails.
func (t *Tagger) MarshalBinary() ([]byte, error) {
	w := newWriter(kindTagger, artefactVersion)
	o := t.opts
	for _, v := range []int{o.Bits, o.MinDF, o.Epochs, o.MaxBytes} {
		w.uint(v)
	}
	w.bool(o.FirstOnly)
	w.float64(o.LearningRate)
	w.float64(o.L2)
	w.uint64(o.Seed)
	w.uint(len(t.fields))
	for _, name := range t.fields {
		w.string(name)
	}
	digest, err := hex.DecodeString(t.digest)
	if err != nil {
		return nil, fmt.Errorf("marshal tagger: %w", err)
	}
	w.bytes(digest)
	w.uint(t.report.Examples)
	w.uint(t.report.HeldOut)
	w.float64(t.report.Exact)
	w.float64(t.report.Found)
	w.float64(t.crf.beta)
	w.float32s(t.crf.transitions)
	w.float32s(t.crf.step)
	w.buckets(t.crf.known)
	w.matrix(t.crf.weights, t.crf.tags)
	return w.finish(), nil
}

// UnmarshalTagger reads an artefact that [Tagger.MarshalBinary] wrote, with
// the same care as [Unmarshal]. It fails with [ErrArtefact].
func UnmarshalTagger(data []byte) (*Tagger, error) {
	r, err := openArtefact(data, kindTagger, artefactVersion)
	if err != nil {
		return nil, err
	}
	t := &Tagger{}
	for _, v := range []*int{&t.opts.Bits, &t.opts.MinDF, &t.opts.Epochs, &t.opts.MaxBytes} {
		*v = r.uint("option", math.MaxInt32)
	}
	t.opts.FirstOnly = r.bool("option")
	t.opts.LearningRate = r.float64("option")
	t.opts.L2 = r.float64("option")
	t.opts.Seed = r.uint64("seed")
	if r.err == nil {
		if err := t.opts.Validate(); err != nil {
			r.fail("%v", err)
		}
	}
	n := r.count("fields", maxFields, 1)
	for i := range n {
		t.fields = append(t.fields, r.string("field", maxLabelBytes))
		if r.err == nil && (t.fields[i] == "" || i > 0 && t.fields[i] <= t.fields[i-1]) {
			r.fail("fields are not ascending")
		}
	}
	if r.err == nil && n == 0 {
		r.fail("no fields")
	}
	t.digest = hex.EncodeToString(r.bytes("digest", 32))
	t.report.Examples = r.uint("examples", maxExamples)
	t.report.HeldOut = r.uint("held-out fields", math.MaxInt32)
	t.report.Exact = r.float64("exact")
	t.report.Found = r.float64("found")
	c := &crf{opts: t.opts, tags: 1 + 2*n, beta: r.float64("inverse temperature")}
	if r.err == nil && (c.beta < minTaggerBeta || c.beta > maxTaggerBeta) {
		r.fail("inverse temperature %v out of range", c.beta)
	}
	c.transitions = r.float32s("transitions", c.tags*c.tags)
	for _, v := range c.transitions {
		if v < -maxTransition || v > maxTransition {
			r.fail("transition %v out of range", v)
		}
	}
	c.step = r.float32s("steps", c.tags)
	if r.err != nil {
		return nil, r.err
	}
	c.known = r.buckets(t.opts.Bits, (c.tags+7)/8)
	c.weights = r.matrix("weights", c.known.rows, c.tags)
	if err := r.close(); err != nil {
		return nil, err
	}
	t.crf = c
	return t, nil
}
