package fit

import (
	"fmt"
	"testing"

	"github.com/pointsman-ai/pointsman"
)

// put adds a draw with effective uplifts of each stage to the fit part and to the
// fresh one; right says what is right in each.
func put(x *tester, effective []float64, pattern string, slices []string, right func(fresh bool) (small, large bool)) {
	for _, fresh := range []bool{false, true} {
		small, large := right(fresh)
		o := &Observation{ID: fmt.Sprint(len(x.fit), fresh), Slices: slices}
		for range effective {
			o.Tiers = append(o.Tiers, TierOutcome{Valid: true, Acceptable: small})
		}
		o.Tiers = append(o.Tiers, TierOutcome{Valid: true, Acceptable: large})
		d := draw{Observation: o, effective: append([]float64(nil), effective...), pattern: pattern}
		if fresh {
			x.fresh, x.split.units = append(x.fresh, d), append(x.split.units, 1)
			continue
		}
		x.fit, x.split.fit, x.split.fitUnits = append(x.fit, d), append(x.split.fit, o), append(x.split.fitUnits, 1)
	}
}

func always(small, large bool) func(bool) (bool, bool) {
	return func(bool) (bool, bool) { return small, large }
}

// With several stages one candidate holds for all patterns, and it must have been
// tested for each: a sequence that begins behind it says nothing of it.
func TestACommonCandidateWasTested(t *testing.T) {
	x := &tester{
		Options: Options{Target: pointsman.Target{Retain: 0.9, Confidence: 0.9}, Tiers: make([]pointsman.Digest, 3)},
		path:    path{[][]float64{{-0.9, 0, 0.5}, {-0.9, 0, 0.5}}},
	}
	x.split.most = 1
	for i := range 3000 {
		if i%3 == 0 { // of a, the first candidate accepts losses, for which only the second pays
			put(x, []float64{-0.95, 1}, "a;\na;", nil, always(false, true))
		} else {
			put(x, []float64{-0.5, 1}, "a;\na;", nil, always(true, i%2 == 0))
		}
		if i%2 == 0 { // of b, the first is good and the second is not
			put(x, []float64{-0.95, 1}, "b;\nb;", nil, always(true, true))
		} else {
			put(x, []float64{-0.5, 1}, "b;\nb;", nil, always(false, true))
		}
	}
	groups, err := x.patterns()
	if err != nil || len(groups) != 2 {
		t.Fatalf("%d groups, %v", len(groups), err)
	}
	for _, g := range groups {
		if g.index >= 0 {
			t.Errorf("pattern %q: candidate %d, and its sequence begins at %d", g.name, g.index, g.from)
		}
	}
}

// A safe slice that does not show the promise where the whole does takes the whole
// with it to a candidate that both were tested at, or to none.
func TestSafeSlicesAgreeWithTheWhole(t *testing.T) {
	x := &tester{
		Options: Options{Target: pointsman.Target{Retain: 0.9, Confidence: 0.9}, Tiers: make([]pointsman.Digest, 2), Slices: []string{"k=s"}},
		path:    path{[][]float64{{-0.9, 0}}},
	}
	x.split.most = 1
	s := []string{"k=s"}
	for i := range 6000 {
		switch {
		case i%40 == 0:
			put(x, []float64{-0.95}, "a;", s, always(true, true))
		case i%20 == 0: // good in the fit part, bad in the fresh one
			put(x, []float64{-0.5}, "a;", s, func(fresh bool) (bool, bool) { return !fresh, true })
		case i%4 == 1: // the first candidate loses
			put(x, []float64{-0.95}, "a;", nil, always(false, true))
		default: // and the second gains
			put(x, []float64{-0.5}, "a;", nil, always(true, i%2 == 0))
		}
	}
	if err := x.sort(); err != nil || !x.slicing["k=s"].safe {
		t.Fatalf("%+v, %v", x.slicing["k=s"], err)
	}
	groups, err := x.patterns()
	if err != nil || groups[0].index != 1 {
		t.Fatalf("%d, %v", groups[0].index, err)
	}
	if err := x.agree(groups); err != nil || groups[0].index >= 0 {
		t.Errorf("candidate %d, level %v, %v", groups[0].index, groups[0].verdict.Evidence, err)
	}
}

// What has a pattern of which too few are left to test pays for nothing, since it
// is not accepted live.
func TestRarePatternsPayForNothing(t *testing.T) {
	x := &tester{
		Options: Options{Target: pointsman.Target{Retain: 0.99, Confidence: 0.95}, Tiers: make([]pointsman.Digest, 2)},
		path:    path{[][]float64{{-0.9}}},
	}
	x.split.most = 1
	for i := range 300 {
		if i < enough-1 {
			put(x, []float64{-0.95}, "b;", nil, always(true, false))
		} else {
			put(x, []float64{0.5}, "a;", nil, always(false, i%3 == 0))
		}
	}
	groups, err := x.patterns()
	if err != nil || len(groups) != 1 || groups[0].verdict.Local != 0 || groups[0].index >= 0 {
		t.Errorf("%d groups, %+v, %v", len(groups), groups[0].verdict, err)
	}
}
