package fit

import (
	"fmt"
	"slices"

	"github.com/pointsman-ai/pointsman/internal/calibrate/certify"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// slice is what the fit part says of a slice before it is tested.
type slice struct {
	seen int // observations of the fit part
	// closed slices could not show the promise if the fresh requests were like
	// the fit part's. They go to the largest tier, untested.
	closed bool
	// safe ones show it on the fit part with much to spare wherever the whole
	// does. They have the threshold of the whole, or the whole has theirs.
	safe   bool
	needed *int
}

// sort says of every slice, by the fit part alone, whether it is closed or safe.
func (t *tester) sort() error {
	t.slicing = map[string]*slice{}
	for _, name := range t.Slices {
		t.slicing[name] = &slice{}
	}
	for _, one := range t.split.fit {
		for _, name := range one.Slices {
			if s := t.slicing[name]; s != nil {
				s.seen++
			}
		}
	}
	claim := t.claim()
	tested := 0
	for _, s := range t.slicing {
		if s.closed = s.seen < enough; !s.closed {
			tested++
		}
	}
	claim.Delta /= float64(max(tested, 1))
	none := func(*draw) bool { return false }
	self := func(g *group, c certify.Claim) (int, error) {
		_, index, v, err := c.Sequence(t.path.size(), g.fs, g.fs, t.under(g.fit, none), t.under(g.fit, none))
		if v.Local == 0 {
			index = -1
		}
		return index, err
	}
	whole := -1
	if tested > 0 {
		var err error
		if whole, err = self(t.group("", func(*draw) bool { return true }), t.claim()); err != nil {
			return err
		}
	}
	tested = 0
	for _, name := range t.Slices {
		s := t.slicing[name]
		if s.closed {
			continue
		}
		g := t.group(name, func(d *draw) bool { return slices.Contains(d.Slices, name) })
		index, err := self(g, claim)
		if err != nil {
			return fmt.Errorf("slice %s: %w", name, err)
		}
		if s.closed = index < 0; s.closed {
			s.needed = t.needed(g, claim, none)
			continue
		}
		tested++
		sure := claim
		sure.Delta /= margin
		if index, err = self(g, sure); err != nil {
			return fmt.Errorf("slice %s: %w", name, err)
		}
		s.safe = index >= whole
	}
	t.delta = t.claim().Delta / float64(max(tested, 1))
	for _, draws := range [][]draw{t.fit, t.fresh} {
		for i := range draws {
			if slices.ContainsFunc(draws[i].Slices, t.closed) {
				for k := range draws[i].effective {
					draws[i].effective[k] = never
				}
				draws[i].pattern = ""
			}
		}
	}
	return nil
}

// margin is how much below its error level a slice must be on the fit part to be
// called safe.
const margin = 100

func (t *tester) closed(name string) bool { s := t.slicing[name]; return s == nil || s.closed }

// atRisk says that a request's slice may yet have a stricter threshold than the
// whole, and that there are too many such slices to test what may become of each.
func (t *tester) atRisk(d *draw) bool {
	return len(t.risky) == 0 && slices.ContainsFunc(d.Slices, func(name string) bool {
		s := t.slicing[name]
		return s != nil && !s.closed && !s.safe
	})
}

// agree holds the whole to what the safe slices show, so that none of them has a
// stricter threshold than the whole.
func (t *tester) agree(groups []*group) error {
	if len(groups) > 1 {
		return nil
	}
	claim := t.claim()
	claim.Delta = t.delta
	for _, name := range t.Slices {
		if s := t.slicing[name]; !s.safe || groups[0].index < 0 {
			continue
		}
		g := t.group(name, func(d *draw) bool { return slices.Contains(d.Slices, name) })
		if err := t.test(g, claim, t.atRisk); err != nil {
			return fmt.Errorf("slice %s: %w", name, err)
		}
		if err := t.settle(groups[0], t.claim(), g.index, t.atRisk); err != nil {
			return err
		}
		if groups[0].from = max(groups[0].from, g.from); groups[0].index < groups[0].from {
			groups[0].index = -1 // the slice was not tested so strictly
		}
	}
	return nil
}

// slices tests each slice of which the fit part has enough, by the candidates up
// to the loosest that a pattern has. What has not earned a threshold has none.
func (t *tester) slices(groups []*group) ([]policy.SliceCertificate, error) {
	var out []policy.SliceCertificate
	loosest := -1
	for _, g := range groups {
		loosest = max(loosest, g.index)
	}
	claim := t.claim()
	claim.Delta = t.delta
	for _, slice := range t.Slices {
		// Another slice of a request, or its pattern, may have a stricter threshold.
		capped := func(d *draw) bool {
			return len(groups) > 1 || len(t.risky) == 0 && slices.ContainsFunc(d.Slices, func(name string) bool {
				s := t.slicing[name]
				return name != slice && s != nil && !s.closed && !s.safe
			})
		}
		c := policy.SliceCertificate{Slice: slice, Delta: claim.Delta, Seen: t.slicing[slice].seen}
		g := t.group(slice, func(d *draw) bool { return slices.Contains(d.Slices, slice) })
		why := ""
		switch {
		case loosest < 0:
			why = "the whole task has no certified threshold"
		case c.Seen < enough:
			why = fmt.Sprintf("%d examples to fit are too few to test it", c.Seen)
		case t.slicing[slice].closed:
			c.ExamplesNeeded = t.slicing[slice].needed
			why = fmt.Sprintf("by the %d examples to fit it could not be shown, so that it was not tested; %s", c.Seen, wouldDo(c.ExamplesNeeded, c.Seen))
		default:
			err := t.test(g, claim, capped)
			if err == nil && g.index < loosest && len(t.risky) > 0 {
				g.index = -1 // it has the threshold of the whole, or none
			} else if err == nil {
				err = t.settle(g, claim, loosest, capped)
			}
			if err != nil {
				return nil, fmt.Errorf("slice %s: %w", slice, err)
			}
			c.Certified, c.Evidence = g.index >= 0, evidence(g.verdict)
			if !c.Certified {
				c.ExamplesNeeded = t.needed(g, claim, capped)
				why = fmt.Sprintf("%d fresh requests do not show it; %s", len(g.fresh), wouldDo(c.ExamplesNeeded, len(g.s.Units)))
			}
		}
		if c.Certified {
			c.Claim = t.meant(sentence(claim, c.Evidence, slice))
			why = fmt.Sprintf("certified for %s by itself: level %.3g on %d fresh requests", slice, g.verdict.Evidence, g.verdict.N)
		} else {
			c.Claim = fmt.Sprintf("Nothing is promised for %s, and all of it goes to the largest tier: %s.", slice, why)
		}
		for k := range t.policy.Stages {
			one := policy.Threshold{Slice: slice, Certified: c.Certified, Why: why}
			if c.Certified {
				value := t.path.thresholds[k][g.index]
				one.Threshold = &value
			}
			t.policy.Stages[k].Thresholds = append(t.policy.Stages[k].Thresholds, one)
		}
		out = append(out, c)
	}
	return out, nil
}
