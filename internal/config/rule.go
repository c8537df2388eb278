package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/rules"
)

// Rule is an expression over the request and what follows where it holds.
type Rule struct {
	Name   string           `yaml:"name"`
	When   string           `yaml:"when"`
	Forbid *Forbid          `yaml:"forbid"`
	Pin    pointsman.TierID `yaml:"pin"`
	Stakes *float64         `yaml:"stakes"`
}

// Forbid names the tiers that a rule takes away, by what they are or where they
// run.
type Forbid struct {
	Locations []pointsman.Location   `yaml:"locations"`
	Regions   []string               `yaml:"regions"`
	Tiers     []pointsman.TierID     `yaml:"tiers"`
	Upstreams []pointsman.UpstreamID `yaml:"upstreams"`
}

// ruleBlock are the rules of the whole file; those of a task have the same type
// and are checked by the same code.
var ruleBlock = block{
	fields: ruleFields("rules", "Rules of every task and of direct requests. They forbid or raise the stakes; pins and tiers are a task's own.", "One rule."),
	check:  func(d *decoder, c *Config) { d.checkRules(c, "rules", c.Rules, nil) },
}

// taskRuleFields are the keys of a task's rules.
func taskRuleFields() map[string]field {
	const at = "tasks.*.rules"
	out := ruleFields(at, "What may answer which request.", "One rule: where its expression holds, it forbids, pins or raises the stakes.")
	out[at+".*.pin"] = field{doc: "The tier that answers. Of several pins the largest permitted tier wins."}
	out[at+".*.forbid.tiers"] = field{doc: "These tiers."}
	out[at+".*.forbid.tiers.*"] = field{doc: "One tier."}
	return out
}

// ruleFields are the keys that the rules of the file and those of a task have
// alike.
func ruleFields(at, doc, each string) map[string]field {
	one := at + ".*"
	return map[string]field{
		at:                          {doc: doc, many: 256},
		one:                         {doc: each},
		one + ".name":               {doc: "What decisions and probes call it.", required: true, form: formName},
		one + ".when":               {doc: "A CEL expression over metadata, task, principal, conversation, input, chars, words, turns, stream and pin.", required: true, text: 4096},
		one + ".forbid":             {doc: "The tiers that may not answer, by what they are or where they run."},
		one + ".forbid.locations":   {doc: "Tiers whose upstream runs there."},
		one + ".forbid.locations.*": {doc: "One location.", enum: texts(pointsman.Locations)},
		one + ".forbid.regions":     {doc: "Tiers whose upstream runs in that region."},
		one + ".forbid.regions.*":   {doc: "One region."},
		one + ".forbid.upstreams":   {doc: "Tiers of these upstreams."},
		one + ".forbid.upstreams.*": {doc: "One upstream."},
		one + ".stakes":             {doc: "What the uplift of asking on is multiplied by. Of several the largest counts.", min: "1", max: "1000000"},
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
	var regions, regionless []string
	for id := range sortedKeys(c.Upstreams) {
		if region := c.Upstreams[id].Region; region != "" {
			regions = append(regions, region)
		} else if d.fine(At("upstreams", id, "region")) {
			regionless = append(regionless, string(id))
		}
	}
	for i, region := range f.Regions {
		d.refer(indexed(child(at, "regions"), i), region, "upstream in region", slices.Compact(slices.Sorted(slices.Values(regions))))
	}
	for i, upstream := range f.Upstreams {
		d.refer(indexed(child(at, "upstreams"), i), string(upstream), "upstream", texts(slices.Collect(sortedKeys(c.Upstreams))))
	}
	if t == nil {
		d.checkRegions(child(at, "regions"), f, regionless, "the file")
		return
	}
	var used []string
	for _, tier := range t.Tiers {
		used = append(used, string(c.Models[tier.Model].Upstream))
	}
	for _, w := range t.Witnesses {
		used = append(used, string(c.Models[w.Model].Upstream))
	}
	d.checkRegions(child(at, "regions"), f, slices.DeleteFunc(regionless, func(id string) bool { return !slices.Contains(used, id) }), "this task")
	for i, tier := range f.Tiers {
		if d.refer(indexed(child(at, "tiers"), i), string(tier), "tier", tierNames(t)) && tier == r.Pin {
			d.at(indexed(child(at, "tiers"), i), fmt.Sprintf("this rule pins to %s and forbids it", tier), "remove one")
		}
	}
}

// checkRegions reports upstreams without a region where a rule depends on regions.
func (d *decoder) checkRegions(at string, f *Forbid, regionless []string, where string) {
	if len(f.Regions) > 0 && len(regionless) > 0 {
		d.at(at, fmt.Sprintf("upstream %s of %s has no region, so it would not be forbidden", strings.Join(regionless, ", "), where), "give every upstream a region")
	}
}
