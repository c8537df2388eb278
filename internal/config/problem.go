package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pointsman-ai/pointsman"
)

var (
	// ErrInvalid is in the chain of every [Problems]: the file must be mended.
	ErrInvalid = errors.New("invalid configuration")
	// ErrUnresolved is returned where a reference to a secret or an environment
	// variable leads to nothing when it is used.
	ErrUnresolved = errors.New("unresolved reference")
)

// Problem is one fault of a configuration file, where it is and what to do
// about it.
type Problem struct {
	File string `json:"file"`
	Position
	// Path names the value, as [At] does; empty for the file as a whole.
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Source is the line of the file, with what may be a secret masked.
	Source string `json:"source,omitempty"`

	err   error
	shift int // characters of the line that Source leaves out in front
}

// Error renders the problem as file:line:column, the line with a caret below
// the column, and the hint.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": " + p.Message)
	if p.Source != "" {
		number := fmt.Sprintf("%5d", p.Line)
		fmt.Fprintf(&b, "\n%s | %s\n%s | %s^", number, p.Source, strings.Repeat(" ", len(number)), caretIndent(p.Source, p.Column-p.shift))
	}
	if p.Hint != "" {
		b.WriteString("\n      hint: " + p.Hint)
	}
	return b.String()
}

// Unwrap gives the error that was reported, where there was one.
func (p Problem) Unwrap() error { return p.err }

// caretIndent is blank space as wide as the characters before a column: tabs
// stay tabs, so that the caret is where the terminal puts the character.
func caretIndent(source string, column int) string {
	var b strings.Builder
	for _, r := range source {
		if column--; column < 1 {
			break
		}
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// Problems are all faults that were found, in the order of the file.
type Problems []Problem

// Error renders every problem, one below the other.
func (ps Problems) Error() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap gives [ErrInvalid] and the errors that were reported.
func (ps Problems) Unwrap() []error {
	errs := []error{ErrInvalid}
	for i := range ps {
		errs = append(errs, ps[i])
	}
	return errs
}

// As gives the problems as a *[pointsman.Error] with CodeConfig, so that the
// one place that maps codes to exit codes knows them, and as a *Problems for
// who asks for a pointer.
func (ps Problems) As(target any) bool {
	switch t := target.(type) {
	case **pointsman.Error:
		*t = &pointsman.Error{Code: pointsman.CodeConfig, Message: ps.Error()}
	case **Problems:
		*t = &ps
	default:
		return false
	}
	return true
}

// MarshalJSON writes the problems as a list, which is never null.
func (ps Problems) MarshalJSON() ([]byte, error) {
	list := []Problem(ps)
	if list == nil {
		list = []Problem{}
	}
	return json.Marshal(list)
}

// Sorted is the problems in the order of the file, each once.
func (ps Problems) Sorted() Problems {
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b Problem) int {
		switch {
		case a.before(b.Position):
			return -1
		case b.before(a.Position):
			return 1
		}
		return strings.Compare(a.Message, b.Message)
	})
	return slices.CompactFunc(out, func(a, b Problem) bool {
		return a.Position == b.Position && a.Message == b.Message
	})
}

// source is the text of a file, for showing lines of it.
type source struct {
	name    string
	lines   []string
	secrets []string // literal secrets that stand in the file and must not be shown
}

func newSource(name string, text []byte) *source {
	if !utf8.Valid(text) {
		text = []byte(strings.ToValidUTF8(string(text), "\uFFFD"))
	}
	whole := strings.ReplaceAll(strings.TrimPrefix(string(text), "\uFEFF"), "\r\n", "\n")
	return &source{name: name, lines: strings.Split(whole, "\n")}
}

// hide keeps a literal secret, line by line, out of every source line that is
// shown.
func (s *source) hide(literal string) {
	for line := range strings.SplitSeq(literal, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			s.secrets = append(s.secrets, line)
		}
	}
}

// Lines that are shown before the file is understood may hold a secret too: a
// value behind a telling key, or a token that looks like one.
var (
	tellingKey = regexp.MustCompile(`(?i)((?:[\w-]*(?:api[-_ ]?key|authorization|secret|password|passwd|credential)[\w-]*|\b(?:[\w-]*[-_])?token|\bkey)["']?\s*[:=]\s*)("[^"]*"?|'[^']*'?|[^\s,}#][^,}#]*)`)
	userInfo   = regexp.MustCompile(`://[^/\s@"']+@`)
	tokenLike  = regexp.MustCompile(`\b(?:sk|pk|gsk|xai|ghp|glpat)[-_][A-Za-z0-9_-]{12,}`)
)

// masked replaces every character, so that columns stay where they are.
func masked(s string) string { return strings.Repeat("•", utf8.RuneCountInString(s)) }

// maxLine bounds, in bytes, the lines that are shown: masking a longer one would
// take longer than reading it, and nobody could read it.
const maxLine = 8 << 10

// line is one line of the file as it may be shown, or nothing.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) || len(s.lines[n-1]) > maxLine {
		return ""
	}
	text := s.lines[n-1]
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, masked(secret))
	}
	text = userInfo.ReplaceAllStringFunc(text, func(m string) string {
		if reference.MatchString(m) {
			return m
		}
		return "://" + masked(m[3:len(m)-1]) + "@"
	})
	text = tokenLike.ReplaceAllStringFunc(text, masked)
	text = tellingKey.ReplaceAllStringFunc(text, func(m string) string {
		parts := tellingKey.FindStringSubmatch(m)
		value := strings.Trim(strings.TrimSpace(parts[2]), `"'`)
		if value == "" || isReference(value) || strings.HasPrefix(value, "{") {
			return m
		}
		return parts[1] + masked(parts[2])
	})
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, text)
}

// problem makes a problem at a position of the source. Of a very long line it
// shows the part around it.
func (s *source) problem(at Position, path, message, hint string) Problem {
	p := Problem{File: s.name, Position: at, Path: path, Message: message, Hint: hint, Source: s.line(at.Line)}
	const most, around = 160, 60
	if text := []rune(p.Source); len(text) > most {
		from := max(0, min(at.Column-1-around, len(text)))
		to := min(len(text), from+2*around)
		p.Source, p.shift = string(text[from:to]), from
		if from > 0 {
			p.Source, p.shift = "…"+p.Source, from-1
		}
		if to < len(text) {
			p.Source += "…"
		}
	}
	return p
}
