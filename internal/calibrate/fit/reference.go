package fit

import (
	"slices"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// lowShare is the share of the fit part's answers whose log-probability is called
// low.
const lowShare = 0.1

// reference is what the certify part shows under the finished policy; nil where
// nothing is certified, so that all is escalated. That part chose the thresholds as
// well, which are few, so that its shares are hardly better for it.
func (t *tester) reference() *policy.Reference {
	if !t.policy.Certified() {
		return nil
	}
	r := &policy.Reference{Units: len(t.split.units)}
	for stage := range t.policy.Stages {
		r.LogprobLow = append(r.LogprobLow, t.lowLogprob(stage))
	}
	if slices.ContainsFunc(r.LogprobLow, func(low *float64) bool { return low != nil }) {
		r.LowLogprob = &policy.Tally{}
	} else {
		r.LogprobLow = nil
	}
	for _, one := range t.split.certify {
		if seen, ok := show(t.policy, r, one); ok {
			r.Count(&seen)
		}
	}
	if r.Requests == 0 {
		return nil
	}
	r.Units = min(r.Units, r.Requests)
	return r
}

// show is what an observation shows under a policy; ok is false where a tier that
// was asked gave no answer.
func show(p *policy.Policy, r *policy.Reference, one *Observation) (s policy.Seen, ok bool) {
	why, ok := pointsman.Cause(""), true
	tier := follow(p, one, func(tier int, asked bool, cause pointsman.Cause) {
		why = cause
		if !asked {
			return
		}
		s.Unsupported = s.Unsupported || cause == pointsman.CauseUnsupported
		if cause == pointsman.CauseError {
			ok = false
			return
		}
		r.Answer(&s, tier, one.Tiers[tier].Valid, one.Tiers[tier].Signals)
	})
	last := len(one.Tiers) - 1
	s.Escalated = tier == last
	s.Unsupported = s.Unsupported || why == pointsman.CauseUnsupported
	return s, ok && !(s.Escalated && one.Tiers[last].Failed)
}

// lowLogprob is the quantile of a stage's log-probabilities in the fit part; nil
// where the stage does not read them, or has too few.
func (t *tester) lowLogprob(stage int) *float64 {
	if !slices.ContainsFunc(t.policy.Stages[stage].Features, func(f policy.Feature) bool { return f.Signal == policy.LogprobSignal }) {
		return nil
	}
	var values []float64
	for _, one := range t.split.fit {
		if s, ok := one.Tiers[stage].Signals.Get(policy.LogprobSignal); ok && s.Present() && !one.Tiers[stage].Failed {
			values = append(values, s.Value)
		}
	}
	if len(values) < enough {
		return nil
	}
	slices.Sort(values)
	return &values[int(lowShare*float64(len(values)))]
}
