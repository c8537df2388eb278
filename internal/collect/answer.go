package collect

import (
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

// answer reads the body of a successful response into the result, as the
// gateway read its upstream's.
func (a *HTTP) answer(t Target, e *dataset.Example, content []byte, result *Result) {
	answer, err := chat.ParseAnswer(content)
	if err != nil {
		result.Err = fmt.Sprintf("the response is not a chat completion: %v", err)
		return
	}
	result.Text, result.Reading = answer.Text, a.options.Read(answer, e.Text())
	d := &result.Decision
	if t.Tier == "" || len(d.Attempts) > 0 {
		return
	}
	d.Attempts = []pointsman.Attempt{{
		Tier: d.Tier, Model: d.Model, Cause: d.Cause, Reading: result.Reading,
		FinishReason: answer.FinishReason, Usage: answer.Usage, Latency: result.Latency,
	}}
}
