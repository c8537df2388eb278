package stat

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// AUROC is the probability that a positive example scores higher than a
// negative one, ties counting one half (the Mann-Whitney statistic), with
// DeLong's interval (DeLong, DeLong and Clarke-Pearson 1988, Biometrics
// 44:837) on the logit scale, which keeps it within 0 and 1.
//
// It is undefined where all examples are of one class. Where the ranking is
// perfect or perfectly wrong, or has a single example in a class, DeLong's
// variance is 0 or does not exist; the interval is then the one of Hanley and
// McNeil (1982, Radiology 143:29) from the area alone, with the area moved by
// half a pair from the end.
func AUROC(scores []float64, positive []bool, confidence float64) (Estimate, error) {
	if len(scores) != len(positive) {
		return Estimate{}, undefined("%d scores and %d classes", len(scores), len(positive))
	}
	if err := finite(scores); err != nil {
		return Estimate{}, err
	}
	if err := level("confidence", confidence); err != nil {
		return Estimate{}, err
	}
	r := rank(scores, positive)
	if r.positives == 0 || r.negatives == 0 {
		return Estimate{}, undefined("%d positive and %d negative examples rank nothing", int(r.positives), int(r.negatives))
	}
	z := distuv.UnitNormal.Quantile(1 - (1-confidence)/2)
	area, deviation := r.area, math.Sqrt(r.variance)
	if !(deviation > 0) || area <= 0 || area >= 1 {
		half := 0.5 / (r.positives * r.negatives)
		area = min(max(area, half), 1-half)
		deviation = hanleyMcNeil(area, r.positives, r.negatives)
	}
	odds := math.Log(area / (1 - area))
	width := z * deviation / (area * (1 - area))
	back := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	i := Interval{back(odds - width), back(odds + width)}
	// The end of a perfect ranking belongs to its interval.
	i.Low, i.High = min(i.Low, r.area), max(i.High, r.area)
	return Estimate{r.area, i}, nil
}

// ranking is the Mann-Whitney area with DeLong's variance.
type ranking struct{ area, variance, positives, negatives float64 }

// rank computes DeLong's structural components in O(n log n) from the order:
// for each positive the share of negatives below it, for each negative the
// share of positives above it.
func rank(scores []float64, positive []bool) ranking {
	var r ranking
	for i := range scores {
		if positive[i] {
			r.positives++
		} else {
			r.negatives++
		}
	}
	if r.positives == 0 || r.negatives == 0 {
		return r
	}
	order := Ascending(scores)
	var ofPositives, ofNegatives moments
	var positivesBelow, negativesBelow float64
	for start := 0; start < len(order); {
		end := start
		var p, n float64
		for ; end < len(order) && scores[order[end]] == scores[order[start]]; end++ {
			if positive[order[end]] {
				p++
			} else {
				n++
			}
		}
		ofPositives.add((negativesBelow+n/2)/r.negatives, p)
		ofNegatives.add((r.positives-positivesBelow-p/2)/r.positives, n)
		positivesBelow += p
		negativesBelow += n
		start = end
	}
	r.area = ofPositives.sum / r.positives
	r.variance = ofPositives.variance()/r.positives + ofNegatives.variance()/r.negatives
	return r
}

// moments adds up weighted values and their squares.
type moments struct{ n, sum, squares float64 }

func (m *moments) add(x, times float64) {
	m.n += times
	m.sum += times * x
	m.squares += times * x * x
}

// variance is the unbiased sample variance; NaN for a single value.
func (m *moments) variance() float64 {
	return max(0, m.squares-m.sum*m.sum/m.n) / (m.n - 1)
}

// hanleyMcNeil is the standard error of an area from the area alone (Hanley
// and McNeil 1982, equation 2 with the exponential approximation of Q1, Q2).
func hanleyMcNeil(area, positives, negatives float64) float64 {
	q1 := area / (2 - area)
	q2 := 2 * area * area / (1 + area)
	square := area * area
	v := area*(1-area) + (positives-1)*(q1-square) + (negatives-1)*(q2-square)
	return math.Sqrt(v / (positives * negatives))
}

// Ascending are the indices of scores from the lowest to the highest, ties in
// their order. A score that is not a number compares as equal to all.
func Ascending(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		switch {
		case scores[i] < scores[j]:
			return -1
		case scores[i] > scores[j]:
			return 1
		}
		return i - j
	})
	return order
}
