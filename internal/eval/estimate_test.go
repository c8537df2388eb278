package eval

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
)

func pointers(ps ...float64) []*float64 {
	out := make([]*float64, len(ps))
	for i := range ps {
		if ps[i] >= 0 {
			out[i] = &ps[i]
		}
	}
	return out
}

// The figures are those of R's p.adjust(c(.01, .04, .03, .005), "holm").
func TestHolm(t *testing.T) {
	got := holm(pointers(0.01, 0.04, 0.03, 0.005))
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		if math.Abs(*got[i]-want) > 1e-12 {
			t.Errorf("%d: %v, want %v", i, *got[i], want)
		}
	}
	got = holm(pointers(0.01, -1, 0.6)) // the missing one counts as a comparison
	if *got[0] != 0.03 || got[1] != nil || *got[2] != 1 {
		t.Errorf("%v %v %v", *got[0], got[1], *got[2])
	}
}

func TestHolmIsMonotoneAndNeverSmaller(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 20).Draw(t, "p")
		ps := pointers(raw...)
		corrected := holm(ps)
		for i := range ps {
			if *corrected[i] < *ps[i] || *corrected[i] > 1 {
				t.Fatalf("%v became %v", *ps[i], *corrected[i])
			}
			for j := range ps {
				if *ps[i] < *ps[j] && *corrected[i] > *corrected[j] {
					t.Fatal("the order changed")
				}
			}
		}
	})
}

// Ten clusters that all differ by one in the same direction: of the 1,024 sign
// patterns two are as extreme.
func TestSignFlip(t *testing.T) {
	var difference []float64
	var clusters []string
	for i := range 10 {
		difference = append(difference, 1, 0)
		clusters = append(clusters, fmt.Sprint(i), fmt.Sprint(i))
	}
	p, err := estimator{0.95, 7}.signFlip(difference, clusters)
	if err != nil || math.Abs(p-2.0/1024) > 0.0015 {
		t.Errorf("p %v, %v", p, err)
	}
	if _, err := (estimator{0.95, 7}).signFlip([]float64{1, -1}, []string{"a", "a"}); err == nil {
		t.Error("a difference of nothing was tested")
	}
}

func TestAllAlikeIsNotCertain(t *testing.T) {
	e := estimator{0.95, 1}
	s := sample{}
	for i := range 40 {
		s.add(1, fmt.Sprint(i/10))
	}
	if got := e.mean(s); got.Method != methodClusters || *got.Low > 0.52 || *got.High != 1 {
		t.Errorf("four groups, all right: %+v, low %v", got, *got.Low)
	}
	for i := range s.values {
		s.values[i] = 0.5
	}
	if got := e.mean(s); got.Low != nil || *got.Value != 0.5 || got.Note == "" {
		t.Errorf("%+v", got)
	}
	if got := e.mean(sample{}); got.Value != nil || got.Note == "" {
		t.Errorf("%+v", got)
	}
}

func TestPer1000(t *testing.T) {
	cases := []struct {
		total pointsman.Cost
		n     int
		want  pointsman.Cost
	}{
		{pointsman.KnownCost(10), 3, pointsman.KnownCost(3333)},
		{pointsman.KnownCost(20), 3, pointsman.KnownCost(6667)},
		{pointsman.KnownCost(math.MaxInt64), 1000, pointsman.KnownCost(math.MaxInt64)},
		{pointsman.KnownCost(math.MaxInt64), 1, pointsman.Cost{}},
		{pointsman.Cost{}, 5, pointsman.Cost{}},
		{pointsman.KnownCost(5), 0, pointsman.Cost{}},
	}
	for _, c := range cases {
		if got := per1000(c.total, c.n); got != c.want {
			t.Errorf("%v over %d: %v", c.total, c.n, got)
		}
	}
}
