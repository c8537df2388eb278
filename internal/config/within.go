package config

import (
	"errors"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/rules"
	"github.com/pointsman-ai/pointsman/internal/suggest"
)

// describe is the message and the hint of an error of another room.
func describe(err error) (message, hint string) {
	var syntax *rules.SyntaxError
	if errors.As(err, &syntax) {
		return expressionMessage(syntax)
	}
	message = err.Error()
	var known *pointsman.Error
	if errors.As(err, &known) {
		hint = known.Hint
	}
	return message, hint
}

// expressionMessage says in a line what CEL says, with the variables of a
// condition as suggestion where one is misspelled.
func expressionMessage(e *rules.SyntaxError) (message, hint string) {
	message = "the condition is wrong: " + strings.Join(strings.Fields(e.Message), " ")
	if _, rest, ok := strings.Cut(e.Message, "undeclared reference to '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		known := make([]string, 0, len(rules.Variables))
		for _, v := range rules.Variables {
			known = append(known, v.Name)
		}
		return "the condition is wrong: there is no variable or function " + name, suggest.DidYouMean(name, known)
	}
	if strings.Contains(e.Message, "no matching overload") {
		hint = "the two sides have different types; metadata values are text, convert them with int(…) or double(…)"
	}
	return message, hint
}

// within is the place of an error inside a value, where the error knows its
// place and the value's notation lets it be found; otherwise the value's own.
func within(s *source, n *node, err error) Position {
	var e *rules.SyntaxError
	if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || n.kind != kindScalar {
		return n.pos
	}
	if n.style&yaml.LiteralStyle != 0 {
		return inLiteral(s, n, e.Line, e.Column)
	}
	if e.Line > 1 || n.pos.Line < 1 || n.pos.Line > len(s.lines) {
		return n.pos
	}
	raw := []rune(s.lines[n.pos.Line-1])
	if n.pos.Column > len(raw) {
		return n.pos
	}
	if at, ok := inLine(raw, n.pos.Column-1, e.Column-1, n.style); ok {
		return Position{n.pos.Line, at + 1}
	}
	return n.pos
}

// inLiteral finds a place in a literal block (|): its lines stand in the source
// as they are, behind the block's indentation.
func inLiteral(s *source, n *node, line, column int) Position {
	values := strings.Split(n.value, "\n")
	at := n.pos.Line + line // the block begins on the line after its |
	if line > len(values) || at > len(s.lines) || !strings.HasSuffix(s.lines[at-1], values[line-1]) {
		return n.pos
	}
	indent := utf8.RuneCountInString(s.lines[at-1]) - utf8.RuneCountInString(values[line-1])
	return Position{at, indent + column}
}

// inLine walks a scalar that begins at a character of a line and finds where
// the character with an offset in its value stands. It gives up at the end of
// the line.
func inLine(raw []rune, at, offset int, style yaml.Style) (int, bool) {
	var quote rune
	switch {
	case style&yaml.DoubleQuotedStyle != 0:
		quote = '"'
	case style&yaml.SingleQuotedStyle != 0:
		quote = '\''
	case style&yaml.FoldedStyle != 0:
		return 0, false
	}
	if quote != 0 {
		if raw[at] != quote { // an anchor or a tag stands in front
			return 0, false
		}
		at++
	}
	for ; offset > 0 && at < len(raw); offset-- {
		switch {
		case quote == '\'' && raw[at] == '\'': // '' is one quote
			at += 2
		case quote == '"' && raw[at] == '\\' && at+1 < len(raw):
			at += 2 + map[rune]int{'x': 2, 'u': 4, 'U': 8}[raw[at+1]]
		default:
			at++
		}
	}
	return at, offset == 0
}
