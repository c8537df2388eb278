package cascade

import (
	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// walk is the way of one request through its tiers, as a state machine without
// input or output. Its user asks [walk.next] which tier is to be asked, tells
// what came of it by [walk.failed] or [walk.judge], and goes on until a judge
// accepts or no tier is left.
type walk struct {
	task   *Task
	slices []string
	stakes float64

	steps []step
	at    int
	// why is the reason for which the next tier is asked: what was wrong with
	// the one before it, or why that one was passed over.
	why       pointsman.Cause
	whyDetail string
}

// step is one tier to ask. A final one is given to the client whatever it says.
type step struct {
	tier  int
	final bool
	cause pointsman.Cause // of a final attempt
}

// newWalk plans the tiers that a request may be answered by. Where nothing
// could make the cascade accept a tier (no policy, no certified threshold),
// that tier is not asked at all: it would cost time and money for nothing.
func newWalk(t *Task, effect pointsman.RuleEffect, before policy.Before) *walk {
	before.NoWitness = effect.NoWitness
	w := &walk{task: t, slices: before.Slices, stakes: effect.Stakes}
	if effect.Pin != "" {
		if i := t.index(effect.Pin); i >= 0 {
			cause := pointsman.CausePinned
			if t.Direct {
				cause = pointsman.CauseDirect
			}
			w.steps = []step{{tier: i, final: true, cause: cause}}
			w.why = cause
		}
		return w
	}
	for n, id := range effect.Permitted {
		i := t.index(id)
		if i < 0 {
			continue
		}
		if n == len(effect.Permitted)-1 {
			w.steps = append(w.steps, step{tier: i, final: true, cause: pointsman.CauseLast})
			break
		}
		if cause, detail, skip := t.unusable(i, &before); skip {
			w.why, w.whyDetail = cause, detail
			continue
		}
		w.steps = append(w.steps, step{tier: i})
	}
	if w.why == "" {
		w.why = pointsman.CauseLast
	}
	return w
}

// unusable says why no answer of a tier could be accepted.
func (t *Task) unusable(tier int, before *policy.Before) (pointsman.Cause, string, bool) {
	switch {
	case t.PolicyProblem != nil:
		return pointsman.CauseVoid, t.PolicyProblem.Error(), true
	case t.Policy == nil:
		return pointsman.CauseUncalibrated, "the task has no policy: run pointsman calibrate", true
	}
	cause, detail := t.Policy.Unusable(tier, before)
	return cause, detail, cause != ""
}

// index finds a tier by its id, or −1.
func (t *Task) index(id pointsman.TierID) int {
	for i := range t.Tiers {
		if t.Tiers[i].ID == id {
			return i
		}
	}
	return -1
}

// next is the tier to ask now; ok is false where none is left.
func (w *walk) next() (s step, ok bool) {
	if w.at >= len(w.steps) {
		return step{}, false
	}
	return w.steps[w.at], true
}

// failed says that the tier gave no answer, and moves on.
func (w *walk) failed(cause pointsman.Cause, detail string) {
	w.at++
	w.why, w.whyDetail = cause, detail
}

// judge fills in an attempt's confidence and cause from what was measured, and
// says whether its answer is given to the client. Otherwise it moves on.
func (w *walk) judge(request pointsman.Signals, a *pointsman.Attempt) (accepted bool) {
	s := w.steps[w.at]
	if !w.task.Direct {
		a.Confidence = w.assess(s.tier, request, a)
	}
	if s.final {
		a.Cause = s.cause
		return true
	}
	stakes := w.stakes
	if own := w.task.Stakes(a.Reading.Label); own > 1 {
		a.Stakes = own
		stakes *= own
	}
	var detail string
	accepted, a.Cause, detail = w.task.Policy.Decide(s.tier, w.slices, stakes, a.Reading, a.Confidence)
	a.Detail = detail
	if accepted {
		w.why, w.whyDetail = a.Cause, detail
		return true
	}
	w.failed(a.Cause, detail)
	return false
}

// assess is the policy's confidence with the threshold in force; empty where
// no policy applies.
func (w *walk) assess(tier int, request pointsman.Signals, a *pointsman.Attempt) pointsman.Confidence {
	p := w.task.Policy
	if p == nil || w.task.PolicyProblem != nil || tier >= len(w.task.Tiers)-1 {
		return pointsman.Confidence{}
	}
	c := p.Broken(tier)
	if a.Reading.Valid {
		c = p.Assess(tier, request, a.Signals)
	}
	c.Threshold = p.Bound(tier, w.slices, c)
	return c
}

// decided writes the accepted attempt into the decision.
func (w *walk) decided(d *pointsman.Decision, s step) {
	tier := &w.task.Tiers[s.tier]
	d.Tier, d.Model = tier.ID, tier.Variant.Model
	d.Cause, d.Detail = w.why, w.whyDetail
}

// fallback is the best attempt that gave an answer which was not trusted: the
// one with the highest probability of being acceptable, a broken contract
// last. It is −1 where there is none.
func fallback(attempts []pointsman.Attempt) int {
	best, bestScore := -1, -1.0
	for i := range attempts {
		a := &attempts[i]
		if failed(a.Cause) || ends(a.Cause) {
			continue
		}
		score := 0.0
		if a.Confidence.Acceptable != nil {
			score += *a.Confidence.Acceptable
		}
		if a.Reading.Valid {
			score++
		}
		if score > bestScore {
			best, bestScore = i, score
		}
	}
	return best
}

// Plan is what a task makes of a request before anything is asked.
type Plan struct {
	Effect pointsman.RuleEffect
	// Tier is the tier that is asked first; empty where the rules left none.
	Tier pointsman.TierID
	// Cause is why: for a tier that is final already its decision's cause, and
	// "accepted" for one whose answer may be accepted.
	Cause pointsman.Cause
}

// Plan says which tier a request would be asked first, and why, without asking.
func (t *Task) Plan(r *pointsman.Request) Plan {
	p := Plan{Effect: t.Rules.Apply(r), Cause: pointsman.CauseForbidden}
	if len(p.Effect.Permitted) == 0 {
		return p
	}
	w := newWalk(t, p.Effect, policy.Before{
		Slices: SlicesOf(t.Slices, r.Metadata), Request: signal.OfRequest(r, t.Tiers[0].Students), Shape: signal.ShapeOf(r),
	})
	s, ok := w.next()
	if !ok {
		return p
	}
	p.Tier, p.Cause = t.Tiers[s.tier].ID, pointsman.CauseAccepted
	if s.final {
		p.Cause = w.why
	}
	return p
}
