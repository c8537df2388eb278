package stat_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// The ratings of 109 CT images of Hanley and McNeil 1982, table I: area 0.893;
// DeLong's standard error 0.0307 (Stata's manual, roctab).
func TestAUROCAsPublished(t *testing.T) {
	var scores []float64
	var abnormal []bool
	for rating, counts := range [][2]int{{33, 3}, {6, 2}, {6, 2}, {11, 11}, {2, 33}} {
		for class, count := range counts {
			for range count {
				scores = append(scores, float64(rating+1))
				abnormal = append(abnormal, class == 1)
			}
		}
	}
	e, err := stat.AUROC(scores, abnormal, 0.95)
	if err != nil || math.Abs(e.Value-0.8932) > 5e-5 {
		t.Fatalf("area %v (%v), want 0.8932", e.Value, err)
	}
	// The logit interval from 0.8932 and 0.0307, worked out by hand.
	if !near(e.Interval, stat.Interval{Low: 0.8166, High: 0.9402}, 5e-4) {
		t.Errorf("interval %+v", e.Interval)
	}
}

func TestAUROCIsMannWhitney(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "n")
		scores, positive := make([]float64, n), make([]bool, n)
		for i := range n {
			scores[i] = float64(rapid.IntRange(0, 6).Draw(t, "score"))
			positive[i] = rapid.Bool().Draw(t, "class")
		}
		var wins, pairs float64
		for i := range n {
			for j := range n {
				if positive[i] && !positive[j] {
					pairs++
					switch {
					case scores[i] > scores[j]:
						wins++
					case scores[i] == scores[j]:
						wins += 0.5
					}
				}
			}
		}
		e, err := stat.AUROC(scores, positive, 0.95)
		if pairs == 0 {
			if err == nil {
				t.Fatalf("one class has area %v", e)
			}
			return
		}
		if err != nil || math.Abs(e.Value-wins/pairs) > 1e-12 || !e.Contains(e.Value) || e.Low < 0 || e.High > 1 || math.IsNaN(e.Low+e.High) {
			t.Fatalf("%+v (%v), want %v", e, err, wins/pairs)
		}
	})
}

func TestCalibrationFigures(t *testing.T) {
	p := []float64{0.05, 0.1, 0.15, 0.9, 1, 0}
	y := []bool{false, true, false, true, true, false}
	// Bins of a tenth: {0.05, 0.1, 0} hold one event, {0.15} none, {0.9} and
	// {1} one each.
	ece, err := stat.ECE(p, y, 10)
	if want := 3.0/6*math.Abs(0.05-1.0/3) + 1.0/6*0.15 + 1.0/6*0.1; err != nil || math.Abs(ece-want) > 1e-12 {
		t.Errorf("ECE %v (%v), want %v", ece, err, want)
	}
	brier, err := stat.Brier(p, y)
	if want := (0.0025 + 0.81 + 0.0225 + 0.01) / 6; err != nil || math.Abs(brier-want) > 1e-12 {
		t.Errorf("Brier %v (%v), want %v", brier, err, want)
	}
	bins, err := stat.Reliability(p, y, 10)
	if err != nil || len(bins) != 4 || bins[0].N != 3 || bins[3].High != 1 {
		t.Errorf("bins %+v (%v)", bins, err)
	}
}

// R: quantile(c(1, 2, 4, 8, 16), c(0, .1, .25, .5, .9, 1)), type 7.
func TestQuantileAsR(t *testing.T) {
	values := []float64{16, 1, 8, 2, 4}
	got, err := stat.Quantiles(values, 0, 0.1, 0.25, 0.5, 0.9, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, 1.4, 2, 4, 12.8, 16} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("quantile %d: %v, want %v", i, got[i], want)
		}
	}
	if values[0] != 16 {
		t.Error("the values were sorted in place")
	}
}

// Ten requests in an order that gains first and loses last, worked out by
// hand.
func TestRoute(t *testing.T) {
	score := []float64{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}
	weak := []float64{0, 0, 0, 0, 1, 1, 1, 1, 1, 1}
	strong := []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 0}
	r, err := stat.Route(score, weak, strong)
	if err != nil || len(r.Curve) != 11 {
		t.Fatalf("%+v (%v)", r, err)
	}
	first, last := r.Curve[0], r.Curve[10]
	if first.Share != 0 || first.Quality != 0.6 || last.Share != 1 || math.Abs(last.Quality-0.9) > 1e-12 {
		t.Errorf("ends %+v and %+v", first, last)
	}
	// PGR at 0, 0.1 … 1: 0, 1/3, 2/3, 1, 4/3 … 4/3, 1.
	apgr, err := r.APGR()
	if want := 0.1 * (0 + 1.0/3 + 2.0/3 + 1 + 6*4.0/3 + 0.5); err != nil || math.Abs(apgr-want) > 1e-12 {
		t.Errorf("APGR %v (%v), want %v", apgr, err, want)
	}
	for p, want := range map[float64]float64{0: 0, 0.5: 0.15, 1: 0.3} {
		c, err := r.CPT(p)
		if err != nil || math.Abs(c.Share-want) > 1e-12 || c.Monotone {
			t.Errorf("CPT(%v) = %+v (%v), want %v, not monotone", p, c, err, want)
		}
	}
	constant, err := stat.Route(make([]float64, 10), weak, strong)
	if err != nil {
		t.Fatal(err)
	}
	if apgr, err := constant.APGR(); err != nil || math.Abs(apgr-0.5) > 1e-12 {
		t.Errorf("a score that says nothing has APGR %v (%v), want 0.5", apgr, err)
	}
}
