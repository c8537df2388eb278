package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// message is one turn as a file has it: with its text, or with the content of
// OpenAI's own format, so that a request that was logged elsewhere can be used
// as it is.
type message struct {
	Role     string          `json:"role"`
	Text     *string         `json:"text"`
	Content  json.RawMessage `json:"content"`
	Name     string          `json:"name"` // of whoever speaks; not sent
	ToolName string          `json:"tool_name"`
	NonText  int             `json:"non_text"`
}

// conversation reads the member "messages".
func (e *Example) conversation(raw json.RawMessage) error {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return invalid("", "member \"messages\" is %s, want a list of messages with role and content", kindOf(raw))
	}
	for i, one := range list {
		m, err := decodeMessage(one)
		if err != nil {
			return invalid(err.Hint, "messages[%d]: %s", i, err.Message)
		}
		e.Messages = append(e.Messages, m)
	}
	return nil
}

func decodeMessage(raw json.RawMessage) (pointsman.Message, *pointsman.Error) {
	const hint = "a message has role and content (or text), and may have name"
	var in message
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&in)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return pointsman.Message{}, invalid(hint, "member %q is %s", wrong.Field, article(wrong.Value))
	}
	if err != nil {
		if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return pointsman.Message{}, invalid(hint, "unknown member %s", field)
		}
		return pointsman.Message{}, invalid(hint, "it is %s, not a message", kindOf(raw))
	}
	out := pointsman.Message{Role: in.Role, ToolName: in.ToolName, NonText: in.NonText}
	hasContent := len(in.Content) > 0 && string(in.Content) != "null"
	switch {
	case in.Text != nil && hasContent:
		return out, invalid("leave one of them out", "it has both \"text\" and \"content\"")
	case in.Text != nil:
		out.Text = *in.Text
		return out, nil
	case !hasContent:
		return out, nil
	}
	if json.Unmarshal(in.Content, &out.Text) == nil {
		return out, nil
	}
	var parts []struct {
		Type string  `json:"type"`
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(in.Content, &parts); err != nil {
		return out, invalid("content is a text, or a list of parts: [{\"type\":\"text\",\"text\":\"…\"}]", "member \"content\" is %s", kindOf(in.Content))
	}
	texts := make([]string, len(parts)) // joined as the gateway joins them
	for i, p := range parts {
		if p.Type != "text" || p.Text == nil {
			return out, invalid("only text can be asked: take the part out", "content[%d] is a part of type %q", i, p.Type)
		}
		texts[i] = *p.Text
	}
	out.Text = strings.Join(texts, "\n")
	return out, nil
}

// kindOf names what a JSON value is.
func kindOf(raw json.RawMessage) string {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return "no JSON"
	}
	switch value.(type) {
	case string:
		return "a text"
	case float64:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case nil:
		return "null"
	}
	return "an object"
}
