package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// exported is one line of an export.
type exported struct {
	Type     string              `json:"type"`
	Decision *pointsman.Decision `json:"decision,omitempty"`
	Outcome  *pointsman.Outcome  `json:"outcome,omitempty"`
	Gap      *journal.Gap        `json:"gap,omitempty"`
	Payload  *journal.Payload    `json:"payload,omitempty"`
	// NoPayload says why the texts are not there though they were asked for.
	NoPayload string `json:"no_payload,omitempty"`
}

func newAuditExport(o *options) *cobra.Command {
	var since, until, out string
	var payloads bool
	c := &cobra.Command{
		Use: "export", Short: "Write the decision log as JSON Lines", Args: cobra.NoArgs,
		Long: `Write decisions, outcomes and gaps as JSON Lines, oldest first, in bounded memory.
Each line has a "type" and the record under that name.`,
		Example: "  pointsman audit export --since 24h > decisions.jsonl\n  pointsman audit export --payloads --out all.jsonl",
		RunE: func(c *cobra.Command, _ []string) error {
			from, err := when("--since", since, time.Now())
			if err != nil {
				return err
			}
			to, err := when("--until", until, time.Now())
			if err != nil {
				return err
			}
			conf, err := o.load()
			if err != nil {
				return err
			}
			if err := hasJournal(conf); err != nil {
				return err
			}
			w := o.out
			if out != "" {
				f, err := os.OpenFile(out, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
				if err != nil {
					return err
				}
				defer f.Close()
				w = f
			}
			buffered := bufio.NewWriterSize(w, 1<<16)
			encoder := json.NewEncoder(buffered)
			encoder.SetEscapeHTML(false)
			for entry, err := range entries(c.Context(), conf) {
				if err != nil {
					return errors.Join(err, buffered.Flush())
				}
				line, at, err := exportLine(conf.Data().Journal(), &entry, payloads)
				if err != nil {
					return err
				}
				if line == nil || !from.IsZero() && at.Before(from) || !to.IsZero() && !at.Before(to) {
					continue
				}
				if err := encoder.Encode(line); err != nil {
					return fmt.Errorf("write the export: %w", err)
				}
			}
			if err := buffered.Flush(); err != nil {
				return fmt.Errorf("write the export: %w", err)
			}
			if f, ok := w.(*os.File); ok && out != "" {
				return f.Close()
			}
			return nil
		},
	}
	flags := c.Flags()
	flags.StringVar(&since, "since", "", "not before this time, or this long ago")
	flags.StringVar(&until, "until", "", "before this time, or this long ago")
	flags.BoolVar(&payloads, "payloads", false, "with the texts, as far as they are on record")
	flags.StringVar(&out, "out", "", "file to write, in place of standard output")
	return c
}

// exportLine is the line of an entry and its time; nil for entries of the
// journal's own housekeeping.
func exportLine(dir string, entry *journal.Entry, payloads bool) (*exported, time.Time, error) {
	switch entry.Kind {
	case journal.KindDecision:
		d, ref, err := entry.Decision()
		if err != nil {
			return nil, time.Time{}, err
		}
		line := &exported{Type: "decision", Decision: d}
		if payloads && ref != nil {
			if line.Payload, err = journal.ReadPayload(dir, *ref); err != nil {
				line.NoPayload = err.Error()
			}
		}
		return line, d.Time, nil
	case journal.KindOutcome:
		one, err := entry.Outcome()
		if err != nil {
			return nil, time.Time{}, err
		}
		return &exported{Type: "outcome", Outcome: one}, one.Time, nil
	case journal.KindGap:
		gap, err := entry.Gap()
		if err != nil {
			return nil, time.Time{}, err
		}
		return &exported{Type: "gap", Gap: gap}, gap.From, nil
	}
	return nil, time.Time{}, nil
}
