package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/release"
)

// policyDiff is what policy diff tells.
type policyDiff struct {
	Task        pointsman.TaskID     `json:"task"`
	A           pointsman.Digest     `json:"a"`
	B           pointsman.Digest     `json:"b"`
	Differences []release.Difference `json:"differences"`
}

func newPolicyDiff(o *options) *cobra.Command {
	var t policyTask
	c := &cobra.Command{
		Use: "diff A B", Short: "Say what differs between two policies of a task", Args: cobra.ExactArgs(2),
		Long: `Say what differs between two policies of a task: what they were fitted for, what
they promise, up to where they accept, what they may decide on and which signals they
read. A and B may be the first digits of their digests.`,
		Example: "  pointsman policy diff 3fa9c1 b2207e --task support",
		RunE: func(_ *cobra.Command, args []string) error {
			_, p, err := t.open(o)
			if err != nil {
				return err
			}
			a, err := p.Find(args[0])
			if err != nil {
				return err
			}
			b, err := p.Find(args[1])
			if err != nil {
				return err
			}
			r := policyDiff{p.Task, a.Digest, b.Digest, release.Diff(a.Policy, b.Policy)}
			return o.print(r, func(b *bytes.Buffer) { writePolicyDiff(b, &r) })
		},
	}
	t.register(c)
	return c
}

func writePolicyDiff(b *bytes.Buffer, r *policyDiff) {
	if len(r.Differences) == 0 {
		fmt.Fprintf(b, "%s and %s do not differ in what decides\n", r.A.Short(), r.B.Short())
		return
	}
	fmt.Fprintf(b, "- %s\n+ %s\n", r.A.Short(), r.B.Short())
	for _, d := range r.Differences {
		fmt.Fprintf(b, "\n%s\n  - %s\n  + %s\n", d.What, d.A, d.B)
	}
}
