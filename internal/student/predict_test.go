package student

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPredictTopK(t *testing.T) {
	m := toyModel(t)
	const text = "play some rain"
	all := m.Predict(text, AllLabels)
	if len(all.Labels) != 3 || !slices.IsSortedFunc(all.Labels, func(a, b LabelProb) int {
		if a.Prob > b.Prob {
			return -1
		}
		return 1
	}) {
		t.Errorf("not all labels, best first: %+v", all)
	}
	if d := all.Labels[0].Prob - all.Labels[1].Prob; d != all.Margin {
		t.Errorf("margin %v, want %v", all.Margin, d)
	}
	for _, k := range []int{0, 1, 2, 3, 4} {
		got := m.Predict(text, k)
		want := all
		want.Labels = all.Labels[:min(k, 3)]
		if len(got.Labels) == 0 {
			got.Labels = want.Labels
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("top %d: %s", k, diff)
		}
	}
	if got := (Prediction{}).Top(); got != "" {
		t.Errorf("top of nothing: %q", got)
	}
}

func TestProbaIsInLabelOrder(t *testing.T) {
	m := toyModel(t)
	for _, e := range toyExamples(5, 5) {
		proba := m.Proba(e.Text)
		for _, l := range m.Predict(e.Text, AllLabels).Labels {
			i, _ := slices.BinarySearch(m.Labels(), l.Label)
			if proba[i] != l.Prob {
				t.Errorf("%q: %s has %v and %v", e.Text, l.Label, proba[i], l.Prob)
			}
		}
	}
}

// A predictor's scratch never shows: whatever it read before, the next text
// gets the same answer as from a fresh one.
func TestPredictorForgets(t *testing.T) {
	m := toyModel(t)
	p := m.NewPredictor()
	var reused Prediction
	texts := []string{"", "play jazz", "a much longer text that nobody has seen, 1,000 times over", "rain", ""}
	for _, text := range texts {
		p.PredictInto(&reused, text, AllLabels)
		if diff := cmp.Diff(m.Predict(text, AllLabels), reused); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestPredictConcurrently(t *testing.T) {
	m := toyModel(t)
	want := m.Predict("wake me at noon", AllLabels)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if diff := cmp.Diff(want, m.Predict("wake me at noon", AllLabels)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	group.Wait()
}

// The figures that the documentation promises.
func TestAllocations(t *testing.T) {
	vectored, err := Train(t.Context(), toyExamples(40, 20), toyOptions().WithVectors(toyTable(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("plain", func(t *testing.T) { allocations(t, toyModel(t), 16) })
	t.Run("with word vectors", func(t *testing.T) { allocations(t, vectored, 20) })
}

func allocations(t *testing.T, m *Model, whole float64) {
	t.Helper()
	const text = "will it rain on Friday at 8:30, or snow?"
	p := m.NewPredictor()
	var out Prediction
	var proba []float64
	p.PredictInto(&out, text, AllLabels)
	proba = p.Proba(proba, text)
	for _, tt := range []struct {
		name string
		want float64
		f    func()
	}{
		{"Predictor.PredictInto", 0, func() { p.PredictInto(&out, text, AllLabels) }},
		{"Predictor.PredictInto top 1", 0, func() { p.PredictInto(&out, text, 1) }},
		{"Predictor.Proba", 0, func() { proba = p.Proba(proba[:0], text) }},
		{"Predictor.Predict top 1", 1, func() { p.Predict(text, 1) }},
		{"Model.Predict", whole, func() { m.Predict(text, AllLabels) }},
	} {
		if got := testing.AllocsPerRun(100, tt.f); got > tt.want {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.want)
		} else {
			t.Logf("%s: %v allocations", tt.name, got)
		}
	}
}
