package main

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

func newAuditExplain(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "explain ID", Short: "Say in plain words why a request was answered as it was", Args: cobra.ExactArgs(1),
		Long: `Say in plain words why a request was answered as it was: which rules held, which
tiers were asked, what each signal contributed, and what it cost. ID may be the
beginning of one, at least 8 characters.`,
		RunE: func(c *cobra.Command, args []string) error {
			conf, reader, err := openLedger(c.Context(), o)
			if err != nil {
				return err
			}
			defer reader.Index.Close()
			store := artefact.Open(conf.DataDir.String())
			e, err := reader.Explain(c.Context(), args[0], func(d pointsman.Digest) *policy.Policy { return loadPolicy(store, d) })
			if err != nil {
				return err
			}
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
	p, err := policy.Load(s.Get, d)
	if err != nil {
		return nil
	}
	return p
}

func writeExplained(b *bytes.Buffer, e *ledger.Explanation) {
	d := e.Decision
	fmt.Fprintf(b, "decision %s, task %s, %s\n", d.ID, d.Task, d.Time.Format(time.RFC3339))
	if len(d.Slices) > 0 {
		fmt.Fprintf(b, "slices %s\n", list(d.Slices))
	}
	if e.Payload != nil && e.Payload.Input != "" {
		fmt.Fprintf(b, "input: %s\n", excerpt.Line(e.Payload.Input, 200))
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
		if what := e.Labels.Meaning(); what != "" && !strings.Contains(e.Claim, what) {
			fmt.Fprintf(b, "%s\n", what)
		}
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
		parts = append(parts, "correction "+excerpt.Line(o.Correction, 80))
	}
	if o.Comment != "" {
		parts = append(parts, "comment "+excerpt.Line(o.Comment, 80))
	}
	return strings.Join(parts, ", ")
}
