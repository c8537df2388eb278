package stat

import (
	"math"
	"slices"
)

// Quantiles are the p-quantiles by linear interpolation between order statistics
// (type 7 of Hyndman and Fan 1996; the default of R, NumPy and pandas). The
// values need not be sorted and are not changed.
func Quantiles(values []float64, ps ...float64) ([]float64, error) {
	if len(values) == 0 {
		return nil, undefined("a quantile of no values")
	}
	if err := finite(values); err != nil {
		return nil, err
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	out := make([]float64, len(ps))
	for i, p := range ps {
		if !(p >= 0 && p <= 1) {
			return nil, undefined("a quantile at %v", p)
		}
		out[i] = interpolate(sorted, p)
	}
	return out, nil
}

// interpolate is the type 7 quantile of sorted values.
func interpolate(sorted []float64, p float64) float64 {
	h := p * float64(len(sorted)-1)
	i := int(math.Floor(h))
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (h-float64(i))*(sorted[i+1]-sorted[i])
}
