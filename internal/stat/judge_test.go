package stat_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// TestRoganGladen: the published example of Lang and Reiczigel (Preventive
// Veterinary Medicine 113:13, 2014) is of another interval; the point estimate is
// the formula's.
func TestCorrectedRate(t *testing.T) {
	t.Parallel()
	c := stat.JudgeCounts{RightRight: 90, RightWrong: 10, WrongRight: 20, WrongWrong: 80}
	e, err := c.Corrected(550, 1000, 0.95)
	if want := (0.55 + 0.8 - 1) / (0.9 + 0.8 - 1); err != nil || math.Abs(e.Value-want) > 1e-12 || !e.Contains(e.Value) {
		t.Errorf("%+v, %v, want %v", e, err, want)
	}
	coin := stat.JudgeCounts{RightRight: 5, RightWrong: 5, WrongRight: 5, WrongWrong: 5}
	if _, err := coin.Corrected(5, 10, 0.95); !errors.Is(err, stat.ErrUndefined) {
		t.Errorf("a coin: %v", err)
	}
	weak := stat.JudgeCounts{RightRight: 6, RightWrong: 4, WrongRight: 4, WrongWrong: 6}
	if e, err := weak.Corrected(5, 10, 0.95); err != nil || e.Low != 0 || e.High != 1 {
		t.Errorf("nearly a coin: %+v, %v", e, err)
	}
	if _, err := (stat.JudgeCounts{RightRight: 3}).Corrected(5, 10, 0.95); !errors.Is(err, stat.ErrUndefined) {
		t.Errorf("nothing wrong was judged twice: %v", err)
	}
}

// TestCorrectedRateCovers draws judges and populations: the exact interval covers
// at least as often as it says.
func TestCorrectedRateCovers(t *testing.T) {
	t.Parallel()
	const draws, confidence = 800, 0.9
	for _, p := range []struct{ rate, sensitivity, specificity float64 }{{0.9, 0.95, 0.8}, {0.5, 0.8, 0.7}, {0.97, 0.9, 0.6}, {0.2, 0.99, 0.95}} {
		missed := 0
		for draw := range draws {
			random := rand.New(rand.NewPCG(uint64(draw), 31))
			says := func(right bool) bool {
				if right {
					return random.Float64() < p.sensitivity
				}
				return random.Float64() >= p.specificity
			}
			var c stat.JudgeCounts
			for range 150 {
				right := random.Float64() < p.rate
				c.Add(right, says(right))
			}
			k := 0
			for range 600 {
				if says(random.Float64() < p.rate) {
					k++
				}
			}
			e, err := c.Corrected(k, 600, confidence)
			if err == nil && !e.Contains(p.rate) {
				missed++
			}
		}
		t.Logf("%+v: missed in %d of %d draws", p, missed, draws)
		if float64(missed) > draws*(1-confidence)+3*math.Sqrt(draws*confidence*(1-confidence)) {
			t.Errorf("%+v: missed in %d of %d draws", p, missed, draws)
		}
	}
}

// TestAccuracy: with one weight the rates and intervals are those of the counts.
func TestAccuracy(t *testing.T) {
	t.Parallel()
	var c stat.JudgeCounts
	var all, weighted []stat.Double
	for i := range 60 {
		d := stat.Double{People: i%3 > 0, Judge: i%7 > 0, Weight: 2.5}
		c.Add(d.People, d.Judge)
		all = append(all, d)
		d.Weight = 1 + float64(i%2)*9
		weighted = append(weighted, d)
	}
	se, sp := stat.Accuracy(all, 0.9)
	wantSe, _ := c.Sensitivity(0.9)
	wantSp, _ := c.Specificity(0.9)
	if math.Abs(se.Value-wantSe.Value) > 1e-12 || se.Interval != wantSe.Interval || sp.Interval != wantSp.Interval {
		t.Errorf("%v %v, want %v %v", se, sp, wantSe, wantSp)
	}
	if w, _ := stat.Accuracy(weighted, 0.9); w.High-w.Low <= se.High-se.Low {
		t.Errorf("unequal weights tell as much: %v, %v", w, se)
	}
	if se, sp := stat.Accuracy([]stat.Double{{People: true, Weight: 1}}, 0.9); se == nil || sp != nil {
		t.Errorf("%v %v", se, sp)
	}
}

// TestPowered: the interval covers whatever the judge is worth, and is shorter than
// that of as many labels alone where the judge is good.
func TestPowered(t *testing.T) {
	t.Parallel()
	const draws, confidence, rate = 600, 0.95, 0.8
	for _, j := range []struct {
		name         string
		right, wrong float64 // P(the judge says right | right, wrong)
		shorter      bool
	}{{"good", 0.97, 0.1, true}, {"lenient", 1, 0.7, false}, {"contrary", 0.1, 0.9, false}} {
		missed, width, alone := 0, 0.0, 0.0
		for draw := range draws {
			random := rand.New(rand.NewPCG(uint64(draw), 17))
			var all []stat.Judgement
			asked, right := 0, 0
			for range 1000 {
				var one stat.Judgement
				is := random.Float64() < rate
				says := random.Float64() < j.wrong
				if is {
					says, one.People = random.Float64() < j.right, 1
				}
				one.Probability = 0.3
				if says {
					one.Judge, one.Probability = 1, 0.15
				}
				if one.Asked = random.Float64() < one.Probability; one.Asked {
					asked++
					right += int(one.People)
				} else {
					one.People = 0.5 // must not be read
				}
				all = append(all, one)
			}
			e, err := stat.Powered(all, confidence)
			if err != nil {
				t.Fatal(err)
			}
			if !e.Contains(rate) {
				missed++
			}
			width += e.High - e.Low
			w, err := stat.Wilson(int(rate*float64(asked)), asked, confidence)
			if err != nil {
				t.Fatal(err)
			}
			alone += w.High - w.Low
		}
		t.Logf("%s: missed in %d of %d draws, width %.4f, by labels alone %.4f", j.name, missed, draws, width/draws, alone/draws)
		if float64(missed) > draws*(1-confidence)+3.5*math.Sqrt(draws*confidence*(1-confidence)) {
			t.Errorf("%s: missed in %d of %d draws", j.name, missed, draws)
		}
		if j.shorter && width >= alone {
			t.Errorf("%s: no shorter than labels alone", j.name)
		}
	}
	if _, err := stat.Powered([]stat.Judgement{{Judge: 1}}, 0.9); !errors.Is(err, stat.ErrUndefined) {
		t.Errorf("nobody was asked: %v", err)
	}
}
