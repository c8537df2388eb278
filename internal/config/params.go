package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/invopop/jsonschema"
)

// Params are members of the request body that a tier sets, as canonical JSON
// values by name.
type Params map[string]string

// params decodes the request members of a tier into canonical JSON by name.
func (d *decoder) params(n *node, at cursor, v reflect.Value) {
	if n.kind != kindMapping {
		d.want(n, at, "a mapping", "write {temperature: 0, max_tokens: 16}")
		return
	}
	d.bounded(n, at, len(n.pairs))
	out := Params{}
	for _, p := range n.pairs {
		inside := at.entry(p.key)
		d.positions[inside.path] = mark{p.value, p.keyPos}
		if message, hint := checkParam(p.key, p.value); message != "" {
			where := p.value.pos
			if ownParams[p.key] != "" {
				where = p.keyPos
			}
			d.add(where, inside.path, message, hint)
			continue
		}
		text, err := canonical(nil, p.value)
		if err != nil {
			d.add(p.value.pos, inside.path, err.Error(), "write plain JSON values: text, decimal numbers, true, false, lists, mappings")
			continue
		}
		if len(text) > maxText {
			d.add(p.value.pos, inside.path, fmt.Sprintf("%d bytes as JSON, at most %d are taken", len(text), maxText), "")
			continue
		}
		out[p.key] = string(text)
	}
	v.Set(reflect.ValueOf(out))
}

// ownParams are members of the request that a tier cannot set, and who does.
var ownParams = map[string]string{
	"model":          "the tier's model sets it",
	"messages":       "the client and the tier's prompt set them",
	"stream":         "the client sets it",
	"stream_options": "the client sets them",
	"metadata":       "the client and its key set it",
	"user":           "the client sets it",
	"tools":          "the client sets them",
	"functions":      "the client sets them",
}

// checkParam checks what the API says about the members that it knows; others
// go to the upstream as they are.
func checkParam(name string, n *node) (message, hint string) {
	if who := ownParams[name]; who != "" {
		return fmt.Sprintf("a tier cannot set %s", name), who + "; remove it"
	}
	if message, hint := checkKey(nil, name); message != "" {
		return message, hint
	}
	if n.kind == kindScalar && n.tag == "!!null" {
		return name + " has no value", "write one, or remove the key"
	}
	for i := range knownParams {
		if knownParams[i].name == name {
			return knownParams[i].check(n)
		}
	}
	return "", ""
}

// knownParam is a member of the request that the API bounds.
type knownParam struct {
	name, doc      string
	low, high      float64
	whole, boolean bool
}

var knownParams = []knownParam{
	{name: "temperature", doc: "How much chance takes part; 0 for the most likely answer.", high: 2},
	{name: "top_p", doc: "The share of the probability that is sampled from.", high: 1},
	{name: "max_tokens", doc: "The longest answer.", low: 1, high: 10_000_000, whole: true},
	{name: "max_completion_tokens", doc: "The longest answer, reasoning included.", low: 1, high: 10_000_000, whole: true},
	{name: "logprobs", doc: "Ask for the log-probabilities that confidence is measured by.", boolean: true},
	{name: "top_logprobs", doc: "How many alternatives to ask for at each token.", high: 20, whole: true},
	{name: "n", doc: "One choice is all that is read.", low: 1, high: 1, whole: true},
}

func (p *knownParam) check(n *node) (message, hint string) {
	if p.boolean {
		if n.kind != kindScalar || n.tag != "!!bool" {
			return p.name + " must be true or false", "without quotes"
		}
		return "", ""
	}
	x, err := strconv.ParseFloat(n.value, 64)
	isNumber := n.kind == kindScalar && (n.tag == "!!int" || n.tag == "!!float") && err == nil
	if isNumber && (!p.whole || digits.MatchString(n.value)) && x >= p.low && x <= p.high {
		return "", ""
	}
	what := "a number"
	if p.whole {
		what = "a whole number"
	}
	if p.low == p.high {
		return fmt.Sprintf("%s must be %v", p.name, p.low), p.doc
	}
	return fmt.Sprintf("%s must be %s from %s to %s", p.name, what, appendFloat(nil, p.low), appendFloat(nil, p.high)), ""
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

// paramsSchema is the schema of request members: what the API knows is typed,
// what is not a tier's to set is refused.
func paramsSchema(s *jsonschema.Schema, f field) {
	s.Type = "object"
	s.MaxProperties = bound(f.many)
	s.Properties = jsonschema.NewProperties()
	for _, known := range knownParams {
		p := &jsonschema.Schema{Description: known.doc, Type: "number", Minimum: appendedNumber(known.low), Maximum: appendedNumber(known.high)}
		switch {
		case known.boolean:
			p = &jsonschema.Schema{Description: known.doc, Type: "boolean"}
		case known.whole:
			p.Type = "integer"
		}
		s.Properties.Set(known.name, p)
	}
	for _, name := range slices.Collect(sortedKeys(ownParams)) {
		s.Properties.Set(name, jsonschema.FalseSchema)
	}
	s.AdditionalProperties = &jsonschema.Schema{Not: &jsonschema.Schema{Type: "null"}}
}

func appendedNumber(x float64) json.Number { return json.Number(appendFloat(nil, x)) }
