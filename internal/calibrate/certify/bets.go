package certify

import "math"

// ceiling keeps every bet this far below 1/m, where one unit could cost all of
// the wealth.
const ceiling = 0.95

// bet is the λ with which n units have the best chance to show a claim that
// holds by little: √(2·ln(1/δ) / (n·v)), where v is the mean square of a unit's
// sum (Waudby-Smith and Ramdas 2024, equation 24, with v from the pilot in place
// of a running estimate). To bet what made the pilot's wealth grow fastest
// would be timid where it matters: near the boundary.
//
// drop bounds how far below 0 a sum can be.
func bet(delta float64, n int, pilot []float64, drop float64) float64 {
	limit := ceiling / drop
	square := 0.0
	for _, s := range pilot {
		square += s * s
	}
	square /= float64(max(len(pilot), 1))
	// Before anything is known the variance is that of a coin.
	square += 0.25 * drop * drop / float64(len(pilot)+1) / float64(len(pilot)+1)
	return min(math.Sqrt(2*math.Log(1/delta)/(float64(n)*square)), limit)
}

// peak is the logarithm of the most that a wealth of 1 grows to over the sums in
// their order, betting λ on each.
func peak(sums []float64, lambda float64) float64 {
	at, best := 0.0, 0.0
	for _, s := range sums {
		at += math.Log1p(lambda * s)
		best = max(best, at)
	}
	return best
}
