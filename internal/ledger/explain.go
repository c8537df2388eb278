package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// Explanation is why a decision was made.
type Explanation struct {
	*Record
	// Sentences tell it in plain words, in order.
	Sentences []string `json:"sentences"`
	// Contributions are each signal's part in the answer's log-odds of being
	// acceptable, largest first.
	Contributions []Contribution `json:"contributions"`
	// Claim is what the policy's certificate promises.
	Claim string `json:"claim,omitempty"`
	// Labels say what that means by right.
	Labels *policy.Labels `json:"labels,omitempty"`
}

// Contribution is a signal's part in a tier's log-odds.
type Contribution struct {
	Tier    pointsman.TierID     `json:"tier"`
	Signal  pointsman.SignalName `json:"signal"`
	Value   *float64             `json:"value"`
	Missing string               `json:"missing,omitempty"`
	LogOdds float64              `json:"log_odds"`
}

// Explain says why the decision with an id, or the beginning of one, was made.
// policies gives the policy of a digest, or nil where it cannot be read.
func (r *Reader) Explain(ctx context.Context, id string, policies func(pointsman.Digest) *policy.Policy) (*Explanation, error) {
	record, err := r.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	return explain(record, policies(record.Decision.Policy)), nil
}

func explain(r *Record, p *policy.Policy) *Explanation {
	d := r.Decision
	e := &Explanation{Record: r, Sentences: []string{}, Contributions: []Contribution{}}
	say := func(format string, args ...any) { e.Sentences = append(e.Sentences, fmt.Sprintf(format, args...)) }

	if len(d.Rules.Fired) > 0 {
		say("The rules %s held%s.", strings.Join(d.Rules.Fired, ", "), effectOf(d.Rules))
	} else if d.Cause != pointsman.CauseInvalid {
		say("No rule held; the tiers %s were permitted.", list(d.Rules.Permitted))
	}
	for i := range d.Attempts {
		a := &d.Attempts[i]
		say("%s", attemptSentence(a, d.Rules.Stakes))
		if stage := stageOf(p, d, a); stage >= 0 {
			e.Contributions = append(e.Contributions, contributions(p, stage, d, a)...)
		}
	}
	say("%s", endSentence(d))
	if d.Cost.Known && d.Baseline.Known {
		estimate := ""
		if d.BaselineEstimated {
			estimate = " (estimated)"
		}
		say("It cost %s; the largest tier alone would have cost %s%s.", d.Cost, d.Baseline, estimate)
	} else {
		say("It cost %s; the largest tier alone would have cost %s.", d.Cost, d.Baseline)
	}
	if p != nil && len(p.Stages) > 0 {
		e.Claim, e.Labels = p.Claim(), p.Labels
		if d.Tier != "" && d.Cause.Unproven() {
			say("The policy's promise does not cover this answer, since the policy did not choose it (%s).", d.Cause)
		}
	}
	if a := r.Audit; a != nil {
		say("%s", auditSentence(a))
	}
	return e
}

// auditSentence tells what the largest tier said to the same request.
func auditSentence(a *pointsman.Audit) string {
	head := fmt.Sprintf("The answer was audited (drawn with probability %.3g): tier %s was asked the same at a cost of %s", a.Probability, a.Tier, a.Cost)
	switch {
	case a.Harm == nil:
		return head + ", without a verdict: " + orNone(a.Detail) + "."
	case a.Label != "":
		head += fmt.Sprintf(", and answered %q", a.Label)
	}
	return head + fmt.Sprintf("; they disagree by %.3g. That is disagreement with the largest tier, not with the truth.", *a.Harm)
}

func effectOf(r pointsman.RuleEffect) string {
	var parts []string
	if r.Pin != "" {
		parts = append(parts, "tier "+string(r.Pin)+" was asked for")
	}
	if r.Stakes != 1 {
		parts = append(parts, fmt.Sprintf("the stakes are %g", r.Stakes))
	}
	if len(r.Permitted) == 0 {
		parts = append(parts, "no tier was permitted")
	} else {
		parts = append(parts, "the tiers "+list(r.Permitted)+" were permitted")
	}
	return ": " + strings.Join(parts, ", ")
}

// besideSentence tells what was asked beside a tier, and what it said.
func besideSentence(a *pointsman.Attempt) string {
	var parts []string
	for i := range a.Witnesses {
		w := &a.Witnesses[i]
		said := "answered"
		switch {
		case w.Failure != "" || w.Detail != "":
			said = "failed: " + w.Detail
		case w.Label != "":
			said = fmt.Sprintf("answered %q", w.Label)
		}
		if s, ok := a.Signals.Get(signal.WitnessSignal(i)); ok && s.Present() && w.Label == "" {
			said += fmt.Sprintf(", and agrees to %.2f", s.Value)
		}
		parts = append(parts, fmt.Sprintf("%s (%s) %s", w.Name, w.Model, said))
	}
	if n := len(a.Samples); n > 0 {
		said := fmt.Sprintf("asked %d more times", n)
		if s, ok := a.Signals.Get(signal.SamplesShare); ok && s.Present() {
			said += fmt.Sprintf(", it says the same to %.2f", s.Value)
		}
		parts = append(parts, said)
	}
	if len(parts) == 0 {
		return ""
	}
	return "; " + strings.Join(parts, "; ")
}

func attemptSentence(a *pointsman.Attempt, stakes float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Tier %s (%s) ", a.Tier, a.Model)
	switch a.Cause {
	case pointsman.CauseError:
		fmt.Fprintf(&b, "failed after %s: %s.", a.Latency.Round(time.Microsecond), a.Detail)
		return b.String()
	case pointsman.CauseTimeout:
		fmt.Fprintf(&b, "was too slow: %s.", a.Detail)
		return b.String()
	case pointsman.CauseAborted:
		b.WriteString("was answering when the client went away.")
		return b.String()
	case pointsman.CauseDeadline:
		b.WriteString("was answering when the request's time was over (server.request_timeout).")
		return b.String()
	case pointsman.CauseDrained:
		b.WriteString("was answering when the server stopped.")
		return b.String()
	case pointsman.CauseBroken:
		fmt.Fprintf(&b, "broke off after %s: %s.", a.Latency.Round(time.Microsecond), a.Detail)
		return b.String()
	case pointsman.CauseInternal:
		b.WriteString("met a fault of pointsman itself; the server's log has it.")
		return b.String()
	}
	if a.Reading.Label != "" {
		fmt.Fprintf(&b, "answered %q", a.Reading.Label)
	} else {
		b.WriteString("answered")
	}
	fmt.Fprintf(&b, " in %s", a.Latency.Round(time.Microsecond))
	if !a.Reading.Valid {
		fmt.Fprintf(&b, ", which breaks the contract: %s", a.Reading.Problem)
	}
	b.WriteString(besideSentence(a))
	c := a.Confidence
	stakes = max(stakes, 1) * max(a.Stakes, 1)
	if c.Acceptable != nil && c.Uplift != nil {
		fmt.Fprintf(&b, ". The probability that this is acceptable is %.3f; asking the largest tier is worth %+.4f", *c.Acceptable, *c.Uplift)
		switch {
		case stakes > 1 && c.Harm != nil:
			fmt.Fprintf(&b, ", and with stakes of %g %+.4f, since the probability that only the largest is right is %.4f", stakes, policy.AtStakes(*c.Uplift, c.Harm, stakes), *c.Harm)
		case stakes > 1 && *c.Uplift > 0:
			fmt.Fprintf(&b, ", times stakes of %g", stakes)
		}
		if c.Threshold != nil {
			fmt.Fprintf(&b, ", against a certified threshold of %+.4f", *c.Threshold)
		}
	}
	switch a.Cause {
	case pointsman.CauseAccepted:
		b.WriteString(": the largest tier is not expected to do enough better, so the answer was accepted.")
	case pointsman.CauseUncertain:
		fmt.Fprintf(&b, ": the largest tier may do better, so the cascade moved on (%s).", a.Cause)
	case pointsman.CauseContract, pointsman.CauseUncalibrated, pointsman.CauseUncertified, pointsman.CauseUnsupported:
		fmt.Fprintf(&b, ", so the cascade moved on (%s).", a.Cause)
	default:
		b.WriteString(".")
	}
	return b.String()
}

func endSentence(d *pointsman.Decision) string {
	if d.Tier == "" {
		return fmt.Sprintf("No answer was given (%s): %s", d.Cause, orNone(d.Detail))
	}
	why := map[pointsman.Cause]string{
		pointsman.CauseAccepted:     "asking the largest tier was not worth it",
		pointsman.CauseLast:         "it is the only tier that was permitted",
		pointsman.CausePinned:       "it was asked for by name",
		pointsman.CauseDirect:       "the client named the model itself",
		pointsman.CauseFallback:     "every larger tier failed",
		pointsman.CauseUncertain:    "the largest tier was expected to do better than the answer before",
		pointsman.CauseContract:     "the answer before broke the contract",
		pointsman.CauseUncalibrated: "there is no policy to trust a smaller tier by",
		pointsman.CauseUncertified:  "no threshold is certified here",
		pointsman.CauseUnsupported:  "calibration saw too few requests like it",
		pointsman.CauseGated:        "by the request alone the smaller tier was not worth asking",
		pointsman.CauseVoid:         "the policy was fitted for other models",
		pointsman.CauseError:        "the tier before failed",
		pointsman.CauseTimeout:      "the tier before was too slow",
		pointsman.CauseAborted:      "the client went away",
		pointsman.CauseDeadline:     "the request's time was over",
		pointsman.CauseDrained:      "the server stopped",
		pointsman.CauseBroken:       "the upstream ended it",
		pointsman.CauseInternal:     "pointsman itself failed",
	}[d.Cause]
	end := map[pointsman.Lifecycle]string{
		pointsman.Completed: "The client was given the answer of tier %s, because %s (%s).",
		pointsman.Failed:    "The answer of tier %s broke off, because %s (%s).",
		pointsman.Aborted:   "The answer of tier %s did not reach the client: %s (%s).",
	}[d.Lifecycle]
	switch {
	case end == "":
		end = "Tier %s: %s (%s)."
	case d.Lifecycle == pointsman.Failed && !endsEarly(d.Cause):
		end = "The answer of tier %s did not reach the client whole; it was asked because %s (%s)."
	}
	if d.Cause == pointsman.CauseUnsupported && d.Detail != "" {
		why += ": " + d.Detail
	}
	return fmt.Sprintf(end, d.Tier, why, d.Cause)
}

// endsEarly says whether a cause is why an answer broke off.
func endsEarly(c pointsman.Cause) bool {
	switch c {
	case pointsman.CauseBroken, pointsman.CauseDeadline, pointsman.CauseDrained, pointsman.CauseInternal:
		return true
	}
	return false
}

// stageOf is the stage of the policy that judged an attempt, or −1. Tiers may have
// been forbidden or passed over, so that it is not the attempt's number; it is the
// one that gives the confidence on record.
func stageOf(p *policy.Policy, d *pointsman.Decision, a *pointsman.Attempt) int {
	if p == nil || a.Confidence.Acceptable == nil {
		return -1
	}
	for stage := range p.Stages {
		if c := p.Assess(stage, d.Request, a.Signals); c.Acceptable != nil && *c.Acceptable == *a.Confidence.Acceptable {
			return stage
		}
	}
	return -1
}

// contributions are each signal's part in the log-odds, largest first.
func contributions(p *policy.Policy, stage int, d *pointsman.Decision, a *pointsman.Attempt) []Contribution {
	var out []Contribution
	s := &p.Stages[stage]
	for i := range s.Features {
		f := &s.Features[i]
		one := Contribution{Tier: a.Tier, Signal: f.Signal}
		m, ok := d.Request.Get(f.Signal)
		if !ok {
			m, ok = a.Signals.Get(f.Signal)
		}
		if ok && m.Present() {
			value := m.Value
			one.Value, one.LogOdds = &value, s.Acceptable.Weights[i]*f.Standardise(value)
		} else {
			one.Missing, one.LogOdds = m.Missing, s.Acceptable.Missing[i]
		}
		out = append(out, one)
	}
	slices.SortStableFunc(out, func(x, y Contribution) int {
		switch ax, ay := max(x.LogOdds, -x.LogOdds), max(y.LogOdds, -y.LogOdds); {
		case ax > ay:
			return -1
		case ax < ay:
			return 1
		}
		return 0
	})
	return out
}

func list[S ~string](names []S) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = string(n)
	}
	return strings.Join(parts, ", ")
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
