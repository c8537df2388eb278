package fit

import (
	"math"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman/internal/calibrate/certify"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// path is the sequence of candidates that are tested: for each stage the same
// quantiles of the fit part's cross-fitted uplift, strictest first, and 1 at the
// end, which accepts everything that can be.
type path struct{ thresholds [][]float64 } // by stage, then by candidate

func newPath(stages []*learned, size int) (path, error) {
	ps := make([]float64, size)
	for i := range ps {
		ps[i] = float64(i+1) / float64(size)
	}
	grids := make([][]float64, len(stages))
	for k, l := range stages {
		var err error
		if grids[k], err = stat.Quantiles(l.uplift, ps...); err != nil {
			return path{}, err
		}
		grids[k] = append(grids[k], 1)
	}
	// Candidates that accept the same as the one before are left out.
	p := path{make([][]float64, len(stages))}
	for c := range size + 1 {
		if c > 0 && !slices.ContainsFunc(grids, func(g []float64) bool { return g[c] > g[c-1] }) {
			continue
		}
		for k := range grids {
			p.thresholds[k] = append(p.thresholds[k], grids[k][c])
		}
	}
	return p, nil
}

// clone is the same path, which stays as it is when candidates are left out.
func (p *path) clone() path {
	out := path{make([][]float64, len(p.thresholds))}
	for k := range out.thresholds {
		out.thresholds[k] = slices.Clone(p.thresholds[k])
	}
	return out
}

func (p *path) size() int { return len(p.thresholds[0]) }

// draw is an observation as the tests see it.
type draw struct {
	*Observation
	// effective is the effective uplift at each stage; +Inf where no answer can
	// be accepted.
	effective []float64
	// unasked says that a stage's tier is not asked at all.
	unasked []bool
	// asked is how many witnesses are asked at each stage before it is decided.
	asked []int
	// pattern names the combination of missing signals of the answers that can be
	// accepted, stage by stage; empty where none can.
	pattern string
	// held is, for each candidate, the worst tier under it and all stricter ones;
	// empty until it is asked for.
	held []int
}

// never is the uplift of what is not accepted by any threshold.
var never = math.Inf(1)

// judged judges the certify part with the very functions that will judge live
// requests, and the fit part by its cross-fitted uplifts.
func (o Options) judged(p *policy.Policy, stages []*learned, split parts) (fit, certify []draw) {
	for i, one := range split.fit {
		d := draw{Observation: one, effective: make([]float64, len(stages))}
		for k, l := range stages {
			d.effective[k] = l.effective(i, one.stakes(k))
		}
		d.limit(p)
		fit = append(fit, d)
	}
	for _, one := range split.certify {
		d := draw{Observation: one, effective: make([]float64, len(stages))}
		for k := range stages {
			d.effective[k] = never
			t := &one.Tiers[k]
			if t.Failed || !t.Valid {
				continue
			}
			if c := p.Assess(k, one.Request, t.Signals); c.Uplift != nil {
				d.effective[k] = policy.AtStakes(*c.Uplift, c.Harm, one.stakes(k))
			}
		}
		d.limit(p)
		certify = append(certify, d)
	}
	return fit, certify
}

// limit takes back what the support, or a pattern of missing signals of which
// too few were seen, does not let be accepted.
func (d *draw) limit(p *policy.Policy) {
	var names []string
	some := false
	d.unasked = make([]bool, len(d.effective))
	for k := range d.effective {
		d.asked = append(d.asked, p.Asked(k, d.Request, d.Tiers[k].Signals))
		d.unasked[k] = p.Support.Lacks(k, d.Slices, d.Request, d.Shape) != "" || p.Gated(k, d.Request)
		if d.effective[k] == never {
			names = append(names, "")
			continue
		}
		pattern := p.Pattern(k, d.Request, d.Tiers[k].Signals)
		if pattern == nil || d.unasked[k] {
			d.effective[k] = never
			names = append(names, "")
			continue
		}
		some = true
		names = append(names, missingNames(pattern.Missing))
	}
	if some {
		d.pattern = strings.Join(names, "\n")
	}
}

// cases are what draws come to under a candidate. capped says for which of them
// something else may still decide in favour of the largest tier.
func (o Options) cases(out []certify.Case, draws []draw, p *path, candidate int, capped func(*draw) bool) []certify.Case {
	out = out[:0]
	last := len(p.thresholds)
	for i := range draws {
		d := &draws[i]
		tier := 0
		for tier < last && !(d.effective[tier] <= p.thresholds[tier][candidate]) {
			tier++
		}
		held := capped(d)
		if held && last > 1 {
			tier = o.worst(d, p, candidate)
		}
		out = append(out, o.outcome(d.Observation, tier, held))
	}
	return out
}

// worst is the tier whose answer is the worst for the promise among those that a
// request may get where something holds it to a stricter candidate: with several
// stages that need not be the largest tier's.
func (o Options) worst(d *draw, p *path, candidate int) int {
	last := len(p.thresholds)
	if len(d.held) == 0 {
		claim := o.claim()
		margin := func(tier int) float64 {
			x := o.outcome(d.Observation, tier, true)
			return claim.Margin(&x)
		}
		worst := last
		for k := range p.size() {
			tier := 0
			for tier < last && !(d.effective[tier] <= p.thresholds[tier][k]) {
				tier++
			}
			if margin(tier) < margin(worst) {
				worst = tier
			}
			d.held = append(d.held, worst)
		}
	}
	return d.held[candidate]
}

// outcome is what an observation comes to if a tier's answer is given.
func (o Options) outcome(one *Observation, tier int, capped bool) certify.Case {
	last := len(one.Tiers) - 1
	given, largest := &one.Tiers[tier], &one.Tiers[last]
	x := certify.Case{
		Given: given.score(), Largest: largest.score(),
		Right: given.right(), LargestRight: largest.right(),
		Local: tier < last, Unknown: largest.Failed, Capped: capped, Same: given.Same,
	}
	if p := one.People; p != nil {
		given, largest := given.judged(), largest.judged()
		x.People = &certify.Asking{
			Probability: p.Probability, Asked: p.Asked, Untold: p.Untold,
			Judge: certify.Scores{Given: given.score(), Largest: largest.score(), Right: given.right(), LargestRight: largest.right()},
		}
	}
	return x
}
