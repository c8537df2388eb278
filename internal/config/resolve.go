package config

import (
	"errors"
	"maps"
	"slices"

	"github.com/pointsman-ai/pointsman"
)

// Tasks are the tasks of the file as the other rooms know them, by name: what
// their files say read in, prompts and time-outs inherited, places and prices
// filled in. The caller owns what is returned.
func (c *Config) Tasks() []pointsman.Task {
	out := make([]pointsman.Task, 0, len(c.Specs))
	for id := range sortedKeys(c.Specs) {
		out = append(out, c.task(id))
	}
	return out
}

// Task is one task of [Config.Tasks].
func (c *Config) Task(id pointsman.TaskID) (pointsman.Task, bool) {
	if _, ok := c.Specs[id]; !ok {
		return pointsman.Task{}, false
	}
	return c.task(id), true
}

func (c *Config) task(id pointsman.TaskID) pointsman.Task {
	spec := c.Specs[id]
	t := pointsman.Task{
		ID:       id,
		Kind:     spec.Kind,
		Contract: spec.Contract.root(),
		Target:   pointsman.Target(spec.Target),
		Slices:   slices.Clone(spec.Slices),
		Record:   spec.Record,
		Fallback: spec.Fallback == FallbackBestAnswer,
	}
	for _, tier := range spec.Tiers {
		t.Tiers = append(t.Tiers, c.tier(&spec, tier))
	}
	if w := spec.Witness; w != nil {
		witness := c.tier(&spec, Tier{Name: WitnessID, Model: w.Model, Prompt: w.Prompt, Params: w.Params, Timeout: w.Timeout})
		t.Witness = &witness
	}
	return t
}

// WitnessID is the id of every task's witness, which no tier may have.
const WitnessID pointsman.TierID = "witness"

func (k *Contract) root() pointsman.Contract {
	return pointsman.Contract{
		Labels: slices.Clone(k.Labels), Pattern: k.Pattern, Schema: slices.Clone([]byte(k.Schema)), Verbatim: k.Verbatim,
	}
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
// the one that [Config.WithArtefacts] was told; empty where neither is known.
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

// Files are the files whose contents are part of the configuration, beside the
// configuration file itself: those that a reload must watch.
func (c *Config) Files() []string { return slices.Compact(slices.Sorted(slices.Values(c.files))) }

// Unresolved looks up every reference to a secret and every ${NAME} of the file,
// and reports those that lead to nothing now: what a check wants to know and a
// load does not ask. Nothing that was looked up is kept.
func (c *Config) Unresolved() Problems {
	var out Problems
	report := func(err error, steps ...any) {
		if err != nil {
			out = append(out, c.Problem(At(steps...), err)...)
		}
	}
	for id := range sortedKeys(c.Upstreams) {
		u := c.Upstreams[id]
		_, err := u.APIKey.Resolve()
		report(err, "upstreams", id, "api_key")
		base, err := u.BaseURL.Resolve()
		if err == nil && u.Type == TypeOpenAI {
			err = CheckBaseURL(base)
		}
		report(err, "upstreams", id, "base_url")
		for name := range sortedKeys(u.Headers) {
			_, err := u.Headers[name].Resolve()
			report(err, "upstreams", id, "headers", name)
		}
	}
	return out.sorted()
}

// Position is where a value stands, or the nearest thing around it that is
// written. Paths are made by [At].
func (c *Config) Position(path string) Position {
	return locate(c.positions, path).node.pos
}

// Problem reports an error that was found later, by another room, with the
// place of the value that it is about. The error is wrapped; its own place
// within the value (a [rules.SyntaxError]) and its hint (a [pointsman.Error])
// are told. An error that is [Problems] already is returned as it is.
func (c *Config) Problem(path string, err error) Problems {
	var held Problems
	if errors.As(err, &held) {
		return held
	}
	message, hint := describe(err)
	p := c.source.problem(within(c.source, locate(c.positions, path).node, err), path, message, hint)
	p.err = err
	return Problems{p}
}
