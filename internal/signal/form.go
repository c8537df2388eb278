package signal

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/pointsman-ai/pointsman"
)

// roles are the usual ones of the wire formats.
var roles = []string{"assistant", "developer", "function", "system", "tool", "user"}

// ShapeOf is the form of a request.
func ShapeOf(r *pointsman.Request) *pointsman.Shape {
	s := &pointsman.Shape{Turns: len(r.Messages), Settings: r.Settings, Scripts: scripts(r.Input)}
	for i := range r.Messages {
		m := &r.Messages[i]
		s.NonText += m.NonText
		role := m.Role
		if !slices.Contains(roles, role) {
			role = "other"
		}
		if !slices.Contains(s.Roles, role) {
			s.Roles = append(s.Roles, role)
		}
	}
	slices.Sort(s.Roles)
	return s
}

// writing are the writing systems that are told apart.
var writing = []system{
	{"arabic", unicode.Arabic},
	{"bengali", unicode.Bengali},
	{"cyrillic", unicode.Cyrillic},
	{"devanagari", unicode.Devanagari},
	{"greek", unicode.Greek},
	{"han", unicode.Han},
	{"hangul", unicode.Hangul},
	{"hebrew", unicode.Hebrew},
	{"hiragana", unicode.Hiragana},
	{"katakana", unicode.Katakana},
	{"latin", unicode.Latin},
	{"tamil", unicode.Tamil},
	{"telugu", unicode.Telugu},
	{"thai", unicode.Thai},
}

// system is a writing system.
type system struct {
	name  string
	table *unicode.RangeTable
}

const (
	latin     = 10      // its place in writing
	maxScript = 4 << 10 // bytes that are looked at
	goodPart  = 5       // one letter in so many makes a writing system count
)

// onlyLatin is the usual answer of scripts.
var onlyLatin = []string{"latin"}

// scripts are the writing systems of at least a fifth of a text's letters.
func scripts(text string) []string {
	if len(text) > maxScript {
		text = text[:maxScript]
	}
	var counts [15]int // of each, and of all others
	letters := 0
	for _, r := range text {
		switch {
		case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
			counts[latin]++
		case r < utf8.RuneSelf || !unicode.IsLetter(r):
			continue
		default:
			k := slices.IndexFunc(writing, func(w system) bool { return unicode.Is(w.table, r) })
			if k < 0 {
				k = len(writing)
			}
			counts[k]++
		}
		letters++
	}
	if counts[latin] == letters {
		if letters == 0 {
			return nil
		}
		return onlyLatin
	}
	var out []string
	for k, n := range counts {
		if n == 0 || n*goodPart < letters {
			continue
		}
		if k == len(writing) {
			out = append(out, "other")
		} else {
			out = append(out, writing[k].name)
		}
	}
	return out
}
