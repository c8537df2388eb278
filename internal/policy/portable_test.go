package policy

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
)

// The exponential and the logarithm agree with package math to two units in
// the last place: each is within one of the true value.
func TestExpAndLogAreAccurate(t *testing.T) {
	near := func(a, b float64) bool {
		return math.Abs(a-b) <= 2*(math.Nextafter(math.Abs(b), math.Inf(1))-math.Abs(b))
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-700, 700).Draw(t, "x")
		if got, want := exp(x), math.Exp(x); !near(got, want) {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
		y := rapid.Float64Range(1e-300, 1e300).Draw(t, "y")
		if got, want := log(y), math.Log(y); !near(got, want) {
			t.Fatalf("log(%v) = %v, want %v", y, got, want)
		}
		logP, logQ := logLogistic(x)
		if sum := exp(max(logP, -700)) + exp(max(logQ, -700)); math.Abs(sum-1) > 1e-14 {
			t.Fatalf("the probabilities of %v add up to %v", x, sum)
		}
	})
	if exp(0) != 1 || log(1) != 0 {
		t.Errorf("exp(0) = %v, log(1) = %v", exp(0), log(1))
	}
}

func TestLogistic(t *testing.T) {
	for z, want := range map[float64]float64{0: 0.5, math.Inf(1): 1, -2: 0.11920292202211755, 2: 0.8807970779778825} {
		if got := Logistic(z); math.Abs(got-want) > 4e-16 {
			t.Errorf("Logistic(%v) = %v, want %v", z, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Float64().Draw(t, "a")
		b := rapid.Float64Range(a, math.MaxFloat64).Draw(t, "b")
		p, q := Logistic(a), Logistic(b)
		if !share(p) || p > q+1e-15 {
			t.Fatalf("Logistic(%v) = %v, Logistic(%v) = %v", a, p, b, q)
		}
	})
}

// These bits are the same on every architecture; a change here means that
// decisions on record no longer replay.
func TestGoldenBits(t *testing.T) {
	var acc uint64
	mix := func(x float64) { acc = (acc ^ math.Float64bits(x)) * 0x100000001b3 }
	maps := []Map{
		{Method: MethodPlatt, Coefficients: []float64{1.1, -0.3}},
		{Method: MethodBeta, Coefficients: []float64{0.8, 1.3, 0.1}},
		{Method: MethodIsotonic, Knots: []Knot{{0.1, 0.05}, {0.4, 0.35}, {0.9, 0.99}}},
	}
	stage := Scorer{
		Features:    []Feature{{Signal: "a", Mean: 0.3, Scale: 0.7, Low: -9, High: 9}, {Signal: "b", Mean: -1.1, Scale: 3.3, Low: -9, High: 9}},
		Acceptable:  Head{0.123, []float64{0.77, -1.31}, []float64{0, 0}, []Tree{{{Feature: 1, Split: 0.2, MissingLeft: true, Left: 1, Right: 2}, {Value: 0.031}, {Value: -0.27}}}},
		OnlyLargest: Head{-1.7, []float64{0.13, 0.91}, []float64{0, 0}, nil},
		OnlyThis:    Head{-3.1, []float64{-0.23, 0.17}, []float64{0, 0}, nil},
		Rank:        RankUplift,
	}
	for i := range 2000 {
		x := float64(i-1000) / 97
		mix(exp(x))
		mix(log(float64(x*x) + 0.01))
		l, ok := stage.logits(pointsman.Signals{{Name: "a", Value: x}, {Name: "b", Value: 1 / (x + 0.001)}}, nil)
		if !ok {
			t.Fatal("a signal is missing")
		}
		mix(stage.Rank.score(l))
		for m := range maps {
			mix(maps[m].Probability(l.acceptable))
		}
	}
	const want = 0xa8a4e991dbad384a
	if acc != want {
		t.Errorf("bits %#x, want %#x", acc, uint64(want))
	}
}

// Calibration maps never decrease, whatever their coefficients.
func TestMapsAreMonotone(t *testing.T) {
	coefficient := rapid.Float64Range(0, 50)
	rapid.Check(t, func(t *rapid.T) {
		knots := []Knot{}
		score, val := -0.01, 0.0
		for range rapid.IntRange(1, 6).Draw(t, "knots") {
			score += rapid.Float64Range(1e-9, 0.15).Draw(t, "step")
			val += rapid.Float64Range(0, 0.15).Draw(t, "rise")
			knots = append(knots, Knot{score, val})
		}
		maps := []Map{
			{Method: MethodTemperature, Coefficients: []float64{coefficient.Draw(t, "t")}},
			{Method: MethodPlatt, Coefficients: []float64{coefficient.Draw(t, "a"), rapid.Float64Range(-5, 5).Draw(t, "b")}},
			{Method: MethodBeta, Coefficients: []float64{coefficient.Draw(t, "a"), coefficient.Draw(t, "b"), rapid.Float64Range(-5, 5).Draw(t, "c")}},
			{Method: MethodIsotonic, Knots: knots},
		}
		z := rapid.Float64Range(-50, 50).Draw(t, "z")
		further := z + rapid.Float64Range(0, 10).Draw(t, "more")
		for i := range maps {
			if err := maps[i].check(true); err != nil {
				t.Fatal(err)
			}
			p, q := maps[i].Probability(z), maps[i].Probability(further)
			if !(p > 0 && q < 1) || p > q+1e-14 {
				t.Fatalf("%+v: %v at %v, %v at %v", maps[i], p, z, q, further)
			}
		}
	})
}
