package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// Snapshot is the whole configuration as canonical JSON, and its digest. It has
// the shape of the file, with every default written out and the contents of
// label, schema and prompt files in place of their names. Two files that mean
// the same have the same snapshot, whatever their order, comments and notation.
//
// Secrets and ${NAME} stand in it as references. Paths stand in it as they are
// written; [Config.WithArtefacts] replaces those of artefacts by digests.
func (c *Config) Snapshot() ([]byte, pointsman.Digest) {
	models := make(map[pointsman.ModelID]Model, len(c.Models))
	for id, m := range c.Models {
		if d := c.Artefact(id); d != "" {
			m.Artefact = ArtefactRef{Digest: d}
		}
		models[id] = m
	}
	whole := *c
	whole.Models = models
	out, _ := appendValue(nil, reflect.ValueOf(whole), true)
	return out, pointsman.DigestOf(out)
}

// appendValue writes a value of the file as canonical JSON. It says false, and
// writes nothing, for a value that the file does not have: zero where the table
// has no default for it. Zero values that mean something are written because
// they have a default, are required, or stand behind a pointer.
func appendValue(out []byte, v reflect.Value, keep bool) ([]byte, bool) {
	if text, ok := scalarText(v); ok {
		if text == "" && !keep {
			return out, false
		}
		return appendText(out, text), true
	}
	switch x := v.Interface().(type) {
	case JSON:
		return append(out, x...), len(x) > 0
	case Params:
		return appendParams(out, x), len(x) > 0
	case pointsman.Money:
		return fmt.Appendf(out, "%q", decimal(x)), true
	case Price:
		return appendPrice(out, x.Price)
	case notation:
		if v.Kind() != reflect.Pointer {
			return x.appendJSON(out), true
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return out, false
		}
		return appendValue(out, v.Elem(), true)
	case reflect.Struct:
		return appendStruct(out, v), true
	case reflect.Map:
		return appendMap(out, v), v.Len() > 0
	case reflect.Slice:
		out = append(out, '[')
		for i := range v.Len() {
			if i > 0 {
				out = append(out, ',')
			}
			out, _ = appendValue(out, v.Index(i), true)
		}
		return append(out, ']'), v.Len() > 0
	case reflect.String:
		return appendText(out, v.String()), keep || v.String() != ""
	case reflect.Bool:
		return fmt.Appendf(out, "%t", v.Bool()), keep || v.Bool()
	case reflect.Int64:
		return fmt.Appendf(out, "%d", v.Int()), true
	case reflect.Float64:
		return appendFloat(out, v.Float()), true
	}
	panic("config: no snapshot of " + v.Type().String())
}

// scalarText is the text of the types that the file writes as one.
func scalarText(v reflect.Value) (string, bool) {
	switch x := v.Interface().(type) {
	case Duration:
		return x.String(), true
	case Size:
		return x.String(), true
	case Secret:
		return x.String(), true
	case Text:
		return x.String(), true
	case Path:
		return x.Written(), true
	case ArtefactRef:
		return x.String(), true
	}
	return "", false
}

// appendStruct writes the members of a struct in the order of their names.
func appendStruct(out []byte, v reflect.Value) []byte {
	list := slices.DeleteFunc(members(v.Type()), func(m member) bool { return included[v.Type()][m.name] })
	slices.SortFunc(list, func(a, b member) int { return strings.Compare(a.name, b.name) })
	out = append(out, '{')
	first := true
	for _, m := range list {
		value, ok := appendValue(nil, v.FieldByIndex(m.index), false)
		if !ok {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(append(appendText(out, m.name), ':'), value...)
	}
	return append(out, '}')
}

// included are the keys that name files whose contents stand in the snapshot in
// their place.
var included = map[reflect.Type]map[string]bool{
	reflect.TypeFor[Contract](): {"labels_file": true, "schema_file": true},
	reflect.TypeFor[Prompt]():   {"system_file": true},
}

func appendMap(out []byte, v reflect.Value) []byte {
	keys := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		keys = append(keys, k.String())
	}
	sort.Strings(keys)
	out = append(out, '{')
	for i, k := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, k), ':')
		out, _ = appendValue(out, v.MapIndex(reflect.ValueOf(k).Convert(v.Type().Key())), true)
	}
	return append(out, '}')
}

// appendParams writes values that are canonical JSON already.
func appendParams(out []byte, p Params) []byte {
	out = append(out, '{')
	for k := range sortedKeys(p) {
		if !bytes.HasSuffix(out, []byte("{")) {
			out = append(out, ',')
		}
		out = append(append(appendText(out, k), ':'), p[k]...)
	}
	return append(out, '}')
}

// appendPrice writes amounts as text, so that no reader takes them for floats.
func appendPrice(out []byte, p pointsman.Price) ([]byte, bool) {
	if !p.Known {
		return append(out, `"unknown"`...), true
	}
	return fmt.Appendf(out, `{"cached_input":%q,"input":%q,"output":%q}`, decimal(p.CachedInput), decimal(p.Input), decimal(p.Output)), true
}
