// Package collect puts examples through a task in process: the same cascade code as
// the gateway's, without HTTP.
package collect

import (
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/eval"
)

// Request is the request that a client would send for an example.
func Request(task pointsman.TaskID, e *dataset.Example) (*pointsman.Request, error) {
	body, err := eval.Body(string(task), e)
	if err != nil {
		return nil, fmt.Errorf("example %s: %w", e.ID, err)
	}
	decoded, err := chat.Decode(body)
	if err != nil {
		return nil, fmt.Errorf("example %s: %w", e.ID, err)
	}
	decoded.Request.Conversation = e.Group
	return &decoded.Request, nil
}
