package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// Model is an offer of one upstream.
type Model struct {
	Upstream pointsman.UpstreamID `yaml:"upstream"`
	// Name is what the upstream calls the model: the model's own id where the
	// file does not say.
	Name string `yaml:"name"`
	// Artefact holds the weights of an embedded model.
	Artefact ArtefactRef `yaml:"artefact"`
	// ContextWindow is in tokens; nil where the file does not say.
	ContextWindow *int64 `yaml:"context_window"`
	Price         Price  `yaml:"price"`
}

// ArtefactRef says where weights are: a digest in the artefact store, or a
// file. The zero value refers to none.
type ArtefactRef struct {
	Digest pointsman.Digest
	File   Path
}

// IsZero says that no artefact is referred to.
func (a ArtefactRef) IsZero() bool { return a.Digest == "" && a.File.IsZero() }

// String is the reference as it is written.
func (a ArtefactRef) String() string {
	if !a.File.IsZero() {
		return "file:" + a.File.Written()
	}
	return string(a.Digest)
}

// ArtefactFiles are the files that hold weights: what an instance is made from
// beside the configuration, and what a reload must watch too.
func (c *Config) ArtefactFiles() []string {
	var files []string
	for _, m := range c.Models {
		if !m.Artefact.File.IsZero() {
			files = append(files, m.Artefact.File.String())
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

var modelBlock = block{
	complete: func(_ *decoder, c *Config) {
		for id, m := range c.Models {
			if m.Name == "" && !typeOf(c.Upstreams[m.Upstream].Type).weights {
				m.Name = string(id)
			}
			c.Models[id] = m
		}
	},
	check: func(d *decoder, c *Config) {
		for id := range sortedKeys(c.Models) {
			d.checkModel(c, At("models", id), c.Models[id])
		}
	},
	fields: map[string]field{
		"models":                      {doc: "The models that tiers may ask, by name.", required: true, least: 1, many: 1000, form: formName},
		"models.*":                    {doc: "One model as one upstream offers it."},
		"models.*.upstream":           {doc: "The upstream that offers it.", required: true},
		"models.*.name":               {doc: "What the upstream calls it. Default: this model's own name.", text: 256, form: formLine},
		"models.*.artefact":           {doc: "Of an embedded model: its weights, sha256:… in the artefact store or file:path.", text: 4096, form: formArtefact},
		"models.*.context_window":     {doc: "How many tokens it reads. Absent: unknown.", min: "1", max: "100000000"},
		"models.*.price":              {doc: "What it charges in US dollars per million tokens, as exact decimals; unknown or absent: unknown, and then so are all costs."},
		"models.*.price.input":        {doc: "Per million input tokens.", required: true, min: "0", max: "1000000"},
		"models.*.price.cached_input": {doc: "Per million input tokens that the provider served from its cache. Default: as input.", min: "0", max: "1000000"},
		"models.*.price.output":       {doc: "Per million output tokens, reasoning included.", required: true, min: "0", max: "1000000"},
	},
}

func (d *decoder) checkModel(c *Config, at string, m Model) {
	d.refer(child(at, "upstream"), string(m.Upstream), "upstream", texts(slices.Collect(sortedKeys(c.Upstreams))))
	u, ok := c.Upstreams[m.Upstream]
	if !ok || u.Type == "" {
		return
	}
	embedded := typeOf(u.Type).weights
	switch {
	case embedded && !d.written(child(at, "artefact")):
		d.atKey(at, "a model of an embedded upstream needs artefact", "sha256:… in the artefact store, or file:path")
	case !embedded && d.written(child(at, "artefact")):
		d.atKey(child(at, "artefact"), fmt.Sprintf("artefact is of embedded models, upstream %s is %s", m.Upstream, u.Type), "remove it; name says what the upstream calls the model")
	}
	if p := m.Price; p.Known && p.CachedInput > p.Input {
		d.at(child(child(at, "price"), "cached_input"), "cached input costs more than input", "the two amounts look swapped")
	}
}

// formArtefact is a reference to an artefact.
var formArtefact = &form{`^(sha256:[0-9a-f]{64}|file:.+)$`, checkArtefact}

func checkArtefact(v string) (string, string) {
	if path, ok := strings.CutPrefix(v, "file:"); ok {
		return checkPath(path)
	}
	if _, err := pointsman.ParseDigest(v); err != nil {
		hint := "write sha256: and 64 lower-case hexadecimal digits, or file:path"
		if strings.ContainsAny(v, "/.") && !strings.Contains(v, ":") {
			hint = fmt.Sprintf("write %q", "file:"+v)
		}
		return fmt.Sprintf("%q names no artefact", v), hint
	}
	return "", ""
}

func (d *decoder) artefact(n *node, at cursor, v reflect.Value) {
	text, ok := d.text(n, at)
	if !ok {
		return
	}
	ref := ArtefactRef{}
	if path, isFile := strings.CutPrefix(text, "file:"); isFile {
		ref.File = Path{written: path, dir: d.dir}
	} else {
		ref.Digest = pointsman.Digest(text) // its form was checked
	}
	v.Set(reflect.ValueOf(ref))
}

// priceFields are the keys of a price.
type priceFields struct {
	Input       pointsman.Money  `yaml:"input"`
	CachedInput *pointsman.Money `yaml:"cached_input"`
	Output      pointsman.Money  `yaml:"output"`
}

// price decodes unknown, or a mapping of exact decimals. The amounts are read
// from the text of the file, never through a float.
func (d *decoder) price(n *node, at cursor, v reflect.Value) {
	const hint = "write {input: 0.15, output: 0.60} in US dollars per million tokens, or unknown"
	if n.kind == kindScalar && n.tag == "!!str" && n.value == "unknown" {
		return
	}
	if n.kind != kindMapping {
		d.want(n, at, "a price", hint)
		return
	}
	var amounts priceFields
	d.structure(n, at, reflect.ValueOf(&amounts).Elem())
	if d.faulty[at.child("input").path] || d.faulty[at.child("output").path] {
		return
	}
	p := pointsman.Price{Known: true, Input: amounts.Input, CachedInput: amounts.Input, Output: amounts.Output}
	if amounts.CachedInput != nil {
		p.CachedInput = *amounts.CachedInput
	}
	v.Set(reflect.ValueOf(Price{p}))
}

// money decodes one amount.
func (d *decoder) money(n *node, at cursor, v reflect.Value) {
	text, ok := d.scalar(n, at, "an amount", "write it as a decimal, such as 0.15", "!!int", "!!float", "!!str")
	if !ok {
		return
	}
	m, err := pointsman.ParseMoney(text)
	if err != nil {
		d.add(n.pos, at.path, fmt.Sprintf("%q is not an exact amount", text), "write dollars with at most nine decimals, such as 0.15")
		return
	}
	if most, err := pointsman.ParseMoney(at.field().max); err == nil && (m < 0 || m > most) {
		d.outside(n, at, text)
		return
	}
	v.SetInt(int64(m))
}
