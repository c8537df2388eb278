package student

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
)

// versionLists is the version of taggers with lists, or with so many fields that they
// share transitions. Others stay as they were in version 1.
const versionLists = 2

func (t *Tagger) version() byte {
	if t.crf.shared || slices.Contains(t.lists, true) {
		return versionLists
	}
	return artefactVersion
}

// MarshalBinary returns the tagger's artefact. Equal taggers give equal
// bytes, and [UnmarshalTagger] gives back one that extracts the same to the
// last bit. It never fails.
func (t *Tagger) MarshalBinary() ([]byte, error) {
	w := newWriter(kindTagger, t.version())
	o := t.opts
	for _, v := range []int{o.Bits, o.MinDF, o.Epochs, o.MaxBytes} {
		w.uint(v)
	}
	w.bool(o.FirstOnly)
	w.float64(o.LearningRate)
	w.float64(o.L2)
	w.uint64(o.Seed)
	w.uint(len(t.fields))
	for i, name := range t.fields {
		w.string(name)
		if t.version() >= versionLists {
			w.bool(t.lists[i])
		}
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

// IsTagger reports whether an artefact says that it is a tagger's, and no
// classifier's.
func IsTagger(artefact []byte) bool {
	return len(artefact) >= headerBytes && string(artefact[:len(artefactMagic)]) == artefactMagic && artefact[headerBytes-1] == kindTagger
}

// UnmarshalTagger reads an artefact that [Tagger.MarshalBinary] wrote, with
// the same care as [Unmarshal]. It fails with [ErrArtefact].
func UnmarshalTagger(data []byte) (*Tagger, error) {
	r, err := openArtefact(data, kindTagger, versionLists)
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
		t.lists = append(t.lists, r.version >= versionLists && r.bool("list"))
	}
	if r.err == nil && n == 0 {
		r.fail("no fields")
	}
	t.digest = hex.EncodeToString(r.bytes("digest", 32))
	t.report.Examples = r.uint("examples", maxExamples)
	t.report.HeldOut = r.uint("held-out fields", math.MaxInt32)
	t.report.Exact = r.float64("exact")
	t.report.Found = r.float64("found")
	c := newCRF(t.opts, n)
	c.beta = r.float64("inverse temperature")
	if r.err == nil && r.version < versionLists && c.shared {
		r.fail("%d fields in version %d", n, r.version)
	}
	if r.err == nil && r.version >= versionLists && !c.shared && !slices.Contains(t.lists, true) {
		r.fail("version %d without need", r.version)
	}
	if r.err == nil && (c.beta < minTaggerBeta || c.beta > maxTaggerBeta) {
		r.fail("inverse temperature %v out of range", c.beta)
	}
	c.transitions = r.float32s("transitions", c.transitionCount())
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
