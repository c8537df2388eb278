package chat

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman"
)

// maxTokens is more than anything can have counted.
const maxTokens = 1 << 40

// readUsage reads the usage of an answer. It is known where the vendor gave
// both counts. Some vendors leave the tokens of reasoning out of
// completion_tokens and show them in the details or in the total only; they are
// billed as output, so they are put back where the figures say so.
func readUsage(usage gjson.Result) pointsman.Usage {
	if !usage.IsObject() {
		return pointsman.Usage{}
	}
	input, output, total, cached, reasoning := -1, -1, -1, -1, -1
	usage.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "prompt_tokens":
			input = tokens(v)
		case "completion_tokens":
			output = tokens(v)
		case "total_tokens":
			total = tokens(v)
		case "prompt_tokens_details":
			if n := tokens(last(v, "cached_tokens")); v.IsObject() && n >= 0 {
				cached = n
			}
		case "prompt_cache_hit_tokens": // DeepSeek
			if cached < 0 {
				cached = tokens(v)
			}
		case "completion_tokens_details":
			if v.IsObject() {
				reasoning = tokens(last(v, "reasoning_tokens"))
			}
		}
		return true
	})
	if input < 0 || output < 0 {
		return pointsman.Usage{}
	}
	u := pointsman.Usage{Known: true, Input: input, Output: output, CachedInput: max(cached, 0), Reasoning: max(reasoning, 0)}
	switch hidden := total - input - output; {
	case total >= 0 && hidden > 0:
		u.Output += hidden
		u.Reasoning = max(u.Reasoning, hidden)
	case u.Reasoning > u.Output:
		u.Output += u.Reasoning
	}
	return u
}

// tokens is a count, or -1 for what is none.
func tokens(v gjson.Result) int {
	if v.Type != gjson.Number || v.Num < 0 || v.Num > maxTokens || v.Num != float64(int(v.Num)) {
		return -1
	}
	return int(v.Num)
}

// appendUsage appends the usage in OpenAI's form.
func appendUsage(dst []byte, u pointsman.Usage) []byte {
	dst = strconv.AppendInt(append(dst, `{"prompt_tokens":`...), int64(u.Input), 10)
	dst = strconv.AppendInt(append(dst, `,"completion_tokens":`...), int64(u.Output), 10)
	dst = strconv.AppendInt(append(dst, `,"total_tokens":`...), int64(u.Input)+int64(u.Output), 10)
	dst = strconv.AppendInt(append(dst, `,"prompt_tokens_details":{"cached_tokens":`...), int64(u.CachedInput), 10)
	dst = strconv.AppendInt(append(dst, `},"completion_tokens_details":{"reasoning_tokens":`...), int64(u.Reasoning), 10)
	return append(dst, `}}`...)
}
