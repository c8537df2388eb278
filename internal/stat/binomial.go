package stat

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

func trials(k, n int) error {
	if n < 1 {
		return undefined("no trials")
	}
	if k < 0 || k > n {
		return undefined("%d successes in %d trials", k, n)
	}
	return nil
}

// ClopperPearsonUpper is the exact one-sided upper confidence bound of a
// binomial proportion with k successes in n trials: the p at which k or fewer
// successes have probability alpha (Clopper and Pearson 1934). It is below the
// true proportion with probability at most alpha.
func ClopperPearsonUpper(k, n int, alpha float64) (float64, error) {
	if err := trials(k, n); err != nil {
		return 0, err
	}
	if err := level("alpha", alpha); err != nil {
		return 0, err
	}
	switch k {
	case n:
		return 1, nil
	case 0: // closed form: (1−p)^n = alpha
		return -math.Expm1(math.Log(alpha) / float64(n)), nil
	}
	// P(X ≤ k) = 1 − I_p(k+1, n−k), so p is the 1−alpha quantile of
	// Beta(k+1, n−k); taken from the other tail for the sake of small alphas.
	return 1 - betaQuantile(float64(n-k), float64(k+1), alpha), nil
}

// ClopperPearsonLower is the exact one-sided lower confidence bound: the p at
// which k or more successes have probability alpha. It is above the true
// proportion with probability at most alpha.
func ClopperPearsonLower(k, n int, alpha float64) (float64, error) {
	upper, err := ClopperPearsonUpper(n-k, n, alpha)
	return 1 - upper, err
}

// ClopperPearson is the exact two-sided interval, whose ends are the one-sided
// bounds at half the error each.
func ClopperPearson(k, n int, confidence float64) (Interval, error) {
	if err := level("confidence", confidence); err != nil {
		return Interval{}, err
	}
	low, err := ClopperPearsonLower(k, n, (1-confidence)/2)
	if err != nil {
		return Interval{}, err
	}
	high, err := ClopperPearsonUpper(k, n, (1-confidence)/2)
	return Interval{low, high}, err
}

// betaQuantile is the x at which I_x(a, b) = p. The inverse that mathext
// computes is polished by bisection, because its error is not documented and
// a certificate rests on it: the result is within 1e-14 or a relative 1e-12 of
// the root of mathext's forward function.
func betaQuantile(a, b, p float64) float64 {
	x := mathext.InvRegIncBeta(a, b, p)
	// A bracket around the first guess, widened until it holds the root.
	low, high := x, x
	for step := 1e-12 * max(x, 1e-3); ; step *= 16 {
		low = max(0, x-step)
		if low == 0 || mathext.RegIncBeta(a, b, low) <= p {
			break
		}
	}
	for step := 1e-12 * max(x, 1e-3); ; step *= 16 {
		high = min(1, x+step)
		if high == 1 || mathext.RegIncBeta(a, b, high) >= p {
			break
		}
	}
	for range 200 {
		if high-low <= max(1e-14, 1e-12*high) {
			break
		}
		middle := low + (high-low)/2
		if mathext.RegIncBeta(a, b, middle) < p {
			low = middle
		} else {
			high = middle
		}
	}
	return low // the lower end: a Clopper-Pearson bound then errs to the safe side
}

// Wilson is the score interval of a binomial proportion (Wilson 1927). Its
// average coverage is close to the nominal one, which the exact interval
// exceeds: use it to show rates, and the exact one to promise them.
func Wilson(k, n int, confidence float64) (Interval, error) {
	if err := trials(k, n); err != nil {
		return Interval{}, err
	}
	if err := level("confidence", confidence); err != nil {
		return Interval{}, err
	}
	z := distuv.UnitNormal.Quantile(1 - (1-confidence)/2)
	count, p := float64(n), float64(k)/float64(n)
	middle := p + z*z/(2*count)
	half := z * math.Sqrt(p*(1-p)/count+z*z/(4*count*count))
	scale := 1 + z*z/count
	i := Interval{max(0, (middle-half)/scale), min(1, (middle+half)/scale)}
	if k == 0 {
		i.Low = 0
	}
	if k == n {
		i.High = 1
	}
	return i, nil
}

// Rate is a proportion with its Wilson interval.
func Rate(k, n int, confidence float64) (Estimate, error) {
	i, err := Wilson(k, n, confidence)
	if err != nil {
		return Estimate{}, err
	}
	return Estimate{float64(k) / float64(n), i}, nil
}

// BinomialAtMost is P(X ≤ k) for X ~ Binomial(n, p).
func BinomialAtMost(k, n int, p float64) (float64, error) {
	switch {
	case n < 0 || !(p >= 0 && p <= 1):
		return 0, undefined("a binomial of %d trials at %v", n, p)
	case k < 0:
		return 0, nil
	case k >= n || p == 0:
		return 1, nil
	case p == 1:
		return 0, nil
	}
	return mathext.RegIncBeta(float64(n-k), float64(k+1), 1-p), nil
}

// MaxExamples bounds the answers of [ExamplesNeeded].
const MaxExamples = 100_000_000

// ExamplesNeeded is how many fresh examples would do to show, at error level
// delta and by a Clopper-Pearson bound, that events which really happen at the
// given rate happen in at most a share epsilon of all examples. It is the
// smallest n for which the bound is at most epsilon when ⌈rate·n⌉ events are
// seen: with fewer examples not even the expected number would do, and with n
// the chance of success is about one half; a rate that is set somewhat higher
// than expected buys a margin.
//
// It is undefined where the rate is not below epsilon: then no number would
// do. At rate 0 it is ⌈ln delta / ln(1 − epsilon)⌉, the "rule of three".
func ExamplesNeeded(epsilon, delta, rate float64) (int, error) {
	if err := level("epsilon", epsilon); err != nil {
		return 0, err
	}
	if err := level("delta", delta); err != nil {
		return 0, err
	}
	if !(rate >= 0) {
		return 0, undefined("a rate of %v", rate)
	}
	if rate >= epsilon {
		return 0, undefined("no number of examples shows that events at a rate of %.4g happen in at most %.4g", rate, epsilon)
	}
	if rate == 0 {
		return fit(math.Ceil(math.Log(delta)/math.Log1p(-epsilon)), epsilon, rate)
	}
	// For a number of events k the needed n grows with k; the answer is the
	// smallest n(k) for which k covers ⌈rate·n⌉. Whether k events do is
	// monotone only up to the rounding of rate·n, so k is doubled until it
	// does and then searched downwards in the last octave.
	enough := func(k int) (int, bool) {
		n, err := trialsFor(k, epsilon, delta)
		return n, err == nil && math.Ceil(rate*float64(n)) <= float64(k)
	}
	high := 1
	for {
		n, ok := enough(high)
		if ok {
			break
		}
		if n == 0 || n > MaxExamples {
			return 0, undefined("more than %d examples: a rate of %.4g is too close to %.4g", MaxExamples, rate, epsilon)
		}
		high *= 2
	}
	low := high / 2
	for high-low > 1 {
		middle := low + (high-low)/2
		if _, ok := enough(middle); ok {
			high = middle
		} else {
			low = middle
		}
	}
	n, _ := enough(high)
	return fit(float64(n), epsilon, rate)
}

func fit(n, epsilon, rate float64) (int, error) {
	if n > MaxExamples {
		return 0, undefined("more than %d examples: a rate of %.4g is too close to %.4g", MaxExamples, rate, epsilon)
	}
	return max(1, int(n)), nil
}

// trialsFor is the smallest n at which k events have an upper bound of at most
// epsilon, which is the smallest n with P(X ≤ k; n, epsilon) ≤ delta.
func trialsFor(k int, epsilon, delta float64) (int, error) {
	low, high := k, max(2*k, 16)
	for {
		p, err := BinomialAtMost(k, high, epsilon)
		if err != nil {
			return 0, err
		}
		if p <= delta {
			break
		}
		if high > 4*MaxExamples {
			return 0, undefined("more than %d examples", MaxExamples)
		}
		low, high = high, 2*high
	}
	for high-low > 1 {
		middle := low + (high-low)/2
		if p, _ := BinomialAtMost(k, middle, epsilon); p <= delta {
			high = middle
		} else {
			low = middle
		}
	}
	return high, nil
}
