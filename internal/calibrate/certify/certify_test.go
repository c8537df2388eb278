package certify_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/certify"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// outcome is a case of right and wrong answers.
func outcome(local, right, largest bool) certify.Case {
	return certify.Case{Given: number(right), Largest: number(largest), Right: right, LargestRight: largest, Local: local}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// TestMargins holds the definition of both promises, case by case.
func TestMargins(t *testing.T) {
	t.Parallel()
	quality := certify.Claim{Promise: pointsman.PromiseQuality, Retain: 0.9, Delta: 0.05}
	harm := quality
	harm.Promise = pointsman.PromiseHarm
	capped := outcome(true, true, false)
	capped.Capped = true
	for _, c := range []struct {
		name          string
		x             certify.Case
		quality, harm float64
	}{
		{"both right", outcome(true, true, true), 0.1, 0.1},
		{"harm", outcome(true, false, true), -0.9, -0.9},
		{"gain", outcome(true, true, false), 1, 0},
		{"gain that may be taken back", capped, 0, 0},
		{"neither", outcome(true, false, false), 0, 0},
		{"escalated, right", outcome(false, false, true), 0.1, 0.1},
		{"escalated, wrong", outcome(false, false, false), 0, 0},
		{"graded", certify.Case{Given: 0.5, Largest: 0.8, Local: true}, 0.5 - 0.9*0.8, 0},
		{"unknown, right", certify.Case{Given: 1, Right: true, Local: true, Unknown: true}, 0.1, 0},
		{"unknown, right, may be taken back", certify.Case{Given: 1, Right: true, Local: true, Unknown: true, Capped: true}, 0, 0},
		{"unknown, wrong", certify.Case{Local: true, Unknown: true}, -0.9, -0.9},
		{"unknown, escalated", certify.Case{Unknown: true}, 0, 0},
	} {
		if got := quality.Margin(&c.x); math.Abs(got-c.quality) > 1e-12 {
			t.Errorf("%s: quality %v, want %v", c.name, got, c.quality)
		}
		if got := harm.Margin(&c.x); math.Abs(got-c.harm) > 1e-12 {
			t.Errorf("%s: harm %v, want %v", c.name, got, c.harm)
		}
	}
}

// TestExactHarm: a harm test is the Clopper-Pearson bound among the requests
// that the largest tier has right.
func TestExactHarm(t *testing.T) {
	t.Parallel()
	claim := certify.Claim{Promise: pointsman.PromiseHarm, Retain: 0.95, Delta: 0.05}
	for harms := range 12 {
		var cases []certify.Case
		for i := range 200 {
			cases = append(cases, outcome(true, i >= harms, true), outcome(true, true, false))
		}
		v, err := claim.Test(cases, certify.Sample{}, nil, certify.Sample{})
		if err != nil {
			t.Fatal(err)
		}
		bound, err := stat.ClopperPearsonUpper(harms, 200, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		if v.Shown != (bound <= 0.05) || v.Harms != harms || v.LargestRight != 200 || v.Method != certify.MethodExact || v.HarmBound == nil || *v.HarmBound != bound {
			t.Errorf("%d harms, bound %v: %+v", harms, bound, v)
		}
	}
}

// boundary is a population whose margin has a mean of exactly 0: where a claim
// that is shown is an error. Units have sizes, and what is in a unit is alike.
type boundary struct {
	name  string
	claim certify.Claim
	units int
	most  int
	// draw gives one unit.
	draw func(random *rand.Rand) []certify.Case
}

func boundaries() []boundary {
	quality := certify.Claim{Promise: pointsman.PromiseQuality, Retain: 0.9, Delta: 0.1}
	harm := quality
	harm.Promise = pointsman.PromiseHarm
	// Alone: the largest is right in .8, and harmed in .08 of all; no gains.
	alone := func(random *rand.Rand) []certify.Case {
		u := random.Float64()
		return []certify.Case{outcome(true, u >= 0.08 && u < 0.8, u < 0.8)}
	}
	// With gains: harmed in .2, gained in .12: .8 − .08 = .72 = .9 × .8.
	gains := func(random *rand.Rand) []certify.Case {
		u := random.Float64()
		return []certify.Case{outcome(true, u >= 0.2 && u < 0.8 || u >= 0.88, u < 0.8)}
	}
	// Conversations: nine of ten have one turn with 4 % harm, one has 20 turns
	// whose harm is p, all of them or none; (0.9·0.04 + 0.1·20·p) = 0.1 × 2.9.
	p := (0.1*2.9 - 0.9*0.04) / 2
	conversations := func(random *rand.Rand) []certify.Case {
		if random.Float64() < 0.9 {
			return []certify.Case{outcome(true, random.Float64() >= 0.04, true)}
		}
		out := make([]certify.Case, 20)
		harmed := random.Float64() < p
		for i := range out {
			out[i] = outcome(true, !harmed, true)
		}
		return out
	}
	graded := func(random *rand.Rand) []certify.Case {
		largest := random.Float64()
		return []certify.Case{{Local: true, Largest: largest, Given: min(1, max(0, 0.9*largest+0.2*(random.Float64()-0.5)))}}
	}
	return []boundary{
		{"quality, no gains", quality, 400, 1, alone},
		{"quality, gains", quality, 400, 1, gains},
		{"quality, conversations", quality, 400, 20, conversations},
		{"harm, conversations", harm, 400, 20, conversations},
		{"harm", harm, 400, 1, alone},
		{"graded", quality, 400, 1, graded},
	}
}

// TestTheErrorIsAtMostDelta draws from populations that only just break or keep
// their promise, and counts how often it is shown.
func TestTheErrorIsAtMostDelta(t *testing.T) {
	t.Parallel()
	const draws = 1500
	for _, b := range boundaries() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			shown := 0
			for draw := range draws {
				random := rand.New(rand.NewPCG(uint64(draw), 3))
				sample := func() (cases []certify.Case, s certify.Sample) {
					s.Most = b.most
					for range b.units {
						unit := b.draw(random)
						cases, s.Units = append(cases, unit...), append(s.Units, len(unit))
					}
					return cases, s
				}
				pilot, ps := sample()
				cases, s := sample()
				v, err := b.claim.Test(cases, s, pilot, ps)
				if err != nil {
					t.Fatal(err)
				}
				shown += int(number(v.Shown))
			}
			t.Logf("shown in %.1f %% of %d draws, at most %g %% may be", 100*float64(shown)/draws, draws, 100*b.claim.Delta)
			if limit := draws*b.claim.Delta + 3.1*math.Sqrt(draws*b.claim.Delta*(1-b.claim.Delta)); float64(shown) > limit {
				t.Errorf("a promise that does not hold is shown in %d of %d draws", shown, draws)
			}
		})
	}
}

// TestPower: what clearly holds is shown, with clusters too.
func TestPower(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, promise := range []pointsman.Promise{pointsman.PromiseQuality, pointsman.PromiseHarm} {
		claim := certify.Claim{Promise: promise, Retain: 0.9, Delta: 0.05}
		for _, most := range []int{1, 4} {
			shown := 0
			for range 100 {
				sample := func() (cases []certify.Case, s certify.Sample) {
					s.Most = most
					for range 600 / most {
						s.Units = append(s.Units, most)
						for range most {
							cases = append(cases, outcome(true, random.Float64() >= 0.05, true))
						}
					}
					return cases, s
				}
				pilot, ps := sample()
				cases, s := sample()
				v, err := claim.Test(cases, s, pilot, ps)
				if err != nil {
					t.Fatal(err)
				}
				shown += int(number(v.Shown))
			}
			t.Logf("%s, units of %d: shown in %d of 100", promise, most, shown)
			if shown < 80 {
				t.Errorf("%s, units of %d: shown in only %d of 100 draws", promise, most, shown)
			}
		}
	}
}

// TestRetainAll: that nothing at all is lost can be shown where there are gains.
func TestRetainAll(t *testing.T) {
	t.Parallel()
	claim := certify.Claim{Promise: pointsman.PromiseQuality, Retain: 1, Delta: 0.05}
	var cases []certify.Case
	for i := range 400 {
		cases = append(cases, outcome(true, i%40 != 0, i%10 != 1)) // 1 harm for 4 gains
	}
	random := rand.New(rand.NewPCG(5, 5))
	random.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
	if v, err := claim.Test(cases, certify.Sample{}, cases, certify.Sample{}); err != nil || !v.Shown {
		t.Errorf("%+v, %v", v, err)
	}
	claim.Promise = pointsman.PromiseHarm
	if _, err := claim.Test(cases, certify.Sample{}, nil, certify.Sample{}); !errors.Is(err, certify.ErrInvalid) {
		t.Errorf("no harm at all cannot be shown: %v", err)
	}
}

// TestLeast: with one unit less than the least, the best outcome shows nothing.
func TestLeast(t *testing.T) {
	t.Parallel()
	for _, promise := range []pointsman.Promise{pointsman.PromiseQuality, pointsman.PromiseHarm} {
		for _, retain := range []float64{0.8, 0.9, 0.95, 0.99} {
			claim := certify.Claim{Promise: promise, Retain: retain, Delta: 0.05}
			least, err := claim.Least()
			if err != nil {
				t.Fatal(err)
			}
			perfect := make([]certify.Case, least+30)
			for i := range perfect {
				perfect[i] = outcome(true, true, true)
			}
			v, _ := claim.Test(perfect[:least+2], certify.Sample{}, perfect, certify.Sample{})
			w, _ := claim.Test(perfect[:least-1], certify.Sample{}, perfect, certify.Sample{})
			if !v.Shown || w.Shown {
				t.Errorf("%s of %v: least is %d; with two more %v, with one less %v", promise, retain, least, v.Shown, w.Shown)
			}
		}
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	good := certify.Claim{Promise: pointsman.PromiseQuality, Retain: 0.9, Delta: 0.05}
	cases := []certify.Case{outcome(true, true, true), outcome(true, true, true)}
	for _, s := range []certify.Sample{{Units: []int{1}}, {Units: []int{2}}, {Units: []int{0, 2}, Most: 2}} {
		if _, err := good.Test(cases, s, nil, certify.Sample{}); !errors.Is(err, certify.ErrInvalid) {
			t.Errorf("%v: %v", s, err)
		}
	}
	for _, c := range []certify.Claim{{}, {Promise: "both", Retain: 0.9, Delta: 0.05}, {Promise: pointsman.PromiseQuality, Retain: 0, Delta: 0.05}, {Promise: pointsman.PromiseQuality, Retain: 0.9, Delta: 1}} {
		if _, err := c.Test(cases, certify.Sample{}, nil, certify.Sample{}); !errors.Is(err, certify.ErrInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestSequenceStops: the sequence ends at its first failure, also where later
// candidates would pass again.
func TestSequenceStops(t *testing.T) {
	t.Parallel()
	claim := certify.Claim{Promise: pointsman.PromiseHarm, Retain: 0.98, Delta: 0.1}
	harms := []int{0, 0, 10, 30, 10, 0}
	cases := func(k int) []certify.Case {
		var out []certify.Case
		for i := range 1000 {
			out = append(out, outcome(true, i >= harms[k], true))
		}
		return out
	}
	none := func(int) []certify.Case { return nil }
	_, best, v, err := claim.Sequence(len(harms), certify.Sample{}, certify.Sample{}, cases, none)
	if err != nil || best != 2 || v.Harms != 10 || !v.Shown {
		t.Errorf("%d, %+v, %v", best, v, err)
	}
	harms[0] = 900
	if _, best, v, err = claim.Sequence(len(harms), certify.Sample{}, certify.Sample{}, cases, none); err != nil || best != -1 || v.Harms != 900 || v.Shown {
		t.Errorf("%d, %+v, %v", best, v, err)
	}
	if _, best, v, err = claim.Sequence(3, certify.Sample{}, certify.Sample{}, none, none); err != nil || best != -1 || v.N != 0 {
		t.Errorf("%d, %+v, %v", best, v, err)
	}
}

// TestSequenceBegins: at ρ = 1 there is no margin in what is escalated, so that a
// sequence that began at the strictest candidate would end there.
func TestSequenceBegins(t *testing.T) {
	t.Parallel()
	claim := certify.Claim{Promise: pointsman.PromiseQuality, Retain: 1, Delta: 0.05}
	// Under candidate k, k eighths are local; of them 12 % are gained and 3 % lost.
	cases := func(seed uint64) func(k int) []certify.Case {
		return func(k int) []certify.Case {
			random := rand.New(rand.NewPCG(seed, 8))
			var out []certify.Case
			for range 800 {
				u, local := random.Float64(), random.Float64() < float64(k)/8
				out = append(out, outcome(local, u < 0.03+0.82 && u >= 0.03, u < 0.73))
			}
			return out
		}
	}
	_, best, v, err := claim.Sequence(9, certify.Sample{}, certify.Sample{}, cases(1), cases(2))
	if err != nil || best != 8 || !v.Shown {
		t.Errorf("%d, %+v, %v", best, v, err)
	}
}
