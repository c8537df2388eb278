package student

import (
	"math"
)

// The neighbours of a text are looked for among at most this many directions a
// label, and only those of the labels that fit the text best. On validation
// parts of CLINC150 and HWU64 sixteen told foreign texts as well as all examples
// did, and better than one or four.
const (
	clustersPerLabel = 16
	neighbourLabels  = 5
)

// clusterRounds is how often clusters and their members are found anew, and
// clusterExamples how many examples of a label are looked at for it.
const (
	clusterRounds   = 6
	clusterExamples = 1 << 11
)

// unitValue is the integer that stands for a component of 1 in a cluster's
// direction; in a query's it is fixedOne. A query has norm 1 and at most
// vectors.MaxDimension components, so that the sum of products stays within 32
// bits whatever an artefact holds: 127 * 2^12 * sqrt(2^10) < 2e7.
const unitValue = 127

// neighbours are directions that stand for the examples of each label: their
// own, or those of clusters of them. They say how near a text comes to anything
// that was seen in training.
type neighbours struct {
	dimension int
	first     []int32 // label c owns the directions first[c] to first[c+1]
	values    []int8  // one row for each direction
}

// newNeighbours finds clusters in the directions of each label's examples.
func newNeighbours(v *vocabulary, docs []*document, class []int32, classes int) *neighbours {
	n := &neighbours{dimension: len(v.dense.common), first: make([]int32, 1, classes+1)}
	members := make([][][]float64, classes)
	for i, d := range docs {
		if c := class[i]; c >= 0 && len(members[c]) < clusterExamples {
			direction := make([]float64, n.dimension)
			if v.dense.direction(d, direction) {
				members[c] = append(members[c], direction)
			}
		}
	}
	for _, m := range members {
		for _, direction := range cluster(m, clustersPerLabel) {
			for _, x := range direction {
				n.values = append(n.values, int8(math.Round(x*unitValue)))
			}
		}
		n.first = append(n.first, int32(len(n.values)/n.dimension))
	}
	return n
}

// cluster stands k directions for many: spherical k-means (Dhillon and Modha
// 2001), begun at evenly spaced members, which are in the order of their texts.
func cluster(members [][]float64, k int) [][]float64 {
	if len(members) <= k {
		return members
	}
	centres := make([][]float64, k)
	sums := make([][]float64, k)
	for j := range centres {
		centres[j] = members[j*len(members)/k]
		sums[j] = make([]float64, len(members[0]))
	}
	for range clusterRounds {
		for _, m := range members {
			best, nearest := 0, math.Inf(-1)
			for j, c := range centres {
				if p := product(c, m); p > nearest {
					best, nearest = j, p
				}
			}
			for i, x := range m {
				sums[best][i] += x
			}
		}
		for j, sum := range sums {
			next := make([]float64, len(sum))
			copy(next, sum)
			if normalise(next) { // else nobody is nearest to it: it stays
				centres[j] = next
			}
			clear(sum)
		}
	}
	return centres
}

// similarity is the cosine between a text and the nearest direction of those
// labels that have the largest scores; 0 without a word vector. query is
// scratch.
func (n *neighbours) similarity(direction, scores []float64, query []int32) float64 {
	for k, x := range direction {
		query[k] = int32(math.Round(x * fixedOne))
	}
	var labels [neighbourLabels]int
	nearest := int32(math.MinInt32)
	for _, c := range largest(scores, labels[:0]) {
		for row := n.first[c]; row < n.first[c+1]; row++ {
			sum := int32(0)
			values := n.values[int(row)*n.dimension:][:len(query)]
			for k, q := range query {
				sum += q * int32(values[k])
			}
			nearest = max(nearest, sum)
		}
	}
	if nearest == math.MinInt32 {
		return 0
	}
	return float64(nearest) / (fixedOne * unitValue)
}

// largest fills into, up to its capacity, with the indices of the largest
// scores, the largest first and of equals the first.
func largest(scores []float64, into []int) []int {
	for i, s := range scores {
		if len(into) == cap(into) {
			if s <= scores[into[len(into)-1]] {
				continue
			}
			into = into[:len(into)-1]
		}
		at := len(into)
		for at > 0 && s > scores[into[at-1]] {
			at--
		}
		into = append(into, 0)
		copy(into[at+1:], into[at:])
		into[at] = i
	}
	return into
}
