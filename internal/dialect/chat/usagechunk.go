package chat

import (
	"strconv"

	"github.com/tidwall/gjson"
)

// IsUsageChunk says that an event is the one which
// stream_options.include_usage adds: a chat.completion.chunk with the usage
// and no choices. A client that did not ask for it must not see it.
func IsUsageChunk(data []byte) bool {
	// The usage chunk is last and small; a chunk with text has choices.
	choices := gjson.GetBytes(data, "choices")
	return choices.IsArray() && choices.Get("#").Int() == 0 && gjson.GetBytes(data, "usage").IsObject()
}

// Model is the body of GET /v1/models/{id}.
func Model(id string, created int64) []byte {
	out := append([]byte(`{"id":`), appendString(nil, id)...)
	out = strconv.AppendInt(append(out, `,"object":"model","created":`...), created, 10)
	return append(out, `,"owned_by":"pointsman"}`...)
}
