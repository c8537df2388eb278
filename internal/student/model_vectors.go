package student

import (
	"fmt"
	"math"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/vectors"
)

// FindVectors returns the table of word vectors with a digest.
type FindVectors func(pointsman.Digest) (*vectors.Table, error)

// Versions of a classifier's artefact. What needs neither word vectors nor a
// cold start is written as ever.
const (
	versionPlain    = artefactVersion
	versionExtended = 2
)

func (m *Model) version() byte {
	if m.opts.Vectors != nil || m.opts.LabelNames || m.report.SelfTrained > 0 {
		return versionExtended
	}
	return versionPlain
}

// Vectors is the digest of the table of word vectors that the model reads texts
// with; empty where it reads them without.
func (m *Model) Vectors() pointsman.Digest {
	if m.opts.Vectors == nil {
		return ""
	}
	return m.opts.Vectors.Digest()
}

// extension writes what the plain version has not: after the options which table
// of vectors they name, and how the model was started.
func (w *writer) extension(m *Model) {
	w.string(string(m.Vectors()))
	w.float64(m.opts.VectorWeight)
	w.bool(m.opts.LabelNames)
	w.uint(m.report.SelfTrained)
}

func (r *reader) extension(m *Model, find FindVectors) {
	digest := r.string("digest of the vectors", maxLabelBytes)
	m.opts.VectorWeight = r.float64("weight of the vectors")
	m.opts.LabelNames = r.bool("label names")
	m.report.SelfTrained = r.uint("self-trained", maxExamples)
	if r.err != nil {
		return
	}
	if digest != "" {
		r.findVectors(m, digest, find)
	}
	if r.err == nil {
		if err := m.opts.Validate(); err != nil {
			r.fail("%v", err)
		}
	}
	if r.err == nil && m.version() != versionExtended {
		r.fail("an extension that nothing needs")
	}
}

func (r *reader) findVectors(m *Model, name string, find FindVectors) {
	digest, err := pointsman.ParseDigest(name)
	if err != nil {
		r.fail("digest of the vectors: %v", err)
		return
	}
	if find == nil {
		r.stop(missingVectors(digest, nil))
		return
	}
	if m.opts.Vectors, err = find(digest); err != nil {
		r.stop(missingVectors(digest, err))
	}
}

// missingVectors says what a model lacks.
func missingVectors(digest pointsman.Digest, cause error) error {
	why := ErrVectors
	if cause != nil {
		why = fmt.Errorf("%w: %w", ErrVectors, cause)
	}
	return &pointsman.Error{
		Code: pointsman.CodeConfig, Message: fmt.Sprintf("the student reads texts with the word vectors %s, which are not here", digest.Short()),
		Hint: "make the same table with pointsman vectors import, or copy it from where the student was trained: artefacts/" + digest.Hex()[:2] + "/" + digest.Hex() + " of the data directory",
		Err:  why,
	}
}

// dense writes the common direction, 32-bit as the weights are.
func (w *writer) dense(d *dense) {
	for _, v := range d.common {
		w.float64(v)
	}
}

func (r *reader) dense(table *vectors.Table) *dense {
	d := &dense{table: table, common: make([]float64, table.Dimension())}
	for i := range d.common {
		if d.common[i] = r.float64("common direction"); math.Abs(d.common[i]) > 1+1e-9 {
			r.fail("common direction: %v out of range", d.common[i])
		}
	}
	return d
}

func (w *writer) neighbours(n *neighbours) {
	for c := range len(n.first) - 1 {
		w.uint(int(n.first[c+1] - n.first[c]))
	}
	for _, v := range n.values {
		w.byte(byte(v))
	}
}

func (r *reader) neighbours(dimension, classes int) *neighbours {
	n := &neighbours{dimension: dimension, first: make([]int32, 1, classes+1)}
	for range classes {
		n.first = append(n.first, n.first[len(n.first)-1]+int32(r.uint("clusters", clustersPerLabel)))
	}
	content := r.bytes("clusters", int(n.first[classes])*dimension)
	n.values = make([]int8, len(content))
	for i, b := range content {
		if n.values[i] = int8(b); n.values[i] == math.MinInt8 {
			r.fail("clusters: component out of range")
		}
	}
	return n
}
