// Package stat holds the statistics that the other packages rely on:
// binomial intervals, paired comparisons, the bootstrap, the quality of
// probabilities and of rankings. It knows nothing about models or requests.
//
// Every rate is meant to be shown with its interval, and every comparison of
// two systems on the same examples is paired. What cannot be computed is an
// error that wraps [ErrUndefined], with the reason; it is never a silent zero
// or NaN. Functions are pure, and safe for concurrent use; what is random
// takes a seed.
package stat

import (
	"errors"
	"fmt"
	"math"
)

// ErrUndefined is wrapped by every error that says that a statistic does not
// exist for the given data.
var ErrUndefined = errors.New("undefined")

// Interval is a confidence interval with both ends included.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Contains says whether x lies in the interval.
func (i Interval) Contains(x float64) bool { return i.Low <= x && x <= i.High }

// Estimate is a number with its uncertainty.
type Estimate struct {
	Value float64 `json:"value"`
	Interval
}

func undefined(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUndefined}, args...)...)
}

// level checks a confidence or error level, which lies strictly between 0 and
// 1.
func level(name string, x float64) error {
	if !(x > 0 && x < 1) {
		return undefined("%s %v, want between 0 and 1", name, x)
	}
	return nil
}

func finite(xs []float64) error {
	for i, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return undefined("value %d is %v", i, x)
		}
	}
	return nil
}
