package chat

import (
	"encoding/json"
	"testing"
)

func TestIsUsageChunk(t *testing.T) {
	for event, want := range map[string]bool{
		`{"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}`: true,
		`{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}`:   false,
		`{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":1}}`: false,
		`{"object":"chat.completion.chunk","choices":[],"prompt_filter_results":[{"prompt_index":0}]}`:      false,
		`{"error":{"message":"overloaded"}}`: false,
		`[`:                                  false,
	} {
		if got := isUsageChunk([]byte(event)); got != want {
			t.Errorf("isUsageChunk(%s) = %v, want %v", event, got, want)
		}
	}
}

func TestModel(t *testing.T) {
	var m struct {
		ID, Object string
		Created    int64
	}
	if err := json.Unmarshal(Model("a\"b", 5), &m); err != nil || m.ID != `a"b` || m.Object != "model" || m.Created != 5 {
		t.Errorf("%+v, %v", m, err)
	}
}
