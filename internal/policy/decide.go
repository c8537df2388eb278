package policy

import "github.com/pointsman-ai/pointsman"

// Decide says whether a stage's answer is given to the client, why, and a
// detail for people.
//
//   - An answer that breaks its contract is never accepted (CauseContract).
//   - Where there is no policy, no such stage, or no confidence to go by, the
//     cascade moves on (CauseUncalibrated).
//   - Where the whole task or one of the request's slices has no threshold to
//     accept by, the cascade moves on (CauseUncertified). A slice that the
//     policy does not know has the threshold of the whole.
//   - The answer is accepted where its effective uplift is at most the
//     strictest threshold of the whole and of the request's slices
//     (CauseAccepted), and otherwise it is not (CauseUncertain).
//
// The effective uplift is stakes × uplift where the uplift is positive, and
// the uplift itself where it is not. Stakes below 1, or not a number, count
// as 1.
//
// Decide does not allocate unless a slice decides: then its name is joined to
// the detail.
func (p *Policy) Decide(stage int, slices []string, stakes float64, reading pointsman.Reading, c pointsman.Confidence) (accept bool, cause pointsman.Cause, detail string) {
	if !reading.Valid {
		return false, pointsman.CauseContract, reading.Problem
	}
	if p.stage(stage) == nil {
		return false, pointsman.CauseUncalibrated, "no policy was fitted for this tier"
	}
	bound := p.binding(stage, slices)
	if bound.Threshold == nil {
		return false, pointsman.CauseUncertified, bound.Why
	}
	if c.Uplift == nil {
		return false, pointsman.CauseUncalibrated, "a signal is missing that the policy cannot do without"
	}
	if bound.Slice != "" {
		detail = "by the threshold of " + bound.Slice
	}
	if Effective(*c.Uplift, stakes) <= *bound.Threshold {
		return true, pointsman.CauseAccepted, detail
	}
	return false, pointsman.CauseUncertain, detail
}

// Effective is the uplift that is compared with a threshold: multiplied by the
// stakes where it is positive.
func Effective(uplift, stakes float64) float64 {
	if uplift > 0 && stakes > 1 {
		return stakes * uplift
	}
	return uplift
}

// Threshold is the strictest threshold of the whole task and of the given
// slices: the one that [Policy.Decide] goes by. It is nil where nothing is
// accepted.
func (p *Policy) Threshold(stage int, slices []string) *float64 {
	if p.stage(stage) == nil {
		return nil
	}
	bound := p.binding(stage, slices).Threshold
	if bound == nil {
		return nil
	}
	copied := *bound
	return &copied
}

// binding finds the entry that decides: the first that accepts nothing, else
// the one with the smallest threshold, the whole task's before a slice's that
// is equal.
func (p *Policy) binding(stage int, slices []string) *Threshold {
	s := &p.Stages[stage]
	strictest := &s.Thresholds[0]
	for _, slice := range slices {
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
