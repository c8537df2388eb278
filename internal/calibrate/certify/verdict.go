package certify

import (
	"fmt"
	"math"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// Sample is what candidates are tested on. The cases of a unit follow one
// another, and the units are in an order that does not depend on any outcome.
type Sample struct {
	// Units are the numbers of cases in each unit; nil means that every case is
	// a unit of its own.
	Units []int
	// Most is the largest number of cases that a unit may have; 0 means 1.
	Most int
}

func (s Sample) most() int { return max(s.Most, 1) }

func (s Sample) check(cases int) error {
	if s.Units == nil {
		return nil
	}
	sum := 0
	for i, n := range s.Units {
		if n < 1 || n > s.most() {
			return fmt.Errorf("%w: unit %d has %d cases, want 1 to %d", ErrInvalid, i, n, s.most())
		}
		sum += n
	}
	if sum != cases {
		return fmt.Errorf("%w: the units have %d cases and there are %d", ErrInvalid, sum, cases)
	}
	return nil
}

// sums adds the margins up in each unit; those that people were asked about by
// chance are corrected by the predictor.
func (c Claim) sums(cases []Case, s Sample, p *predictor) []float64 {
	margin := func(x *Case) float64 {
		if x.People != nil && p != nil {
			return p.margin(x)
		}
		return c.Margin(x)
	}
	if s.Units == nil {
		out := make([]float64, len(cases))
		for i := range cases {
			out[i] = margin(&cases[i])
		}
		return out
	}
	out := make([]float64, len(s.Units))
	at := 0
	for u, n := range s.Units {
		for ; n > 0; n-- {
			out[u] += margin(&cases[at])
			at++
		}
	}
	return out
}

// Method names a test.
type Method string

// The tests.
const (
	MethodExact   Method = "clopper-pearson"
	MethodBetting Method = "betting"
	// MethodPowered is betting on margins of which a judge predicts most and
	// people correct a sample.
	MethodPowered Method = "prediction-powered betting"
)

// Verdict is what a test found.
type Verdict struct {
	Shown  bool   `json:"shown"`
	Method Method `json:"method"`
	Units  int    `json:"units"` // independent draws
	// Most is the largest number of requests in a draw.
	Most int `json:"most"`
	N    int `json:"n"` // requests
	// People counts requests whose answers people were asked about, where they
	// were asked about a sample only. What is said below is then by people where
	// they were asked and by the judge elsewhere, but for Quality and Largest, in
	// which people correct the judge.
	People int `json:"people,omitempty"`
	// Local counts requests that are answered below the largest tier, Harms
	// those that the largest tier has right and the given answer has not, and
	// LargestRight those that the largest tier has right.
	Local        int `json:"local"`
	Harms        int `json:"harms"`
	LargestRight int `json:"largest_right"`
	// Quality and Largest are the mean scores of the cascade and of the largest
	// tier, on the requests of which both are known.
	Quality float64 `json:"quality"`
	Largest float64 `json:"largest"`
	// Evidence is the error level at which the claim would just be shown: at
	// most Delta where it is.
	Evidence float64 `json:"evidence"`
	// HarmBound is the upper confidence bound, at the claim's error level, of
	// P(harm | the largest tier is right); null where the test was not that of
	// harm on requests that stand alone.
	HarmBound *float64 `json:"harm_bound"`
}

// Test tests one candidate. pilot are the cases of other examples under the
// same candidate, which choose the bets.
func (c Claim) Test(cases []Case, s Sample, pilot []Case, ps Sample) (Verdict, error) {
	if err := c.Check(); err != nil {
		return Verdict{}, err
	}
	if err := s.check(len(cases)); err != nil {
		return Verdict{}, err
	}
	if err := ps.check(len(pilot)); err != nil {
		return Verdict{}, err
	}
	v := count(cases, s)
	if len(cases) == 0 {
		v.Evidence = 1
		return v, nil
	}
	switch powered := drawn(cases) || drawn(pilot); {
	case c.Promise == pointsman.PromiseHarm && s.most() == 1 && !powered:
		v.Method = MethodExact
		// The level at which the upper bound is exactly 1−ρ.
		p, err := stat.BinomialAtMost(v.Harms, v.LargestRight, 1-c.Retain)
		if err != nil {
			return v, err
		}
		v.Evidence = p
		bound := 1.0
		if v.LargestRight > 0 {
			if bound, err = stat.ClopperPearsonUpper(v.Harms, v.LargestRight, c.Delta); err != nil {
				return v, err
			}
		}
		v.HarmBound = &bound
	default:
		v.Method = MethodBetting
		drop := float64(s.most())
		var p *predictor
		if powered {
			v.Method = MethodPowered
			p = c.predict(pilot, ps, v.Units, s.most())
			drop *= p.drop
		}
		sums := c.sums(cases, s, p)
		v.Evidence = math.Exp(-peak(sums, bet(c.Delta, len(sums), c.sums(pilot, ps, p), drop)))
	}
	v.Shown = v.Evidence <= c.Delta
	return v, nil
}

func count(cases []Case, s Sample) Verdict {
	v := Verdict{N: len(cases), Units: len(s.Units), Most: s.most()}
	if s.Units == nil {
		v.Units = v.N
	}
	known := 0.0
	for i := range cases {
		x := &cases[i]
		asked := x.People
		if asked != nil {
			switch {
			case !asked.Asked:
				judged := x.judged()
				x = &judged
			case !asked.Untold:
				v.People++
			}
		}
		right, harmed := x.harm()
		if x.Local {
			v.Local++
		}
		if right {
			v.LargestRight++
		}
		if harmed {
			v.Harms++
		}
		if !x.Unknown {
			known++
			given, largest := x.scores()
			if asked != nil && asked.Asked && !asked.Untold {
				judged := cases[i].judged()
				g, l := judged.scores()
				given, largest = g+(given-g)/asked.Probability, l+(largest-l)/asked.Probability
			}
			v.Quality += given
			v.Largest += largest
		}
	}
	if known > 0 {
		v.Quality = min(max(v.Quality/known, 0), 1)
		v.Largest = min(max(v.Largest/known, 0), 1)
	}
	return v
}

// scores are those of the answer that is given and of the largest tier's.
func (x *Case) scores() (given, largest float64) {
	if !x.Local {
		return x.Largest, x.Largest
	}
	return x.Given, x.Largest
}

// Sequence tests candidates in their order, from the strictest to the loosest,
// and stops at the first whose claim is not shown. It gives where it began, and
// the loosest that passed, or −1, with its verdict, or that of the first that was
// tested. Only what lies between the two was shown. cases
// and pilot give the cases under a candidate; what they return may be overwritten
// by the next call.
//
// Where the sequence begins is chosen on the pilot: at the strictest candidate
// whose claim the pilot itself would show with much to spare, or else at the one
// that it shows best. The very strictest is not always a good beginning: where
// hardly anything is answered below the largest tier there is no margin to bet
// on, and at ρ = 1 none at all.
func (c Claim) Sequence(candidates int, s, ps Sample, cases, pilot func(candidate int) []Case) (first, best int, found Verdict, err error) {
	first, err = c.first(candidates, ps, pilot)
	if err != nil {
		return 0, -1, found, err
	}
	best = -1
	for k := first; k < candidates; k++ {
		v, err := c.Test(cases(k), s, pilot(k), ps)
		if err != nil {
			return first, -1, found, err
		}
		if k == first || v.Shown {
			found = v
		}
		if !v.Shown {
			break
		}
		best = k
	}
	return first, best, found, nil
}

// spare is how much below the error level the pilot's own level must be for a
// candidate to be a safe beginning.
const spare = 100

// first is where a sequence begins.
func (c Claim) first(candidates int, ps Sample, pilot func(candidate int) []Case) (int, error) {
	best, level := 0, math.Inf(1)
	for k := range candidates {
		x := pilot(k)
		if len(x) == 0 {
			return 0, nil
		}
		v, err := c.Test(x, ps, x, ps)
		if err != nil {
			return 0, err
		}
		if v.Evidence <= c.Delta/spare {
			return k, nil
		}
		if v.Evidence < level {
			best, level = k, v.Evidence
		}
	}
	return best, nil
}

// Needed is about how many units would show the claim for a candidate, if they
// are like those of a pilot: the number with which the wealth typically grows to
// 1/δ, and a quarter more. ok is false where no feasible number would.
func (c Claim) Needed(pilot []Case, ps Sample) (units int, ok bool) {
	var p *predictor
	drop := float64(ps.most())
	if drawn(pilot) {
		p = c.predict(pilot, ps, max(len(ps.Units), len(pilot)), ps.most())
		drop *= p.drop
	}
	sums := c.sums(pilot, ps, p)
	if len(sums) == 0 {
		return 0, false
	}
	enough := func(n int) bool {
		lambda, growth := bet(c.Delta, n, sums, drop), 0.0
		for _, s := range sums {
			growth += math.Log1p(lambda*s) / float64(len(sums))
		}
		return float64(n)*growth >= math.Log(1/c.Delta)
	}
	high := 1
	for !enough(high) {
		if high *= 2; high > feasible {
			return 0, false
		}
	}
	low := high / 2
	for high-low > 1 {
		if middle := (low + high) / 2; enough(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high + high/4, true
}

// feasible bounds the numbers of examples that are suggested.
const feasible = 1_000_000

// Least is the number of units with which the claim can be shown at the least:
// where the largest tier is always right, and so is every answer that is given.
func (c Claim) Least() (int, error) {
	if err := c.Check(); err != nil {
		return 0, err
	}
	if c.Promise == pointsman.PromiseHarm {
		return int(math.Ceil(math.Log(c.Delta) / math.Log(c.Retain))), nil
	}
	if c.Retain == 1 { // no answer is better than the largest tier's then: some must be
		return 1, nil
	}
	return int(math.Ceil(-math.Log(c.Delta) / math.Log1p(ceiling*(1-c.Retain)))), nil
}

// LeastEscalated is the share of the requests that the largest tier has right
// which must be escalated at the least, where a tier has a share base of them
// wrong: base − (1 − ρ), which only a ranking without a flaw reaches.
func (c Claim) LeastEscalated(base float64) float64 { return max(0, base-(1-c.Retain)) }
