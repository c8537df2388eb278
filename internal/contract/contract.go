// Package contract reads answers through their task's output contract: which
// label a text names, whether an object keeps its schema, whether extracted
// values stand in the source. Compiled once, a contract is safe for concurrent
// use; reading never fails, it says what is wrong.
package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman"
)

// ErrContract is returned by [Compile] for a contract that cannot be kept.
var ErrContract = errors.New("invalid contract")

// maxAnswer bounds the bytes of an answer that a contract reads; what is longer
// breaks it.
const maxAnswer = 1 << 20

// Contract is a compiled contract. The zero value accepts any text.
type Contract struct {
	kind     pointsman.Kind
	labels   []string
	exact    map[string]string // label by itself
	folded   map[string]string // label by its folded form; "" where two labels fold alike
	pattern  *regexp.Regexp
	schema   *schema
	verbatim bool
}

// Compile checks a contract and prepares it for reading.
func Compile(kind pointsman.Kind, c pointsman.Contract) (*Contract, error) {
	out := &Contract{kind: kind, labels: c.Labels, verbatim: c.Verbatim}
	if len(c.Labels) == 1 {
		return nil, fmt.Errorf("%w: one label leaves nothing to decide", ErrContract)
	}
	if len(c.Labels) > 0 {
		out.exact, out.folded = make(map[string]string, len(c.Labels)), make(map[string]string, len(c.Labels))
		for _, l := range c.Labels {
			if strings.TrimSpace(l) == "" {
				return nil, fmt.Errorf("%w: a label is empty", ErrContract)
			}
			if _, twice := out.exact[l]; twice {
				return nil, fmt.Errorf("%w: label %q is listed twice", ErrContract, l)
			}
			out.exact[l] = l
			f := fold(l)
			if _, twice := out.folded[f]; twice {
				out.folded[f] = ""
			} else {
				out.folded[f] = l
			}
		}
	}
	if c.Pattern != "" {
		var err error
		if out.pattern, err = regexp.Compile(c.Pattern); err != nil {
			return nil, fmt.Errorf("%w: pattern: %w", ErrContract, err)
		}
		if out.pattern.NumSubexp() < 1 {
			return nil, fmt.Errorf("%w: pattern %q has no group for the answer", ErrContract, c.Pattern)
		}
	}
	if len(c.Schema) > 0 {
		var err error
		if out.schema, err = compileSchema(c.Schema); err != nil {
			return nil, fmt.Errorf("%w: schema: %w", ErrContract, err)
		}
	}
	return out, nil
}

// Read reads an answer: whether it keeps the contract, which label it names,
// and what is wrong where something is. What is wrong goes on record, so it is
// reported without the answer's text.
func (c *Contract) Read(answer, input string) pointsman.Reading {
	if len(answer) > maxAnswer {
		return broken("the answer is longer than %d bytes", maxAnswer)
	}
	text := strings.TrimSpace(answer)
	if c.pattern == nil {
		return c.read(text, input)
	}
	final, found := c.match(text)
	if !found {
		return broken("nothing in the answer matches the pattern")
	}
	out := c.read(final.Text, input)
	out.Final = final
	if out.Label != "" {
		out.Final.Options, out.Final.Option = c.options(input, out.Label)
	}
	return out
}

// read reads the answer itself, without what a model wrote around it.
func (c *Contract) read(text, input string) pointsman.Reading {
	if len(c.labels) > 0 {
		return c.label(text)
	}
	if c.schema == nil && c.kind != pointsman.KindExtract {
		if text == "" {
			return broken("the answer is empty")
		}
		return pointsman.Reading{Valid: true}
	}
	return c.object(text, input)
}

func broken(format string, args ...any) pointsman.Reading {
	return pointsman.Reading{Problem: fmt.Sprintf(format, args...)}
}

// match is the first group of the pattern's last match: a model that reasons
// names its answer at the end.
func (c *Contract) match(text string) (final pointsman.Final, found bool) {
	for _, a := range slices.Backward(c.pattern.FindAllStringSubmatchIndex(text, -1)) {
		if a[2] < 0 {
			continue
		}
		one := strings.TrimSpace(text[a[2]:a[3]])
		if !found {
			final, found = pointsman.Final{Text: one, Before: text[:a[0]], After: text[a[3]:]}, true
		} else if one != final.Text {
			final.Others++
		}
	}
	return final, found
}

// label finds the label that a text names: exactly, folded (case, quotes, a
// closing full stop), or as the "label" member of a JSON object.
func (c *Contract) label(text string) pointsman.Reading {
	if l, ok := c.exact[text]; ok {
		return pointsman.Reading{Valid: true, Label: l}
	}
	if strings.HasPrefix(text, "{") && gjson.Valid(text) {
		if member := gjson.Get(text, "label"); member.Type == gjson.String {
			text = strings.TrimSpace(member.Str)
			if l, ok := c.exact[text]; ok {
				return pointsman.Reading{Valid: true, Label: l}
			}
		}
	}
	if len(text) <= 512 {
		if l := c.folded[fold(text)]; l != "" {
			return pointsman.Reading{Valid: true, Label: l}
		}
	}
	return broken("the answer is not one of the %d labels", len(c.labels))
}

// fold brings the forms in which models write a label to one.
func fold(s string) string {
	s = strings.Trim(strings.TrimSpace(s), "\"'`*“”‘’")
	s = strings.TrimRight(s, ".!")
	return strings.ToLower(strings.Trim(s, "\"'`*“”‘’ "))
}

// object reads a JSON object under the schema.
func (c *Contract) object(text, input string) pointsman.Reading {
	raw := unfence(text)
	var value any
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return broken("the answer is not JSON")
	}
	if decoder.More() {
		return broken("more follows after the JSON value")
	}
	if at, ok := unreasonable(value, ""); ok {
		return broken("at %s: a number that nothing can compute with", at)
	}
	if c.schema != nil {
		if err := c.schema.check(value); err != nil {
			return broken("%s", err)
		}
	} else if _, ok := value.(map[string]any); !ok {
		return broken("the answer is not a JSON object")
	}
	if c.verbatim {
		if at, ok := notIn(value, "", input); ok {
			return broken("the text at %s does not stand in the request", at)
		}
	}
	return pointsman.Reading{Valid: true}
}

// Bounds of a number in an answer: a validator computes with exact rationals,
// whose size an exponent decides.
const (
	maxDigits   = 64
	maxExponent = 400
)

// unreasonable finds a number beyond the bounds.
func unreasonable(value any, path string) (at string, found bool) {
	return walk(value, path, func(leaf any) bool {
		n, ok := leaf.(json.Number)
		if !ok {
			return false
		}
		digits, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
		if len(digits) > maxDigits {
			return true
		}
		if exponent == "" {
			return false
		}
		e, err := strconv.Atoi(exponent)
		return err != nil || e > maxExponent || e < -maxExponent
	})
}

// Object is the JSON value of an answer that was read as valid, without the
// code fence that some models put around it.
func Object(answer string) string { return unfence(strings.TrimSpace(answer)) }

// unfence takes the code fence off an answer that is nothing else.
func unfence(text string) string {
	inner, ok := strings.CutPrefix(text, "```")
	if !ok {
		return text
	}
	inner, ok = strings.CutSuffix(inner, "```")
	if !ok {
		return text
	}
	return strings.TrimSpace(strings.TrimPrefix(inner, "json"))
}

// notIn finds a string value that is not in the source verbatim.
func notIn(value any, path, source string) (at string, found bool) {
	return walk(value, path, func(leaf any) bool {
		text, ok := leaf.(string)
		return ok && !strings.Contains(source, text)
	})
}

// walk finds the first leaf of a JSON value, in the order of sorted keys, for
// which wrong is true, and gives its position as a JSON pointer.
func walk(value any, path string, wrong func(leaf any) bool) (at string, found bool) {
	switch v := value.(type) {
	case []any:
		for i, one := range v {
			if at, found = walk(one, path+"/"+strconv.Itoa(i), wrong); found {
				return at, true
			}
		}
		return "", false
	case map[string]any:
		for i, key := range slices.Sorted(maps.Keys(v)) {
			// A key is the model's text and stays out of the record; its position
			// among the sorted keys tells as much.
			if at, found = walk(v[key], path+"/"+strconv.Itoa(i), wrong); found {
				return at, true
			}
		}
		return "", false
	}
	return path, wrong(value)
}
