package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/rules"
)

func (d *decoder) checkTask(c *Config, at string, t *Task) {
	if t.Kind != "" {
		d.checkContract(child(at, "contract"), at, t)
	}
	models := texts(slices.Collect(sortedKeys(c.Models)))
	seen := map[string]int{}
	for i, tier := range t.Tiers {
		list := child(at, "tiers")
		where := indexed(list, i)
		d.once(seen, string(tier.Name), i, list, "name", "tier")
		if tier.Name == WitnessID {
			d.at(child(where, "name"), fmt.Sprintf("%q is the name of the task's witness", tier.Name), "choose another name")
		}
		d.refer(child(where, "model"), string(tier.Model), "model", models)
		d.checkParams(child(where, "params"), tier.Params)
	}
	d.checkTiers(at, t)
	if w := t.Witness; w != nil {
		where := child(at, "witness")
		d.refer(child(where, "model"), string(w.Model), "model", models)
		d.checkParams(child(where, "params"), w.Params)
	}
	slicesSeen := map[string]bool{}
	for i, key := range t.Slices {
		if slicesSeen[key] {
			d.at(indexed(child(at, "slices"), i), fmt.Sprintf("slice %q stands twice", key), "remove one")
		}
		slicesSeen[key] = true
	}
	d.checkRules(c, child(at, "rules"), t.Rules, t)
	d.checkProbes(c, child(at, "probes"), t)
}

// checkTiers refuses a tier that is the same as one before it, and a fallback
// or witness that could never come to anything.
func (d *decoder) checkTiers(at string, t *Task) {
	for i, tier := range t.Tiers {
		where := indexed(child(at, "tiers"), i)
		for k, earlier := range t.Tiers[:i] {
			if tier.Model != "" && tier.Model == earlier.Model && tier.Prompt == nil && earlier.Prompt == nil && maps.Equal(tier.Params, earlier.Params) {
				d.at(child(where, "model"), fmt.Sprintf("tier %s asks the same as tier %s", tier.Name, t.Tiers[k].Name), "a cascade of a model and itself only costs time; name another model, prompt or params")
			}
		}
	}
	if len(t.Tiers) == 1 {
		if t.Witness != nil {
			d.atKey(child(at, "witness"), "a task with one tier never asks its witness", "add a tier, or remove the witness")
		}
		if t.Fallback == FallbackBestAnswer {
			d.at(child(at, "fallback"), "a task with one tier has no untrusted answer to fall back on", "add a tier, or remove fallback")
		}
	}
}

// checkParams refuses members that contradict each other.
func (d *decoder) checkParams(at string, p Params) {
	if _, ok := p["top_logprobs"]; ok && p["logprobs"] != "true" && d.fine(child(at, "logprobs")) {
		d.at(child(at, "top_logprobs"), "top_logprobs needs logprobs: true", "upstreams refuse one without the other")
	}
	if p["max_tokens"] != "" && p["max_completion_tokens"] != "" {
		d.at(child(at, "max_completion_tokens"), "max_tokens and max_completion_tokens are both given", "keep the one that the upstream knows")
	}
}

// checkContract checks a contract against the task's kind, and compiles it.
func (d *decoder) checkContract(at, task string, t *Task) {
	k := &t.Contract
	labelled := t.Kind == pointsman.KindClassify || t.Kind == pointsman.KindModerate
	labelsAt := child(at, "labels")
	if !k.LabelsFile.IsZero() {
		labelsAt = child(at, "labels_file")
	}
	hasLabels := d.written(labelsAt)
	hasSchema := d.written(child(at, "schema")) || d.written(child(at, "schema_file"))
	switch {
	case !d.fine(labelsAt):
	case labelled && !hasLabels:
		d.atKey(task, fmt.Sprintf("a task that is to %s needs labels", t.Kind), "contract: {labels: [a, b]}, or labels_file")
	case labelled && len(k.Labels) < 2 && d.fine(at):
		d.at(labelsAt, fmt.Sprintf("fewer than two labels (%d) leave nothing to choose between", len(k.Labels)), "give at least two")
	case !labelled && hasLabels:
		d.at(labelsAt, fmt.Sprintf("labels are of classify and moderate, this task is to %s", t.Kind), "remove them, or change the kind")
	}
	if labelled && hasSchema {
		d.at(child(at, "schema"), fmt.Sprintf("a task that is to %s answers a label, not a document under a schema", t.Kind), "remove the schema, or change the kind to extract")
	}
	if k.Verbatim && t.Kind != pointsman.KindExtract {
		d.at(child(at, "verbatim"), fmt.Sprintf("verbatim is of extract, this task is to %s", t.Kind), "remove it, or change the kind")
	}
	d.checkLabels(labelsAt, k)
	if k.Pattern != "" && d.fine(child(at, "pattern")) {
		if _, err := contract.Compile(pointsman.KindOpen, pointsman.Contract{Pattern: k.Pattern}); err != nil {
			d.at(child(at, "pattern"), trimSentinel(err, contract.ErrContract), "RE2 syntax, with one group around the answer: 'answer is \\((\\w+)\\)'")
		}
	}
	if len(k.Schema) > 0 {
		path := child(at, "schema")
		if !k.SchemaFile.IsZero() {
			path = child(at, "schema_file")
		}
		if _, err := contract.Compile(pointsman.KindExtract, pointsman.Contract{Schema: k.Schema}); err != nil {
			d.at(path, oneLine(trimSentinel(err, contract.ErrContract)), "JSON Schema 2020-12, whole by itself: references to other documents are not followed")
		}
	}
}

// checkLabels refuses labels that are listed twice, or that differ in case
// only: models do not keep to case.
func (d *decoder) checkLabels(at string, k *Contract) {
	exact, folded := map[string]bool{}, map[string]string{}
	for i, label := range k.Labels {
		path := at
		if k.LabelsFile.IsZero() {
			path = indexed(at, i)
		}
		other, twice := folded[strings.ToLower(label)]
		switch {
		case label == "": // complained about already
			continue
		case exact[label]:
			d.at(path, fmt.Sprintf("label %q is listed twice", label), "remove one")
		case twice:
			d.at(path, fmt.Sprintf("labels %q and %q differ in case only", other, label), "models do not keep to case; rename one")
		}
		exact[label], folded[strings.ToLower(label)] = true, label
	}
}

// checkRules checks the rules of a task, or of the whole file where t is nil.
func (d *decoder) checkRules(c *Config, at string, list []Rule, t *Task) {
	seen := map[string]int{}
	for i, r := range list {
		where := indexed(at, i)
		d.once(seen, r.Name, i, at, "name", "rule")
		if t != nil {
			for _, g := range c.Rules {
				if g.Name == r.Name && r.Name != "" {
					d.at(child(where, "name"), fmt.Sprintf("there is a rule %q already", r.Name), "it is one of the file's own rules; choose another name")
				}
			}
		}
		effects := []string{child(where, "forbid"), child(where, "stakes")}
		hint := "add forbid or stakes"
		if t != nil {
			effects, hint = append(effects, child(where, "pin")), "add forbid, pin or stakes"
		}
		if !slices.ContainsFunc(effects, d.written) {
			d.add(locate(d.positions, where).key, where, "this rule does nothing", hint)
		}
		d.checkForbid(c, child(where, "forbid"), r, t)
		if t != nil {
			d.refer(child(where, "pin"), string(r.Pin), "tier", tierNames(t))
		}
		if path := child(where, "when"); r.When != "" && d.fine(path) {
			d.compileRule(path, r)
		}
	}
}

// compileRule compiles a condition only: what follows from it is checked here,
// with better words.
func (d *decoder) compileRule(path string, r Rule) {
	if _, err := rules.Compile([]rules.Rule{{Name: r.Name, When: r.When, Stakes: 1}}, nil, nil); err != nil {
		message, hint := describe(err)
		d.add(within(d.source, d.positions[path].node, err), path, message, hint)
		d.problems[len(d.problems)-1].err = err
	}
}

func tierNames(t *Task) (out []string) {
	for _, tier := range t.Tiers {
		if tier.Name != "" {
			out = append(out, string(tier.Name))
		}
	}
	return out
}

// checkForbid checks what a rule takes away. A region that no upstream has, or
// an upstream without one, would make the rule protect nothing, so both are
// errors.
func (d *decoder) checkForbid(c *Config, at string, r Rule, t *Task) {
	f := r.Forbid
	if f == nil || !d.fine(at) {
		return
	}
	if len(f.Locations)+len(f.Regions)+len(f.Tiers)+len(f.Upstreams) == 0 && !slices.ContainsFunc([]string{"locations", "regions", "tiers", "upstreams"}, func(k string) bool { return !d.fine(child(at, k)) }) {
		what := "locations, regions or upstreams"
		if t != nil {
			what = "locations, regions, tiers or upstreams"
		}
		d.at(at, "this forbids nothing", "name "+what)
	}
	var regions, unplaced []string
	for id := range sortedKeys(c.Upstreams) {
		if region := c.Upstreams[id].Region; region != "" {
			regions = append(regions, region)
		} else if d.fine(At("upstreams", id, "region")) {
			unplaced = append(unplaced, string(id))
		}
	}
	for i, region := range f.Regions {
		d.refer(indexed(child(at, "regions"), i), region, "upstream in region", slices.Compact(slices.Sorted(slices.Values(regions))))
	}
	for i, upstream := range f.Upstreams {
		d.refer(indexed(child(at, "upstreams"), i), string(upstream), "upstream", texts(slices.Collect(sortedKeys(c.Upstreams))))
	}
	if t == nil {
		d.placed(child(at, "regions"), f, unplaced, "the file")
		return
	}
	var asked []string
	for _, tier := range t.Tiers {
		asked = append(asked, string(c.Models[tier.Model].Upstream))
	}
	if t.Witness != nil {
		asked = append(asked, string(c.Models[t.Witness.Model].Upstream))
	}
	d.placed(child(at, "regions"), f, slices.DeleteFunc(unplaced, func(id string) bool { return !slices.Contains(asked, id) }), "this task")
	for i, tier := range f.Tiers {
		if d.refer(indexed(child(at, "tiers"), i), string(tier), "tier", tierNames(t)) && tier == r.Pin {
			d.at(indexed(child(at, "tiers"), i), fmt.Sprintf("this rule pins to %s and forbids it", tier), "remove one")
		}
	}
}

// placed reports upstreams without a region where a rule depends on regions.
func (d *decoder) placed(at string, f *Forbid, unplaced []string, where string) {
	if len(f.Regions) > 0 && len(unplaced) > 0 {
		d.at(at, fmt.Sprintf("upstream %s of %s has no region, so it would not be forbidden", strings.Join(unplaced, ", "), where), "give every upstream a region")
	}
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

// trimSentinel is an error's text without the sentinel in front.
func trimSentinel(err, sentinel error) string {
	return strings.TrimPrefix(err.Error(), sentinel.Error()+": ")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
