package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// explained is why a decision was made.
type explained struct {
	*shown
	// Sentences tell it in plain words, in order.
	Sentences []string `json:"sentences"`
	// Contributions are each signal's part in the answer's log-odds of being
	// acceptable, largest first.
	Contributions []contribution `json:"contributions"`
	Claim         string         `json:"claim,omitempty"`
}

type contribution struct {
	Tier    pointsman.TierID     `json:"tier"`
	Signal  pointsman.SignalName `json:"signal"`
	Value   *float64             `json:"value"`
	Missing string               `json:"missing,omitempty"`
	LogOdds float64              `json:"log_odds"`
}

func newAuditExplain(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "explain ID", Short: "Say in plain words why a request was answered as it was", Args: cobra.ExactArgs(1),
		Long: `Say in plain words why a request was answered as it was: which rules held, which
tiers were asked, what each signal contributed, and what it cost. ID may be the
beginning of one, at least 8 characters.`,
		RunE: func(c *cobra.Command, args []string) error {
			conf, r, err := lookUp(c.Context(), o, args[0])
			if err != nil {
				return err
			}
			e := explain(r, loadPolicy(artefact.Open(conf.DataDir.String()), r.Decision.Policy))
			return o.print(e, func(b *bytes.Buffer) { writeExplained(b, e) })
		},
	}
}

// loadPolicy is the policy of a decision, or nil where it has none that can be
// read.
func loadPolicy(s *artefact.Store, d pointsman.Digest) *policy.Policy {
	if d == "" {
		return nil
	}
	content, err := s.Get(d)
	if err != nil {
		return nil
	}
	p, err := policy.Unmarshal(content)
	if err != nil {
		return nil
	}
	return p
}

func explain(r *shown, p *policy.Policy) *explained {
	d := r.Decision
	e := &explained{shown: r, Sentences: []string{}, Contributions: []contribution{}}
	say := func(format string, args ...any) { e.Sentences = append(e.Sentences, fmt.Sprintf(format, args...)) }

	if len(d.Rules.Fired) > 0 {
		say("The rules %s held%s.", strings.Join(d.Rules.Fired, ", "), effectOf(d.Rules))
	} else if d.Cause != pointsman.CauseInvalid {
		say("No rule held; the tiers %s were permitted.", list(d.Rules.Permitted))
	}
	for i := range d.Attempts {
		a := &d.Attempts[i]
		say("%s", attemptSentence(a, d.Rules.Stakes))
		if p != nil && i < len(p.Stages) && a.Confidence.Acceptable != nil {
			e.Contributions = append(e.Contributions, contributions(p, i, d, a)...)
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
		e.Claim = p.Stages[0].Certificate.Claim
	}
	return e
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
	c := a.Confidence
	if c.Acceptable != nil && c.Uplift != nil {
		fmt.Fprintf(&b, ". The probability that this is acceptable is %.3f; asking the largest tier is worth %+.4f", *c.Acceptable, *c.Uplift)
		if stakes > 1 && *c.Uplift > 0 {
			fmt.Fprintf(&b, ", times stakes of %g", stakes)
		}
		if c.Threshold != nil {
			fmt.Fprintf(&b, ", against a certified threshold of %+.4f", *c.Threshold)
		}
	}
	switch a.Cause {
	case pointsman.CauseConfident:
		b.WriteString(", so it was accepted.")
	case pointsman.CauseUncertain, pointsman.CauseContract, pointsman.CauseUncalibrated, pointsman.CauseUncertified:
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
		pointsman.CauseConfident:    "its answer was trusted",
		pointsman.CauseLast:         "it is the only tier that was permitted",
		pointsman.CausePinned:       "it was asked for by name",
		pointsman.CauseDirect:       "the client named the model itself",
		pointsman.CauseFallback:     "every larger tier failed",
		pointsman.CauseUncertain:    "the answer before was not trusted",
		pointsman.CauseContract:     "the answer before broke the contract",
		pointsman.CauseUncalibrated: "there is no policy to trust a smaller tier by",
		pointsman.CauseUncertified:  "no threshold is certified here",
		pointsman.CauseVoid:         "the policy was fitted for other models",
		pointsman.CauseError:        "the tier before failed",
		pointsman.CauseTimeout:      "the tier before was too slow",
		pointsman.CauseAborted:      "the client went away",
	}[d.Cause]
	end := map[pointsman.Lifecycle]string{
		pointsman.Completed: "The client was given the answer of tier %s, because %s (%s).",
		pointsman.Failed:    "The answer of tier %s broke off; it was asked because %s (%s).",
		pointsman.Aborted:   "The answer of tier %s did not reach the client: %s (%s).",
	}[d.Lifecycle]
	if end == "" {
		end = "Tier %s: %s (%s)."
	}
	return fmt.Sprintf(end, d.Tier, why, d.Cause)
}

// contributions are each signal's part in the log-odds, largest first.
func contributions(p *policy.Policy, stage int, d *pointsman.Decision, a *pointsman.Attempt) []contribution {
	var out []contribution
	s := &p.Stages[stage]
	for i := range s.Features {
		f := &s.Features[i]
		one := contribution{Tier: a.Tier, Signal: f.Signal}
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
	slices.SortStableFunc(out, func(x, y contribution) int {
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

func writeExplained(b *bytes.Buffer, e *explained) {
	d := e.Decision
	fmt.Fprintf(b, "decision %s, task %s, %s\n", d.ID, d.Task, d.Time.Format(time.RFC3339))
	if len(d.Slices) > 0 {
		fmt.Fprintf(b, "slices %s\n", list(d.Slices))
	}
	if e.Payload != nil && e.Payload.Input != "" {
		fmt.Fprintf(b, "input: %s\n", clip(e.Payload.Input, 200))
	}
	b.WriteByte('\n')
	for i, s := range e.Sentences {
		fmt.Fprintf(b, "%d. %s\n", i+1, s)
	}
	if len(e.Contributions) > 0 {
		fmt.Fprintf(b, "\nwhat the confidence rests on (log-odds of being acceptable):\n")
		w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		for i, c := range e.Contributions {
			if i == 8 {
				fmt.Fprintf(w, "  and %d smaller ones (--json lists all)\n", len(e.Contributions)-i)
				break
			}
			value := number(c.Value)
			if c.Value == nil {
				value = c.Missing
			}
			fmt.Fprintf(w, "  %+.3f\t%s\t%s\n", c.LogOdds, c.Signal, value)
		}
		w.Flush() //nolint:errcheck // a buffer does not fail
	}
	if e.Claim != "" {
		fmt.Fprintf(b, "\npromise: %s\n", e.Claim)
	}
	for _, o := range e.Outcomes {
		fmt.Fprintf(b, "\noutcome by %s at %s: %s\n", o.Source, o.Time.Format(time.RFC3339), outcomeText(o))
	}
	fmt.Fprintf(b, "\nconfig %s, policy %s\n", d.Config.Short(), orNone(d.Policy.Short()))
}

func outcomeText(o pointsman.Outcome) string {
	var parts []string
	if o.Label != "" {
		parts = append(parts, "label "+o.Label)
	}
	if o.Correct != nil {
		parts = append(parts, fmt.Sprintf("correct %v", *o.Correct))
	}
	if o.Score != nil {
		parts = append(parts, fmt.Sprintf("score %g", *o.Score))
	}
	if o.Correction != "" {
		parts = append(parts, "correction "+clip(o.Correction, 80))
	}
	if o.Comment != "" {
		parts = append(parts, "comment "+clip(o.Comment, 80))
	}
	return strings.Join(parts, ", ")
}

// clip shortens a text to about so many bytes, on one line.
func clip(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
