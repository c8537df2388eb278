package student

import "math/bits"

// buckets is the set of hash buckets that training has seen, each with a row
// in whatever table belongs to it, in ascending order. It is a bitmap with
// running counts, so that finding a row costs one population count and the
// index of 2^20 buckets fits into a processor's second-level cache.
type buckets struct {
	bitmap []uint64
	before []uint32 // before[i] is the number of bits set in bitmap[:i].
	rows   int
}

// newBuckets makes an empty set of numbers below 2^logSize.
func newBuckets(logSize int) *buckets {
	words := max(1, 1<<logSize/64)
	return &buckets{bitmap: make([]uint64, words), before: make([]uint32, words)}
}

// add puts a bucket into the set; index must be called before row.
func (b *buckets) add(bucket uint32) { b.bitmap[bucket/64] |= 1 << (bucket % 64) }

// index numbers the rows.
func (b *buckets) index() {
	b.rows = 0
	for i, w := range b.bitmap {
		b.before[i] = uint32(b.rows)
		b.rows += bits.OnesCount64(w)
	}
}

// row returns the row of a bucket, or -1 for an unseen one.
func (b *buckets) row(bucket uint32) int32 {
	w, bit := b.bitmap[bucket/64], bucket%64
	if w>>bit&1 == 0 {
		return -1
	}
	return int32(b.before[bucket/64]) + int32(bits.OnesCount64(w&(1<<bit-1)))
}

// buckets writes the set as gaps between ascending numbers.
func (w *writer) buckets(b *buckets) {
	w.uint(b.rows)
	next := 0
	for i, word := range b.bitmap {
		for ; word != 0; word &= word - 1 {
			bucket := i*64 + bits.TrailingZeros64(word)
			w.uint(bucket - next)
			next = bucket + 1
		}
	}
}

// buckets reads a set of numbers below 2^logSize, of which each has at least
// rowBytes more bytes in the rest of the artefact.
func (r *reader) buckets(logSize, rowBytes int) *buckets {
	rows := r.count("buckets", 1<<logSize, 1+rowBytes)
	b := newBuckets(logSize)
	bucket := -1
	for range rows {
		bucket += 1 + r.uint("bucket", 1<<logSize)
		if bucket >= 1<<logSize {
			r.fail("bucket %d of %d", bucket, 1<<logSize)
		}
		if r.err != nil {
			return b
		}
		b.add(uint32(bucket))
	}
	b.index()
	return b
}
