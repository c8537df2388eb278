package chat

// body is the chat.completion object that the chunks so far add up to.
func (a *Accumulator) body() []byte {
	out := make([]byte, 0, len(a.content)+len(a.parts)+1024)
	out = append(out, '{')
	for _, d := range [...]struct{ name, raw string }{{"id", `""`}, {"created", "0"}, {"model", `""`}} {
		if a.top.find(d.name) == nil {
			out = appendMember(out, d.name, d.raw)
		}
	}
	out = a.top.append(out)
	out = appendMember(out, "object", `"chat.completion"`)
	out = appendMember(out, "choices", `[{"index":0,"message":`)
	out = a.appendMessage(out)
	if a.hasLogprobs {
		out = append(a.logprobs.append(appendMember(out, "logprobs", "{")), '}')
	} else {
		out = appendMember(out, "logprobs", "null")
	}
	finish := a.finish
	if finish == "" {
		finish = "null"
	}
	out = appendMember(out, "finish_reason", finish)
	out = append(a.choice.append(out), `}]`...)
	if a.usage != "" {
		out = appendMember(out, "usage", a.usage)
	}
	return append(out, '}')
}

func (a *Accumulator) appendMessage(out []byte) []byte {
	role := a.role
	if role == "" {
		role = "assistant"
	}
	out = AppendText(append(out, '{'), "role", role)
	instead := len(a.calls) > 0 || a.function != nil || a.message.text("refusal") != ""
	switch {
	case len(a.parts) > 0:
		a.sealText()
		out = append(append(appendMember(out, "content", "["), a.parts...), ']')
	case len(a.content) > 0 || a.hasText && !instead:
		out = AppendText(out, "content", string(a.content))
	default:
		out = appendMember(out, "content", "null")
	}
	if a.message.find("refusal") == nil {
		out = appendMember(out, "refusal", "null")
	}
	out = a.message.append(out)
	if len(a.calls) > 0 {
		out = appendMember(out, "tool_calls", "[")
		for i := range a.calls {
			if i > 0 {
				out = append(out, ',')
			}
			c := &a.calls[i]
			out = c.members.append(append(out, '{'))
			if c.inner != "" {
				out = append(c.details.append(appendMember(out, c.inner, "{")), '}')
			}
			out = append(out, '}')
		}
		out = append(out, ']')
	}
	if a.function != nil {
		out = append(a.function.append(appendMember(out, "function_call", "{")), '}')
	}
	return append(out, '}')
}
