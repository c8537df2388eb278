package fit

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// At the minimum the gradient is zero: the residuals weighted by each column
// equal the penalty times the weight.
func TestLogisticFindsTheMinimum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(10, 60).Draw(t, "n")
		penalty := rapid.Float64Range(0.01, 100).Draw(t, "penalty")
		x := &matrix{columns: 3}
		y, rows := make([]float64, n), make([]int, n)
		for i := range n {
			rows[i] = i
			y[i] = float64(rapid.IntRange(0, 1).Draw(t, "y"))
			for range 3 {
				x.data = append(x.data, rapid.Float64Range(-4, 4).Draw(t, "x"))
			}
		}
		y[0], y[1] = 0, 1
		m := logistic(x, y, rows, []float64{penalty, penalty, penalty}, nil)
		var gradient [4]float64
		for i := range n {
			residual := y[i] - policy.Logistic(m.logit(x.row(i)))
			gradient[0] += residual
			for j, v := range x.row(i) {
				gradient[j+1] += residual * v
			}
		}
		for j, g := range gradient {
			if j > 0 {
				g -= penalty * m.weights[j-1]
			}
			if math.Abs(g) > 1e-3*float64(n) {
				t.Fatalf("gradient %d is %v at %+v", j, g, m)
			}
		}
	})
}

// Separable classes, rare classes and single classes all give finite weights.
func TestLogisticStaysFinite(t *testing.T) {
	x := &matrix{columns: 1, data: []float64{-3, -2, -1, 1, 2, 3}}
	rows := []int{0, 1, 2, 3, 4, 5}
	for name, y := range map[string][]float64{
		"separable": {0, 0, 0, 1, 1, 1}, "all": {1, 1, 1, 1, 1, 1}, "none": {0, 0, 0, 0, 0, 0}, "one": {0, 0, 1, 0, 0, 0},
	} {
		m := logistic(x, y, rows, []float64{mapPenalty}, nil)
		if !(math.Abs(m.intercept) < 1e3 && math.Abs(m.weights[0]) < 1e3) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// Cross-fitted log-odds of pure noise rank like noise, where in-sample ones
// would seem to know something.
func TestCrossFittingIsHonest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const n, columns = 300, 40
	x := &matrix{columns: columns, data: make([]float64, n*columns), group: make([]int, columns)}
	for i := range x.data {
		x.data[i] = random.NormFloat64()
	}
	y, happened, rows, fold := make([]float64, n), make([]bool, n), make([]int, n), make([]int, n)
	for i := range n {
		happened[i] = random.Float64() < 0.5
		y[i], rows[i], fold[i] = indicator(happened[i]), i, random.IntN(5)
	}
	h, err := fitHead(context.Background(), x, y, rows, fold, 5)
	if err != nil {
		t.Fatal(err)
	}
	h.model = logistic(x, y, rows, slices.Repeat([]float64{1}, columns), nil)
	sample := make([]float64, n)
	for i := range n {
		sample[i] = h.logit(x.row(i))
	}
	crossed, _ := stat.AUROC(h.crossed, happened, 0.95)
	inside, _ := stat.AUROC(sample, happened, 0.95)
	if crossed.Value > 0.6 || inside.Value < 0.65 {
		t.Errorf("area %v cross-fitted and %v in-sample", crossed.Value, inside.Value)
	}
}

// Isotonic regression is checked against the min-max formula (Barlow et al.
// 1972): the value at i is max over a ≤ i of min over b ≥ i of the mean of
// a…b.
func TestIsotonicIsTheMinMaxFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		scores, targets := make([]float64, n), make([]float64, n)
		at := 0.0
		for i := range n {
			at += rapid.Float64Range(0.01, 0.07).Draw(t, "step")
			scores[i] = at
			targets[i] = float64(rapid.IntRange(0, 1).Draw(t, "target"))
		}
		m := isotonic(scores, targets, 0, 1, 0, 1)
		blocks := map[float64][]float64{} // scores by fitted value
		want := make([]float64, n)
		for i := range n {
			want[i] = math.Inf(-1)
			for a := 0; a <= i; a++ {
				least := math.Inf(1)
				for b := i; b < n; b++ {
					sum := 0.0
					for k := a; k <= b; k++ {
						sum += targets[k]
					}
					least = min(least, sum/float64(b-a+1))
				}
				want[i] = max(want[i], least)
			}
			blocks[want[i]] = append(blocks[want[i]], scores[i])
		}
		// The polygon passes through the middle of each block.
		for value, members := range blocks {
			middle := 0.0
			for _, s := range members {
				middle += s / float64(len(members))
			}
			got := m.Uplift(middle)
			if math.Abs(got-((1-blend)*value+blend*middle)) > 1e-5 {
				t.Fatalf("at %v the map gives %v, want %v", middle, got, value)
			}
		}
		last := math.Inf(-1)
		for s := 0.0; s <= 1; s += 1.0 / 64 {
			if v := m.Uplift(s); v <= last {
				t.Fatalf("the map does not increase at %v: %v after %v", s, v, last)
			} else {
				last = v
			}
		}
	})
}

// Each calibrator recovers the distortion of log-odds that it is for, and the
// simplest that does is taken: isotonic regression only where no curve fits, and
// only with many labels.
func TestCalibratorsRecoverTheTruth(t *testing.T) {
	sharp := func(z float64) float64 { return policy.Logistic(0.5 * z) } // overconfident by a factor of two
	biased := func(z float64) float64 { return policy.Logistic(0.5*z - 0.9) }
	steps := func(z float64) float64 { return 0.15 + 0.4*indicator(z > -1) + 0.35*indicator(z > 2) }
	for _, c := range []struct {
		name    string
		n       int
		truth   func(z float64) float64
		methods []policy.Method
		within  float64
	}{
		{"overconfident", 300, sharp, []policy.Method{policy.MethodTemperature}, 0.04},
		{"overconfident", 6000, sharp, []policy.Method{policy.MethodTemperature}, 0.02},
		{"biased", 600, biased, []policy.Method{policy.MethodPlatt, policy.MethodBeta}, 0.04},
		{"biased", 6000, biased, []policy.Method{policy.MethodPlatt, policy.MethodBeta}, 0.02},
		{"steps", 6000, steps, []policy.Method{policy.MethodIsotonic}, 0.03},
	} {
		random := rand.New(rand.NewPCG(5, 5))
		z, happened, fold := make([]float64, c.n), make([]bool, c.n), make([]int, c.n)
		for i := range z {
			z[i] = 3 * random.NormFloat64()
			happened[i] = random.Float64() < c.truth(z[i])
			fold[i] = random.IntN(5)
		}
		m := mapProbability(z, happened, fold, 5)
		if !slices.Contains(c.methods, m.Method) {
			t.Errorf("%s, %d labels: method %s, want one of %s", c.name, c.n, m.Method, c.methods)
		}
		distance := 0.0
		for _, v := range z {
			distance += math.Abs(m.Probability(v)-c.truth(v)) / float64(c.n)
		}
		if distance > c.within {
			t.Errorf("%s: %s of %d labels is %.3f from the truth on average", c.name, m.Method, c.n, distance)
		}
	}
}

// A head that says the reverse of the truth is calibrated to the mean, not
// turned round.
func TestReversedScoreIsNotBelieved(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	z, happened, fold := make([]float64, 500), make([]bool, 500), make([]int, 500)
	for i := range z {
		z[i] = random.NormFloat64()
		happened[i] = random.Float64() < policy.Logistic(-z[i])
		fold[i] = i % 5
	}
	m := mapProbability(z, happened, fold, 5)
	if low, high := m.Probability(-3), m.Probability(3); low > high || high-low > 0.05 {
		t.Errorf("%+v: %v at -3, %v at 3", m, low, high)
	}
}
