package policy

import (
	"slices"

	"github.com/pointsman-ai/pointsman"
)

// Decide says whether a stage's answer is given to the client, why, and a
// detail for people.
//
//   - An answer that breaks its contract is never accepted (CauseContract).
//   - Where there is no policy, no such stage, or no confidence to go by, the
//     cascade moves on (CauseUncalibrated).
//   - Where the whole task or one of the request's slices has no threshold to
//     accept by, the cascade moves on (CauseUncertified).
//   - The answer is accepted where its effective uplift is at most the
//     strictest threshold of the whole and of the request's slices
//     (CauseAccepted), and otherwise it is not (CauseUncertain).
//
// The effective uplift is uplift + (stakes − 1) × P(harm), so that stakes count
// against an answer that may harm even where asking on would not pay on the
// whole. In policies of the first version it is stakes × uplift where the
// uplift is positive, and the uplift itself where it is not. Stakes below 1, or
// not a number, count as 1.
//
// A request in a slice that the policy does not know, or with a combination of
// missing signals that it does not, is not accepted; in policies of the first
// version it is, by the threshold of the whole.
//
// Decide does not allocate unless a slice decides: then its name is joined to
// the detail.
func (p *Policy) Decide(stage int, of []string, stakes float64, reading pointsman.Reading, c pointsman.Confidence) (accept bool, cause pointsman.Cause, detail string) {
	if !reading.Valid {
		return false, pointsman.CauseContract, reading.Problem
	}
	if p.stage(stage) == nil {
		return false, pointsman.CauseUncalibrated, "no policy was fitted for this tier"
	}
	bound := p.binding(stage, of)
	if bound.Threshold == nil {
		return false, pointsman.CauseUncertified, bound.Why
	}
	if c.Uplift == nil {
		return false, pointsman.CauseUncalibrated, "a signal is missing that the policy cannot do without"
	}
	effective := Effective(*c.Uplift, stakes)
	if !p.old() {
		if c.Threshold == nil {
			return false, pointsman.CauseUnsupported, combination
		}
		if unknown := p.unknown(stage, of); unknown != "" {
			return false, pointsman.CauseUncertified, unknown + " is a slice that calibration saw too few requests of"
		}
		if *c.Threshold < *bound.Threshold {
			bound = &Threshold{Threshold: c.Threshold}
		}
		effective = AtStakes(*c.Uplift, c.Harm, stakes)
	}
	if bound.Slice != "" {
		detail = "by the threshold of " + bound.Slice
	}
	if effective <= *bound.Threshold {
		return true, pointsman.CauseAccepted, detail
	}
	return false, pointsman.CauseUncertain, detail
}

// Effective is the uplift that a policy of the first version compares with a
// threshold: multiplied by the stakes where it is positive.
func Effective(uplift, stakes float64) float64 {
	if uplift > 0 && stakes > 1 {
		return stakes * uplift
	}
	return uplift
}

// AtStakes is the effective uplift: what asking on is worth, and stakes − 1 times
// the probability of harm. The product is rounded by itself, on every
// architecture.
func AtStakes(uplift float64, harm *float64, stakes float64) float64 {
	if harm == nil || !(stakes > 1) {
		return uplift
	}
	return uplift + float64((stakes-1)*(*harm))
}

// Threshold is the strictest threshold of the whole task and of the given
// slices: the one that [Policy.Decide] goes by. It is nil where nothing is
// accepted.
func (p *Policy) Threshold(stage int, of []string) *float64 {
	if p.stage(stage) == nil {
		return nil
	}
	bound := p.binding(stage, of).Threshold
	if bound == nil {
		return nil
	}
	copied := *bound
	return &copied
}

// Bound is the threshold in force for an answer: the strictest of the one that
// its confidence came with and those of its request's slices; nil where nothing
// is accepted.
func (p *Policy) Bound(stage int, of []string, c pointsman.Confidence) *float64 {
	bound := p.Threshold(stage, of)
	if bound == nil || p.old() || c.Uplift == nil {
		return bound
	}
	if c.Threshold == nil || p.unknown(stage, of) != "" {
		return nil
	}
	*bound = min(*bound, *c.Threshold)
	return bound
}

// unknown names a slice of a request that the policy has no threshold for.
func (p *Policy) unknown(stage int, of []string) string {
	for _, slice := range of {
		if _, ok := p.Stages[stage].find(slice); !ok {
			return slice
		}
	}
	return ""
}

// combination says why no answer with such signals missing is accepted.
const combination = "signals are missing in a combination of which calibration saw too few answers, or that was not certified"

// Before is what is known of a request before a tier is asked.
type Before struct {
	Slices  []string
	Request pointsman.Signals
	Shape   *pointsman.Shape
	// NoWitness says that no witness will be asked.
	NoWitness bool
}

// Unusable says before a stage's tier is asked why no answer of it could be
// accepted, or gives an empty cause.
func (p *Policy) Unusable(stage int, b *Before) (cause pointsman.Cause, detail string) {
	s := p.stage(stage)
	if s == nil {
		return pointsman.CauseUncalibrated, "no policy was fitted for this tier"
	}
	if bound := p.binding(stage, b.Slices); bound.Threshold == nil {
		return pointsman.CauseUncertified, bound.Why
	}
	if p.old() {
		return "", ""
	}
	if unknown := p.unknown(stage, b.Slices); unknown != "" {
		return pointsman.CauseUncertified, unknown + " is a slice that calibration saw too few requests of"
	}
	if why := p.Support.Lacks(stage, b.Slices, b.Request, b.Shape); why != "" {
		return pointsman.CauseUnsupported, why
	}
	if p.Gated(stage, b.Request) {
		return pointsman.CauseGated, "by the request alone: the tier would hardly ever be good enough to be worth asking"
	}
	if !slices.ContainsFunc(s.Patterns, func(p Pattern) bool { return p.Threshold != nil && s.possible(&p, b) }) {
		return pointsman.CauseUnsupported, combination
	}
	return "", ""
}

// Gated says that a stage's tier is not asked, by the request alone: also where the
// gate lacks a signal that it never lacked when the policy was fitted.
func (p *Policy) Gated(stage int, request pointsman.Signals) bool {
	s := p.stage(stage)
	if s == nil || s.Gate == nil {
		return false
	}
	l, ok := s.Gate.logits(request, nil)
	return !ok || s.Gate.uplift(l) > s.Gate.High
}

// possible says whether an answer may still have a pattern, by what is known
// before it is there.
func (s *Stage) possible(p *Pattern, b *Before) bool {
	for i := range s.Features {
		name := s.Features[i].Signal
		one, known := b.Request.Get(name)
		missing := known && !one.Present()
		if b.NoWitness && byWitness(name) {
			known, missing = true, true
		}
		if known && missing != slices.Contains(p.Missing, name) {
			return false
		}
	}
	return true
}

// binding finds the entry that decides: the first that accepts nothing, else
// the one with the smallest threshold, the whole task's before a slice's that
// is equal.
func (p *Policy) binding(stage int, of []string) *Threshold {
	s := &p.Stages[stage]
	strictest := &s.Thresholds[0]
	for _, slice := range of {
		if strictest.Threshold == nil {
			break
		}
		t, ok := s.find(slice)
		if ok && (t.Threshold == nil || *t.Threshold < *strictest.Threshold) {
			strictest = t
		}
	}
	return strictest
}
