package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pointsman-ai/pointsman"
)

// Decode reads one example from a JSON object, strictly. Its errors are of type
// [*pointsman.Error] with what to do about them as their hint.
func Decode(line []byte) (Example, error) {
	var e Example
	if !utf8.Valid(line) {
		return e, invalid("save the file as UTF-8", "the line is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	open, err := decoder.Token()
	if err != nil {
		return e, invalid("write one JSON object a line", "not JSON: %s", plain(err))
	}
	if open != json.Delim('{') {
		return e, invalid("write one JSON object a line", "the line is not a JSON object")
	}
	var seen []string
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return e, invalid("", "not JSON: %s", plain(err))
		}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return e, invalid("", "not JSON: %s", plain(err))
		}
		member := name.(string)
		if slices.Contains(seen, member) {
			return e, invalid("", "the member %q is there twice", member)
		}
		seen = append(seen, member)
		if err := e.member(member, raw); err != nil {
			return e, err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return e, invalid("", "not JSON: %s", plain(err))
	}
	if rest := bytes.TrimSpace(line[decoder.InputOffset():]); len(rest) > 0 {
		return e, invalid("write one JSON object a line", "more follows after the object")
	}
	if err := e.Check(); err != nil {
		return e, err
	}
	e.identify()
	return e, nil
}

// member sets one member; null is the same as leaving it out.
func (e *Example) member(name string, raw json.RawMessage) error {
	into := map[string]any{
		"id": &e.ID, "input": &e.Input, "label": &e.Label,
		"fields": &e.Fields, "reference": &e.Reference, "metadata": &e.Metadata, "group": &e.Group, "principal": &e.Principal, "tags": &e.Tags,
	}
	if string(raw) == "null" && slices.Contains(members, name) {
		return nil
	}
	if name == "messages" {
		return e.conversation(raw)
	}
	if name == "want" {
		e.Want = bytes.Clone(raw)
		return nil
	}
	target, known := into[name]
	if !known {
		return invalid(didYouMean(name, members), "unknown member %q", name)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(target)
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at := name
		if wrong.Field != "" {
			at += "." + wrong.Field
		}
		return invalid("", "member %q is %s, want %s", at, article(wrong.Value), wanted(name))
	}
	return invalid("", "member %q: %s", name, plain(err))
}

// wanted is the type of a member in words.
func wanted(name string) string {
	switch name {
	case "fields", "metadata":
		return "an object whose values are texts"
	case "tags":
		return "a list of texts"
	default:
		return "a text"
	}
}

func article(kind string) string {
	kind, _, _ = strings.Cut(kind, " ")
	switch kind {
	case "object", "array":
		return "an " + kind
	case "string":
		return "a text"
	default:
		return "a " + kind
	}
}

// plain takes the package's name off an error of encoding/json.
func plain(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "json: "), "invalid character ")
}

// at puts file and line in front of an error's message.
func at(path string, line int, err error) error {
	var e *pointsman.Error
	if errors.As(err, &e) {
		located := *e
		located.Message = fmt.Sprintf("%s:%d: %s", path, line, e.Message)
		return &located
	}
	return fmt.Errorf("%s:%d: %w", path, line, err)
}
