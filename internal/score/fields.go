package score

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// ErrNoFields is returned for an example that says nothing of its fields.
var ErrNoFields = errors.New("the example has neither fields nor want")

// Count is how many values of a field were wanted, given, and both.
type Count struct{ Wanted, Given, Right int }

// Value is a value of a field, without needless white space.
type Value struct{ Field, Text string }

// Comparison is an answer's fields beside those that were wanted, by the rules of
// [Extract].
type Comparison struct {
	// Fields are the counts of each field that was wanted or given.
	Fields map[string]Count
	// Missing were wanted and not given, Extra given and not wanted; in the order of
	// fields and texts.
	Missing, Extra []Value
}

// CompareFields compares an object with what an example wants.
func CompareFields(e *dataset.Example, object string) (Comparison, error) {
	want, err := expected(e)
	if err != nil {
		return Comparison{}, err
	}
	if want == nil {
		return Comparison{}, ErrNoFields
	}
	got, err := flatten([]byte(contract.Object(object)))
	if err != nil {
		return Comparison{}, err
	}
	return Comparison{count(want, got), less(want, got), less(got, want)}, nil
}

// Wrong reports whether a value was given that was not wanted.
func (c Comparison) Wrong(field, text string) bool {
	return slices.Contains(c.Extra, Value{field, squeeze(text)})
}

// count counts the values of each field.
func count(want, got fields) map[string]Count {
	all := map[string]Count{}
	for f, times := range want {
		c := all[f.path]
		c.Wanted += times
		c.Right += min(times, got[f])
		all[f.path] = c
	}
	for f, times := range got {
		c := all[f.path]
		c.Given += times
		all[f.path] = c
	}
	return all
}

// less are the values of a that b lacks.
func less(a, b fields) []Value {
	var out []Value
	for _, f := range slices.SortedFunc(maps.Keys(a), func(x, y field) int {
		return cmp.Or(cmp.Compare(x.path, y.path), cmp.Compare(x.value, y.value))
	}) {
		for range a[f] - b[f] {
			out = append(out, Value{f.path, f.value})
		}
	}
	return out
}
