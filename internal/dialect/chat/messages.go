package chat

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman"
)

// usualMessages is how many messages most requests have at most.
const usualMessages = 4

func (d *decoder) messages(value gjson.Result) error {
	if !value.IsArray() {
		return invalid("messages", "send an array of messages", "messages is not an array")
	}
	var err error
	out := make([]pointsman.Message, 0, usualMessages)
	value.ForEach(func(_, v gjson.Result) bool {
		var m pointsman.Message
		if problem := readMessage(&m, v); problem != nil {
			param := fmt.Sprintf("messages.[%d]%s", len(out), problem.member)
			err = invalid(param, problem.hint, "%s %s", param, problem.text)
			return false
		}
		if m.Role == "user" {
			d.out.Request.Input = m.Text
		}
		out = append(out, m)
		return true
	})
	if err == nil && len(out) == 0 {
		err = invalid("messages", "send at least one message", "messages is empty")
	}
	d.out.Request.Messages = out
	return err
}

// messageProblem says which member of a message is wrong, and how.
type messageProblem struct{ member, text, hint string }

// readMessage reads one message.
func readMessage(m *pointsman.Message, value gjson.Result) *messageProblem {
	if !value.IsObject() {
		return &messageProblem{"", "is not an object", "a message has a role and content"}
	}
	var content gjson.Result
	var name string
	var twice string
	instead := false // something stands where the content would be
	seen := 0
	value.ForEach(func(key, v gjson.Result) bool {
		flag := 0
		switch key.Str {
		case "role":
			flag, m.Role = 1, v.Str
		case "content":
			flag, content = 2, v
		case "name":
			name = v.Str
		case "tool_calls", "function_call", "refusal", "audio":
			instead = instead || v.Type != gjson.Null
		}
		if seen&flag != 0 {
			twice = key.Str
		}
		seen |= flag
		return true
	})
	if twice != "" {
		return &messageProblem{"." + twice, "is there twice", "send every member once"}
	}
	switch m.Role {
	case "user", "assistant", "system", "developer":
	case "tool", "function":
		m.ToolName = name
	default:
		return &messageProblem{".role", "is not a known role", "the roles are system, developer, user, assistant, tool and function"}
	}
	switch {
	case content.Type == gjson.String:
		m.Text = content.Str
		return nil
	case content.Type == gjson.Null:
		if m.Role == "assistant" && instead || m.Role == "tool" || m.Role == "function" {
			return nil
		}
		return &messageProblem{".content", "is missing", "only an assistant's message with tool calls or a refusal, and a tool's, may do without"}
	case content.IsArray():
		return readParts(m, content)
	}
	return &messageProblem{".content", "is neither a string nor an array of parts", ""}
}

// readParts joins the text parts of a message with line breaks and counts the
// others.
func readParts(m *pointsman.Message, parts gjson.Result) *messageProblem {
	var problem *messageProblem
	var joined strings.Builder
	n, texts := 0, 0
	parts.ForEach(func(_, part gjson.Result) bool {
		kind, members, seen, twice := "", [2]gjson.Result{}, 0, ""
		if part.IsObject() {
			part.ForEach(func(key, v gjson.Result) bool {
				flag := 0
				switch key.Str {
				case "type":
					flag, kind = 1, v.Str
				case "text":
					flag, members[0] = 2, v
				case "refusal":
					flag, members[1] = 4, v
				}
				if seen&flag != 0 {
					twice = key.Str
				}
				seen |= flag
				return true
			})
		}
		// What the model reads is what the part's type says.
		text := members[0]
		if kind == "refusal" {
			text = members[1]
		}
		switch {
		case twice != "":
			problem = &messageProblem{fmt.Sprintf(".content.[%d].%s", n, twice), "is there twice", "send every member once"}
		case kind == "":
			problem = &messageProblem{fmt.Sprintf(".content.[%d].type", n), "is missing", `a part is an object such as {"type":"text","text":"…"}`}
		case kind != "text" && kind != "refusal":
			m.NonText++
		case text.Type != gjson.String:
			problem = &messageProblem{fmt.Sprintf(".content.[%d].%s", n, kind), "is not a string", ""}
		case texts == 0:
			m.Text = text.Str
			texts++
		default:
			if texts == 1 {
				joined.WriteString(m.Text)
			}
			joined.WriteByte('\n')
			joined.WriteString(text.Str)
			texts++
		}
		n++
		return problem == nil
	})
	if texts > 1 {
		m.Text = joined.String()
	}
	if n == 0 {
		problem = &messageProblem{".content", "is an empty array", "send at least one part"}
	}
	return problem
}
