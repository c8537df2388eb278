package chat

import (
	"bytes"

	"github.com/tidwall/gjson"
)

// isUsageChunk says that an event is the one which
// stream_options.include_usage adds: a chat.completion.chunk with the usage
// and no choices. A client that did not ask for it must not see it.
func isUsageChunk(data []byte) bool {
	// The usage chunk is last and small; a chunk with text has choices.
	choices := gjson.GetBytes(data, "choices")
	return choices.IsArray() && choices.Get("#").Int() == 0 && gjson.GetBytes(data, "usage").IsObject()
}

// withoutLogprobs is an answer or a chunk, which must be valid JSON, with null
// in the place of each choice's logprobs: they were asked for by a tier, whose
// client did not. It is body itself where there are none.
func withoutLogprobs(body []byte) []byte {
	if !bytes.Contains(body, []byte(`"logprobs"`)) {
		return body
	}
	choices := gjson.GetBytes(body, "choices")
	if !choices.IsArray() {
		return body
	}
	has := func(choice gjson.Result) bool {
		return choice.IsObject() && last(choice, "logprobs").Type != gjson.Null
	}
	found := false
	choices.ForEach(func(_, choice gjson.Result) bool {
		found = has(choice)
		return !found
	})
	if !found { // many vendors write null, and most answers have none
		return body
	}
	edited := append(make([]byte, 0, len(choices.Raw)), '[')
	choices.ForEach(func(_, choice gjson.Result) bool {
		if len(edited) > 1 {
			edited = append(edited, ',')
		}
		if has(choice) {
			edited = appendEdited(edited, choice.Raw, []edit{{name: "logprobs", raw: "null"}})
		} else {
			edited = append(edited, choice.Raw...)
		}
		return true
	})
	edited = append(edited, ']')
	start := bytes.IndexByte(body, '{')
	end := bytes.LastIndexByte(body, '}')
	return appendEdited(make([]byte, 0, len(body)), string(body[start:end+1]), []edit{{name: "choices", raw: string(edited)}})
}
