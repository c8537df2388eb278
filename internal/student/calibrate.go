package student

import "math"

// The inverse temperature is kept within these bounds. At the upper one, a
// difference of one between two SVM scores is odds of e^50; data that wants
// more is separable and says nothing about how sure to be.
const (
	minBeta     = 1e-3
	maxBeta     = 50
	defaultBeta = 3
)

// softmax turns scores into probabilities in place: exp(beta s) normalised,
// with the largest score taken out first so that nothing overflows.
func softmax(scores []float64, beta float64) {
	top := scores[argmax(scores)]
	sum := 0.0
	for i, s := range scores {
		scores[i] = math.Exp(beta * (s - top))
		sum += scores[i]
	}
	for i := range scores {
		scores[i] /= sum
	}
}

// argmax returns the index of the largest element, the first of equals.
func argmax(xs []float64) int {
	best := 0
	for i, x := range xs {
		if x > xs[best] {
			best = i
		}
	}
	return best
}

// fitTemperature returns the inverse temperature beta = 1/T at which the
// held-out labels are most likely (temperature scaling, Guo et al. 2017). It is
// a default where nothing was held out.
//
// The negative log-likelihood is convex in beta: its derivative is the sum
// over examples of E_p[s] - s_label, its second derivative that of Var_p[s].
// Newton's method is kept inside a bracket of the root by bisection.
func (h *heldOut) fitTemperature() float64 {
	lo, hi, beta := float64(minBeta), float64(maxBeta), float64(defaultBeta)
	inScope := false
	for _, c := range h.class {
		inScope = inScope || c >= 0
	}
	if !inScope {
		return defaultBeta
	}
	for range 40 {
		slope, curvature := h.slope(beta)
		if slope > 0 {
			hi = beta
		} else {
			lo = beta
		}
		next := beta - slope/curvature
		if !finite(next) || next <= lo || next >= hi {
			next = math.Sqrt(lo * hi)
		}
		if math.Abs(next-beta) < 1e-6*beta {
			return next
		}
		beta = next
	}
	return beta
}

// slope returns the first two derivatives of the negative log-likelihood.
func (h *heldOut) slope(beta float64) (first, second float64) {
	for i, c := range h.class {
		if c < 0 {
			continue
		}
		row := h.row(i)
		top := row[0]
		for _, s := range row {
			top = max(top, s)
		}
		var z, mean, square float64
		for _, s := range row {
			d := float64(s - top)
			if beta*d < -40 {
				continue // a share below 1e-17 of the likelihood.
			}
			p := math.Exp(beta * d)
			z += p
			mean += p * d
			square += p * d * d
		}
		mean /= z
		first += mean - float64(row[c]-top)
		second += square/z - mean*mean
	}
	return first, second
}
