package fit

import (
	"math"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/certify"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// claim is what the target asks to be shown.
func (o Options) claim() certify.Claim {
	return certify.Claim{Promise: o.Target.Promised(), Retain: o.Target.Retain, Delta: math.Ldexp(1-o.Target.Confidence, -o.Tries)}
}

// tester tests the candidates of a policy.
type tester struct {
	Options
	policy *policy.Policy
	split  parts
	path   path
	// whole is the path with the candidates that the owner's aim leaves out, which
	// are shown and not tested.
	whole path
	aimed *AimReport
	// largestCost is what an answer of the largest tier costs on average, in the fit
	// part; 0 where no cost is known.
	largestCost float64
	fit, fresh  []draw
	slicing     map[string]*slice
	// delta is the error level of each slice that is tested.
	delta float64
	// risky are the slices that have the threshold of the whole or none, where what
	// may become of each is tested; none where they are too many for that.
	risky []string
}

// group is a part of the requests that is certified by itself: one pattern of
// missing signals, or one slice.
type group struct {
	name       string
	fit, fresh []draw
	fs, s      certify.Sample
	// from is the candidate at which its sequence of tests begins, and index the
	// loosest that passed, or −1, with its verdict.
	from, index int
	verdict     certify.Verdict
}

// choose gives the draws that are in a group with the sizes of their units.
func choose(draws []draw, units []int, most int, in func(*draw) bool) ([]draw, certify.Sample) {
	var out []draw
	s := certify.Sample{Most: most, Units: []int{}}
	at := 0
	for _, size := range units {
		n := 0
		for range size {
			if in(&draws[at]) {
				out = append(out, draws[at])
				n++
			}
			at++
		}
		if n > 0 {
			s.Units = append(s.Units, n)
		}
	}
	return out, s
}

func (t *tester) group(name string, in func(*draw) bool) *group {
	g := &group{name: name, index: -1}
	g.fit, g.fs = choose(t.fit, t.split.fitUnits, t.split.most, in)
	g.fresh, g.s = choose(t.fresh, t.split.units, t.split.most, in)
	return g
}

// test finds the loosest candidate whose claim is shown for a group.
func (t *tester) test(g *group, c certify.Claim, capped func(*draw) bool) error {
	var err error
	g.from, g.index, g.verdict, err = c.Sequence(t.path.size(), g.s, g.fs, t.under(g.fresh, capped), t.under(g.fit, capped))
	if g.verdict.Local == 0 {
		g.index = -1 // what accepts nothing keeps every promise, and is none
	}
	if err != nil || c.Promise == pointsman.PromiseHarm && len(t.path.thresholds) == 1 {
		return err // what goes to the largest tier does no harm; to a middle one it may
	}
	return t.testOthers(g, c, capped)
}

// settle holds a group to a stricter candidate than the loosest that passed. One
// before its sequence began was not tested, and is none.
func (t *tester) settle(g *group, c certify.Claim, candidate int, capped func(*draw) bool) error {
	if candidate >= g.index {
		return nil
	}
	if candidate < g.from {
		g.index = -1
		return nil
	}
	v, err := c.Test(t.under(g.fresh, capped)(candidate), g.s, t.under(g.fit, capped)(candidate), g.fs)
	if g.index, g.verdict = candidate, v; v.Local == 0 {
		g.index = -1
	}
	return err
}

// needed is about how many fresh units would do for a group, if those are like
// the fit part's, at the first candidate that accepts a worthwhile share.
func (t *tester) needed(g *group, c certify.Claim, capped func(*draw) bool) *int {
	var cases []certify.Case
	for k := range t.path.size() {
		cases = t.cases(cases, g.fit, &t.path, k, capped)
		local := 0
		for i := range cases {
			if cases[i].Local {
				local++
			}
		}
		if float64(local) < worthwhile*float64(len(cases)) || local == 0 {
			continue
		}
		if n, ok := c.Needed(cases, g.fs); ok {
			n = max(n, len(g.s.Units)+1)
			return &n
		}
		return nil
	}
	return nil
}

// worthwhile is the share of requests that a threshold must accept for its
// certificate to be worth having.
const worthwhile = 0.1

// certify tests the candidates and writes thresholds and certificate into the
// policy.
func (t *tester) certify() error {
	if err := t.sort(); err != nil {
		return err
	}
	groups, err := t.patterns()
	if err != nil {
		return err
	}
	if err := t.agree(groups); err != nil {
		return err
	}
	if err := t.join(groups); err != nil {
		return err
	}
	t.accept(groups)
	bySlice, err := t.slices(groups)
	if err != nil {
		return err
	}
	return t.certificate(groups, bySlice)
}

// under gives the cases of draws under a candidate.
func (t *tester) under(draws []draw, capped func(*draw) bool) func(int) []certify.Case {
	var out []certify.Case
	return func(k int) []certify.Case {
		out = t.cases(out, draws, &t.path, k, capped)
		return out
	}
}
