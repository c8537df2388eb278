package fit

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/policy"
)

// drawn is a matrix of standard normal columns in two groups, and targets that
// only the first group's first column tells anything of.
func drawn(seed uint64, n, informative, noise int, slope float64) (x *matrix, y []float64, rows []int) {
	random := rand.New(rand.NewPCG(seed, 7))
	x = &matrix{columns: informative + noise}
	for range informative {
		x.group = append(x.group, 0)
	}
	for range noise {
		x.group = append(x.group, 1)
	}
	for i := range n {
		for range x.columns {
			x.data = append(x.data, random.NormFloat64())
		}
		y = append(y, indicator(random.Float64() < policy.Logistic(slope*x.row(i)[0])))
		rows = append(rows, i)
	}
	return x, y, rows
}

// A group without information has next to no weight, however many signals it has,
// and the one that tells something keeps what it tells.
func TestAGroupNeedsEvidence(t *testing.T) {
	for seed := range uint64(20) {
		x, y, rows := drawn(seed, 300, 1, 20, 1.5)
		m, _, spent := byEvidence(x, y, rows)
		noise := 0.0
		for _, w := range m.weights[1:] {
			noise += w * w
		}
		if m.weights[0] < 0.8 || spent[0] < 0.9 {
			t.Errorf("seed %d: weight %.2f, spent %.2f: the signal is lost", seed, m.weights[0], spent[0])
		}
		if math.Sqrt(noise) > m.weights[0]/2 {
			t.Errorf("seed %d: noise weighs %.2f against %.2f", seed, math.Sqrt(noise), m.weights[0])
		}
	}
}

// On fresh rows the evidence's prior is no worse than the best of fixed penalties,
// which nobody can know, by more than a little.
func TestEvidenceIsAsGoodAsTheBestPenalty(t *testing.T) {
	penalties := []float64{1, 10, 100, 1000}
	ours, fixed := 0.0, make([]float64, len(penalties))
	loss := func(m *model, x *matrix, y []float64) float64 {
		sum := 0.0
		for i := range y {
			z := m.logit(x.row(i))
			sum += softplus(z) - y[i]*z
		}
		return sum / float64(len(y))
	}
	const draws = 30
	for seed := range uint64(draws) {
		x, y, rows := drawn(seed, 150, 1, 20, 1)
		fresh, truth, _ := drawn(seed+1000, 2000, 1, 20, 1)
		m, _, _ := byEvidence(x, y, rows)
		ours += loss(&m, fresh, truth) / draws
		for k, penalty := range penalties {
			all := make([]float64, x.columns)
			for j := range all {
				all[j] = penalty
			}
			m := logistic(x, y, rows, all, nil)
			fixed[k] += loss(&m, fresh, truth) / draws
		}
	}
	for k, f := range fixed {
		if ours > f {
			t.Errorf("log loss %.4f by evidence, %.4f with penalty %v", ours, f, penalties[k])
		}
	}
}

// Targets of one class, no rows to speak of, and a column that separates the
// classes all end with finite weights.
func TestEvidenceStaysFinite(t *testing.T) {
	x, y, rows := drawn(1, 40, 2, 2, 1)
	for name, set := range map[string]func(i int) float64{
		"none": func(int) float64 { return 0 }, "all": func(int) float64 { return 1 },
		"separable": func(i int) float64 { return indicator(x.row(i)[0] > 0) },
		"one":       func(i int) float64 { return indicator(i == 3) },
	} {
		for i := range y {
			y[i] = set(i)
		}
		m, _, _ := byEvidence(x, y, rows)
		for _, w := range append(m.weights, m.intercept) {
			if !(math.Abs(w) < 100) {
				t.Errorf("%s: %+v", name, m)
				break
			}
		}
	}
}
