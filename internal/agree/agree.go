// Package agree compares answers to the same request: do two models say the same?
//
// An answer is brought to a canonical form first, by what it is: a label, a
// number with its unit, an object as a set of fields, calls of tools as trees, or
// text. Where a contract's pattern finds the answer within a text, that part alone
// is compared. Everything here is pure.
package agree

import (
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/contract"
)

// Same is the agreement from which on two answers count as the same.
const Same = 0.8

// kind is what an answer was found to be.
type kind int

const (
	none   kind = iota // the contract is broken: there is no answer
	label              // of a closed set
	number             // with its unit, if it has one
	fields             // of an object or a list
	calls              // of tools
	text               // anything else
)

// Form is an answer in canonical form. The zero value is an answer that broke its
// contract, which agrees with none.
type Form struct {
	kind   kind
	label  string
	number quantity
	units  map[string]int // fields: how often each pair of field and value is there
	size   int            // of units
	calls  []call
	text   string
}

// Of is the canonical form of an answer that was read through its contract.
func Of(answer *pointsman.Answer, reading pointsman.Reading) Form {
	switch {
	case !reading.Valid:
		return Form{}
	case reading.Label != "":
		return Form{kind: label, label: reading.Label}
	case len(answer.ToolCalls) > 0:
		return Form{kind: calls, calls: callsOf(answer.ToolCalls)}
	}
	content := answer.Text
	if reading.Final.Text != "" {
		content = reading.Final.Text
	}
	content = strings.TrimSpace(content)
	if object := contract.Object(content); strings.HasPrefix(object, "{") || strings.HasPrefix(object, "[") {
		if value, ok := parse(object); ok {
			units, size := unitsOf(value)
			return Form{kind: fields, units: units, size: size}
		}
	}
	if q, ok := parseQuantity(content); ok {
		return Form{kind: number, number: q}
	}
	return Form{kind: text, text: content}
}

// With is how far two answers say the same, in [0,1]: 1 or 0 for labels and
// numbers, F1 over pairs of field and value for objects, over calls for tools, and
// over words for text. Answers of two kinds do not agree.
func (f Form) With(other Form) float64 {
	if f.kind != other.kind {
		return 0
	}
	switch f.kind {
	case label:
		return indicator(f.label == other.label)
	case number:
		return indicator(f.number.equal(other.number))
	case fields:
		return overlap(f.units, f.size, other.units, other.size)
	case calls:
		return matchCalls(f.calls, other.calls)
	case text:
		if strings.EqualFold(f.text, other.text) {
			return 1
		}
		a, n := words(f.text)
		b, m := words(other.text)
		return overlap(a, n, b, m)
	default:
		return 0
	}
}

func indicator(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// overlap is F1 of two multisets of so many members: 2·|common|/(|a|+|b|). Two
// empty ones agree.
func overlap(a map[string]int, n int, b map[string]int, m int) float64 {
	if n+m == 0 {
		return 1
	}
	common := 0
	for one, count := range a {
		common += min(count, b[one])
	}
	return 2 * float64(common) / float64(n+m)
}

// maxText bounds the bytes of a text that is compared.
const maxText = 64 << 10

// words are the words of a text in lower case, without the marks around them.
func words(text string) (map[string]int, int) {
	if len(text) > maxText {
		text = text[:maxText]
	}
	out := map[string]int{}
	n := 0
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		if trimmed := strings.Trim(word, ".,;:!?\"'`*()[]“”‘’"); trimmed != "" {
			word = trimmed
		}
		out[word]++
		n++
	}
	return out, n
}
