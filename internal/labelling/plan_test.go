package labelling_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/labelling"
)

func candidates(n int) []labelling.Candidate {
	out := make([]labelling.Candidate, n)
	for i := range out {
		out[i] = labelling.Candidate{Example: pointsman.DigestOf(fmt.Append(nil, i)), Spread: float64(i%10) / 10}
	}
	return out
}

func asked(p *labelling.Plan) (n int, expected float64) {
	for _, d := range p.Examples {
		expected += d.Probability
		if p.Asks(d.Example) {
			n++
		}
	}
	return n, expected
}

// About as many are asked as the budget says, more where people's word may lie
// further off, and a larger budget asks about the same and more.
func TestDraw(t *testing.T) {
	all := candidates(3000)
	all[7].Always = true
	p, err := labelling.Draw(all, 300, 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, expected := asked(p)
	if math.Abs(expected-300) > 0.01 || math.Abs(float64(n)-300) > 60 || math.Abs(p.Budget-expected) > 0.01 {
		t.Errorf("%d are asked about, %v in expectation", n, expected)
	}
	at := func(i int) float64 { return p.Probability(all[i].Example) }
	if at(7) != 1 || at(10) != 0.02 || math.Abs(at(19)/at(13)-3) > 1e-9 {
		t.Errorf("%v %v %v %v", at(7), at(10), at(19), at(13))
	}
	more, err := labelling.Draw(all[:2000], 600, 99, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range p.Examples {
		if more.Probability(d.Example) < d.Probability || p.Asks(d.Example) && !more.Asks(d.Example) {
			t.Errorf("%s: %v, and %v with more", d.Example, d.Probability, more.Probability(d.Example))
		}
	}
	if less, err := labelling.Draw(all, 10, 5, p); err != nil || less.Budget < p.Budget-1e-9 {
		t.Errorf("%v, %v", less, err)
	}
	if huge, err := labelling.Draw(all, 1e9, 5, nil); err != nil || huge.Budget > 3000 {
		t.Errorf("%v, %v", huge.Budget, err)
	}
	for _, budget := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := labelling.Draw(all, budget, 5, nil); err == nil {
			t.Errorf("a budget of %v", budget)
		}
	}
	if _, err := labelling.Draw(append(all, all[0]), 10, 5, nil); err == nil {
		t.Error("an example twice")
	}
}

func TestPlansAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts", "desk.plan.json")
	if p, err := labelling.Read(path); p != nil || err != nil || p.Asks("x") {
		t.Errorf("%v, %v", p, err)
	}
	p, err := labelling.Draw(candidates(50), 10, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(path); err != nil {
		t.Fatal(err)
	}
	if got, err := labelling.Read(path); err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("%v, %v", got, err)
	}
	for _, content := range []string{"{", `{"version":9}`, `{"version":1,"examples":[{"example":"a","probability":0}]}`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := labelling.Read(path); err == nil {
			t.Errorf("%s is a plan", content)
		}
	}
}
