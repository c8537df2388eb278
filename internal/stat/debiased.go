package stat

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// DebiasedECE estimates the expected calibration error of [ECE] without most of
// what it owes to few examples: even perfect forecasts show an ECE of about
// Σ_b w_b·σ_b·√(2/π), since what happens in a bin is off by its standard error
// σ_b. It is the estimator of Kumar, Liang and Ma 2019 ("Verified Uncertainty
// Calibration", the ℓ1 case): each bin's distance d_b is taken to be normal with
// standard error σ_b, the bias is what resampling around d_b adds, and the
// estimate is the plain ECE less that. They resample; the mean of a folded
// normal, E|N(d, σ²)| = σ√(2/π)·e^(−d²/2σ²) + d·(1 − 2Φ(−d/σ)), is exact. It
// removes all of the bias where bins are far off and two fifths of it where none
// is, so that it still errs to the side of caution. An estimate below 0 is 0.
//
// Clusters name the question, conversation or document of each forecast; whole
// clusters are what varies, in σ_b and in the interval, since forecasts of one
// are not independent. nil: each stands alone. The interval is normal with
// variance Σ_cluster (Σ_b r_b·sign d_b / n)², where r_b are the cluster's
// residuals in bin b, and begins below the plain ECE less all the bias that there
// may be, which is that of perfect forecasts, so that it covers 0 where they are.
// It is undefined for fewer than two clusters.
func DebiasedECE(p []float64, happened []bool, bins int, clusters []string, confidence float64) (Estimate, error) {
	plain, err := ECE(p, happened, bins)
	if err != nil {
		return Estimate{}, err
	}
	if err := level("confidence", confidence); err != nil {
		return Estimate{}, err
	}
	if clusters != nil && len(clusters) != len(p) {
		return Estimate{}, undefined("%d cluster names for %d forecasts", len(clusters), len(p))
	}
	r := newResiduals(p, happened, bins, clusters)
	if len(r.clusters) < 2 {
		return Estimate{}, undefined("%d independent forecasts, an interval needs two", len(r.clusters))
	}
	distance, deviation := r.bins(len(p))
	bias, most := 0.0, 0.0
	for b, d := range distance {
		bias += folded(d, deviation[b]) - d
		most += folded(0, deviation[b])
	}
	half := distuv.UnitNormal.Quantile(1-(1-confidence)/2) * r.deviation(len(p))
	value := max(plain-bias, 0)
	return Estimate{value, Interval{max(plain-most-half, 0), min(value+half, 1)}}, nil
}

// folded is the mean of |X| for X normal with mean d ≥ 0 and deviation s.
func folded(d, s float64) float64 {
	if s == 0 {
		return d
	}
	z := d / s
	return s*math.Sqrt(2/math.Pi)*math.Exp(-z*z/2) + d*(1-2*distuv.UnitNormal.CDF(-z))
}

// residuals are what happened less what was forecast, summed by cluster and bin.
type residuals struct {
	clusters [][]binned
	total    []binned
}

type binned struct {
	bin int
	n   float64
	sum float64
}

func newResiduals(p []float64, happened []bool, bins int, clusters []string) *residuals {
	r := &residuals{total: make([]binned, bins)}
	index := make(map[string]int)
	for i, x := range p {
		at := len(r.clusters)
		if clusters != nil {
			if known, ok := index[clusters[i]]; ok {
				at = known
			} else {
				index[clusters[i]] = at
			}
		}
		if at == len(r.clusters) {
			r.clusters = append(r.clusters, nil)
		}
		one := binned{bin: binOf(x, bins), n: 1, sum: -x}
		if happened[i] {
			one.sum++
		}
		r.total[one.bin].add(one)
		r.clusters[at] = place(r.clusters[at], one)
	}
	return r
}

func (b *binned) add(o binned) { b.n, b.sum = b.n+o.n, b.sum+o.sum }

// place adds to the entry of its bin.
func place(all []binned, one binned) []binned {
	for k := range all {
		if all[k].bin == one.bin {
			all[k].add(one)
			return all
		}
	}
	return append(all, one)
}

// bins are each bin's distance and its standard error, both as parts of the
// whole: weighted by the bin's share of n forecasts. The squares are of clusters
// about the bin's own mean residual, with m/(m−1) for the m clusters of a bin; the
// standard error of a bin of one cluster cannot be told, and is taken to be that
// of a coin.
func (r *residuals) bins(n int) (distance, deviation []float64) {
	square, count := make([]float64, len(r.total)), make([]float64, len(r.total))
	for _, cluster := range r.clusters {
		for _, one := range cluster {
			t := r.total[one.bin]
			d := one.sum - one.n*t.sum/t.n
			square[one.bin] += d * d
			count[one.bin]++
		}
	}
	distance, deviation = make([]float64, len(r.total)), make([]float64, len(r.total))
	for b, t := range r.total {
		distance[b] = math.Abs(t.sum) / float64(n)
		switch m := count[b]; {
		case m > 1:
			deviation[b] = math.Sqrt(square[b]*m/(m-1)) / float64(n)
		case m == 1:
			deviation[b] = t.n / 2 / float64(n)
		}
	}
	return distance, deviation
}

// deviation is the standard error of the sum of distances, to first order: a
// cluster moves each bin's sum in the direction in which the bin is off.
func (r *residuals) deviation(n int) float64 {
	square := 0.0
	for _, cluster := range r.clusters {
		moved := 0.0
		for _, one := range cluster {
			t := r.total[one.bin]
			moved += math.Copysign(1, t.sum) * (one.sum - one.n*t.sum/t.n)
		}
		square += moved * moved
	}
	m := float64(len(r.clusters))
	return math.Sqrt(square*m/(m-1)) / float64(n)
}
