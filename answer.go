package pointsman

import "time"

// Usage counts tokens as the upstream billed them. Known is false where the
// upstream said nothing: then the counts mean nothing.
type Usage struct {
	Known       bool `json:"known"`
	Input       int  `json:"input"`
	CachedInput int  `json:"cached_input,omitempty"` // part of Input
	Output      int  `json:"output"`
	Reasoning   int  `json:"reasoning,omitempty"` // part of Output
}

// TokenLogprob is one generated token with the natural logarithm of its
// probability, and the alternatives that the upstream returned for its place.
type TokenLogprob struct {
	Token   string
	Logprob float64
	Top     []TopLogprob
}

// TopLogprob is an alternative token.
type TopLogprob struct {
	Token   string
	Logprob float64
}

// ToolCall is one call of a tool that a model asked for.
type ToolCall struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Arguments are what the model wrote: JSON for a function, text otherwise.
	Arguments string `json:"arguments"`
}

// Answer is what an upstream answered: its first choice, where it gave several.
type Answer struct {
	// Body is the answer in the upstream's own dialect, exactly as it was
	// received, or as the stream's events add up to.
	Body []byte
	// Text is the content, Refusal the upstream's own refusal text if any.
	Text    string
	Refusal string
	// ToolCalls are the calls of tools that the answer asks for.
	ToolCalls    []ToolCall
	FinishReason string
	Usage        Usage
	// Logprobs are empty where the upstream gave none.
	Logprobs []TokenLogprob
	// Signals are measurements that only this upstream can make, such as an
	// embedded student's out-of-scope score.
	Signals []Signal
	// ServedBy is the model name that the upstream reported.
	ServedBy string
	// Latency is the time from asking until the whole answer was there, and
	// FirstToken until its first token (zero where it was not streamed).
	Latency    time.Duration
	FirstToken time.Duration
}
