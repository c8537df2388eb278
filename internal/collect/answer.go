package collect

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// completion is what is needed of a chat.completion object.
type completion struct {
	Choices []struct {
		Message struct {
			Content *string `json:"content"`
			Refusal string  `json:"refusal"`
		} `json:"message"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		Input  int `json:"prompt_tokens"`
		Output int `json:"completion_tokens"`
		In     struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		Out struct {
			Reasoning int `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	} `json:"usage"`
}

// answer reads the body of a successful response into the result.
func (a *HTTP) answer(t Target, e *dataset.Example, content []byte, result *Result) {
	var c completion
	if err := json.Unmarshal(content, &c); err != nil {
		result.Err = fmt.Sprintf("the response is not a chat completion: %v", err)
		return
	}
	if len(c.Choices) == 0 {
		result.Err = "the response has no choices"
		return
	}
	choice := &c.Choices[0]
	result.Text = choice.Message.Refusal
	if choice.Message.Content != nil {
		result.Text = *choice.Message.Content
	}
	if a.options.Read != nil {
		result.Reading = a.options.Read(result.Text, e.Text())
	} else if result.Reading.Valid = strings.TrimSpace(result.Text) != ""; !result.Reading.Valid {
		result.Reading.Problem = "the answer is empty"
	}
	d := &result.Decision
	if t.Tier == "" || len(d.Attempts) > 0 {
		return
	}
	one := pointsman.Attempt{
		Tier: d.Tier, Model: d.Model, Cause: d.Cause, Reading: result.Reading,
		FinishReason: choice.FinishReason, Latency: result.Latency,
	}
	if u := c.Usage; u != nil {
		one.Usage = pointsman.Usage{Known: true, Input: u.Input, Output: u.Output, CachedInput: u.In.Cached, Reasoning: u.Out.Reasoning}
	}
	d.Attempts = []pointsman.Attempt{one}
}
