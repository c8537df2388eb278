package chat

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
)

// ParseAnswer reads a chat.completion object: its first choice and its usage.
// It takes what vendors leave out or write differently (no usage, null content,
// content in parts, no finish reason), and refuses with
// [dialect.ErrMalformed] what is no answer. Answer.Body is body itself.
func ParseAnswer(body []byte) (*pointsman.Answer, error) {
	if len(body) > MaxAnswer {
		return nil, dialect.Malformed("the answer has more than %d bytes", MaxAnswer)
	}
	root, err := parse(body)
	if err != nil {
		return nil, dialect.Malformed("the answer is %v", err)
	}
	a := &pointsman.Answer{Body: body}
	if err := readAnswer(a, root); err != nil {
		return nil, err
	}
	return a, nil
}

func readAnswer(a *pointsman.Answer, root gjson.Result) error {
	var choice, failure gjson.Result
	root.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "choices":
			choice = first(value)
		case "usage":
			a.Usage = readUsage(value)
		case "model":
			a.ServedBy = value.Str
		case "error":
			failure = value
		}
		return true
	})
	if failure.Type != gjson.Null {
		return failed(failure)
	}
	if !choice.IsObject() {
		return dialect.Malformed("the answer has no choices")
	}
	var message, logprobs gjson.Result
	choice.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "message":
			message = value
		case "finish_reason":
			a.FinishReason = value.Str
		case "logprobs":
			logprobs = value
		}
		return true
	})
	if !message.IsObject() {
		return dialect.Malformed("the first choice has no message")
	}
	if err := readAnswerMessage(a, message); err != nil {
		return err
	}
	var err error
	a.Logprobs, err = readLogprobs(logprobs)
	return err
}

// first is the first element of an array.
func first(array gjson.Result) gjson.Result {
	var out gjson.Result
	if array.IsArray() {
		array.ForEach(func(_, v gjson.Result) bool {
			out = v
			return false
		})
	}
	return out
}

func readAnswerMessage(a *pointsman.Answer, message gjson.Result) error {
	var err error
	message.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "content":
			a.Text, err = contentText(value)
		case "refusal":
			a.Refusal = value.Str
		case "tool_calls":
			if value.IsArray() {
				value.ForEach(func(_, call gjson.Result) bool {
					a.ToolCalls = append(a.ToolCalls, readCall(call))
					return len(a.ToolCalls) < maxCalls
				})
			} else if value.Type != gjson.Null {
				err = dialect.Malformed("tool_calls is not an array")
			}
		case "function_call": // what tool calls were called before 2023-11
			if value.IsObject() {
				a.ToolCalls = append(a.ToolCalls, readDetails(value))
			}
		}
		return err == nil
	})
	return err
}

// readCall reads one call of a tool: a function, or a custom tool whose input
// is text.
func readCall(call gjson.Result) pointsman.ToolCall {
	var out pointsman.ToolCall
	if !call.IsObject() {
		return out
	}
	var id string
	call.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "id":
			id = value.Str
		case "function", "custom":
			out = readDetails(value)
		}
		return true
	})
	out.ID = id
	return out
}

// readDetails reads the name and the arguments of a call.
func readDetails(details gjson.Result) pointsman.ToolCall {
	var out pointsman.ToolCall
	if !details.IsObject() {
		return out
	}
	details.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "name":
			out.Name = value.Str
		case "arguments", "input":
			if out.Arguments = value.Str; value.Type != gjson.String {
				out.Arguments = value.Raw // some servers send the object itself
			}
		}
		return true
	})
	return out
}

// contentText is the text of a content: a string, null, or parts of which those
// that are text count.
func contentText(content gjson.Result) (string, error) {
	switch {
	case content.Type == gjson.String:
		return content.Str, nil
	case content.Type == gjson.Null:
		return "", nil
	case !content.IsArray():
		return "", dialect.Malformed("content is neither a string nor an array of parts")
	}
	var text strings.Builder
	content.ForEach(func(_, part gjson.Result) bool {
		if part.IsObject() && last(part, "type").Str == "text" {
			text.WriteString(last(part, "text").Str)
		}
		return true
	})
	return text.String(), nil
}

// readLogprobs reads the logprobs of a choice: OpenAI's list of tokens, or the
// parallel lists of the older completions format that some servers still send.
func readLogprobs(logprobs gjson.Result) ([]pointsman.TokenLogprob, error) {
	if !logprobs.IsObject() {
		return nil, nil
	}
	content := last(logprobs, "content")
	if !content.IsArray() {
		return legacyLogprobs(last(logprobs, "tokens"), last(logprobs, "token_logprobs"))
	}
	var out []pointsman.TokenLogprob
	var err error
	content.ForEach(func(_, v gjson.Result) bool {
		token := pointsman.TokenLogprob{}
		var top gjson.Result
		if token.Token, token.Logprob, top, err = readToken(v); err != nil {
			return false
		}
		if top.IsArray() {
			top.ForEach(func(_, v gjson.Result) bool {
				alternative := pointsman.TopLogprob{}
				alternative.Token, alternative.Logprob, _, err = readToken(v)
				token.Top = append(token.Top, alternative)
				return err == nil
			})
		}
		out = append(out, token)
		return err == nil
	})
	return out, err
}

func readToken(v gjson.Result) (token string, logprob float64, top gjson.Result, err error) {
	number := false
	if v.IsObject() {
		v.ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "token":
				token = value.Str
			case "logprob":
				logprob, number = value.Num, value.Type == gjson.Number
			case "top_logprobs":
				top = value
			}
			return true
		})
	}
	if !number {
		err = dialect.Malformed("a token's logprob is not a number")
	}
	return token, logprob, top, err
}

// legacyLogprobs pairs the lists up. A logprob that is null, as the first one
// may be, says nothing, and then none of them are given.
func legacyLogprobs(tokens, logprobs gjson.Result) ([]pointsman.TokenLogprob, error) {
	if !tokens.IsArray() || !logprobs.IsArray() {
		return nil, nil
	}
	names, values := tokens.Array(), logprobs.Array()
	if len(names) != len(values) {
		return nil, dialect.Malformed("%d tokens have %d logprobs", len(names), len(values))
	}
	out := make([]pointsman.TokenLogprob, len(names))
	for i := range names {
		if values[i].Type != gjson.Number {
			return nil, nil
		}
		out[i] = pointsman.TokenLogprob{Token: names[i].Str, Logprob: values[i].Num}
	}
	return out, nil
}
