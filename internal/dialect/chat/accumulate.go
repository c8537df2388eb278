package chat

import (
	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
)

// maxCalls bounds the tool calls of one answer.
const maxCalls = 1024

// Accumulator adds the chunks of a stream up to the answer that would have come
// whole. Only the first choice counts, since no more are asked for. The zero
// value is ready for use, by one goroutine.
type Accumulator struct {
	size int // of all chunks, in bytes
	any  bool

	top, choice, message, logprobs members
	usage                          string
	finish                         string // raw JSON

	content  []byte
	parts    []byte // elements of content, where the vendor streams parts
	hasText  bool
	role     string
	calls    []call
	function *members // the older function_call

	hasLogprobs bool
}

// call is a tool call as far as it has come.
type call struct {
	index   int
	members members
	inner   string // "function" or "custom"
	details members
}

// Add adds the data of one event. It fails with [dialect.ErrMalformed] for
// what is not a chunk, and with the fitting kind of failure for an error that
// the upstream sent in place of one.
func (a *Accumulator) Add(data []byte) error {
	if a.size += len(data); a.size > MaxAnswer {
		return dialect.Malformed("the stream has more than %d bytes", MaxAnswer)
	}
	root, err := parse(data)
	if err != nil {
		return dialect.Malformed("the event is %v", err)
	}
	if failure := last(root, "error"); failure.Type != gjson.Null {
		return failed(failure)
	}
	a.any = true
	root.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "object", "error":
		case "choices":
			err = a.addChoices(value)
		case "usage":
			if value.IsObject() {
				a.usage = value.Raw // the last one: some vendors count on in every chunk
			}
		default:
			a.top.set(key.Str, value)
		}
		return err == nil
	})
	if err == nil && (a.top.overflow || a.choice.overflow || a.message.overflow || a.logprobs.overflow) {
		err = dialect.Malformed("an object of the stream has more than %d members", maxMembers)
	}
	return err
}

func (a *Accumulator) addChoices(choices gjson.Result) error {
	if choices.Type == gjson.Null {
		return nil
	}
	if !choices.IsArray() {
		return dialect.Malformed("choices is not an array")
	}
	var err error
	choices.ForEach(func(_, choice gjson.Result) bool {
		if !choice.IsObject() {
			err = dialect.Malformed("a choice is not an object")
		} else if last(choice, "index").Num == 0 {
			err = a.addChoice(choice)
		}
		return err == nil
	})
	return err
}

func (a *Accumulator) addChoice(choice gjson.Result) error {
	var err error
	choice.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "index":
		case "delta":
			err = a.addDelta(value)
		case "logprobs":
			if value.IsObject() {
				a.hasLogprobs = true
				value.ForEach(func(name, v gjson.Result) bool {
					a.logprobs.merge(name.Str, v)
					return true
				})
			}
		case "finish_reason":
			if value.Type == gjson.String && value.Str != "" {
				a.finish = value.Raw
			}
		default:
			a.choice.set(key.Str, value)
		}
		return err == nil
	})
	return err
}

func (a *Accumulator) addDelta(delta gjson.Result) error {
	if delta.Type == gjson.Null {
		return nil
	}
	if !delta.IsObject() {
		return dialect.Malformed("a delta is not an object")
	}
	var err error
	delta.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "role":
			if value.Str != "" {
				a.role = value.Str
			}
		case "content":
			err = a.addContent(value)
		case "tool_calls":
			err = a.addCalls(value)
		case "function_call":
			if value.IsObject() {
				if a.function == nil {
					a.function = &members{}
				}
				if addDetails(a.function, value); a.function.overflow {
					err = dialect.Malformed("a function call has more than %d members", maxMembers)
				}
			}
		default:
			a.message.merge(key.Str, value)
		}
		return err == nil
	})
	return err
}

func (a *Accumulator) addContent(content gjson.Result) error {
	switch {
	case content.Type == gjson.Null:
	case content.Type == gjson.String:
		a.hasText = true
		a.content = append(a.content, content.Str...)
	case content.IsArray():
		a.sealText()
		content.ForEach(func(_, part gjson.Result) bool {
			a.parts = appendElement(a.parts, part.Raw)
			return true
		})
	default:
		return dialect.Malformed("content is neither a string nor an array of parts")
	}
	return nil
}

// sealText turns the text so far into a part, because other parts follow.
func (a *Accumulator) sealText() {
	if len(a.content) > 0 {
		part := appendString([]byte(`{"type":"text","text":`), string(a.content))
		a.parts = appendElement(a.parts, string(append(part, '}')))
		a.content = a.content[:0]
	}
}

func (a *Accumulator) addCalls(calls gjson.Result) error {
	if calls.Type == gjson.Null {
		return nil
	}
	if !calls.IsArray() {
		return dialect.Malformed("tool_calls is not an array")
	}
	var err error
	calls.ForEach(func(_, v gjson.Result) bool {
		if !v.IsObject() {
			err = dialect.Malformed("a tool call is not an object")
			return false
		}
		c := a.callOf(v)
		if c == nil {
			err = dialect.Malformed("more than %d tool calls", maxCalls)
			return false
		}
		v.ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "index":
			case "function", "custom":
				c.inner = key.Str
				addDetails(&c.details, value)
			default:
				c.members.set(key.Str, value)
			}
			return true
		})
		if c.members.overflow || c.details.overflow {
			err = dialect.Malformed("a tool call has more than %d members", maxMembers)
		}
		return err == nil
	})
	return err
}

// callOf finds the call that a piece belongs to: the latest with its index,
// unless the piece has an id of its own. Some vendors number all parallel
// calls 0, some send no index at all.
func (a *Accumulator) callOf(v gjson.Result) *call {
	id, position := last(v, "id").Str, last(v, "index")
	index := int(position.Num)
	for i := len(a.calls) - 1; i >= 0; i-- {
		c := &a.calls[i]
		if position.Type == gjson.Number && c.index != index {
			continue
		}
		if old := c.members.text("id"); id != "" && old != "" && old != id {
			break
		}
		return c
	}
	if len(a.calls) == maxCalls {
		return nil
	}
	a.calls = append(a.calls, call{index: index})
	return &a.calls[len(a.calls)-1]
}

// addDetails adds a piece of a function call: its arguments grow, its name
// stays.
func addDetails(to *members, v gjson.Result) {
	if !v.IsObject() {
		return
	}
	v.ForEach(func(key, value gjson.Result) bool {
		if key.Str == "arguments" || key.Str == "input" {
			to.merge(key.Str, value)
		} else {
			to.keep(key.Str, value)
		}
		return true
	})
}

// Started says whether anything of the answer itself has come: content, a
// refusal, reasoning or a tool call.
func (a *Accumulator) Started() bool {
	if len(a.content) > 0 || len(a.parts) > 0 || len(a.calls) > 0 || a.function != nil {
		return true
	}
	for i := range a.message.list {
		if one := &a.message.list[i]; one.kind != 0 && len(one.data) > 0 {
			return true
		}
	}
	return false
}

// Finished says whether a finish reason has come.
func (a *Accumulator) Finished() bool { return a.finish != "" }

// Answer is what the chunks so far add up to, with a complete chat.completion
// object as its Body; before the first chunk it is empty.
func (a *Accumulator) Answer() *pointsman.Answer {
	answer := &pointsman.Answer{}
	if !a.any {
		return answer
	}
	answer.Body = a.body()
	root := gjson.Result{Type: gjson.JSON, Raw: string(answer.Body)}
	// What a vendor may have got wrong in the logprobs leaves them out; the
	// text is there all the same.
	_ = readAnswer(answer, root)
	return answer
}
