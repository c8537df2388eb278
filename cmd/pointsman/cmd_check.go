package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/instance"
)

// checkReport is what check tells.
type checkReport struct {
	Config   string           `json:"config"`
	Snapshot pointsman.Digest `json:"snapshot"`
	Tasks    []string         `json:"tasks"`
	Notes    []string         `json:"notes"`
	Warnings config.Problems  `json:"warnings"`
	Probes   []probeReport    `json:"probes"`
	Failed   int              `json:"failed"`
}

type probeReport struct {
	Task     pointsman.TaskID `json:"task"`
	Probe    string           `json:"probe"`
	OK       bool             `json:"ok"`
	Tier     pointsman.TierID `json:"tier"`
	Cause    pointsman.Cause  `json:"cause"`
	Rules    []string         `json:"rules"`
	Problems []string         `json:"problems,omitempty"`
}

func newCheck(o *options) *cobra.Command {
	var offline bool
	c := &cobra.Command{
		Use: "check", Short: "Check the configuration and run its probes", Args: cobra.NoArgs,
		Long: `Read the configuration, look up the environment variables and secret files that it
refers to, open what it names, and run its probes: each is a request with the tier
that must be asked first, the cause, or a rule that must hold. No upstream is asked,
so a check costs nothing. Where the secrets are not, as in CI, --offline leaves out
what only a running gateway needs: references to secrets and recordings.`,
		Example: "  pointsman check\n  pointsman check --offline --json",
		RunE:    func(*cobra.Command, []string) error { return runCheck(o, offline) },
	}
	c.Flags().BoolVar(&offline, "offline", false, "do not look for secrets and recordings")
	return c
}

func runCheck(o *options, offline bool) error {
	c, err := o.load()
	if err != nil {
		return err
	}
	if missing := c.Unresolved(); len(missing) > 0 && !offline {
		for i := range missing {
			if missing[i].Hint == "" {
				missing[i].Hint = "set it where pointsman runs; check --offline does not look for it"
			}
		}
		return missing
	}
	w, err := instance.Build(c, instance.Options{Store: artefact.Open(c.DataDir.String()), Offline: offline})
	if err != nil {
		return err
	}
	defer w.Close()
	r := checkReport{Config: o.config, Snapshot: w.Snapshot(), Tasks: w.Models(), Notes: w.Notes(), Warnings: c.Warnings(), Probes: []probeReport{}}
	for _, t := range w.Tasks() {
		for _, p := range c.Tasks[t.ID].Probes {
			one := probe(t, p)
			if !one.OK {
				r.Failed++
			}
			r.Probes = append(r.Probes, one)
		}
	}
	if r.Notes == nil {
		r.Notes = []string{}
	}
	if err := o.print(r, func(b *bytes.Buffer) { writeCheck(b, r) }); err != nil {
		return err
	}
	if r.Failed > 0 {
		return errFindings
	}
	return nil
}

// probe runs one probe through the rules and the plan of the cascade.
func probe(t *cascade.Task, p config.Probe) probeReport {
	request := &pointsman.Request{
		Input: p.Input, Metadata: p.Metadata, Messages: []pointsman.Message{{Role: "user", Text: p.Input}},
	}
	plan := t.Plan(request)
	r := probeReport{Task: t.ID, Probe: p.Name, Tier: plan.Tier, Cause: plan.Cause, Rules: plan.Effect.Fired}
	if r.Rules == nil {
		r.Rules = []string{}
	}
	if p.Expect.Tier != "" && p.Expect.Tier != plan.Tier {
		r.Problems = append(r.Problems, fmt.Sprintf("want tier %s, got %s", p.Expect.Tier, orNone(string(plan.Tier))))
	}
	if p.Expect.Cause != "" && p.Expect.Cause != plan.Cause {
		r.Problems = append(r.Problems, fmt.Sprintf("want cause %s, got %s", p.Expect.Cause, orNone(string(plan.Cause))))
	}
	if p.Expect.Rule != "" {
		found := false
		for _, name := range plan.Effect.Fired {
			found = found || name == p.Expect.Rule
		}
		if !found {
			r.Problems = append(r.Problems, fmt.Sprintf("want rule %s to hold, those that do are %v", p.Expect.Rule, r.Rules))
		}
	}
	r.OK = len(r.Problems) == 0
	return r
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func writeCheck(b *bytes.Buffer, r checkReport) {
	fmt.Fprintf(b, "%s: valid, snapshot %s, tasks %s\n", r.Config, r.Snapshot.Short(), list(r.Tasks))
	for _, note := range r.Notes {
		fmt.Fprintf(b, "note: %s\n", note)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(b, "warning: %v\n", w)
	}
	for _, p := range r.Probes {
		if p.OK {
			fmt.Fprintf(b, "ok    %s/%s: %s (%s)\n", p.Task, p.Probe, orNone(string(p.Tier)), p.Cause)
			continue
		}
		fmt.Fprintf(b, "FAIL  %s/%s\n", p.Task, p.Probe)
		for _, problem := range p.Problems {
			fmt.Fprintf(b, "      %s\n", problem)
		}
	}
	fmt.Fprintf(b, "%d probes, %d failed\n", len(r.Probes), r.Failed)
}

func newSchema(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the configuration file", Args: cobra.NoArgs,
		Long: `Print the JSON Schema of the configuration file, for editors. In VS Code with the
YAML extension, put this line first in pointsman.yaml:

  # yaml-language-server: $schema=./pointsman.schema.json`,
		Example: "  pointsman schema > pointsman.schema.json",
		RunE: func(*cobra.Command, []string) error {
			_, err := o.out.Write(config.Schema())
			return err
		},
	}
}
