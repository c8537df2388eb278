package cascade

import (
	"errors"
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// Replay decides a recorded request again from the signals on record, by the
// same walk as the live cascade, and returns where the two differ, as
// sentences; none means that they agree to the last bit. What an upstream did
// (an answer, an error) is taken from the record, since only the deciding is
// replayed; so is the effect of the rules, whose inputs may not be on record.
//
// The task must be built from the configuration and the policy that the record
// names.
func (t *Task) Replay(d *pointsman.Decision) (differences []string) {
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	if t.PolicyDigest != d.Policy {
		differ("policy: the record names %q, the task has %q", d.Policy, t.PolicyDigest)
		return differences
	}
	if d.Withdrawn {
		t = t.withdrawn()
	}
	w := newWalk(t, d.Rules, policy.Before{Slices: d.Slices, Request: d.Request, Shape: d.Shape})
	for i := range d.Attempts {
		recorded := &d.Attempts[i]
		s, ok := w.next()
		if !ok {
			differ("attempt %d: asked %s, where the replay asks no further tier", i+1, recorded.Tier)
			return differences
		}
		tier := &t.Tiers[s.tier]
		if tier.ID != recorded.Tier {
			differ("attempt %d: asked %s, the replay asks %s", i+1, recorded.Tier, tier.ID)
			return differences
		}
		if tier.Digest != recorded.Variant {
			differ("attempt %d: variant %s, the replay has %s", i+1, recorded.Variant.Short(), tier.Digest.Short())
		}
		switch {
		case ends(recorded.Cause):
			return append(differences, t.stopsAt(d, i)...)
		case failed(recorded.Cause):
			w.failed(recorded.Cause, recorded.Detail)
			continue
		}
		again := *recorded
		accepted := w.judge(d.Request, &again)
		if again.Cause != recorded.Cause {
			differ("attempt %d: %s on record, %s in replay", i+1, recorded.Cause, again.Cause)
		}
		differences = append(differences, compare(i, recorded.Confidence, again.Confidence)...)
		if accepted {
			return append(differences, t.endsAs(d, w, s, i)...)
		}
	}
	return append(differences, t.unanswered(d, w)...)
}

// withdrawn is the task with the certificate of its policy withdrawn for drift, as
// it was when a decision was made.
func (t *Task) withdrawn() *Task {
	again := *t
	again.PolicyProblem = errWithdrawn
	return &again
}

var errWithdrawn = errors.New("the certificate was withdrawn for drift")

// endsAs compares the end of a request that an answer was accepted for.
func (t *Task) endsAs(d *pointsman.Decision, w *walk, s step, attempt int) (differences []string) {
	if ends(d.Cause) {
		return nil // accepted, and lost on the way to the client
	}
	var again pointsman.Decision
	w.decided(&again, s)
	if again.Tier != d.Tier {
		differences = append(differences, fmt.Sprintf("tier: %s on record, %s in replay", d.Tier, again.Tier))
	}
	if again.Cause != d.Cause {
		differences = append(differences, fmt.Sprintf("cause: %s on record, %s in replay", d.Cause, again.Cause))
	}
	if attempt != len(d.Attempts)-1 {
		differences = append(differences, fmt.Sprintf("attempt %d was good enough in replay, the record goes on", attempt+1))
	}
	return differences
}

// stopsAt compares the end of a request that ended at an attempt without an
// answer to judge.
func (t *Task) stopsAt(d *pointsman.Decision, attempt int) (differences []string) {
	cause := d.Attempts[attempt].Cause
	if attempt != len(d.Attempts)-1 {
		differences = append(differences, fmt.Sprintf("attempt %d: %s ends a request, the record goes on", attempt+1, cause))
	}
	switch {
	case d.Cause == cause:
	case cause == pointsman.CauseAborted && d.Cause == pointsman.CauseDrained: // as it was written before the two were told apart
	case cause == pointsman.CauseDeadline && t.fellBack(d):
	default:
		differences = append(differences, fmt.Sprintf("cause: %s on record, %s in replay", d.Cause, cause))
	}
	return differences
}

// fellBack says whether a decision gave the best answer that was not trusted,
// where the owner permits it.
func (t *Task) fellBack(d *pointsman.Decision) bool {
	i := fallback(d.Attempts)
	return t.Fallback && d.Cause == pointsman.CauseFallback && i >= 0 && d.Attempts[i].Tier == d.Tier
}

// unanswered compares the end of a request that no answer was accepted for.
func (t *Task) unanswered(d *pointsman.Decision, w *walk) []string {
	if d.Cause == pointsman.CauseForbidden && len(d.Attempts) == 0 || ends(d.Cause) && d.Cause != pointsman.CauseBroken {
		return nil
	}
	if n := len(d.Attempts); n > 0 && d.Streamed && d.Lifecycle == pointsman.Failed && d.Tier != "" && d.Tier == d.Attempts[n-1].Tier {
		return nil // broken off, as it was written before that was a cause of its own
	}
	if s, ok := w.next(); ok {
		return []string{fmt.Sprintf("the record ends before %s was asked, which the replay asks next", t.Tiers[s.tier].ID)}
	}
	if d.Cause == pointsman.CauseExhausted || t.fellBack(d) {
		return nil
	}
	return []string{fmt.Sprintf("cause: %s on record, %s in replay", d.Cause, pointsman.CauseExhausted)}
}

// compare compares two confidences bit by bit.
func compare(attempt int, recorded, again pointsman.Confidence) (differences []string) {
	for _, c := range []struct {
		name string
		a, b *float64
	}{
		{"acceptable", recorded.Acceptable, again.Acceptable},
		{"uplift", recorded.Uplift, again.Uplift},
		{"threshold", recorded.Threshold, again.Threshold},
		{"harm", recorded.Harm, again.Harm},
	} {
		if (c.a == nil) != (c.b == nil) || c.a != nil && *c.a != *c.b {
			differences = append(differences, fmt.Sprintf("attempt %d: %s %s on record, %s in replay", attempt+1, c.name, show(c.a), show(c.b)))
		}
	}
	return differences
}

func show(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprintf("%.17g", *v)
}
