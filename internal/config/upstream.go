package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/pointsman-ai/pointsman"
)

// UpstreamType says which family of provider an upstream belongs to.
type UpstreamType string

// Upstream is an endpoint. Which of the settings of its type are there depends
// on the type.
type Upstream struct {
	Type     UpstreamType       `yaml:"type"`
	Location pointsman.Location `yaml:"location"`
	// Region is empty where the file names none; rules then cannot forbid it.
	Region  string   `yaml:"region"`
	Timeout Duration `yaml:"timeout"`

	HTTPSettings
	RecordedSettings
}

// upstreamType is one type of upstream. All that concerns it is in the file of
// this package that declares it.
type upstreamType struct {
	name UpstreamType
	// settings are the keys that upstreams of this type have beside those of
	// every upstream, by their names, with the keys below them.
	settings map[string]field
	// needs are the settings that must be written, each with a hint.
	needs []need
	// weights says that the models of such an upstream are artefacts of ours.
	weights bool
	// check looks at the settings; may be nil.
	check func(d *decoder, at string, u Upstream)
	// unresolved reports references that lead to nothing now; may be nil.
	unresolved func(id pointsman.UpstreamID, u Upstream, report func(err error, steps ...any))
}

type need struct{ key, hint string }

// upstreamTypes are the types that there are.
var upstreamTypes = []upstreamType{embeddedType, openaiType, recordedType}

// typeOf finds a type by its name; the zero type where there is none.
func typeOf(name UpstreamType) upstreamType {
	i := slices.IndexFunc(upstreamTypes, func(t upstreamType) bool { return t.name == name })
	if i < 0 {
		return upstreamType{}
	}
	return upstreamTypes[i]
}

func upstreamTypeNames() (out []UpstreamType) {
	for _, t := range upstreamTypes {
		out = append(out, t.name)
	}
	return out
}

// settingTypes are the types that have a setting, by its key: those of every
// upstream are not in it.
func settingTypes() map[string][]UpstreamType {
	out := map[string][]UpstreamType{}
	for _, t := range upstreamTypes {
		for key := range t.settings {
			if !strings.Contains(key, ".") {
				out[key] = append(out[key], t.name)
			}
		}
	}
	return out
}

var upstreamBlock = block{
	fields: upstreamFields(),
	complete: func(d *decoder, c *Config) {
		for id, u := range c.Upstreams {
			c.Upstreams[id] = d.ownSettings(At("upstreams", id), u)
		}
	},
	check: func(d *decoder, c *Config) {
		for id := range sortedKeys(c.Upstreams) {
			d.checkUpstream(At("upstreams", id), c.Upstreams[id])
		}
	},
	unresolved: func(c *Config, report func(err error, steps ...any)) {
		for id := range sortedKeys(c.Upstreams) {
			u := c.Upstreams[id]
			if t := typeOf(u.Type); t.unresolved != nil {
				t.unresolved(id, u, report)
			}
		}
	},
}

// upstreamFields are the keys of every upstream and those of each type.
func upstreamFields() map[string]field {
	out := map[string]field{
		"upstreams":            {doc: "The endpoints that answer, by name.", required: true, least: 1, many: 1000, form: formName},
		"upstreams.*":          {doc: "One endpoint."},
		"upstreams.*.type":     {doc: "The family of provider: student models in this process, anything that speaks the OpenAI chat-completions API, or answers from a recording.", required: true, enum: texts(upstreamTypeNames())},
		"upstreams.*.location": {doc: "Where it runs: in this process or on this device, on your own machines, or at a vendor's. Rules about data depend on it.", required: true, enum: texts(pointsman.Locations)},
		"upstreams.*.region":   {doc: "The region it runs in, a name of your own. Rules about data depend on it.", form: formName},
		"upstreams.*.timeout":  {doc: "How long one answer may take, for tiers that say nothing.", def: "30s", min: "1ms", max: "1h"},
	}
	for _, t := range upstreamTypes {
		for key, f := range t.settings {
			out["upstreams.*."+key] = f
		}
	}
	return out
}

// ownSettings takes the defaults of settings away from an upstream whose type
// does not have them.
func (d *decoder) ownSettings(at string, u Upstream) Upstream {
	types := settingTypes()
	v := reflect.ValueOf(&u).Elem()
	for _, m := range members(v.Type()) {
		if of, ok := types[m.name]; ok && !slices.Contains(of, u.Type) && !d.written(child(at, m.name)) {
			v.FieldByIndex(m.index).SetZero()
		}
	}
	return u
}

func (d *decoder) checkUpstream(at string, u Upstream) {
	if u.Type == "" {
		return
	}
	types := settingTypes()
	for key := range sortedKeys(types) {
		if !slices.Contains(types[key], u.Type) && d.written(child(at, key)) {
			d.atKey(child(at, key), fmt.Sprintf("%s is a setting of type %s, this upstream is %s", key, strings.Join(texts(types[key]), ", "), u.Type), "remove it, or change the type")
		}
	}
	t := typeOf(u.Type)
	for _, n := range t.needs {
		if !d.written(child(at, n.key)) {
			d.atKey(at, fmt.Sprintf("an upstream of type %s needs %s", u.Type, n.key), n.hint)
		}
	}
	if t.check != nil {
		t.check(d, at, u)
	}
}

// perType says which settings an upstream of a type needs, and which it cannot
// have.
func perType() (out []*jsonschema.Schema) {
	types := settingTypes()
	for _, t := range upstreamTypes {
		is := jsonschema.NewProperties()
		is.Set("type", &jsonschema.Schema{Const: string(t.name)})
		then := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
		for _, n := range t.needs {
			then.Required = append(then.Required, n.key)
		}
		for key := range sortedKeys(types) {
			if !slices.Contains(types[key], t.name) {
				then.Properties.Set(key, jsonschema.FalseSchema)
			}
		}
		out = append(out, &jsonschema.Schema{If: &jsonschema.Schema{Properties: is, Required: []string{"type"}}, Then: then})
	}
	return out
}
