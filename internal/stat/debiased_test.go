package stat_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// forecastsOff draws forecasts whose chances are off by a shift of log-odds, each
// question asked so many times with one common outcome.
func forecastsOff(random *rand.Rand, questions, repeats int, shift float64) (p []float64, happened []bool, clusters []string) {
	for q := range questions {
		x := 0.05 + 0.9*random.Float64()
		chance := 1 / (1 + math.Exp(-(math.Log(x/(1-x)) + shift)))
		yes := random.Float64() < chance
		for range repeats {
			p, happened, clusters = append(p, x), append(happened, yes), append(clusters, fmt.Sprint(q))
		}
	}
	return p, happened, clusters
}

// trueECE is the error of such forecasts with bins of a tenth, by summing up.
func trueECE(shift float64) float64 {
	const grid = 90000
	sums := make([]float64, 10)
	for i := range grid {
		x := 0.05 + 0.9*(float64(i)+0.5)/grid
		sums[int(math.Ceil(x*10))-1] += (1/(1+math.Exp(-(math.Log(x/(1-x))+shift))) - x) / grid
	}
	e := 0.0
	for _, s := range sums {
		e += math.Abs(s)
	}
	return e
}

// TestDebiasedECEInSimulation: it is nearer to the truth than the plain figure,
// never much below it, and its interval covers, with and without repeats.
func TestDebiasedECEInSimulation(t *testing.T) {
	const draws = 400
	for _, c := range []struct {
		questions, repeats int
		shift              float64
	}{{400, 1, 0}, {1886, 1, 0}, {1886, 1, 0.3}, {400, 1, 1}, {400, 10, 0}, {400, 10, 0.8}} {
		random := rand.New(rand.NewPCG(uint64(c.questions*c.repeats), 1))
		truth := trueECE(c.shift)
		var plain, debiased, covered float64
		for range draws {
			p, happened, clusters := forecastsOff(random, c.questions, c.repeats, c.shift)
			raw, err := stat.ECE(p, happened, 10)
			if err != nil {
				t.Fatal(err)
			}
			e, err := stat.DebiasedECE(p, happened, 10, clusters, 0.95)
			if err != nil {
				t.Fatal(err)
			}
			plain, debiased = plain+raw/draws, debiased+e.Value/draws
			if e.Contains(truth) {
				covered += 1. / draws
			}
		}
		t.Logf("%d questions x %d, shift %g: true %.4f, plain %.4f, debiased %.4f, covered %.3f", c.questions, c.repeats, c.shift, truth, plain, debiased, covered)
		if plain-truth > 0.005 && debiased-truth > 0.65*(plain-truth) || debiased < truth-0.003 {
			t.Errorf("%d questions x %d, shift %g: the truth is %.4f, plain %.4f, debiased %.4f", c.questions, c.repeats, c.shift, truth, plain, debiased)
		}
		if covered < 0.92 {
			t.Errorf("%d questions x %d, shift %g: the interval covers in %.3f of %d draws", c.questions, c.repeats, c.shift, covered, draws)
		}
	}
}

// TestDebiasedECEFromHand checks one bin by the formula itself.
func TestDebiasedECEFromHand(t *testing.T) {
	// Four of ten happen at a forecast of .5: d = .1, and s² = .4·.6/(10 − 1).
	p, happened := make([]float64, 10), make([]bool, 10)
	for i := range p {
		p[i], happened[i] = 0.5, i < 4
	}
	got, err := stat.DebiasedECE(p, happened, 10, nil, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	d, s := 0.1, math.Sqrt(0.24/9)
	mean := s*math.Sqrt(2/math.Pi)*math.Exp(-d*d/(2*s*s)) + d*math.Erf(d/s/math.Sqrt2)
	if want := max(2*d-mean, 0); math.Abs(got.Value-want) > 1e-12 {
		t.Errorf("%v, want %v", got.Value, want)
	}
	if want := got.Value + 1.959963984540054*s; math.Abs(got.High-want) > 1e-9 {
		t.Errorf("the interval ends at %v, want %v", got.High, want)
	}
}

func TestDebiasedECEIsUndefined(t *testing.T) {
	two := []bool{true, false}
	for name, err := range map[string]error{
		"none":        second(stat.DebiasedECE(nil, nil, 10, nil, 0.95)),
		"one cluster": second(stat.DebiasedECE([]float64{0.1, 0.2}, two, 10, []string{"a", "a"}, 0.95)),
		"names":       second(stat.DebiasedECE([]float64{0.1, 0.2}, two, 10, []string{"a"}, 0.95)),
		"confidence":  second(stat.DebiasedECE([]float64{0.1, 0.2}, two, 10, nil, 1)),
		"probability": second(stat.DebiasedECE([]float64{0.1, 1.2}, two, 10, nil, 0.95)),
	} {
		if !errors.Is(err, stat.ErrUndefined) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ stat.Estimate, err error) error { return err }
