package main

import (
	"bytes"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/release"
)

// policyInForce is what activate and rollback tell.
type policyInForce struct {
	Task      pointsman.TaskID `json:"task"`
	Policy    pointsman.Digest `json:"policy"`
	Before    pointsman.Digest `json:"before,omitempty"`
	Certified bool             `json:"certified"`
	Claim     string           `json:"claim"`
}

func newPolicyActivate(o *options) *cobra.Command {
	var t policyTask
	c := &cobra.Command{
		Use: "activate DIGEST", Short: "Put a policy in force", Args: cobra.ExactArgs(1),
		Long: `Put a policy in force. A running server takes it up by itself within seconds. One that
was fitted for other variants, targets, slices, stakes or endpoints than the task has
now is refused. DIGEST may be its first digits.`,
		Example: "  pointsman policy activate 3fa9c1 --task support",
		RunE: func(_ *cobra.Command, args []string) error {
			return runPolicyChange(o, t, func(p release.Policies, terms policy.Terms) (*release.Entry, error) {
				e, err := p.Find(args[0])
				if err != nil {
					return nil, err
				}
				return e, p.Activate(e, terms, time.Now())
			})
		},
	}
	t.register(c)
	return c
}

func newPolicyRollback(o *options) *cobra.Command {
	var t policyTask
	c := &cobra.Command{
		Use: "rollback", Short: "Put the policy in force that was so before", Args: cobra.NoArgs,
		Long: `Put the policy in force that was so before the present one. A running server takes it
up by itself within seconds. Doing so twice goes back two changes.`,
		Example: "  pointsman policy rollback --task support",
		RunE: func(*cobra.Command, []string) error {
			return runPolicyChange(o, t, func(p release.Policies, terms policy.Terms) (*release.Entry, error) {
				return p.Rollback(terms, time.Now())
			})
		},
	}
	t.register(c)
	return c
}

// runPolicyChange puts the policy in force that change finds, and tells.
func runPolicyChange(o *options, t policyTask, change func(release.Policies, policy.Terms) (*release.Entry, error)) error {
	c, p, err := t.open(o)
	if err != nil {
		return err
	}
	terms, err := termsOf(c, p)
	if err != nil {
		return err
	}
	history, err := p.Store.History(p.Task)
	if err != nil {
		return err
	}
	r := policyInForce{Task: p.Task}
	if n := len(history); n > 0 {
		r.Before = history[n-1].Policy
	}
	e, err := change(p, terms)
	if err != nil {
		return err
	}
	r.Policy, r.Certified, r.Claim = e.Digest, e.Certified, e.Claim
	return o.print(r, func(b *bytes.Buffer) { writeInForce(b, &r) })
}

// termsOf are what a policy of the task must have been fitted for.
func termsOf(c *config.Config, p release.Policies) (_ policy.Terms, err error) {
	w, err := instance.Build(c, instance.Options{Store: p.Store, IgnorePolicies: true})
	if err != nil {
		return policy.Terms{}, err
	}
	defer w.Close()
	task, err := w.Task(p.Task)
	if err != nil {
		return policy.Terms{}, err
	}
	return task.Terms(), nil
}

func writeInForce(b *bytes.Buffer, r *policyInForce) {
	switch r.Before {
	case "":
		fmt.Fprintf(b, "policy %s is in force for task %s\n", r.Policy.Short(), r.Task)
	case r.Policy:
		fmt.Fprintf(b, "policy %s was in force for task %s already\n", r.Policy.Short(), r.Task)
	default:
		fmt.Fprintf(b, "policy %s is in force for task %s, in place of %s\n", r.Policy.Short(), r.Task, r.Before.Short())
	}
	fmt.Fprintln(b, r.Claim)
	if !r.Certified {
		fmt.Fprintln(b, "it is not certified: every request goes to the largest tier")
	}
}
