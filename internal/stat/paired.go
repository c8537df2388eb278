package stat

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Pairs counts how two systems did on the same examples.
type Pairs struct {
	Both       int `json:"both"`        // both right
	OnlyFirst  int `json:"only_first"`  // the first right, the second wrong
	OnlySecond int `json:"only_second"` // the reverse
	Neither    int `json:"neither"`     // both wrong
}

// CountPairs counts two vectors of right and wrong on the same examples in the
// same order.
func CountPairs(first, second []bool) (Pairs, error) {
	var p Pairs
	if len(first) != len(second) {
		return p, undefined("%d and %d examples are not pairs", len(first), len(second))
	}
	for i := range first {
		switch {
		case first[i] && second[i]:
			p.Both++
		case first[i]:
			p.OnlyFirst++
		case second[i]:
			p.OnlySecond++
		default:
			p.Neither++
		}
	}
	return p, nil
}

// N is the number of pairs.
func (p Pairs) N() int { return p.Both + p.OnlyFirst + p.OnlySecond + p.Neither }

func (p Pairs) check() error {
	if p.Both < 0 || p.OnlyFirst < 0 || p.OnlySecond < 0 || p.Neither < 0 {
		return undefined("negative counts %+v", p)
	}
	if p.N() == 0 {
		return undefined("no pairs")
	}
	return nil
}

// Difference is the share of examples that the first system has right minus
// the share of the second, with Newcombe's square-and-add interval from
// Wilson's score intervals and a corrected correlation (Newcombe 1998,
// Statistics in Medicine 17:2635, method 10).
func (p Pairs) Difference(confidence float64) (Estimate, error) {
	if err := p.check(); err != nil {
		return Estimate{}, err
	}
	n := p.N()
	k1, k2 := p.Both+p.OnlyFirst, p.Both+p.OnlySecond
	first, err := Rate(k1, n, confidence)
	if err != nil {
		return Estimate{}, err
	}
	second, err := Rate(k2, n, confidence)
	if err != nil {
		return Estimate{}, err
	}
	phi := p.correlation()
	combine := func(x, y float64) float64 { return math.Sqrt(max(0, x*x-2*phi*x*y+y*y)) }
	d := float64(p.OnlyFirst-p.OnlySecond) / float64(n)
	return Estimate{d, Interval{
		max(-1, d-combine(first.Value-first.Low, second.High-second.Value)),
		min(1, d+combine(first.High-first.Value, second.Value-second.Low)),
	}}, nil
}

// correlation is the phi coefficient with Newcombe's continuity correction
// towards zero for positive ones; 0 where a margin is empty.
func (p Pairs) correlation() float64 {
	a, b, c, d := float64(p.Both), float64(p.OnlyFirst), float64(p.OnlySecond), float64(p.Neither)
	margins := (a + b) * (c + d) * (a + c) * (b + d)
	if margins == 0 {
		return 0
	}
	top := a*d - b*c
	if top > 0 {
		top = max(0, top-float64(p.N())/2)
	}
	return top / math.Sqrt(margins)
}

// TangoDifference is the same difference with the asymptotic score interval
// (Tango 1998, Statistics in Medicine 17:891). It is the set of differences
// that the score test does not reject, found by bisection to 1e-12.
func (p Pairs) TangoDifference(confidence float64) (Estimate, error) {
	if err := p.check(); err != nil {
		return Estimate{}, err
	}
	if err := level("confidence", confidence); err != nil {
		return Estimate{}, err
	}
	z := distuv.UnitNormal.Quantile(1 - (1-confidence)/2)
	d := float64(p.OnlyFirst-p.OnlySecond) / float64(p.N())
	// The statistic decreases in the hypothetical difference.
	solve := func(low, high, target float64) float64 {
		for high-low > 1e-12 {
			middle := (low + high) / 2
			if p.tango(middle) > target {
				low = middle
			} else {
				high = middle
			}
		}
		return (low + high) / 2
	}
	return Estimate{d, Interval{solve(-1, d, z), solve(d, 1, -z)}}, nil
}

// tango is the score statistic for the hypothesis that the true difference is
// delta (Tango 1998, equations 2 to 4).
func (p Pairs) tango(delta float64) float64 {
	n, b, c := float64(p.N()), float64(p.OnlyFirst), float64(p.OnlySecond)
	if math.Abs(delta) >= 1 { // the variance is 0 at the ends
		return math.Inf(int(-delta))
	}
	// The restricted maximum-likelihood estimate of P(only second), from
	// 2n·q² + B·q + C = 0.
	quad := -b - c + (2*n-b+c)*delta
	last := -c * delta * (1 - delta)
	q := (math.Sqrt(max(0, quad*quad-8*n*last)) - quad) / (4 * n)
	variance := n * (2*q + delta*(1-delta))
	top := b - c - n*delta
	if variance <= 0 {
		if top == 0 {
			return 0
		}
		return math.Inf(int(math.Copysign(1, top)))
	}
	return top / math.Sqrt(variance)
}

// McNemar is the exact two-sided p-value for the hypothesis that the two
// systems are right equally often: twice the smaller binomial tail of the
// discordant pairs at one half, at most 1. It is undefined without discordant
// pairs, about which there is nothing to test.
func (p Pairs) McNemar() (float64, error) {
	if err := p.check(); err != nil {
		return 0, err
	}
	discordant := p.OnlyFirst + p.OnlySecond
	if discordant == 0 {
		return 0, undefined("the systems agree on all %d examples", p.N())
	}
	tail, err := BinomialAtMost(min(p.OnlyFirst, p.OnlySecond), discordant, 0.5)
	return min(1, 2*tail), err
}
