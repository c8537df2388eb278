package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/ledger"
)

func newAuditReplay(o *options) *cobra.Command {
	var l listOptions
	c := &cobra.Command{
		Use: "replay", Short: "Decide every recorded request again and compare", Args: cobra.NoArgs,
		Long: `Decide every recorded request again, from the signals on record, under the
configuration and the policy that its record names, and compare every number and
every decision to the last bit. No upstream is asked.`,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := runReplay(c.Context(), o, l)
			if err != nil {
				return err
			}
			if err := o.print(r, func(b *bytes.Buffer) { writeReplayed(b, r) }); err != nil {
				return err
			}
			if r.Differ+r.Failed > 0 {
				return errFindings
			}
			return nil
		},
	}
	c.Flags().StringVar(&l.task, "task", "", "only this task")
	return c
}

func runReplay(ctx context.Context, o *options, l listOptions) (*ledger.ReplayReport, error) {
	c, err := o.load()
	if err != nil {
		return nil, err
	}
	reader, err := scanLedger(c)
	if err != nil {
		return nil, err
	}
	store := artefact.Open(c.DataDir.String())
	bar := o.progress()
	bar.Start("replay", 0)
	defer bar.Done()
	return reader.Replay(ctx, ledger.ReplayOptions{
		Task: pointsman.TaskID(l.task), Progress: func() { bar.Add(1) },
		Tasks: func(snapshot, policy pointsman.Digest, task pointsman.TaskID) (*cascade.Task, error) {
			return instance.Past(store, snapshot, policy, task)
		},
	})
}

func writeReplayed(b *bytes.Buffer, r *ledger.ReplayReport) {
	for _, f := range r.Findings {
		for _, p := range f.Problems {
			fmt.Fprintf(b, "%s: %s\n", f.Decision, p)
		}
	}
	fmt.Fprintf(b, "%d decisions replayed: %d agree, %d differ, %d could not be replayed, %d had nothing to decide\n",
		r.Decisions, r.Agree, r.Differ, r.Failed, r.Skipped)
}
