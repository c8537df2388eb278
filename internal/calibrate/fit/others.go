package fit

import (
	"fmt"
	"slices"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/certify"
)

// What is tested may come to be otherwise: a slice that does not show its own
// promise goes to the largest tier as a whole, and a witness may stop answering.
// For harm that can only help where there is no tier between. For quality the gains among those requests may have
// paid for losses elsewhere. So a candidate must also pass the test of the cascade
// in every such case, each with all of δ: it is wrongly accepted only if it passes
// the test of a case in which it breaks the promise, and in the fixed sequence the
// first such candidate decides (intersection-union tests; Berger 1982).

// mostRisky bounds the slices of which every combination is tested. With more, a
// request of such a slice counts as the worse of what it may come to.
const mostRisky = 4

// weigh finds the slices that may have the threshold of the whole or none.
func (t *tester) weigh(patterns int) {
	t.risky = nil
	if t.claim().Promise == pointsman.PromiseHarm || patterns > 1 {
		return
	}
	for _, name := range t.Slices {
		if s := t.slicing[name]; !s.closed && !s.safe {
			t.risky = append(t.risky, name)
		}
	}
	if len(t.risky) > mostRisky {
		t.risky = nil
	}
}

// removal is a case in which some requests go to the largest tier.
type removal struct {
	slices []string
	// asked is how many witnesses answer; −1 where all do.
	asked int
}

// removals are all cases but the one in which nothing goes.
func (t *tester) removals(g *group) []removal {
	var out []removal
	for set := range 1 << len(t.risky) {
		r := removal{asked: -1}
		for k, name := range t.risky {
			if set&(1<<k) != 0 && name != g.name {
				r.slices = append(r.slices, name)
			}
		}
		if set != 0 && len(r.slices) == 0 || slices.Contains(t.risky, g.name) && set&(1<<slices.Index(t.risky, g.name)) != 0 {
			continue // the slice that is tested itself stays
		}
		if set != 0 {
			out = append(out, r)
		}
		for asked := range max(mostAsked(g.fresh), mostAsked(g.fit)) {
			out = append(out, removal{r.slices, asked})
		}
	}
	return out
}

// apply gives the draws as they are in a case.
func (r removal) apply(draws []draw) []draw {
	out := slices.Clone(draws)
	for i := range out {
		d := &out[i]
		gone := slices.ContainsFunc(d.Slices, func(name string) bool { return slices.Contains(r.slices, name) })
		d.effective, d.held = slices.Clone(d.effective), nil
		for k := range d.effective {
			if gone || r.asked >= 0 && d.asked[k] > r.asked {
				d.effective[k] = never
			}
		}
	}
	return out
}

// mostAsked is how many witnesses are asked for the draw with the most.
func mostAsked(draws []draw) int {
	most := 0
	for i := range draws {
		for _, n := range draws[i].asked {
			most = max(most, n)
		}
	}
	return most
}

// testOthers holds a group to what is shown in every other case too.
func (t *tester) testOthers(g *group, c certify.Claim, capped func(*draw) bool) error {
	for _, r := range t.removals(g) {
		if g.index < 0 {
			return nil
		}
		from, index, _, err := c.Sequence(t.path.size(), g.s, g.fs, t.under(r.apply(g.fresh), capped), t.under(r.apply(g.fit), capped))
		if err != nil {
			return err
		}
		g.from = max(g.from, from)
		if err := t.settle(g, c, index, capped); err != nil {
			return err
		}
		if g.index < g.from {
			g.index = -1
		}
	}
	return nil
}

// join chooses the threshold of the whole among those that were shown, whatever
// becomes of the slices: the one at which the most of the fit part is accepted, when
// the slices that have not shown their own promise at it are taken back.
func (t *tester) join(groups []*group) error {
	whole := groups[0]
	if len(t.risky) == 0 || whole.index < 0 {
		return nil
	}
	claim := t.claim()
	claim.Delta = t.delta
	shown := map[string]*group{}
	for _, name := range t.risky {
		g := t.group(name, func(d *draw) bool { return slices.Contains(d.Slices, name) })
		if err := t.test(g, claim, t.atRisk); err != nil {
			return fmt.Errorf("slice %s: %w", name, err)
		}
		shown[name] = g
	}
	best, most := whole.index, -1
	for k := whole.index; k >= whole.from; k-- {
		accepted := 0
		for i := range t.fit {
			d := &t.fit[i]
			gone := slices.ContainsFunc(d.Slices, func(name string) bool {
				g := shown[name]
				return g != nil && (k > g.index || k < g.from)
			})
			if !gone && t.path.answering(d, k) < len(t.path.thresholds) {
				accepted++
			}
		}
		if accepted > most {
			best, most = k, accepted
		}
	}
	return t.settle(whole, t.claim(), best, t.atRisk)
}
