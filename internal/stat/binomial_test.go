package stat_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// The figures are those of Newcombe 1998, Statistics in Medicine 17:857, table
// I: methods 5 (exact) and 3 (score).
func TestBinomialIntervalsAsPublished(t *testing.T) {
	for _, c := range []struct {
		k, n          int
		exact, wilson stat.Interval
	}{
		{81, 263, stat.Interval{Low: 0.2527, High: 0.3676}, stat.Interval{Low: 0.2553, High: 0.3662}},
		{15, 148, stat.Interval{Low: 0.0578, High: 0.1617}, stat.Interval{Low: 0.0624, High: 0.1605}},
		{0, 20, stat.Interval{Low: 0, High: 0.1684}, stat.Interval{Low: 0, High: 0.1611}},
		{1, 29, stat.Interval{Low: 0.0009, High: 0.1776}, stat.Interval{Low: 0.0061, High: 0.1718}},
	} {
		exact, err := stat.ClopperPearson(c.k, c.n, 0.95)
		if err != nil || !near(exact, c.exact, 5e-5) {
			t.Errorf("Clopper-Pearson of %d/%d: %+v (%v), want %+v", c.k, c.n, exact, err, c.exact)
		}
		wilson, err := stat.Wilson(c.k, c.n, 0.95)
		if err != nil || !near(wilson, c.wilson, 5.1e-5) {
			t.Errorf("Wilson of %d/%d: %+v (%v), want %+v", c.k, c.n, wilson, err, c.wilson)
		}
	}
}

func near(a, b stat.Interval, tolerance float64) bool {
	return math.Abs(a.Low-b.Low) <= tolerance && math.Abs(a.High-b.High) <= tolerance
}

// The bound is checked against its definition, with the binomial tail summed
// in 200-bit arithmetic.
func TestClopperPearsonUpperSolvesTheTail(t *testing.T) {
	for _, c := range []struct {
		k, n  int
		alpha float64
	}{
		{0, 1, 0.05}, {1, 2, 0.5}, {3, 50, 0.045}, {49, 50, 1e-6}, {12, 700, 0.05}, {5, 20000, 1e-4}, {900, 1000, 0.01}, {1, 100000, 0.2},
	} {
		bound, err := stat.ClopperPearsonUpper(c.k, c.n, c.alpha)
		if err != nil {
			t.Fatal(err)
		}
		if tail := tail(c.k, c.n, bound); math.Abs(tail/c.alpha-1) > 1e-7 {
			t.Errorf("P(X ≤ %d; %d, %v) = %v, want %v", c.k, c.n, bound, tail, c.alpha)
		}
		got, err := stat.BinomialAtMost(c.k, c.n, bound)
		if want := tail(c.k, c.n, bound); err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("BinomialAtMost(%d, %d, %v) = %v (%v), want %v", c.k, c.n, bound, got, err, want)
		}
	}
}

func tail(k, n int, p float64) float64 {
	exact := func(x float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(x) }
	q := new(big.Float).Sub(exact(1), exact(p))
	term := exact(1)
	for power, left := new(big.Float).Copy(q), n; left > 0; left >>= 1 { // (1−p)^n
		if left&1 == 1 {
			term.Mul(term, power)
		}
		power = new(big.Float).Mul(power, power)
	}
	odds := new(big.Float).Quo(exact(p), q)
	sum := new(big.Float).Copy(term)
	for i := range k {
		term.Mul(term, odds)
		term.Mul(term, exact(float64(n-i)))
		term.Quo(term, exact(float64(i+1)))
		sum.Add(sum, term)
	}
	out, _ := sum.Float64()
	return out
}

func TestBinomialProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		alpha := rapid.Float64Range(1e-6, 0.5).Draw(t, "alpha")
		p := float64(k) / float64(n)
		upper, err := stat.ClopperPearsonUpper(k, n, alpha)
		if err != nil || upper < p || upper > 1 {
			t.Fatalf("upper bound %v (%v) of %v", upper, err, p)
		}
		lower, err := stat.ClopperPearsonLower(k, n, alpha)
		if err != nil || lower > p || lower < 0 {
			t.Fatalf("lower bound %v (%v) of %v", lower, err, p)
		}
		if k < n {
			more, _ := stat.ClopperPearsonUpper(k+1, n, alpha)
			if more < upper {
				t.Fatalf("%d events give %v, %d give %v", k, upper, k+1, more)
			}
		}
		surer, _ := stat.ClopperPearsonUpper(k, n, alpha/2)
		if surer < upper {
			t.Fatalf("at half the error the bound %v is below %v", surer, upper)
		}
		w, err := stat.Rate(k, n, 0.95)
		if err != nil || !w.Contains(p) || w.Low < 0 || w.High > 1 {
			t.Fatalf("Wilson %+v (%v) of %v", w, err, p)
		}
	})
}

func TestUndefinedIsSaid(t *testing.T) {
	yes := []bool{true, true}
	for name, call := range map[string]func() error{
		"no trials":         func() error { _, err := stat.ClopperPearsonUpper(0, 0, 0.05); return err },
		"too many events":   func() error { _, err := stat.Wilson(3, 2, 0.95); return err },
		"level of 1":        func() error { _, err := stat.ClopperPearson(1, 2, 1); return err },
		"level NaN":         func() error { _, err := stat.ClopperPearsonLower(1, 2, math.NaN()); return err },
		"no pairs":          func() error { _, err := stat.Pairs{}.Difference(0.95); return err },
		"no discordance":    func() error { _, err := stat.Pairs{Both: 5}.McNemar(); return err },
		"unequal lengths":   func() error { _, err := stat.CountPairs(yes, yes[:1]); return err },
		"one class":         func() error { _, err := stat.AUROC([]float64{1, 2}, yes, 0.95); return err },
		"NaN score":         func() error { _, err := stat.AUROC([]float64{1, math.NaN()}, []bool{true, false}, 0.95); return err },
		"no forecasts":      func() error { _, err := stat.ECE(nil, nil, 10); return err },
		"not a probability": func() error { _, err := stat.Brier([]float64{1.2, 0}, yes); return err },
		"empty quantile":    func() error { _, err := stat.Quantiles(nil, 0.5); return err },
		"no gap": func() error {
			r, _ := stat.Route([]float64{1}, []float64{1}, []float64{1})
			_, err := r.APGR()
			return err
		},
		"one example": func() error { _, err := stat.Bootstrap{}.Mean([]float64{1}); return err },
		"ratio by 0": func() error {
			z := []float64{0, 0}
			_, err := stat.Bootstrap{}.Paired(z, z, stat.MeanRatio)
			return err
		},
	} {
		if err := call(); !errors.Is(err, stat.ErrUndefined) {
			t.Errorf("%s: %v, want ErrUndefined", name, err)
		}
	}
}
