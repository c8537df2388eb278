package collect

import (
	"encoding/json"
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

// Request is the request that a client would send for an example, with what
// rules see of who sent it.
func Request(task pointsman.TaskID, e *dataset.Example) (*pointsman.Request, error) {
	body, err := Body(string(task), e)
	if err != nil {
		return nil, fmt.Errorf("example %s: %w", e.ID, err)
	}
	decoded, err := chat.Decode(body)
	if err != nil {
		return nil, fmt.Errorf("example %s: %w", e.ID, err)
	}
	decoded.Request.Conversation, decoded.Request.Principal = e.Group, e.Principal
	return &decoded.Request, nil
}

// message is a turn as the API spells it.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
	Name    string `json:"name,omitempty"`
}

// Body is the chat-completions request that asks a task an example. It does not
// depend on the target, which is named in a header. An example that is not text
// alone cannot be sent.
func Body(task string, e *dataset.Example) ([]byte, error) {
	request := struct {
		Model    string            `json:"model"`
		Messages []message         `json:"messages"`
		Metadata map[string]string `json:"metadata,omitempty"`
	}{Model: task, Metadata: e.Metadata}
	for i, m := range e.Conversation() {
		if m.NonText > 0 || m.Role == "tool" {
			return nil, fmt.Errorf("messages[%d] is not text alone and cannot be sent", i)
		}
		request.Messages = append(request.Messages, message{m.Role, m.Text, m.ToolName})
	}
	return json.Marshal(request)
}
