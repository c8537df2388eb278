package stat

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Bootstrap says how to resample.
type Bootstrap struct {
	// Seed makes the result repeatable: equal seeds give equal intervals.
	Seed uint64
	// Resamples is the number of resamples; 0 means 2,000. Memory is eight
	// bytes for each of them and 32 for each cluster; no resample is held.
	Resamples int
	// Confidence is the level of the interval; 0 means 0.95.
	Confidence float64
	// Clusters names the cluster of each example (its conversation, document
	// or user). Whole clusters are drawn, because examples of one are not
	// independent. Empty: each example is drawn by itself.
	Clusters []string
}

// Statistic maps the means of two paired columns to the number in question.
// ok is false where it does not exist, as a ratio with a mean of 0 below.
type Statistic func(meanA, meanB float64) (value float64, ok bool)

// MeanDifference is mean(a) − mean(b).
func MeanDifference(a, b float64) (float64, bool) { return a - b, true }

// MeanRatio is mean(a) / mean(b), where mean(b) is above 0.
func MeanRatio(a, b float64) (float64, bool) {
	if b <= 0 {
		return 0, false
	}
	return a / b, true
}

// Mean estimates the mean of graded scores.
func (o Bootstrap) Mean(scores []float64) (Estimate, error) {
	return o.Paired(scores, scores, func(a, _ float64) (float64, bool) { return a, true })
}

// Paired estimates a statistic of the means of two columns on the same
// examples in the same order: the pairs are resampled together. The interval
// is Efron's BCa (Efron 1987, Journal of the American Statistical Association
// 82:171), bias-corrected and accelerated with the jackknife over clusters.
//
// It is undefined for fewer than two clusters, and where the statistic does
// not exist in more than a hundredth of the resamples.
func (o Bootstrap) Paired(a, b []float64, statistic Statistic) (Estimate, error) {
	if o.Resamples == 0 {
		o.Resamples = 2000
	}
	if o.Confidence == 0 {
		o.Confidence = 0.95
	}
	if err := level("confidence", o.Confidence); err != nil {
		return Estimate{}, err
	}
	if o.Resamples < 100 {
		return Estimate{}, undefined("an interval from %d resamples", o.Resamples)
	}
	sums, err := o.sums(a, b)
	if err != nil {
		return Estimate{}, err
	}
	var total sum
	for _, s := range sums {
		total.add(s)
	}
	value, ok := total.apply(statistic)
	if !ok {
		return Estimate{}, undefined("the statistic does not exist for these data")
	}
	random := rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15))
	drawn := make([]float64, 0, o.Resamples)
	for range o.Resamples {
		var s sum
		for range sums {
			s.add(sums[random.IntN(len(sums))])
		}
		if v, ok := s.apply(statistic); ok {
			drawn = append(drawn, v)
		}
	}
	if 100*len(drawn) < 99*o.Resamples {
		return Estimate{}, undefined("the statistic does not exist in %d of %d resamples", o.Resamples-len(drawn), o.Resamples)
	}
	slices.Sort(drawn)
	low, high := bca(drawn, value, acceleration(sums, total, statistic), o.Confidence)
	return Estimate{value, Interval{low, high}}, nil
}

// sum adds up the examples of a cluster.
type sum struct{ a, b, n float64 }

func (s *sum) add(t sum) { s.a, s.b, s.n = s.a+t.a, s.b+t.b, s.n+t.n }

func (s sum) apply(f Statistic) (float64, bool) { return f(s.a/s.n, s.b/s.n) }

// sums are the clusters' sums in the order of their first examples.
func (o Bootstrap) sums(a, b []float64) ([]sum, error) {
	if len(a) != len(b) {
		return nil, undefined("%d and %d examples are not pairs", len(a), len(b))
	}
	if len(o.Clusters) > 0 && len(o.Clusters) != len(a) {
		return nil, undefined("%d cluster names for %d examples", len(o.Clusters), len(a))
	}
	for _, column := range [][]float64{a, b} {
		if err := finite(column); err != nil {
			return nil, err
		}
	}
	var sums []sum
	index := make(map[string]int)
	for i := range a {
		at := len(sums)
		if len(o.Clusters) > 0 {
			if known, ok := index[o.Clusters[i]]; ok {
				at = known
			} else {
				index[o.Clusters[i]] = at
			}
		}
		if at == len(sums) {
			sums = append(sums, sum{})
		}
		sums[at].add(sum{a[i], b[i], 1})
	}
	if len(sums) < 2 {
		return nil, undefined("%d independent examples, an interval needs two", len(sums))
	}
	return sums, nil
}

// acceleration is the skewness of the jackknife influence over six (Efron
// 1987, equation 6.6); 0 where a statistic without one cluster does not exist
// or nothing varies.
func acceleration(sums []sum, total sum, statistic Statistic) float64 {
	left := make([]float64, len(sums))
	mean := 0.0
	for i, s := range sums {
		v, ok := sum{total.a - s.a, total.b - s.b, total.n - s.n}.apply(statistic)
		if !ok {
			return 0
		}
		left[i] = v
		mean += v / float64(len(sums))
	}
	var square, cube float64
	for _, v := range left {
		d := mean - v
		square += d * d
		cube += d * d * d
	}
	if square == 0 {
		return 0
	}
	return cube / (6 * math.Pow(square, 1.5))
}

// bca reads the interval from sorted resamples at the corrected levels.
func bca(sorted []float64, value, acceleration, confidence float64) (low, high float64) {
	below := 0.0
	for _, v := range sorted {
		switch {
		case v < value:
			below++
		case v == value: // ties count half, which matters for few distinct values
			below += 0.5
		}
	}
	n := float64(len(sorted))
	bias := distuv.UnitNormal.Quantile(min(max(below/n, 0.5/n), 1-0.5/n))
	at := func(p float64) float64 {
		z := bias + distuv.UnitNormal.Quantile(p)
		corrected := distuv.UnitNormal.CDF(bias + z/(1-acceleration*z))
		return interpolate(sorted, corrected)
	}
	return at((1 - confidence) / 2), at(1 - (1-confidence)/2)
}
