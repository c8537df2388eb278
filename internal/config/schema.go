package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/pointsman-ai/pointsman"
)

// SchemaID names the JSON Schema of the file.
const SchemaID = "https://pointsman.ai/schema/v1/pointsman.schema.json"

// Schema is the JSON Schema (2020-12) of the file, for editors: every key with
// its description, default, bounds and closed set, from the same table that the
// decoder reads. It says what one value may be; whether references lead
// somewhere and whether values go together only [Parse] can say.
func Schema() []byte {
	root := schemaOf(reflect.TypeFor[Config](), cursor{})
	root.Version = jsonschema.Version
	root.ID = SchemaID
	root.Title = "pointsman configuration"
	root.Description = "One file that says what pointsman does. An editor finds this schema by a first line of: # yaml-language-server: $schema=./pointsman.schema.json"
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		panic("config: schema: " + err.Error()) // it is made of constants
	}
	return out.Bytes()
}

// Patterns of the notations that are no named form.
const (
	durationPattern = `^[0-9]+(\.[0-9]*)?(d|ns|us|µs|ms|s|m|h)([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))*$`
	sizePattern     = `^[0-9]+(\.[0-9]{1,3})? ?(B|[KMGTkmgt][iI]?[bB])$`
	secretPattern   = `^(\$\{[A-Za-z_][A-Za-z0-9_]*\}|file:.+)$`
	moneyPattern    = `^[0-9]{1,10}(\.[0-9]{1,9})?$`
)

// schemaOf is the schema of the values of a type at a path of the table.
func schemaOf(t reflect.Type, at cursor) *jsonschema.Schema {
	if t.Kind() == reflect.Pointer {
		return schemaOf(t.Elem(), at)
	}
	f := at.field()
	s := &jsonschema.Schema{Description: f.doc}
	switch t {
	case reflect.TypeFor[Duration]():
		s.Type, s.Pattern = "string", durationPattern
		if strings.HasSuffix(at.table, "retention") {
			s.Pattern = "^forever$|" + durationPattern
		}
	case reflect.TypeFor[Size]():
		s.Type, s.Pattern = "string", sizePattern
	case reflect.TypeFor[Secret]():
		s.Type, s.Pattern = "string", secretPattern
	case reflect.TypeFor[Text](), reflect.TypeFor[Path](), reflect.TypeFor[ArtefactRef]():
		textSchema(s, f)
	case reflect.TypeFor[pointsman.Money]():
		s.AnyOf = []*jsonschema.Schema{
			{Type: "number", Minimum: json.Number(f.min), Maximum: json.Number(f.max)},
			{Type: "string", Pattern: moneyPattern},
		}
	case reflect.TypeFor[Price]():
		s.AnyOf = []*jsonschema.Schema{
			{Const: "unknown"},
			structSchema(&jsonschema.Schema{}, reflect.TypeFor[priceFields](), at),
		}
	case reflect.TypeFor[JSON]():
		s.Type = "object"
	case reflect.TypeFor[Params]():
		paramsSchema(s, f)
	default:
		if own, ok := reflect.TypeAssert[notation](reflect.Zero(t)); ok {
			own.describe(s)
		} else {
			kindSchema(s, t, at)
		}
	}
	return bounded(s, f)
}

// bounded adds what a reader wants to know of bounds and defaults.
func bounded(s *jsonschema.Schema, f field) *jsonschema.Schema {
	if f.min != "" && f.max != "" && f.min != f.max && s.Type == "string" {
		s.Description += " From " + f.min + " to " + f.max + "."
	}
	switch {
	case f.def == "":
	case s.Type == "boolean":
		s.Default = f.def == "true"
	case s.Type == "number" || s.Type == "integer":
		s.Default = json.Number(f.def)
	default:
		s.Default = f.def
	}
	return s
}

func textSchema(s *jsonschema.Schema, f field) {
	s.Type = "string"
	for _, value := range f.enum {
		s.Enum = append(s.Enum, value)
	}
	if f.form != nil {
		s.Pattern = f.form.pattern
	} else if f.required && len(f.enum) == 0 {
		s.Pattern = `\S`
	}
	if len(f.enum) == 0 {
		most := f.text
		if most == 0 {
			most = maxText
		}
		s.MaxLength = bound(most)
	}
}

func bound(n int) *uint64 {
	u := uint64(max(n, 0))
	return &u
}

// kindSchema is the schema of a type that is decoded by its kind.
func kindSchema(s *jsonschema.Schema, t reflect.Type, at cursor) {
	f := at.field()
	most := f.many
	if most == 0 {
		most = maxEntries
	}
	switch t.Kind() {
	case reflect.Struct:
		structSchema(s, t, at)
	case reflect.Map:
		s.Type = "object"
		name := f.form
		if name == nil {
			name = formLine
		}
		s.PropertyNames = &jsonschema.Schema{Pattern: name.pattern}
		s.AdditionalProperties = schemaOf(t.Elem(), at.entry(""))
		s.MaxProperties = bound(most)
		if f.least > 0 {
			s.MinProperties = bound(f.least)
		}
	case reflect.Slice:
		s.Type = "array"
		s.Items = schemaOf(t.Elem(), at.item(0))
		s.MaxItems = bound(most)
		if f.least > 0 {
			s.MinItems = bound(f.least)
		}
	case reflect.String:
		textSchema(s, f)
	case reflect.Bool:
		s.Type = "boolean"
	case reflect.Int64:
		s.Type, s.Minimum, s.Maximum = "integer", json.Number(f.min), json.Number(f.max)
	case reflect.Float64:
		s.Type = "number"
		s.Minimum, s.Maximum = json.Number(f.min), json.Number(f.max)
		if f.above {
			s.Minimum, s.ExclusiveMinimum = "", s.Minimum
		}
		if f.below {
			s.Maximum, s.ExclusiveMaximum = "", s.Maximum
		}
	default:
		panic("config: no schema of " + t.String())
	}
}

// structSchema is the schema of a mapping with known keys.
func structSchema(s *jsonschema.Schema, t reflect.Type, at cursor) *jsonschema.Schema {
	s.Type = "object"
	s.Properties = jsonschema.NewProperties()
	s.AdditionalProperties = jsonschema.FalseSchema
	for _, m := range members(t) {
		name, inside := m.name, at.child(m.name)
		f, ok := fields[inside.table]
		if !ok {
			continue
		}
		s.Properties.Set(name, schemaOf(m.typ, inside))
		if f.required {
			s.Required = append(s.Required, name)
		}
		if f.oneOf != "" && name < f.oneOf { // once for the two
			s.AllOf = append(s.AllOf, &jsonschema.Schema{Not: &jsonschema.Schema{Required: []string{name, f.oneOf}}})
		}
	}
	if least := at.field().least; least > 0 {
		s.MinProperties = bound(least)
	}
	if t == reflect.TypeFor[Upstream]() {
		s.AllOf = append(s.AllOf, perType()...)
	}
	return s
}
