package student

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestSoftmax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 2, 20).Draw(t, "scores")
		beta := rapid.Float64Range(minBeta, maxBeta).Draw(t, "beta")
		top := argmax(scores)
		softmax(scores, beta)
		sum := 0.0
		for _, p := range scores {
			if !(p >= 0 && p <= 1) {
				t.Fatalf("probability %v", p)
			}
			sum += p
		}
		if math.Abs(sum-1) > 1e-9 || scores[top] < scores[argmax(scores)] {
			t.Fatalf("sum %v, top moved to %d", sum, argmax(scores))
		}
	})
}

// sampled draws labels from the softmax of random scores at a known beta.
func sampled(rng *random, n, classes int, beta float64) *heldOut {
	uniform := func() float64 { return float64(rng.next()>>11) / (1 << 53) }
	h := &heldOut{classes: classes}
	for range n {
		p := make([]float64, classes)
		for c := range p {
			s := float32(2 * uniform())
			h.scores = append(h.scores, s)
			p[c] = float64(s)
		}
		softmax(p, beta)
		u, c := uniform(), 0
		for c < classes-1 && u > p[c] {
			u -= p[c]
			c++
		}
		h.class = append(h.class, int32(c))
		h.unseen = append(h.unseen, [numBlocks]float64{})
	}
	return h
}

// The temperature of labels that were drawn at a known one is found again,
// and the model that they are from is calibrated.
func TestTemperatureIsRecovered(t *testing.T) {
	for _, beta := range []float64{.5, 1, 3, 8} {
		h := sampled(&random{state: 3}, 20_000, 4, beta)
		got := h.fitTemperature()
		if math.Abs(got/beta-1) > .1 {
			t.Errorf("beta %v, want %v", got, beta)
		}
		if r := h.report(got); r.ECE > .02 || r.HeldOut != 20_000 {
			t.Errorf("beta %v: %+v", beta, r)
		}
		if first, _ := h.slope(got); math.Abs(first)/20_000 > 1e-4 {
			t.Errorf("beta %v: slope %v at the optimum", beta, first)
		}
	}
}

func TestTemperatureStaysInBounds(t *testing.T) {
	right := &heldOut{classes: 2, class: []int32{0, 1}, scores: []float32{1, -1, -1, 1}}
	wrong := &heldOut{classes: 2, class: []int32{1, 0}, scores: []float32{1, -1, -1, 1}}
	flat := &heldOut{classes: 2, class: []int32{1, 0}, scores: []float32{1, 1, 1, 1}}
	for _, h := range []*heldOut{right, wrong, flat} {
		if got := h.fitTemperature(); !(got >= minBeta && got <= maxBeta) {
			t.Errorf("beta %v", got)
		}
	}
	none := &heldOut{classes: 2, class: []int32{-1}, scores: []float32{1, 1}}
	if got := none.fitTemperature(); got != defaultBeta {
		t.Errorf("beta %v without examples", got)
	}
}

// The derivatives agree with differences of the likelihood itself.
func TestSlope(t *testing.T) {
	h := sampled(&random{state: 5}, 200, 5, 2)
	nll := func(beta float64) float64 { return h.report(beta).NLL * float64(len(h.class)) }
	const d = 1e-4
	for _, beta := range []float64{.3, 1, 4} {
		first, second := h.slope(beta)
		wantFirst := (nll(beta+d) - nll(beta-d)) / (2 * d)
		wantSecond := (nll(beta+d) - 2*nll(beta) + nll(beta-d)) / (d * d)
		if math.Abs(first-wantFirst) > 1e-3 || math.Abs(second-wantSecond) > 1e-2 {
			t.Errorf("beta %v: %v %v, want %v %v", beta, first, second, wantFirst, wantSecond)
		}
	}
}

func TestRank(t *testing.T) {
	q := []float64{0, 1, 1, 3, 5}
	for _, tt := range []struct{ x, want float64 }{
		{-1, 0}, {0, 0}, {.5, .125}, {1, .25}, {2, .625}, {5, 1}, {6, 1},
	} {
		if got := rank(q, tt.x); got != tt.want {
			t.Errorf("rank(%v) = %v, want %v", tt.x, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Float64Range(-2, 7).Draw(t, "a")
		b := rapid.Float64Range(-2, 7).Draw(t, "b")
		if a < b && rank(q, a) > rank(q, b) {
			t.Fatalf("rank falls from %v to %v", a, b)
		}
	})
}

func TestSolveCholesky(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b, x [scopeDim][scopeDim]float64
		for i := range b {
			for j := range b {
				b[i][j] = rapid.Float64Range(-1, 1).Draw(t, "b")
			}
		}
		var a [scopeDim][scopeDim]float64 // b b^T + I is positive definite.
		for i := range a {
			for j := range a {
				for k := range b {
					a[i][j] += b[i][k] * b[j][k]
				}
			}
			a[i][i]++
		}
		var right [scopeDim]float64
		for i := range right {
			x[0][i] = rapid.Float64Range(-5, 5).Draw(t, "x")
		}
		for i := range right {
			for j := range right {
				right[i] += a[i][j] * x[0][j]
			}
		}
		for i, got := range solveCholesky(a, right) {
			if math.Abs(got-x[0][i]) > 1e-9 {
				t.Fatalf("x[%d] = %v, want %v", i, got, x[0][i])
			}
		}
	})
}

// Foreign examples that differ in one measurement are told apart by it, and
// perfect separation does not blow the weights up.
func TestLogisticScope(t *testing.T) {
	var in, out [][scopeFeatures]float64
	for i := range 200 {
		noise := float64(i%10) / 10
		in = append(in, [scopeFeatures]float64{1 + noise, .5, noise, .1, .3})
		if i%20 == 0 {
			out = append(out, [scopeFeatures]float64{-2 - noise, .5, noise, .1, .3})
		}
	}
	s := logisticScope(in, out)
	for _, w := range append(s.weights[:], s.bias) {
		if !finite(w) || math.Abs(w) > 100 {
			t.Fatalf("weights %v %v", s.weights, s.bias)
		}
	}
	if a, b := s.score(in[0], .9), s.score(out[0], .9); a > .2 || b < .8 {
		t.Errorf("known %v, foreign %v", a, b)
	}
	if empty := (&scope{}).score(in[0], .75); empty != .25 {
		t.Errorf("without anything held out: %v", empty)
	}
}

// A measurement that near misses speak against by chance does not count for less
// foreign; one that speaks the right way does.
func TestMonotoneScope(t *testing.T) {
	var in, out [][scopeFeatures]float64
	rng := &random{state: 5}
	noise := func() float64 { return float64(rng.intn(1000)) / 1000 }
	for i := range 400 {
		in = append(in, [scopeFeatures]float64{1 + noise(), 0, 1 + noise(), noise(), noise()})
		if i%4 == 0 {
			out = append(out, [scopeFeatures]float64{noise(), 0, noise(), noise() / 2, noise() + .5})
		}
	}
	if free := logisticScope(in, out); free.weights[scopeWords] >= 0 {
		t.Fatalf("the free weights are %v: there is nothing to hold", free.weights)
	}
	s := monotoneScope(in, out)
	if s.weights[scopeWords] != 0 || s.weights[scopeChars] <= 0 || s.weights[scopeTop] >= 0 {
		t.Errorf("weights %v", s.weights)
	}
}
