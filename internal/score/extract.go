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
// no field.
//
// By default only an object with all fields right is acceptable.
type Extract struct{ Accept float64 }

var _ Scorer = Extract{}

// Name is "extract" with its cut.
func (x Extract) Name() string { return fmt.Sprintf("extract f1>=%g", x.Accept) }

// Score compares the answer's fields with the example's. Its parts are
// precision, recall, all_right, and field.NAME for each expected field.
func (x Extract) Score(e *dataset.Example, text string, r pointsman.Reading) Score {
	want, err := expected(e)
	switch {
	case err != nil:
		return skip("the example's \"want\" cannot be read: %v", err)
	case want == nil:
		return skip("the example has neither fields nor want")
	}
	var got map[string]string
	if r.Valid {
		got, err = flatten([]byte(contract.Object(text)))
	}
	return x.compare(want, got, r.Valid && err == nil)
}

// expected are the example's fields; nil where it has no expectation.
func expected(e *dataset.Example) (map[string]string, error) {
	if len(e.Want) > 0 {
		return flatten(e.Want)
	}
	if e.Fields == nil {
		return nil, nil
	}
	out := make(map[string]string, len(e.Fields))
	for name, value := range e.Fields {
		if value = squeeze(value); value != "" {
			out[name] = value
		}
	}
	return out, nil
}

// compare counts right fields. An answer that is no object has none, and is
// wrong even where none were wanted.
func (x Extract) compare(want, got map[string]string, object bool) Score {
	right := 0
	var fields []Part
	for _, name := range slices.Sorted(maps.Keys(want)) {
		value := 0.0
		if answer, there := got[name]; there && answer == want[name] {
			value = 1
			right++
		}
		fields = append(fields, Part{"field." + name, value})
	}
	var s Score
	if object {
		s.Value = f1(right, len(got), len(want))
	}
	if len(got) > 0 { // of nothing, no share is right
		s.Parts = append(s.Parts, Part{"precision", float64(right) / float64(len(got))})
	}
	if len(want) > 0 {
		s.Parts = append(s.Parts, Part{"recall", float64(right) / float64(len(want))})
	}
	s.Parts = append(append(s.Parts, Part{"all_right", one(object && right == len(want) && right == len(got))}), fields...)
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

// flatten makes a table of a JSON object: nested members are named
// "outer.inner", elements of lists "list[0]". Numbers are compared as they are
// written, but 1.0 is 1.
func flatten(raw []byte) (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value map[string]any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	out := make(map[string]string)
	if err := walk(out, "", value); err != nil {
		return nil, err
	}
	return out, nil
}

func walk(out map[string]string, path string, value any) error {
	if len(out) > maxFields {
		return fmt.Errorf("more than %d fields", maxFields)
	}
	leaf := ""
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if path != "" {
				name = path + "." + name
			}
			if err := walk(out, name, inner); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for i, inner := range v {
			if err := walk(out, fmt.Sprintf("%s[%d]", path, i), inner); err != nil {
				return err
			}
		}
		return nil
	case string:
		leaf = squeeze(v)
	case json.Number:
		leaf = number(v)
	case bool:
		leaf = strconv.FormatBool(v)
	}
	if leaf != "" {
		out[path] = leaf
	}
	return nil
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
