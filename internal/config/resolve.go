package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// ResolveTasks are the tasks of the file as the other packages know them, by name: what
// their files say read in, prompts and time-outs inherited, places and prices
// filled in. The caller owns what is returned.
func (c *Config) ResolveTasks() []pointsman.Task {
	out := make([]pointsman.Task, 0, len(c.Tasks))
	for id := range sortedKeys(c.Tasks) {
		out = append(out, c.resolve(id))
	}
	return out
}

// ResolveTask is one task of [Config.ResolveTasks].
func (c *Config) ResolveTask(id pointsman.TaskID) (pointsman.Task, bool) {
	if _, ok := c.Tasks[id]; !ok {
		return pointsman.Task{}, false
	}
	return c.resolve(id), true
}

func (c *Config) resolve(id pointsman.TaskID) pointsman.Task {
	spec := c.Tasks[id]
	t := pointsman.Task{
		ID:       id,
		Kind:     spec.Kind,
		Contract: spec.Contract.root(),
		Target:   pointsman.Target{Promise: spec.Target.Promise, Retain: spec.Target.Retain, Confidence: spec.Target.Confidence, Aim: spec.Aim.resolve()},
		Slices:   slices.Clone(spec.Slices),
		Record:   spec.Record,
		Fallback: spec.Fallback == FallbackBestAnswer,
	}
	for _, one := range spec.Costs {
		t.Costs = append(t.Costs, pointsman.LabelCost(one))
	}
	for _, tier := range spec.Tiers {
		t.Tiers = append(t.Tiers, c.tier(&spec, tier))
	}
	t.Witnesses = c.witnesses(&spec)
	if spec.Samples != nil {
		t.Samples = pointsman.Samples{Count: int(spec.Samples.Count), Params: maps.Clone(map[string]string(spec.Samples.Params))}
	}
	return t
}

// WitnessID is the id of a task's first witness; that of the next is "witness.2".
// No tier may have one of them.
const WitnessID pointsman.TierID = "witness"

// witnesses are those of a task in the order in which they are asked: cheapest
// first, by what a million tokens in and out cost, and as they are written where
// the price of one is unknown.
func (c *Config) witnesses(spec *Task) []pointsman.Tier {
	var out []pointsman.Tier
	known := true
	for _, w := range spec.Witnesses {
		one := c.tier(spec, Tier{Model: w.Model, Prompt: w.Prompt, Params: w.Params, Timeout: w.Timeout})
		known = known && one.Price.Known
		out = append(out, one)
	}
	if known {
		slices.SortStableFunc(out, func(a, b pointsman.Tier) int {
			return cmp.Compare(a.Price.Input+a.Price.Output, b.Price.Input+b.Price.Output)
		})
	}
	for i := range out {
		out[i].ID = WitnessID
		if i > 0 {
			out[i].ID += pointsman.TierID(fmt.Sprintf(".%d", i+1))
		}
	}
	return out
}

// tier resolves one tier of a task.
func (c *Config) tier(spec *Task, tier Tier) pointsman.Tier {
	model := c.Models[tier.Model]
	upstream := c.Upstreams[model.Upstream]
	prompt := tier.Prompt
	if prompt == nil {
		prompt = spec.Prompt
	}
	variant := pointsman.Variant{Model: tier.Model, Params: maps.Clone(map[string]string(tier.Params)), Artefact: c.Artefact(tier.Model)}
	if prompt != nil {
		variant.Prompt = pointsman.Prompt{Version: prompt.Version, System: prompt.System}
	}
	return pointsman.Tier{
		ID:      tier.Name,
		Variant: variant,
		Place:   pointsman.Place{Upstream: model.Upstream, Location: upstream.Location, Region: upstream.Region},
		Price:   model.Price.Price,
		Timeout: tier.Timeout.Std(),
	}
}

// Artefact is the digest of a model's weights: the one that the file names, or
// the one that [Config.WithArtefacts] was given; empty where neither is known.
func (c *Config) Artefact(model pointsman.ModelID) pointsman.Digest {
	if d, ok := c.artefacts[model]; ok {
		return d
	}
	return c.Models[model].Artefact.Digest
}

// WithArtefacts is the same configuration with the digests of weights that were
// loaded from files. Its tasks name them in their variants and its snapshot
// refers to them in place of the files, so that a decision can be replayed when
// the files have changed.
func (c *Config) WithArtefacts(digests map[pointsman.ModelID]pointsman.Digest) *Config {
	out := *c
	out.artefacts = maps.Clone(c.artefacts)
	if out.artefacts == nil {
		out.artefacts = map[pointsman.ModelID]pointsman.Digest{}
	}
	maps.Copy(out.artefacts, digests)
	return &out
}

// Position is where a value is, or the nearest thing around it that is
// written. Paths are made by [At].
func (c *Config) Position(path string) Position {
	return locate(c.positions, path).node.pos
}

// Problem reports an error that was found later, by another room, with the
// position of the value that it is about. The error is wrapped; its own position
// within the value (a [rules.SyntaxError]) and its hint (a [pointsman.Error])
// are reported. An error that is [Problems] already is returned as it is.
func (c *Config) Problem(path string, err error) Problems {
	var problems Problems
	if errors.As(err, &problems) {
		return problems
	}
	message, hint := describe(err)
	p := c.source.problem(within(c.source, locate(c.positions, path).node, err), path, message, hint)
	p.err = err
	return Problems{p}
}

// resolve is the aim as the task has it.
func (a *Aim) resolve() *pointsman.Aim {
	if a == nil {
		return nil
	}
	out := &pointsman.Aim{Mistake: a.Mistake, Second: a.Second, Budget: a.Budget, Quality: a.Quality}
	if a.Latency != nil {
		seconds := time.Duration(*a.Latency).Seconds()
		out.Latency = &seconds
	}
	return out
}
