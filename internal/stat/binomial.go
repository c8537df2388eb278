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
