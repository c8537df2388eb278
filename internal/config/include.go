package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// complete fills in what has no fixed default but follows from something else
// in the file, and takes defaults away from where they mean nothing.
func (d *decoder) complete(c *Config) {
	for id, u := range c.Upstreams {
		if u.Type != TypeRecorded && !d.written(At("upstreams", id, "pace")) {
			u.Pace = ""
		}
		c.Upstreams[id] = u
	}
	for id, m := range c.Models {
		if m.Name == "" && c.Upstreams[m.Upstream].Type != TypeEmbedded {
			m.Name = string(id)
		}
		c.Models[id] = m
	}
	timeout := func(t Duration, model Model) Duration {
		if t == 0 { // cannot be written: the bound is above
			return c.Upstreams[model.Upstream].Timeout
		}
		return t
	}
	for id, t := range c.Specs {
		for i := range t.Tiers {
			t.Tiers[i].Timeout = timeout(t.Tiers[i].Timeout, c.Models[t.Tiers[i].Model])
		}
		if t.Witness != nil {
			t.Witness.Timeout = timeout(t.Witness.Timeout, c.Models[t.Witness.Model])
		}
		c.Specs[id] = t
	}
}

// written says that a value stands in the file.
func (d *decoder) written(path string) bool {
	_, ok := d.positions[path]
	return ok
}

// include reads the files that tasks refer to.
func (d *decoder) include(c *Config) {
	for id := range sortedKeys(c.Specs) {
		t := c.Specs[id]
		at := At("tasks", id)
		d.includeContract(&t.Contract, child(at, "contract"))
		d.includePrompt(t.Prompt, child(at, "prompt"))
		for i := range t.Tiers {
			d.includePrompt(t.Tiers[i].Prompt, child(indexed(child(at, "tiers"), i), "prompt"))
		}
		if t.Witness != nil {
			d.includePrompt(t.Witness.Prompt, child(child(at, "witness"), "prompt"))
		}
		c.Specs[id] = t
	}
}

func (d *decoder) includeContract(k *Contract, at string) {
	if text, ok := d.read(k.LabelsFile, at, "labels", "labels_file"); ok {
		k.Labels = d.labels(text, child(at, "labels_file"))
	}
	if text, ok := d.read(k.SchemaFile, at, "schema", "schema_file"); ok {
		path := child(at, "schema_file")
		n, err := jsonNode([]byte(text))
		if err != nil {
			d.at(path, fmt.Sprintf("%s is not JSON: %v", k.SchemaFile.Written(), err), "mend that file")
			return
		}
		schema, err := canonical(nil, n)
		if err != nil {
			d.at(path, fmt.Sprintf("%s: %v", k.SchemaFile.Written(), err), "mend that file")
			return
		}
		k.Schema = schema
	}
}

// labels are the lines of a labels file; empty lines and lines that begin with
// # are not labels.
func (d *decoder) labels(text, path string) (out []string) {
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		label := strings.TrimSpace(line)
		if label == "" || strings.HasPrefix(label, "#") {
			continue
		}
		if message, hint := forms[formLine].check(label); message != "" || len(label) > 256 {
			if message == "" {
				message, hint = "this label is longer than 256 bytes", "shorten it"
			}
			d.at(path, fmt.Sprintf("line %d of the file: %s", number, message), hint)
			continue
		}
		out = append(out, label)
	}
	if len(out) > maxEntries {
		d.at(path, fmt.Sprintf("%d labels, at most %d are taken", len(out), maxEntries), "")
		return nil
	}
	return out
}

func (d *decoder) includePrompt(p *Prompt, at string) {
	if p == nil {
		return
	}
	if text, ok := d.read(p.SystemFile, at, "system", "system_file"); ok {
		p.System = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	}
}

// read reads a file that is named in place of a value. It reports where both
// are given, and where the file cannot be read.
func (d *decoder) read(p Path, at, inline, key string) (string, bool) {
	if p.IsZero() {
		return "", false
	}
	path := child(at, key)
	if d.written(child(at, inline)) {
		d.atKey(path, fmt.Sprintf("%s and %s are both given", inline, key), "keep one of them")
		return "", false
	}
	d.files = append(d.files, p.String())
	content, err := readBounded(p.String(), maxIncluded)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint := "relative paths are relative to the configuration file"
		if d.dir != "" && !filepath.IsAbs(p.Written()) {
			hint = fmt.Sprintf("it is looked for in %s", d.dir)
		}
		d.at(path, fmt.Sprintf("%s does not exist", p.Written()), hint)
		return "", false
	case err != nil:
		d.at(path, fmt.Sprintf("%s cannot be read: %v", p.Written(), err), "")
		return "", false
	case !utf8.Valid(content):
		d.at(path, p.Written()+" is not UTF-8", "save it as UTF-8")
		return "", false
	}
	text := strings.TrimPrefix(string(content), "\uFEFF")
	if strings.TrimSpace(text) == "" {
		d.at(path, p.Written()+" is empty", "write what belongs into it, or remove the key")
		return "", false
	}
	return text, true
}
