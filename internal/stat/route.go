package stat

import (
	"math"
	"slices"
)

// Routing is how quality follows the share of requests that go to the strong
// model, as RouteLLM measures it (Ong et al. 2024, section 3; evaluate.py and
// benchmarks.py of lm-sys/RouteLLM).
type Routing struct {
	Weak   float64 `json:"weak"`   // mean quality of the weak model alone
	Strong float64 `json:"strong"` // and of the strong one
	// Curve has its points by increasing share of strong calls, from none to
	// all.
	Curve []RoutePoint `json:"curve"`
}

// RoutePoint is one threshold: requests with at least that score go to the
// strong model.
type RoutePoint struct {
	Threshold float64 `json:"threshold"`
	Share     float64 `json:"share"`   // of requests that go to the strong model
	Quality   float64 `json:"quality"` // mean over all requests
}

// RouteBins is the number of equal bins of the score whose edges are
// RouteLLM's thresholds.
const RouteBins = 10

// Route measures a routing score. The score is higher where the strong model
// is worth more; weak and strong are the quality of either model's answer, 0
// or 1 or a grade in between. Thresholds are the edges of ten equal bins of
// the score: eleven quantiles, of which the last sends nothing to the strong
// model (its comparison is strict).
func Route(score, weak, strong []float64) (Routing, error) {
	var r Routing
	n := len(score)
	if n == 0 || len(weak) != n || len(strong) != n {
		return r, undefined("%d scores for %d and %d qualities", n, len(weak), len(strong))
	}
	for _, column := range [][]float64{score, weak, strong} {
		if err := finite(column); err != nil {
			return r, err
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
		r.Weak += weak[i]
		r.Strong += strong[i]
	}
	weakSum := r.Weak
	r.Weak /= float64(n)
	r.Strong /= float64(n)
	slices.SortFunc(order, func(i, j int) int {
		switch {
		case score[i] > score[j]:
			return -1
		case score[i] < score[j]:
			return 1
		}
		return i - j
	})
	ascending := make([]float64, n)
	for i, o := range order {
		ascending[n-1-i] = score[o]
	}
	// From the highest score down, the requests at or above each threshold
	// move to the strong model.
	r.Curve = append(r.Curve, RoutePoint{ascending[n-1], 0, r.Weak})
	moved, quality := 0, weakSum
	for bin := RouteBins - 1; bin >= 0; bin-- {
		threshold := interpolate(ascending, float64(bin)/RouteBins)
		for moved < n && score[order[moved]] >= threshold {
			quality += strong[order[moved]] - weak[order[moved]]
			moved++
		}
		r.Curve = append(r.Curve, RoutePoint{threshold, float64(moved) / float64(n), quality / float64(n)})
	}
	return r, nil
}

func (r Routing) gap() (float64, error) {
	gap := r.Strong - r.Weak
	if math.Abs(gap) < 1e-12 {
		return 0, undefined("both models have quality %.4g: there is no gap to recover", r.Weak)
	}
	return gap, nil
}

// Crossing is where a curve first reaches a quality.
type Crossing struct {
	Share float64 `json:"share"` // of strong calls
	// Monotone says that quality never falls along the curve. Where it does,
	// RouteLLM's own program, which interpolates with numpy.interp, gives a
	// number without meaning; the Share here is the first crossing all the
	// same.
	Monotone bool `json:"monotone"`
}

// CPT is the call-performance threshold: the share of strong calls at which
// quality first reaches the weak model's plus p times the gap, linear between
// the points of the curve. p is in [0, 1]; CPT(0.5) is what RouteLLM calls
// CPT(50%).
func (r Routing) CPT(p float64) (Crossing, error) {
	c := Crossing{Monotone: true}
	gap, err := r.gap()
	if err != nil {
		return c, err
	}
	if gap < 0 {
		return c, undefined("the strong model is worse than the weak one by %.4g", -gap)
	}
	if !(p >= 0 && p <= 1) {
		return c, undefined("a share %v of the gap", p)
	}
	target := r.Weak + p*gap
	found := false
	for i, point := range r.Curve {
		if i > 0 && point.Quality < r.Curve[i-1].Quality-1e-12 {
			c.Monotone = false
		}
		// The last point is the strong model alone; rounding must not hide it.
		if found || point.Quality < target && i < len(r.Curve)-1 {
			continue
		}
		found = true
		c.Share = point.Share
		if i > 0 && point.Quality > target {
			left := r.Curve[i-1]
			c.Share = left.Share + (point.Share-left.Share)*(target-left.Quality)/(point.Quality-left.Quality)
		}
	}
	return c, nil
}

// APGR is the average performance gap recovered: the area between the curve
// and the weak model, as a share of the area between the two models, by the
// trapezoid rule over the share of strong calls. Random routing has 0.5; a
// perfect oracle can exceed 1, because it also keeps what only the weak model
// gets right.
func (r Routing) APGR() (float64, error) {
	gap, err := r.gap()
	if err != nil {
		return 0, err
	}
	area, span := 0.0, 0.0
	for i := 1; i < len(r.Curve); i++ {
		a, b := r.Curve[i-1], r.Curve[i]
		area += (b.Share - a.Share) * ((a.Quality+b.Quality)/2 - r.Weak)
		span += b.Share - a.Share
	}
	return area / (gap * span), nil
}
