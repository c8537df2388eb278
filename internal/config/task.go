package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/suggest"
)

// Task is a task as the file has it.
type Task struct {
	Kind        pointsman.Kind      `yaml:"kind"`
	Description string              `yaml:"description"`
	Contract    Contract            `yaml:"contract"`
	Prompt      *Prompt             `yaml:"prompt"`
	Tiers       []Tier              `yaml:"tiers"`
	Witnesses   []Witness           `yaml:"witnesses"`
	Samples     *Samples            `yaml:"samples"`
	Target      Target              `yaml:"target"`
	Aim         *Aim                `yaml:"aim"`
	Slices      []string            `yaml:"slices"`
	Costs       []LabelCost         `yaml:"costs"`
	Record      pointsman.Recording `yaml:"record"`
	Fallback    string              `yaml:"fallback"`
	Audit       *Audit              `yaml:"audit"`
	Rules       []Rule              `yaml:"rules"`
	Probes      []Probe             `yaml:"probes"`
}

// The values of Task.Fallback.
const (
	FallbackNone       = "none"
	FallbackBestAnswer = "best_answer"
)

// Tier is one step of a cascade.
type Tier struct {
	Name   pointsman.TierID  `yaml:"name"`
	Model  pointsman.ModelID `yaml:"model"`
	Prompt *Prompt           `yaml:"prompt"` // nil: the task's
	Params Params            `yaml:"params"`
	// Timeout is the upstream's where the file does not say.
	Timeout Duration `yaml:"timeout"`
}

// LabelCost is a mistake that costs more than others.
type LabelCost struct {
	Truth  string  `yaml:"truth"`
	Answer string  `yaml:"answer"`
	Cost   float64 `yaml:"cost"`
}

// Target is the quality that a policy must promise.
type Target struct {
	Promise    pointsman.Promise `yaml:"promise"`
	Retain     float64           `yaml:"retain"`
	Confidence float64           `yaml:"confidence"`
}

// Aim says when asking on is worth its price.
type Aim struct {
	Mistake *float64  `yaml:"mistake"`
	Second  *float64  `yaml:"second"`
	Budget  *float64  `yaml:"budget"`
	Latency *Duration `yaml:"latency"`
	Quality *float64  `yaml:"quality"`
}

var taskBlock = block{
	fields: merged(map[string]field{
		"tasks":                              {doc: "The workloads, by name. Clients name them as model.", required: true, least: 1, many: 1000, form: formName},
		"tasks.*":                            {doc: "One workload."},
		"tasks.*.kind":                       {doc: "What the task does, which decides how its answers are read, scored and trusted.", required: true, enum: texts(pointsman.Kinds)},
		"tasks.*.description":                {doc: "For people."},
		"tasks.*.prompt":                     {doc: "The instruction of every tier that has none of its own."},
		"tasks.*.tiers":                      {doc: "The models that may answer, cheapest first.", required: true, least: 1, many: 16},
		"tasks.*.tiers.*":                    {doc: "One tier."},
		"tasks.*.tiers.*.name":               {doc: "What rules, pins and headers call it.", required: true, form: formName},
		"tasks.*.tiers.*.model":              {doc: "The model that it asks.", required: true},
		"tasks.*.tiers.*.prompt":             {doc: "The instruction of this tier, in place of the task's."},
		"tasks.*.tiers.*.params":             {doc: "Members of the request body that this tier sets.", many: 64},
		"tasks.*.tiers.*.timeout":            {doc: "How long its answer may take. Default: the upstream's timeout.", min: "1ms", max: "1h"},
		"tasks.*.target":                     {doc: "The quality that a policy must promise."},
		"tasks.*.target.promise":             {doc: "What is promised. quality: the cascade's mean score is at least retain times the largest tier's, so that answers that are better pay for answers that are worse. harm: of the requests that the largest tier has right, at most 1 - retain get a wrong answer.", def: "quality", enum: []string{"quality", "harm"}},
		"tasks.*.target.retain":              {doc: "The cascade's quality as a share of the largest tier's.", def: "0.95", min: "0", above: true, max: "1"},
		"tasks.*.target.confidence":          {doc: "The probability, over the draw of the calibration examples, that the promise holds.", def: "0.95", min: "0.5", max: "1", below: true},
		"tasks.*.aim":                        {doc: "When asking on is worth its price, within the promise: the price of a mistake, and perhaps of a second; or one bound in their place. Without it, as much stays below the largest tier as the promise permits."},
		"tasks.*.aim.mistake":                {doc: "What a wrong answer costs, in US dollars.", min: "0", above: true, max: "1000000"},
		"tasks.*.aim.second":                 {doc: "What a second of waiting costs, in US dollars.", min: "0", above: true, max: "1000000"},
		"tasks.*.aim.budget":                 {doc: "The most that a request may cost on average, in US dollars: the best quality within it.", min: "0", above: true, max: "1000000"},
		"tasks.*.aim.latency":                {doc: "The longest that a request may take on average: the best quality within it.", min: "1ms", max: "1h"},
		"tasks.*.aim.quality":                {doc: "The least mean score: as much stays below the largest tier as keeps it.", min: "0", above: true, max: "1"},
		"tasks.*.slices":                     {doc: "Metadata keys whose values name slices.", many: 32},
		"tasks.*.slices.*":                   {doc: "One metadata key.", text: 256, form: formLine},
		"tasks.*.costs":                      {doc: "Mistakes that cost more than others, for tasks with labels. They weigh in the quality that is promised, and raise the stakes of an answer that may be one of them.", many: 1000},
		"tasks.*.costs.*":                    {doc: "One kind of mistake."},
		"tasks.*.costs.*.truth":              {doc: "The right label.", required: true, text: 256},
		"tasks.*.costs.*.answer":             {doc: "The label that is answered in its place.", required: true, text: 256},
		"tasks.*.costs.*.cost":               {doc: "How many times an ordinary mistake it costs.", required: true, min: "1", max: "1000"},
		"tasks.*.record":                     {doc: "How much of a request's and answer's text is kept.", def: string(pointsman.RecordRedacted), enum: texts(pointsman.Recordings)},
		"tasks.*.fallback":                   {doc: "What is answered when every larger tier failed: an error, or the best answer that was not trusted.", def: FallbackNone, enum: []string{FallbackNone, FallbackBestAnswer}},
		"tasks.*.tiers.*.params.*":           {doc: "Any JSON value."},
		"tasks.*.prompt.version":             promptVersion,
		"tasks.*.tiers.*.prompt.version":     promptVersion,
		"tasks.*.prompt.system":              promptSystem,
		"tasks.*.tiers.*.prompt.system":      promptSystem,
		"tasks.*.prompt.system_file":         promptFile,
		"tasks.*.tiers.*.prompt.system_file": promptFile,
	}, contractFields, taskRuleFields(), probeFields, auditFields, witnessFields),
	complete: completeTasks,
	warn:     warnTasks,
	include: func(d *decoder, c *Config) {
		for id := range sortedKeys(c.Tasks) {
			t := c.Tasks[id]
			d.includeTask(At("tasks", id), &t)
			c.Tasks[id] = t
		}
	},
	check: func(d *decoder, c *Config) {
		for id := range sortedKeys(c.Tasks) {
			task := c.Tasks[id]
			d.checkTask(c, At("tasks", id), &task)
		}
	},
}

// warnTasks reports time-outs that can never be used up.
func warnTasks(c *Config, warn warner) {
	whole := c.Server.RequestTimeout
	one := func(t Duration, model pointsman.ModelID, steps ...any) {
		upstream := c.Models[model].Upstream
		if t > whole && (c.written(At(steps...)) || c.written(At("upstreams", upstream, "timeout"))) {
			warn(fmt.Sprintf("an answer may take %s, and a whole request %s", t, whole), "raise server.request_timeout, or lower this", steps...)
		}
	}
	for id := range sortedKeys(c.Tasks) {
		t := c.Tasks[id]
		for i := range t.Tiers {
			one(t.Tiers[i].Timeout, t.Tiers[i].Model, "tasks", id, "tiers", i, "timeout")
		}
		for i := range t.Witnesses {
			one(t.Witnesses[i].Timeout, t.Witnesses[i].Model, "tasks", id, "witnesses", i, "timeout")
		}
	}
}

// completeTasks gives tiers and witnesses the time-out of their upstream where
// they have none.
func completeTasks(_ *decoder, c *Config) {
	timeout := func(t Duration, model pointsman.ModelID) Duration {
		if t == 0 { // cannot be written: the bound is above
			return c.Upstreams[c.Models[model].Upstream].Timeout
		}
		return t
	}
	for id, t := range c.Tasks {
		for i := range t.Tiers {
			t.Tiers[i].Timeout = timeout(t.Tiers[i].Timeout, t.Tiers[i].Model)
		}
		for i := range t.Witnesses {
			t.Witnesses[i].Timeout = timeout(t.Witnesses[i].Timeout, t.Witnesses[i].Model)
		}
		c.Tasks[id] = t
	}
}

// includeTask reads the files that a task refers to.
func (d *decoder) includeTask(at string, t *Task) {
	d.includeContract(&t.Contract, child(at, "contract"))
	d.includePrompt(t.Prompt, child(at, "prompt"))
	for i := range t.Tiers {
		d.includePrompt(t.Tiers[i].Prompt, child(indexed(child(at, "tiers"), i), "prompt"))
	}
	for i := range t.Witnesses {
		d.includePrompt(t.Witnesses[i].Prompt, child(indexed(child(at, "witnesses"), i), "prompt"))
	}
}

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
		if tier.Name == WitnessID || strings.HasPrefix(string(tier.Name), string(WitnessID)+".") {
			d.at(child(where, "name"), fmt.Sprintf("%q is the name of a witness", tier.Name), "choose another name")
		}
		d.refer(child(where, "model"), string(tier.Model), "model", models)
		d.checkParams(child(where, "params"), tier.Params)
	}
	d.checkTiers(at, t)
	d.checkWitnesses(at, t, models)
	slicesSeen := map[string]bool{}
	for i, key := range t.Slices {
		if slicesSeen[key] {
			d.at(indexed(child(at, "slices"), i), fmt.Sprintf("slice %q is listed twice", key), "remove one")
		}
		slicesSeen[key] = true
	}
	d.checkAim(child(at, "aim"), t.Aim)
	d.checkCosts(child(at, "costs"), t)
	d.checkAudit(c, child(at, "audit"), t)
	d.checkRules(c, child(at, "rules"), t.Rules, t)
	d.checkProbes(c, child(at, "probes"), t)
}

// checkAim refuses an aim that says two things.
func (d *decoder) checkAim(at string, a *Aim) {
	if a == nil {
		return
	}
	var bounds []string
	for name, set := range map[string]bool{"budget": a.Budget != nil, "latency": a.Latency != nil, "quality": a.Quality != nil} {
		if set {
			bounds = append(bounds, name)
		}
	}
	slices.Sort(bounds)
	switch {
	case len(bounds) > 1:
		d.atKey(child(at, bounds[1]), fmt.Sprintf("an aim has one bound, and there are %s and %s", bounds[0], bounds[1]), "remove one")
	case len(bounds) == 1 && (a.Mistake != nil || a.Second != nil):
		d.atKey(child(at, bounds[0]), "a bound implies the prices, and stands in their place", "remove it, or mistake and second")
	case len(bounds) == 0 && a.Mistake == nil:
		d.atKey(at, "an aim needs the price of a mistake, or a bound", "add mistake, budget, latency or quality")
	}
}

// checkCosts refuses the cost of what is no mistake, or of labels that no answer
// has.
func (d *decoder) checkCosts(at string, t *Task) {
	seen := map[[2]string]bool{}
	for i, c := range t.Costs {
		where := indexed(at, i)
		if len(t.Contract.Labels) > 0 {
			if !slices.Contains(t.Contract.Labels, c.Truth) {
				d.at(child(where, "truth"), fmt.Sprintf("%q is none of the task's labels", c.Truth), suggest.DidYouMean(c.Truth, t.Contract.Labels))
			}
			if !slices.Contains(t.Contract.Labels, c.Answer) {
				d.at(child(where, "answer"), fmt.Sprintf("%q is none of the task's labels", c.Answer), suggest.DidYouMean(c.Answer, t.Contract.Labels))
			}
		}
		switch key := [2]string{c.Truth, c.Answer}; {
		case c.Truth == c.Answer:
			d.at(child(where, "answer"), "the right label is no mistake", "name another label")
		case seen[key]:
			d.at(child(where, "answer"), "this mistake has a cost already", "remove one of the two")
		default:
			seen[key] = true
		}
	}
	if len(t.Costs) > 0 && t.Kind != pointsman.KindClassify && t.Kind != pointsman.KindModerate {
		d.atKey(at, "costs are those of labels, and a task of kind "+string(t.Kind)+" has none", "remove them")
	}
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
		if len(t.Witnesses) > 0 {
			d.atKey(child(at, "witnesses"), "a task with one tier never asks its witnesses", "add a tier, or remove the witnesses")
		}
		if t.Samples != nil {
			d.atKey(child(at, "samples"), "a task with one tier never asks it again", "add a tier, or remove the samples")
		}
		if t.Fallback == FallbackBestAnswer {
			d.at(child(at, "fallback"), "a task with one tier has no untrusted answer to fall back on", "add a tier, or remove fallback")
		}
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
