// Package chat reads and writes the JSON of OpenAI's chat-completions format,
// for all of pointsman: requests, answers, streams of chunks, and errors. It
// is the one place that knows which JSON library does it. Members that it does
// not know are kept wherever something is passed on.
//
// Everything that reads foreign bytes is bounded: JSON in its depth, answers,
// events and lists in their size.
package chat

import (
	"errors"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman/internal/jsontext"
)

const (
	// MaxAnswer bounds an answer in bytes, whole or added up from a stream.
	MaxAnswer = 32 << 20
	// maxDepth bounds how deep arrays and objects may nest.
	maxDepth = 128
)

// What may be wrong with bytes that should be one JSON object.
var (
	errNotJSON   = errors.New("not one complete JSON value")
	errNotUTF8   = errors.New("not valid UTF-8")
	errTooDeep   = errors.New("nested more than 128 levels deep")
	errNotObject = errors.New("not a JSON object")
)

// parse checks that body is one complete JSON object in valid UTF-8 and not too
// deep, and gives it without the white space around it. The result holds a copy
// of the bytes, of which everything that is read from it is a part.
func parse(body []byte) (gjson.Result, error) {
	switch {
	case tooDeep(body): // first: what comes next is recursive
		return gjson.Result{}, errTooDeep
	case !utf8.Valid(body):
		return gjson.Result{}, errNotUTF8
	case !gjson.ValidBytes(body):
		return gjson.Result{}, errNotJSON
	}
	start, end := 0, len(body)
	for isSpace(body[start]) {
		start++
	}
	for isSpace(body[end-1]) {
		end--
	}
	if body[start] != '{' {
		return gjson.Result{}, errNotObject
	}
	return gjson.Result{Type: gjson.JSON, Raw: string(body[start:end])}, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// tooDeep says whether brackets nest beyond maxDepth.
func tooDeep(body []byte) bool {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// appendString appends a string with as few escapes as JSON permits.
func appendString(dst []byte, s string) []byte { return jsontext.AppendString(dst, s) }

// appendMember appends `,"name":` and the raw value; the comma is left out
// directly after an opening bracket.
func appendMember(dst []byte, name, raw string) []byte {
	dst = append(appendString(appendComma(dst), name), ':')
	return append(dst, raw...)
}

// appendSame is appendMember for a member that is passed on.
func appendSame(dst []byte, key, value gjson.Result) []byte {
	dst = append(append(appendComma(dst), key.Raw...), ':')
	return append(dst, value.Raw...)
}

func appendComma(dst []byte) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' {
		dst = append(dst, ',')
	}
	return dst
}

// AppendText appends a member with a string to a JSON object that is still
// open, with a comma where it is not the first.
func AppendText(object []byte, name, value string) []byte {
	return appendString(appendMember(object, name, ""), value)
}

// AppendTexts appends a member with a list of strings, as AppendText does.
func AppendTexts(object []byte, name string, values []string) []byte {
	object = append(appendMember(object, name, ""), '[')
	for i, v := range values {
		if i > 0 {
			object = append(object, ',')
		}
		object = appendString(object, v)
	}
	return append(object, ']')
}

// edit is one change to a member of an object.
type edit struct {
	name, raw string
	drop      bool
	done      bool
}

// appendEdited appends an object, which must be valid JSON, with some of its
// members replaced in their places, dropped, or added at the end. All other
// bytes stay as they are. Of a member that occurs several times and is edited
// one remains.
func appendEdited(dst []byte, object string, edits []edit) []byte {
	dst = append(dst, '{')
	from, written := 1, false
	gjson.Result{Type: gjson.JSON, Raw: object}.ForEach(func(key, value gjson.Result) bool {
		end := value.Index + len(value.Raw)
		var change *edit
		for i := range edits {
			if edits[i].name == key.Str {
				change = &edits[i]
				break
			}
		}
		if change != nil && (change.drop || change.done) {
			from = end
			return true
		}
		lead := object[from:key.Index]
		if !written {
			for i := range len(lead) {
				if lead[i] == ',' {
					lead = lead[i+1:]
					break
				}
			}
		}
		dst = append(append(dst, lead...), object[key.Index:value.Index]...)
		if change == nil {
			dst = append(dst, value.Raw...)
		} else {
			dst = append(dst, change.raw...)
			change.done = true
		}
		from, written = end, true
		return true
	})
	for _, e := range edits {
		if e.drop || e.done {
			continue
		}
		if written {
			dst = append(dst, ',')
		}
		dst = append(append(appendString(dst, e.name), ':'), e.raw...)
		written = true
	}
	return append(dst, object[from:]...)
}
