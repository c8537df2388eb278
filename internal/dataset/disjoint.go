package dataset

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/pointsman-ai/pointsman/internal/excerpt"
)

// Occurrence is an example that holds a text.
type Occurrence struct {
	Set string `json:"set"`
	ID  string `json:"id"`
}

// Overlap is a text that is in more than one set.
type Overlap struct {
	// Text is its first form, cut to 200 bytes.
	Text        string       `json:"text"`
	Occurrences []Occurrence `json:"occurrences"`
}

// CheckDisjoint lists the texts that are in more than one of the sets, in the
// order of the sets' names and of the examples: what is fitted on one set and
// measured on another must not be. Two texts count as the same where they are
// equal but for case, white space and punctuation ([Fold]), whatever is
// expected of them.
func CheckDisjoint(sets map[string][]Example) []Overlap {
	type found struct {
		first  string
		in     []Occurrence
		shared bool
	}
	all := make(map[string]*found)
	var order []*found
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		for i := range sets[name] {
			e := &sets[name][i]
			key := e.Folded()
			f, known := all[key]
			if !known {
				f = &found{first: e.Text()}
				all[key] = f
				order = append(order, f)
			}
			f.shared = f.shared || known && f.in[0].Set != name
			f.in = append(f.in, Occurrence{name, e.ID})
		}
	}
	var out []Overlap
	for _, f := range order {
		if f.shared {
			out = append(out, Overlap{excerpt.Of(f.first, 200), f.in})
		}
	}
	return out
}

// Folded is what the example asks, with what [Fold] makes equal: examples that
// have it in common are nearly the same.
func (e *Example) Folded() string {
	if len(e.Messages) == 0 {
		return Fold(e.Input)
	}
	var turns []string
	for _, m := range e.Messages {
		turns = append(turns, m.Role+"\x00"+Fold(m.Text))
	}
	if len(e.Messages) == 1 && e.Messages[0].Role == "user" {
		return Fold(e.Messages[0].Text)
	}
	return strings.Join(turns, "\x01")
}

// Fold makes texts equal that differ in case, white space and punctuation
// only. Letters, digits, marks and symbols such as "+" and "€" stay. A text of
// nothing else than punctuation stays as it is, but for its case and the space
// around it.
func Fold(s string) string {
	out := make([]rune, 0, len(s))
	gap := false
	for _, r := range s {
		if !unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.S) {
			gap = true
			continue
		}
		if gap && len(out) > 0 {
			out = append(out, ' ')
		}
		gap = false
		out = append(out, unicode.ToLower(r))
	}
	if len(out) == 0 {
		return strings.ToLower(strings.TrimSpace(s))
	}
	return string(out)
}
