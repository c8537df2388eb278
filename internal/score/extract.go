package score

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// maxFields bounds the fields of one object.
const maxFields = 10_000

// Extract scores extract tasks field by field. A field is right where its value
// is the expected one but for white space. The value of the score is F1 over
// the fields: precision is the share of the answer's fields that are right,
// recall the share of the expected ones. An empty value or null is the same as
// no field. A field with several values, a list of texts, numbers or truth values,
// is as many fields as it has values, whatever their order, and one value is the
// same as a list of one; whether it must be a list is for the task's schema to say.
// Lists of anything else are compared place by place.
//
// By default only an object with all fields right is acceptable.
type Extract struct{ Accept float64 }

var _ Scorer = Extract{}

// Name is "extract" with its cut.
func (x Extract) Name() string { return fmt.Sprintf("extract f1>=%g", x.Accept) }

// Score compares the answer's fields with the example's. Its parts are
// precision, recall, all_right, and field.NAME for each expected field; that of a
// field with several values is the share of them that was given.
func (x Extract) Score(e *dataset.Example, text string, r pointsman.Reading) Score {
	want, err := expected(e)
	switch {
	case err != nil:
		return skip("the example's \"want\" cannot be read: %v", err)
	case want == nil:
		return skip("the example has neither fields nor want")
	}
	var got fields
	if r.Valid {
		got, err = flatten([]byte(contract.Object(final(text, r))))
	}
	return x.compare(want, got, r.Valid && err == nil)
}

// expected are the example's fields; nil where it has no expectation.
func expected(e *dataset.Example) (fields, error) {
	if len(e.Want) > 0 {
		return flatten(e.Want)
	}
	if e.Fields == nil {
		return nil, nil
	}
	out := make(fields, len(e.Fields))
	for name, value := range e.Fields {
		out.add(name, squeeze(value))
	}
	return out, nil
}

// compare counts right fields. An answer that is no object has none, and is
// wrong even where none were wanted.
func (x Extract) compare(want, got fields, object bool) Score {
	right, given, wanted := 0, 0, 0
	counts := count(want, got)
	var parts []Part
	for _, path := range slices.Sorted(maps.Keys(counts)) {
		c := counts[path]
		right, given, wanted = right+c.Right, given+c.Given, wanted+c.Wanted
		if c.Wanted > 0 {
			parts = append(parts, Part{"field." + path, float64(c.Right) / float64(c.Wanted)})
		}
	}
	var s Score
	if object {
		s.Value = f1(right, given, wanted)
	}
	if given > 0 { // of nothing, no share is right
		s.Parts = append(s.Parts, Part{"precision", float64(right) / float64(given)})
	}
	if wanted > 0 {
		s.Parts = append(s.Parts, Part{"recall", float64(right) / float64(wanted)})
	}
	s.Parts = append(append(s.Parts, Part{"all_right", one(object && right == wanted && right == given)}), parts...)
	s.Acceptable = object && s.Value >= x.Accept
	return s
}

// f1 is the harmonic mean of right/got and right/want; 1 where nothing was
// expected and nothing given.
func f1(right, got, want int) float64 {
	if got+want == 0 {
		return 1
	}
	return 2 * float64(right) / float64(got+want)
}

// field is a value of an object and the path at which it stands.
type field struct{ path, value string }

// fields count the values of an object, without those that are empty.
type fields map[field]int

func (f fields) add(path, value string) {
	if value != "" {
		f[field{path, value}]++
	}
}

// flatten makes a table of a JSON object: nested members are named
// "outer.inner", elements of lists that are not plain "list[0]".
// Numbers are compared as they are written, but 1.0 is 1.
func flatten(raw []byte) (fields, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value map[string]any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	out := make(fields)
	if err := out.walk("", value); err != nil {
		return nil, err
	}
	return out, nil
}

func (f fields) walk(path string, value any) error {
	if len(f) > maxFields {
		return fmt.Errorf("more than %d fields", maxFields)
	}
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if path != "" {
				name = path + "." + name
			}
			if err := f.walk(name, inner); err != nil {
				return err
			}
		}
	case []any:
		return f.list(path, v)
	default:
		f.add(path, leaf(v))
	}
	return nil
}

// list adds the values of a plain list, or walks through the elements of another.
func (f fields) list(path string, all []any) error {
	plain := !slices.ContainsFunc(all, func(v any) bool {
		switch v.(type) {
		case map[string]any, []any:
			return true
		}
		return false
	})
	for i, inner := range all {
		at := path
		if !plain {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		if err := f.walk(at, inner); err != nil {
			return err
		}
	}
	return nil
}

// leaf is a value as it is compared; null is empty.
func leaf(value any) string {
	switch v := value.(type) {
	case string:
		return squeeze(v)
	case json.Number:
		return number(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// number drops the zeros that say nothing from a decimal.
func number(n json.Number) string {
	s := n.String()
	if !strings.ContainsRune(s, '.') || strings.ContainsAny(s, "eE") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// squeeze brings all white space to single spaces between words.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
