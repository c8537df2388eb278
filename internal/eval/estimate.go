package eval

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// estimator makes figures with intervals. Where clusters have several members
// it resamples whole clusters; otherwise it uses Wilson's interval for what is
// right or wrong, and the bootstrap for grades.
type estimator struct {
	confidence float64
	seed       uint64
}

// The names of the methods, as reports print them.
const (
	methodWilson   = "Wilson"
	methodClusters = "Wilson over groups"
	methodBoot     = "bootstrap"
	methodBootC    = "cluster bootstrap"
	methodNewcombe = "Newcombe"
)

func (e estimator) bootstrap(clusters []string) stat.Bootstrap {
	return stat.Bootstrap{Seed: e.seed, Confidence: e.confidence, Clusters: clusters}
}

// sample are values with the names of their clusters.
type sample struct {
	values   []float64
	clusters []string
}

func (s *sample) add(value float64, cluster string) {
	s.values = append(s.values, value)
	s.clusters = append(s.clusters, cluster)
}

// groups is the number of different clusters.
func groups(clusters []string) int {
	seen := make(map[string]struct{}, len(clusters))
	for _, c := range clusters {
		seen[c] = struct{}{}
	}
	return len(seen)
}

// mean estimates the mean of grades.
func (e estimator) mean(s sample) Number {
	n := len(s.values)
	if n == 0 {
		return Number{Note: "no examples"}
	}
	total := 0.0
	for _, v := range s.values {
		total += v
	}
	value := total / float64(n)
	clustered := groups(s.clusters) < n
	if zeroOne(s.values) && (!clustered || constant(s.values)) {
		// Resampling values that are all alike would claim certainty; then the
		// groups are counted as if each were one example.
		k, method := int(total), methodWilson
		if clustered {
			n, method = groups(s.clusters), methodClusters
			k = int(value) * n
		}
		return number(value, method)(stat.Rate(k, n, e.confidence))
	}
	if constant(s.values) {
		return Number{Value: &value, Note: "all grades are alike: resampling cannot tell how sure that is"}
	}
	if clustered {
		return number(value, methodBootC)(e.bootstrap(s.clusters).Mean(s.values))
	}
	return number(value, methodBoot)(e.bootstrap(nil).Mean(s.values))
}

// number takes a figure's interval from an estimate, or the reason why there
// is none.
func number(value float64, method string) func(stat.Estimate, error) Number {
	return func(estimate stat.Estimate, err error) Number {
		out := Number{Value: &value}
		if err != nil {
			out.Note = reason(err)
			return out
		}
		out.Low, out.High, out.Method = &estimate.Low, &estimate.High, method
		return out
	}
}

func reason(err error) string {
	return strings.TrimPrefix(err.Error(), stat.ErrUndefined.Error()+": ")
}

func zeroOne(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return v != 0 && v != 1 })
}

func constant(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return v != values[0] })
}

// ratio estimates mean(a) / mean(b) of two columns on the same examples.
func (e estimator) ratio(a, b []float64, clusters []string) Number {
	sumA, sumB := 0.0, 0.0
	for i := range a {
		sumA += a[i]
		sumB += b[i]
	}
	switch {
	case len(a) == 0:
		return Number{Note: "no examples"}
	case sumB <= 0:
		return Number{Note: "the denominator is 0"}
	}
	value := sumA / sumB
	if slices.Equal(a, b) {
		return Number{Value: &value, Note: "the two agree on every example: resampling cannot tell how sure that is"}
	}
	if groups(clusters) < len(a) {
		return number(value, methodBootC)(e.bootstrap(clusters).Paired(a, b, stat.MeanRatio))
	}
	return number(value, methodBoot)(e.bootstrap(nil).Paired(a, b, stat.MeanRatio))
}

// difference estimates mean(a) − mean(b) on the same examples.
func (e estimator) difference(a, b []float64, clusters []string) Number {
	if len(a) == 0 {
		return Number{Note: "no example was scored for both"}
	}
	clustered := groups(clusters) < len(a)
	if !clustered && zeroOne(a) && zeroOne(b) {
		pairs, err := stat.CountPairs(ones(a), ones(b))
		if err != nil {
			return Number{Note: reason(err)}
		}
		estimate, err := pairs.Difference(e.confidence)
		return number(estimate.Value, methodNewcombe)(estimate, err)
	}
	difference := make([]float64, len(a))
	total := 0.0
	for i := range a {
		difference[i] = a[i] - b[i]
		total += difference[i]
	}
	value := total / float64(len(a))
	if constant(difference) {
		return Number{Value: &value, Note: "the two differ by the same on every example: resampling cannot tell how sure that is"}
	}
	if clustered {
		return number(value, methodBootC)(e.bootstrap(clusters).Paired(a, b, stat.MeanDifference))
	}
	return number(value, methodBoot)(e.bootstrap(nil).Paired(a, b, stat.MeanDifference))
}

func ones(values []float64) []bool {
	out := make([]bool, len(values))
	for i, v := range values {
		out[i] = v == 1
	}
	return out
}

// flips is how many random sign patterns the cluster test draws.
const flips = 9999

// signFlip is the Monte-Carlo p-value of the two-sided sign-flip test for the
// hypothesis that the clusters' summed differences are symmetric around 0: the
// paired permutation test with whole clusters as its units. It counts the
// observed pattern as one of those drawn, so it is never 0.
func (e estimator) signFlip(difference []float64, clusters []string) (float64, error) {
	sums := make(map[string]float64)
	var order []string
	for i, d := range difference {
		if _, known := sums[clusters[i]]; !known {
			order = append(order, clusters[i])
		}
		sums[clusters[i]] += d
	}
	var units []float64
	observed := 0.0
	for _, c := range order {
		if sums[c] != 0 {
			units = append(units, sums[c])
			observed += sums[c]
		}
	}
	if len(units) == 0 {
		return 0, errNoDifference
	}
	random := rand.New(rand.NewPCG(e.seed, 0x51e9f1b))
	extreme := 1
	for range flips {
		total := 0.0
		for _, u := range units {
			if random.Uint64()&1 == 0 {
				u = -u
			}
			total += u
		}
		if math.Abs(total) >= math.Abs(observed)-1e-9 {
			extreme++
		}
	}
	return float64(extreme) / (flips + 1), nil
}

var errNoDifference = errors.New("the two do equally well in every group")

// holm corrects p-values for the number of comparisons (Holm 1979, Scandinavian
// Journal of Statistics 6:65), in place of each; nil ones count as comparisons
// that show nothing.
func holm(ps []*float64) []*float64 {
	order := make([]int, 0, len(ps))
	for i, p := range ps {
		if p != nil {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case *ps[a] < *ps[b]:
			return -1
		case *ps[a] > *ps[b]:
			return 1
		}
		return a - b
	})
	out := make([]*float64, len(ps))
	least := 0.0
	for rank, i := range order {
		corrected := min(1, *ps[i]*float64(len(ps)-rank))
		least = max(least, corrected)
		value := least
		out[i] = &value
	}
	return out
}

// percent is a confidence level for people: "95 %".
func percent(level float64) string { return fmt.Sprintf("%g %%", math.Round(level*1e4)/100) }
