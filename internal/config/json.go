package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

var errNumber = errors.New("not a number that JSON can write")

// canonical appends a node as canonical JSON: object keys sorted by their
// bytes, no white space, numbers as Go writes the shortest float64 that reads
// back the same, integers of any size as their digits. Equal values give equal
// bytes, whatever the notation in the file was.
func canonical(out []byte, n *node) ([]byte, error) {
	var err error
	switch n.kind {
	case kindMapping:
		pairs := slices.Clone(n.pairs)
		sort.Slice(pairs, func(i, j int) bool { return pairs[i].key < pairs[j].key })
		out = append(out, '{')
		for i, p := range pairs {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendText(out, p.key), ':')
			if out, err = canonical(out, p.value); err != nil {
				return nil, err
			}
		}
		return append(out, '}'), nil
	case kindSequence:
		out = append(out, '[')
		for i, item := range n.items {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = canonical(out, item); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	}
	switch n.tag {
	case "!!null":
		return append(out, "null"...), nil
	case "!!bool":
		return append(out, strings.ToLower(n.value)...), nil
	case "!!str":
		return appendText(out, n.value), nil
	case "!!int", "!!float":
		return appendNumber(out, n.value)
	}
	return nil, fmt.Errorf("%s cannot stand here", n.what())
}

var digits = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// appendNumber writes a number canonically. Notations that mean different
// numbers to different readers (octal, underscores, a leading plus) are
// refused.
func appendNumber(out []byte, text string) ([]byte, error) {
	if digits.MatchString(text) && text != "-0" {
		if len(text) > 64 {
			return nil, errNumber
		}
		return append(out, text...), nil
	}
	if strings.ContainsAny(text, "_xXoO") || strings.HasPrefix(text, "0") && len(text) > 1 && text[1] >= '0' && text[1] <= '9' || strings.HasPrefix(text, "+") {
		return nil, errNumber
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return nil, errNumber
	}
	return appendFloat(out, x), nil
}

// appendFloat writes a finite float64 the way encoding/json does.
func appendFloat(out []byte, x float64) []byte {
	text, err := json.Marshal(x + 0) // minus zero is zero
	if err != nil {
		panic("config: not finite") // the callers have checked
	}
	return append(out, text...)
}

// appendText writes a JSON string without escaping what needs no escape.
func appendText(out []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("config: text: " + err.Error()) // strings always encode
	}
	return append(out, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// jsonNode reads one JSON value, with positions, into the same tree that YAML
// becomes. A key that is there twice is an error, as it is in YAML.
func jsonNode(src []byte) (*node, error) {
	r := &jsonReader{d: json.NewDecoder(bytes.NewReader(src)), src: src}
	r.d.UseNumber()
	n, err := r.read(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more after the end of the JSON value")
	}
	return n, nil
}

type jsonReader struct {
	d     *json.Decoder
	src   []byte
	nodes int
}

// here is the position of the next token on the one line that a snapshot is.
func (r *jsonReader) here() Position { return Position{1, int(r.d.InputOffset()) + 1} }

func (r *jsonReader) read(depth int) (*node, error) {
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		return nil, fmt.Errorf("more than %d values, or nested deeper than %d levels", maxNodes, maxDepth)
	}
	n := &node{pos: r.here()}
	token, err := r.d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			n.kind = kindSequence
			for r.d.More() {
				item, err := r.read(depth + 1)
				if err != nil {
					return nil, err
				}
				n.items = append(n.items, item)
			}
		} else if err := r.object(n, depth); err != nil {
			return nil, err
		}
		_, err := r.d.Token() // the closing bracket
		return n, err
	case string:
		n.tag, n.value = "!!str", t
	case json.Number:
		n.tag, n.value = "!!float", t.String()
		if digits.MatchString(n.value) {
			n.tag = "!!int"
		}
	case bool:
		n.tag, n.value = "!!bool", strconv.FormatBool(t)
	case nil:
		n.tag, n.value = "!!null", "null"
	}
	return n, nil
}

func (r *jsonReader) object(n *node, depth int) error {
	n.kind = kindMapping
	seen := map[string]bool{}
	for r.d.More() {
		pos := r.here()
		token, err := r.d.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		if seen[key] {
			return fmt.Errorf("%q is there twice", key)
		}
		seen[key] = true
		value, err := r.read(depth + 1)
		if err != nil {
			return err
		}
		n.pairs = append(n.pairs, pair{key: key, keyPos: pos, value: value})
	}
	return nil
}

// sortedKeys are the keys of a map in order, so that what is reported first does
// not depend on chance.
func sortedKeys[K ~string, V any](m map[K]V) iter.Seq[K] {
	return slices.Values(slices.Sorted(maps.Keys(m)))
}
