// Package ask puts examples through a task in process: the same cascade code as
// the gateway's, without HTTP.
package ask

import (
	"encoding/json"
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/chat"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// Request is the request that a client would send for an example.
func Request(task pointsman.TaskID, e *dataset.Example) (*pointsman.Request, error) {
	body, err := Body(task, e)
	if err != nil {
		return nil, err
	}
	decoded, err := chat.Decode(body)
	if err != nil {
		return nil, fmt.Errorf("example %s: %w", e.ID, err)
	}
	decoded.Request.Conversation = e.Group
	return &decoded.Request, nil
}

// message is one message of a request's body.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
	Name    string `json:"name,omitempty"`
}

// Body is the chat-completions request for an example.
func Body(task pointsman.TaskID, e *dataset.Example) ([]byte, error) {
	var body struct {
		Model    pointsman.TaskID  `json:"model"`
		Messages []message         `json:"messages"`
		Metadata map[string]string `json:"metadata,omitempty"`
	}
	body.Model, body.Metadata = task, e.Metadata
	for _, m := range e.Conversation() {
		body.Messages = append(body.Messages, message{Role: m.Role, Content: m.Text, Name: m.ToolName})
	}
	out, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("example %s: %w", e.ID, err)
	}
	return out, nil
}
