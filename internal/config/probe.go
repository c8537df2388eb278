package config

import (
	"slices"

	"github.com/pointsman-ai/pointsman"
)

// Probe is a request with what the rules must make of it: the config's own
// test, which `pointsman check` runs.
type Probe struct {
	Name     string            `yaml:"name"`
	Input    string            `yaml:"input"`
	Metadata map[string]string `yaml:"metadata"`
	Expect   Expect            `yaml:"expect"`
}

// Expect is what a probe expects; what is empty is not looked at.
type Expect struct {
	Tier  pointsman.TierID `yaml:"tier"`
	Cause pointsman.Cause  `yaml:"cause"`
	Rule  string           `yaml:"rule"`
}

// formerCause is what "accepted" was called: files and snapshots have it.
const formerCause = "confident"

// probeFields are the keys of a task's probes.
var probeFields = map[string]field{
	"tasks.*.probes":                {doc: "Requests with what must become of them; pointsman check runs them."},
	"tasks.*.probes.*":              {doc: "One probe."},
	"tasks.*.probes.*.name":         {doc: "What check calls it.", required: true, form: formName},
	"tasks.*.probes.*.input":        {doc: "The text of the user's message.", required: true},
	"tasks.*.probes.*.metadata":     {doc: "The metadata of the request.", many: 64},
	"tasks.*.probes.*.expect":       {doc: "What must become of it; at least one of tier, cause and rule.", required: true, least: 1},
	"tasks.*.probes.*.expect.tier":  {doc: "The tier that is asked first."},
	"tasks.*.probes.*.expect.cause": {doc: "Why that tier is asked.", enum: append(texts(pointsman.Causes), formerCause)},
	"tasks.*.probes.*.expect.rule":  {doc: "A rule that must hold."},
	"tasks.*.probes.*.metadata.*":   {doc: "The value of one metadata key.", text: 1024},
}

func (d *decoder) checkProbes(c *Config, at string, t *Task) {
	seen := map[string]int{}
	var ruleNames []string
	for _, r := range append(slices.Clone(c.Rules), t.Rules...) {
		ruleNames = append(ruleNames, r.Name)
	}
	for i, p := range t.Probes {
		where := indexed(at, i)
		d.once(seen, p.Name, i, at, "name", "probe")
		expect := child(where, "expect")
		d.refer(child(expect, "tier"), string(p.Expect.Tier), "tier", tierNames(t))
		d.refer(child(expect, "rule"), p.Expect.Rule, "rule", ruleNames)
	}
}
