package main

import (
	"bytes"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/release"
)

func newPolicy(o *options) *cobra.Command {
	return group("policy", "The policies of a task: list, look, compare, put in force, go back",
		newPolicyList(o), newPolicyShow(o), newPolicyDiff(o), newPolicyActivate(o), newPolicyRollback(o))
}

// policyTask is the flag of every one of these commands.
type policyTask struct{ task string }

func (t *policyTask) register(c *cobra.Command) {
	c.Flags().StringVar(&t.task, "task", "", "the task; may be left out where there is one")
}

// open finds the policies of the task.
func (t *policyTask) open(o *options) (*config.Config, release.Policies, error) {
	c, err := o.load()
	if err != nil {
		return nil, release.Policies{}, err
	}
	id, err := oneTask(c, t.task)
	return c, release.Policies{Store: artefact.Open(c.DataDir.String()), Task: id}, err
}

// policyList is what policy list tells.
type policyList struct {
	Task     pointsman.TaskID `json:"task"`
	Policies []release.Entry  `json:"policies"`
}

func newPolicyList(o *options) *cobra.Command {
	var t policyTask
	c := &cobra.Command{
		Use: "list", Short: "List the policies of a task, newest first", Args: cobra.NoArgs,
		Long: `List every policy that was fitted for a task and is still in the data directory,
newest first: its digest, when it was made and came into force, and its claim.`,
		Example: "  pointsman policy list --task support",
		RunE: func(*cobra.Command, []string) error {
			_, p, err := t.open(o)
			if err != nil {
				return err
			}
			all, err := p.List()
			if err != nil {
				return err
			}
			return o.print(policyList{p.Task, all}, func(b *bytes.Buffer) { writePolicies(b, p.Task, all) })
		},
	}
	t.register(c)
	return c
}

func writePolicies(b *bytes.Buffer, task pointsman.TaskID, all []release.Entry) {
	if len(all) == 0 {
		fmt.Fprintf(b, "task %s has no policy: run pointsman calibrate\n", task)
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "POLICY\tCREATED\tIN FORCE\tCERTIFIED\tTARGET")
	for i := range all {
		e := &all[i]
		state := "-"
		switch {
		case e.InForce && e.Since == nil:
			state = "now"
		case e.InForce:
			state = "since " + e.Since.Format(time.DateTime)
		case e.Since != nil:
			state = "was, from " + e.Since.Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%t\t%s of %g\n", e.Digest.Short(), e.Created.Format(time.DateTime), state, e.Certified, e.Policy.Target.Promised(), e.Policy.Target.Retain)
	}
	w.Flush() //nolint:errcheck // a buffer does not fail
	for i := range all {
		if all[i].InForce {
			fmt.Fprintf(b, "\nin force: %s\n", all[i].Claim)
		}
	}
}

// policyShow is what policy show tells.
type policyShow struct {
	release.Entry
	Artefact *policy.Policy `json:"artefact"`
}

func newPolicyShow(o *options) *cobra.Command {
	var t policyTask
	c := &cobra.Command{
		Use: "show DIGEST", Short: "Show a policy: its claim, thresholds, support and signals", Args: cobra.ExactArgs(1),
		Long: `Show a policy: its claim and what that covers, where it accepts, which requests it
may decide on, and which signals it reads. DIGEST may be its first digits, as many as
tell it from the others. --json prints the whole artefact.`,
		Example: "  pointsman policy show 3fa9c1 --task support",
		RunE: func(_ *cobra.Command, args []string) error {
			_, p, err := t.open(o)
			if err != nil {
				return err
			}
			e, err := p.Find(args[0])
			if err != nil {
				return err
			}
			return o.print(policyShow{*e, e.Policy}, func(b *bytes.Buffer) { writePolicy(b, e) })
		},
	}
	t.register(c)
	return c
}

func writePolicy(b *bytes.Buffer, e *release.Entry) {
	state := "not in force"
	if e.InForce {
		state = "in force"
	}
	fmt.Fprintf(b, "policy %s of task %s, made %s, %s\n\n%s\n", e.Digest, e.Policy.Task, e.Created.Format(time.DateTime), state, e.Claim)
	if c := e.Policy.Certificate; c != nil {
		for _, list := range []struct {
			title string
			lines []string
		}{{"It covers", c.Covers}, {"It is void when", c.VoidedBy}} {
			if len(list.lines) > 0 {
				fmt.Fprintf(b, "%s:\n", list.title)
			}
			for _, one := range list.lines {
				fmt.Fprintf(b, "  %s\n", one)
			}
		}
	}
	fmt.Fprintf(b, "\nit decides on: %s\n", release.Support(e.Policy.Support))
	for i := range e.Policy.Stages {
		writeStage(b, i, &e.Policy.Stages[i])
	}
}

func writeStage(b *bytes.Buffer, i int, s *policy.Stage) {
	fmt.Fprintf(b, "\ntier %d is accepted where what asking on is worth is at most:\n", i+1)
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, t := range s.Thresholds {
		name := t.Slice
		if name == "" {
			name = "the whole task"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", name, release.Threshold(t.Threshold), t.Why)
	}
	for _, p := range s.Patterns {
		if len(p.Missing) > 0 {
			fmt.Fprintf(w, "  without %s\t%s\t%s\n", list(p.Missing), release.Threshold(p.Threshold), p.Why)
		}
	}
	w.Flush() //nolint:errcheck // a buffer does not fail
	fmt.Fprintf(b, "it reads %d signals:\n", len(s.Features))
	for k := range s.Features {
		fmt.Fprintf(b, "  %s\n", s.Features[k].Signal)
	}
}
