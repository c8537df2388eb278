package student

import "math"

// fixedOne is the integer that stands for the feature value 1. Values of one
// block have L2 norm 1 (CharWeight for characters, at most maxCharWeight) and
// weights are at most 127, so a sum over n distinct n-grams is at most
// 127 * fixedOne * sqrt(n) for each unit of norm. A text has at most 5 word and
// 8 character n-grams for each of its maxMaxBytes bytes, which keeps every sum
// within an int32:
// 127 * 2^12 * (sqrt(5*2^16) + 4*sqrt(8*2^16)) < 1.9e9.
const (
	fixedOne      = 1 << 12
	maxCharWeight = 4
	// maxVectorWeight is the norm of the word vectors' block at most, of as
	// many features as a table has dimensions: 127 * 2^12 * 4 * sqrt(2^10) < 7e7
	// more.
	maxVectorWeight = 4
)

// vocabulary says which buckets were seen in training and how much each
// weighs.
type vocabulary struct {
	opts   Options
	known  *buckets
	idf    []float32 // by row of known.
	dense  *dense    // nil without word vectors.
	unseen float32   // the idf of a bucket that no training text has hit.
}

// entry is one non-zero of a feature vector.
type entry struct {
	row   int32
	value float32
}

// vector is a text as the linear model sees it, and how much of it was foreign.
type vector struct {
	entries []entry
	// unseen is, for each block, the share of the squared norm that fell on
	// buckets unknown to the vocabulary; 1 where the block is empty.
	unseen [numBlocks]float64
	// direction is the text's word vector, of norm 1; empty without them.
	direction []float64
}

// newVocabulary counts in how many of the documents each bucket occurs.
func newVocabulary(opts Options, docs []*document) *vocabulary {
	df := make([]uint32, 1<<opts.Bits)
	for _, d := range docs {
		for b := range d.grams {
			last := uint32(math.MaxUint32)
			for _, g := range d.grams[b] {
				// Blocks and signs that collide are rare and counted twice.
				if bucket := g.bucket(); bucket != last {
					df[bucket]++
					last = bucket
				}
			}
		}
	}
	v := &vocabulary{opts: opts, known: newBuckets(opts.Bits)}
	for bucket, n := range df {
		if n > 0 && int(n) >= opts.MinDF {
			v.known.add(uint32(bucket))
			v.idf = append(v.idf, opts.idf(len(docs), int(n)))
		}
	}
	v.unseen = opts.idf(len(docs), 0)
	v.known.index()
	if opts.Vectors != nil {
		v.dense = newDense(opts.Vectors, docs)
	}
	return v
}

// idf is the smoothed inverse document frequency as scikit-learn defines it,
// to the power of the options.
func (o Options) idf(docs, df int) float32 {
	return float32(math.Pow(math.Log(float64(1+docs)/float64(1+df))+1, o.IDFPower))
}

// vectorise weighs the n-grams of a document. It reuses the memory of into.
//
// The norm of a block includes its unseen n-grams: a text of which half is
// foreign has half the evidence, and its scores say so.
func (v *vocabulary) vectorise(d *document, into *vector) {
	into.entries = into.entries[:0]
	for b := range d.grams {
		first := len(into.entries)
		var known, unseen float64
		for _, g := range d.grams[b] {
			tf := float64(g.count)
			if v.opts.SublinearTF && g.count > 1 {
				tf = 1 + math.Log(tf)
			}
			row := v.known.row(g.bucket())
			if row < 0 {
				x := tf * float64(v.unseen)
				unseen += float64(x * x)
				continue
			}
			x := tf * float64(v.idf[row])
			known += float64(x * x)
			if g.negative() {
				x = -x
			}
			into.entries = append(into.entries, entry{row, float32(x)})
		}
		into.unseen[b] = 1
		if known == 0 {
			continue
		}
		into.unseen[b] = unseen / (known + unseen)
		scale := 1 / math.Sqrt(known+unseen)
		if b == blockChars {
			scale *= v.opts.CharWeight
		}
		for i := range into.entries[first:] {
			e := &into.entries[first+i]
			e.value = float32(math.Round(float64(e.value)*scale*fixedOne) / fixedOne)
		}
	}
	if v.dense != nil {
		v.addDense(d, into)
	}
}

// addDense adds the features of the document's word vector, one a dimension,
// in rows after those of the buckets.
func (v *vocabulary) addDense(d *document, into *vector) {
	into.direction = append(into.direction[:0], d.mean...)
	v.dense.direction(d, into.direction)
	for k, x := range into.direction {
		if value := math.Round(float64(x*v.opts.VectorWeight)*fixedOne) / fixedOne; value != 0 {
			into.entries = append(into.entries, entry{int32(v.known.rows + k), float32(value)})
		}
	}
}

// features is the number of rows that the weights have.
func (v *vocabulary) features() int {
	if v.dense == nil {
		return v.known.rows
	}
	return v.known.rows + len(v.dense.common)
}

// gramCount is a distinct n-gram of a document and how often it occurs there.
type gramCount struct {
	key   uint32
	count uint32
}

func (g gramCount) bucket() uint32 { return g.key >> 1 }
func (g gramCount) negative() bool { return g.key&1 == 1 }

// document is an analysed text: the distinct n-grams of each block in
// ascending order.
type document struct {
	grams [numBlocks][]gramCount
	// mean is that of its words' vectors; empty without such.
	mean []float64
}

// read fills d with the n-grams that a found, reusing the memory of d.
func (d *document) read(a *analyser) {
	for b := range a.grams {
		d.grams[b] = d.grams[b][:0]
		for _, key := range a.grams[b] {
			if n := len(d.grams[b]); n > 0 && d.grams[b][n-1].key == key {
				d.grams[b][n-1].count++
				continue
			}
			d.grams[b] = append(d.grams[b], gramCount{key, 1})
		}
	}
	if t := a.opts.Vectors; t != nil {
		if d.mean == nil {
			d.mean = make([]float64, t.Dimension())
		}
		t.Mean(d.mean, a.rows)
	}
}
