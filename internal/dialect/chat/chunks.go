package chat

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
)

// A content that came whole is sent in at most maxPieces pieces of at least
// minPiece bytes.
const (
	maxPieces = 8
	minPiece  = 24
)

// Chunks are the chat.completion.chunk objects that carry an answer which came
// whole, as its Body has it: the role with whatever members are not known here,
// the content, the refusal, the tool calls, the finish reason and, if it is
// asked for and was given, the usage. Content with logprobs stays in one piece,
// so that the tokens stay with their text.
func Chunks(a *pointsman.Answer, includeUsage bool) ([][]byte, error) {
	if len(a.Body) > MaxAnswer {
		return nil, dialect.Malformed("the answer has more than %d bytes", MaxAnswer)
	}
	root, err := parse(a.Body)
	if err != nil {
		return nil, dialect.Malformed("the answer is %v", err)
	}
	w := chunkWriter{head: []byte{'{'}}
	var choices, usage gjson.Result
	root.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "object":
		case "choices":
			choices = value
		case "usage":
			usage = value
		default:
			w.head = appendSame(w.head, key, value)
		}
		return true
	})
	w.head = appendMember(w.head, "object", `"chat.completion.chunk"`)
	if includeUsage {
		w.tail = `,"usage":null}`
	} else {
		w.tail = `}`
	}
	if !choices.IsArray() {
		return nil, dialect.Malformed("the answer has no choices")
	}
	choices.ForEach(func(_, choice gjson.Result) bool {
		err = w.choice(choice)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if includeUsage && usage.IsObject() {
		last := appendMember(append([]byte(nil), w.head...), "choices", "[]")
		w.out = append(w.out, append(appendMember(last, "usage", usage.Raw), '}'))
	}
	return w.out, nil
}

// chunkWriter makes the chunks of one answer.
type chunkWriter struct {
	head []byte // an open object with the members that every chunk has
	tail string
	out  [][]byte
}

// emit adds a chunk of one choice. rest are further members of the choice.
func (w *chunkWriter) emit(index int, delta []byte, logprobs, finish string, rest []byte) {
	chunk := make([]byte, 0, len(w.head)+len(delta)+len(logprobs)+len(rest)+96)
	chunk = appendMember(append(chunk, w.head...), "choices", `[{"index":`)
	chunk = strconv.AppendInt(chunk, int64(index), 10)
	chunk = append(append(chunk, `,"delta":{`...), delta...)
	chunk = append(append(chunk, `},"logprobs":`...), logprobs...)
	chunk = append(append(chunk, `,"finish_reason":`...), finish...)
	chunk = append(append(append(chunk, rest...), `}]`...), w.tail...)
	w.out = append(w.out, chunk)
}

// choice adds the chunks of one choice.
func (w *chunkWriter) choice(choice gjson.Result) error {
	if !choice.IsObject() {
		return dialect.Malformed("a choice is not an object")
	}
	index, logprobs, finish := 0, "null", "null"
	var message gjson.Result
	var rest []byte
	choice.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "index":
			index = int(value.Num)
		case "message":
			message = value
		case "logprobs":
			logprobs = value.Raw
		case "finish_reason":
			finish = value.Raw
		default:
			rest = append(append(append(append(rest, ','), key.Raw...), ':'), value.Raw...)
		}
		return true
	})
	if !message.IsObject() {
		return dialect.Malformed("a choice has no message")
	}
	if err := w.message(index, message, logprobs); err != nil {
		return err
	}
	w.emit(index, nil, "null", finish, rest)
	return nil
}

// message adds the chunks of a choice's message.
func (w *chunkWriter) message(index int, message gjson.Result, logprobs string) error {
	role := `"assistant"`
	var content, refusal, calls, function gjson.Result
	var rest []byte
	message.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "role":
			role = value.Raw
		case "content":
			content = value
		case "refusal":
			refusal = value
		case "tool_calls":
			calls = value
		case "function_call":
			function = value
		default:
			rest = append(append(append(append(rest, ','), key.Raw...), ':'), value.Raw...)
		}
		return true
	})
	// The role comes first, with what is only known whole; logprobs come with
	// the text that they are about.
	start := `,"content":null`
	if content.Type == gjson.String {
		start = `,"content":""`
	}
	atStart := "null"
	if content.Str == "" && !content.IsArray() && refusal.Str == "" {
		atStart = logprobs
	}
	delta := append(append([]byte(`"role":`), role...), start...)
	w.emit(index, append(delta, rest...), atStart, "null", nil)

	member := func(name, raw, logprobs string) { w.emit(index, appendMember(nil, name, raw), logprobs, "null", nil) }
	switch {
	case content.IsArray():
		member("content", content.Raw, logprobs)
	case content.Str == "":
	case logprobs != "null":
		member("content", content.Raw, logprobs)
	default:
		for _, piece := range pieces(content.Str) {
			member("content", string(appendString(nil, piece)), "null")
		}
	}
	if refusal.Str != "" {
		with := "null"
		if content.Str == "" && !content.IsArray() {
			with = logprobs
		}
		member("refusal", refusal.Raw, with)
	}
	if function.IsObject() {
		member("function_call", function.Raw, "null")
	}
	return w.calls(index, calls)
}

// calls adds a chunk for each tool call.
func (w *chunkWriter) calls(index int, calls gjson.Result) error {
	if !calls.IsArray() {
		return nil
	}
	n := 0
	var err error
	calls.ForEach(func(_, one gjson.Result) bool {
		if !one.IsObject() {
			err = dialect.Malformed("a tool call is not an object")
			return false
		}
		delta := strconv.AppendInt([]byte(`"tool_calls":[{"index":`), int64(n), 10)
		one.ForEach(func(key, value gjson.Result) bool {
			if key.Str != "index" {
				delta = appendSame(delta, key, value)
			}
			return true
		})
		w.emit(index, append(delta, `}]`...), "null", "null", nil)
		n++
		return true
	})
	return err
}

// pieces splits a text after spaces into few parts of about equal length.
func pieces(text string) []string {
	size := max(minPiece, (len(text)+maxPieces-1)/maxPieces)
	var out []string
	for len(text) > size {
		i := strings.IndexByte(text[size:], ' ')
		if i < 0 {
			break
		}
		cut := size + i + 1
		out, text = append(out, text[:cut]), text[cut:]
	}
	if text == "" {
		return out
	}
	return append(out, text)
}
