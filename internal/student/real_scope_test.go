package student

import (
	"bufio"
	"slices"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/testenv"
)

// hwu reads one part of HWU64.
func hwu(t testing.TB, part string) []Example {
	t.Helper()
	var out []Example
	lines := bufio.NewScanner(testenv.Gzip(t, "hwu64/HWU64_"+part+".tsv.gz"))
	for lines.Scan() {
		if label, text, ok := strings.Cut(lines.Text(), "\t"); ok {
			out = append(out, Example{Text: text, Label: label})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// nearMisses takes every fourth intent of HWU64 out of scope. A fifth of its
// training texts are examples out of scope; validation texts of it are near
// misses, and texts that CLINC150 calls out of scope are far ones.
func nearMisses(t testing.TB) (train, known, near, far []Example) {
	t.Helper()
	var labels []string
	for _, e := range hwu(t, "train") {
		labels = append(labels, e.Label)
	}
	slices.Sort(labels)
	labels = slices.Compact(labels)
	out := func(label string) bool { i, _ := slices.BinarySearch(labels, label); return i%4 == 1 }
	n := 0
	for _, e := range hwu(t, "train") {
		if !out(e.Label) {
			train = append(train, e)
		} else if n++; n%5 == 0 {
			train = append(train, Example{Text: e.Text})
		}
	}
	for _, e := range hwu(t, "valid") {
		if !out(e.Label) {
			known = append(known, e)
		} else {
			near = append(near, Example{Text: e.Text})
		}
	}
	return train, known, near, clinc(t, "oos_val", "oos_train")
}

// What is learned from near misses does not spoil far ones. A head that is free
// in its signs and stands alone finds far texts with an AUROC of .924 where the
// top score has .938.
func TestNearMisses(t *testing.T) {
	train, known, near, far := nearMisses(t)
	opts := Large()
	opts.Chars = Range{3, 4}
	m, err := Train(t.Context(), train, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := m.NewPredictor()
	top, score := map[string][]float64{}, map[string][]float64{}
	for name, examples := range map[string][]Example{"known": known, "near": near, "far": far} {
		for _, e := range examples {
			x := p.score(e.Text)
			measured := measure(p.scores, m.beta, x.unseen, 0)
			top[name] = append(top[name], -measured[scopeTop])
			score[name] = append(score[name], m.scope.foreign(measured))
		}
	}
	topNear, topFar := auroc(top["known"], top["near"]), auroc(top["known"], top["far"])
	near1, far1 := auroc(score["known"], score["near"]), auroc(score["known"], score["far"])
	t.Logf("%d known, %d near, %d far: top score near %.4f, far %.4f; out-of-scope score near %.4f, far %.4f; weights %.2f",
		len(known), len(near), len(far), topNear, topFar, near1, far1, m.scope.weights)
	if near1 < topNear {
		t.Errorf("near misses: %.4f, the top score has %.4f", near1, topNear)
	}
	if far1 < topFar-0.002 {
		t.Errorf("far misses: %.4f, the top score has %.4f", far1, topFar)
	}
}
