package policy

import (
	"math"
	"testing"

	"github.com/pointsman-ai/pointsman"
)

// The way of a value through a tree, worked out by hand.
func TestTrees(t *testing.T) {
	s := Scorer{
		Features: []Feature{{Signal: "a", Scale: 1, Low: 0, High: 10, MayMiss: true}, {Signal: "b", Scale: 1, Low: 0, High: 10}},
		Acceptable: Head{Weights: []float64{0, 0}, Missing: []float64{0, 0}, Trees: []Tree{
			{{Feature: 0, Split: 5, MissingLeft: true, Left: 1, Right: 2}, {Value: 1}, {Feature: 1, Split: 2, Left: 3, Right: 4}, {Value: 10}, {Value: 100}},
			{{Feature: 1, Split: 10, Left: 1, Right: 2}, {Value: 0.5}, {Value: 1000}},
		}},
		OnlyLargest: Head{Weights: []float64{0, 0}, Missing: []float64{0, 0}}, OnlyThis: Head{Weights: []float64{0, 0}, Missing: []float64{0, 0}},
	}
	for _, one := range []struct{ a, b, want float64 }{
		{5, 9, 1.5}, {5.1, 2, 10.5}, {6, 2.1, 100.5}, {math.NaN(), 9, 1.5}, {99, 99, 100.5}, // held to the range
	} {
		l, ok := s.logits(pointsman.Signals{{Name: "a", Value: one.a}, {Name: "b", Value: one.b}}, nil)
		if !ok || l.acceptable != one.want || l.onlyLargest != 0 {
			t.Errorf("%v, %v: %+v, want %v", one.a, one.b, l, one.want)
		}
	}
}

// A tree that would loop, or read what is not there, is refused.
func TestBrokenTreesAreRefused(t *testing.T) {
	for name, tree := range map[string]Tree{
		"empty":      {},
		"loop":       {{Feature: 0, Left: 1, Right: 1}, {Left: 1, Right: 2}, {}},
		"back":       {{Left: 1, Right: 2}, {Left: 0, Right: 2}, {}},
		"outside":    {{Left: 1, Right: 3}, {}, {}},
		"no feature": {{Feature: 2, Left: 1, Right: 2}, {}, {}},
		"negative":   {{Feature: -1, Left: 1, Right: 2}, {}, {}},
		"no value":   {{Value: math.NaN()}},
		"no split":   {{Split: math.Inf(1), Left: 1, Right: 2}, {}, {}},
		"one child":  {{Left: 1}, {}},
		"huge":       make(Tree, maxNodes+1),
	} {
		h := Head{Weights: []float64{0, 0}, Missing: []float64{0, 0}, Trees: []Tree{tree}}
		if h.check(2) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	h := Head{Weights: []float64{0, 0}, Missing: []float64{0, 0}, Trees: []Tree{{{Left: 1, Right: 2}, {Value: 1}, {Value: 2}}}}
	if err := h.check(2); err != nil {
		t.Error(err)
	}
}
