package agree

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

const (
	// maxUnits bounds the pairs of field and value of one answer.
	maxUnits = 10_000
	// maxCalls bounds the calls of tools that are compared one by one.
	maxCalls = 64
)

// parse reads a text that is one JSON value.
func parse(raw string) (any, bool) {
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, false
	}
	_, err := decoder.Token()
	return value, errors.Is(err, io.EOF)
}

// unitsOf are a value's pairs of field and value, as a multiset. A field within an
// object is named by its path; the elements of a list are a set of whole values, so
// that a span is one unit. An empty value is the same as no field.
func unitsOf(value any) (map[string]int, int) {
	out := map[string]int{}
	n := 0
	var walk func(path string, value any)
	add := func(path, leaf string) {
		if n < maxUnits {
			out[path+"\x00"+leaf]++
			n++
		}
	}
	walk = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(path+"\x01"+name, v[name])
			}
		case []any:
			for _, inner := range v {
				if leaf := canonical(inner); leaf != "" {
					add(path+"\x02", leaf)
				}
			}
		default:
			if leaf := canonical(v); leaf != "" {
				add(path, leaf)
			}
		}
	}
	walk("", value)
	return out, n
}

// canonical writes a value so that equal ones are written alike: members sorted,
// numbers without formatting (also those in strings), texts without regard to
// case and white space. It is empty for what says nothing.
func canonical(value any) string {
	switch v := value.(type) {
	case map[string]any:
		var out strings.Builder
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if inner := canonical(v[name]); inner != "" {
				out.WriteString(strconv.Quote(name) + ":" + inner + ",")
			}
		}
		if out.Len() == 0 {
			return ""
		}
		return "{" + out.String() + "}"
	case []any:
		var list []string
		for _, one := range v {
			if inner := canonical(one); inner != "" {
				list = append(list, inner)
			}
		}
		if len(list) == 0 {
			return ""
		}
		return "[" + strings.Join(list, ",") + "]"
	case string:
		return canonicalText(v)
	case json.Number:
		return canonicalNumber(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func canonicalText(s string) string {
	s = strings.ToLower(strings.Join(strings.Fields(s), " "))
	if s == "" {
		return ""
	}
	if q, ok := parseQuantity(s); ok {
		return q.value + q.unit
	}
	return strconv.Quote(s)
}

func canonicalNumber(n json.Number) string {
	if q, ok := parseQuantity(n.String()); ok && q.unit == "" {
		return q.value
	}
	// An exponent, or more digits than a number has.
	if v, err := n.Float64(); err == nil {
		if q, ok := parseQuantity(strconv.FormatFloat(v, 'f', -1, 64)); ok {
			return q.value
		}
	}
	return n.String()
}

// call is one call of a tool.
type call struct {
	name  string
	units map[string]int
	size  int
}

// callsOf reads calls: their name, and their arguments as a tree. Arguments that
// are no JSON are one text.
func callsOf(list []pointsman.ToolCall) []call {
	out := make([]call, 0, min(len(list), maxCalls))
	for _, one := range list[:min(len(list), maxCalls)] {
		value, ok := parse(one.Arguments)
		if !ok {
			value = one.Arguments
		}
		units, size := unitsOf(value)
		out = append(out, call{one.Name, units, size})
	}
	return out
}

// similar is F1 over the name of a call and its arguments; 0 for two tools.
func (c call) similar(other call) float64 {
	if c.name != other.name {
		return 0
	}
	common := 1 // the name
	for one, count := range c.units {
		common += min(count, other.units[one])
	}
	return 2 * float64(common) / float64(c.size+other.size+2)
}

// matchCalls is F1 over calls, whatever their order: each is matched with the most
// similar one that is left, the most similar pair first.
func matchCalls(a, b []call) float64 {
	type pair struct {
		i, j    int
		similar float64
	}
	var pairs []pair
	for i := range a {
		for j := range b {
			if s := a[i].similar(b[j]); s > 0 {
				pairs = append(pairs, pair{i, j, s})
			}
		}
	}
	slices.SortStableFunc(pairs, func(p, q pair) int { return cmp.Compare(q.similar, p.similar) })
	matchedA, matchedB := make([]bool, len(a)), make([]bool, len(b))
	sum := 0.0
	for _, p := range pairs {
		if !matchedA[p.i] && !matchedB[p.j] {
			matchedA[p.i], matchedB[p.j] = true, true
			sum += p.similar
		}
	}
	return 2 * sum / float64(len(a)+len(b))
}
