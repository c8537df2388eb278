package chat

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman/internal/dialect"
)

// ErrRewrite is returned by [Rewrite] for a request or for parameters that
// cannot be sent.
var ErrRewrite = errors.New("cannot rewrite the request")

// Rewrite is the body that a tier sends in place of the client's. Members that
// do not change stay byte for byte as they are and in their places; what is
// added comes at the end, sorted by name. body itself is not changed.
func Rewrite(body []byte, o dialect.Outgoing) ([]byte, error) {
	root, err := parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: the body is %w", ErrRewrite, err)
	}
	edits := make([]edit, 0, 4+len(o.Params))
	edits = append(edits, edit{name: "model", raw: string(appendString(nil, o.Model))})
	if o.System != "" {
		raw, err := prepended(root, o.System)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit{name: "messages", raw: raw})
	}
	if o.Stream {
		edits = append(edits, edit{name: "stream", raw: "true"}, edit{name: "stream_options", raw: withUsage(root)})
	} else {
		edits = append(edits, edit{name: "stream", drop: true}, edit{name: "stream_options", drop: true})
	}
	if o.DropMetadata {
		edits = append(edits, edit{name: "metadata", drop: true})
	}
	size := len(root.Raw) + len(o.Model) + 64
	if len(o.Params) > 0 {
		for _, name := range slices.Sorted(maps.Keys(o.Params)) {
			raw := o.Params[name]
			if reserved(name) {
				return nil, fmt.Errorf("%w: the parameter %q is not for a tier to set", ErrRewrite, name)
			}
			if tooDeep([]byte(raw)) || !gjson.Valid(raw) {
				return nil, fmt.Errorf("%w: the parameter %q is not JSON", ErrRewrite, name)
			}
			edits = append(edits, edit{name: name, raw: raw})
			size += len(name) + len(raw) + 4
		}
	}
	for i := range edits {
		size += len(edits[i].raw)
	}
	return appendEdited(make([]byte, 0, size), root.Raw, edits), nil
}

// reserved are the members that pointsman sets or relies on.
func reserved(name string) bool {
	switch name {
	case "model", "messages", "stream", "stream_options", "n":
		return true
	}
	return false
}

// last finds a member by its name: the last one, which is what most readers of
// JSON take.
func last(object gjson.Result, name string) gjson.Result {
	var found gjson.Result
	object.ForEach(func(key, value gjson.Result) bool {
		if key.Str == name {
			found = value
		}
		return true
	})
	return found
}

// prepended is the array of messages with a system message in front.
func prepended(root gjson.Result, system string) (string, error) {
	messages := last(root, "messages")
	if !messages.IsArray() {
		return "", fmt.Errorf("%w: messages is not an array", ErrRewrite)
	}
	out := make([]byte, 0, len(messages.Raw)+len(system)+48)
	out = append(out, `[{"role":"system","content":`...)
	out = append(appendString(out, system), '}')
	empty := true
	messages.ForEach(func(_, _ gjson.Result) bool {
		empty = false
		return false
	})
	if !empty {
		out = append(out, ',')
	}
	return string(append(out, messages.Raw[1:]...)), nil
}

// withUsage is the client's stream_options with include_usage set.
func withUsage(root gjson.Result) string {
	options := last(root, "stream_options")
	if !options.IsObject() {
		return `{"include_usage":true}`
	}
	return string(appendEdited(nil, options.Raw, []edit{{name: "include_usage", raw: "true"}}))
}
