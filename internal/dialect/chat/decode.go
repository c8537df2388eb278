package chat

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
)

// The bounds that OpenAI documents for metadata, in characters, and one for
// the name of a model, in bytes.
const (
	maxMetadata      = 16
	maxMetadataKey   = 64
	maxMetadataValue = 512
	maxModel         = 256
)

// Decoded is a chat-completions request that was read and checked.
type Decoded struct {
	// Model is the name that the client asked for.
	Model   string
	Request pointsman.Request
}

// details are what a conversion needs to know of what the client asked for.
type details struct {
	usage    bool // stream_options.include_usage
	logprobs bool
}

// Decode reads a request. It checks what pointsman itself relies on and leaves
// the rest to whoever answers. Its errors are of type [*pointsman.Error] and
// carry the offending member as Param. The payload's body is body itself; nothing
// else of the result refers to its memory.
func Decode(body []byte) (*Decoded, error) {
	root, err := parse(body)
	if err != nil {
		return nil, invalid("", "send one JSON object, encoded in UTF-8", "the request body is %v", err)
	}
	d := decoder{out: &Decoded{}}
	d.out.Request.Payload = pointsman.Payload{Dialect: pointsman.DialectChat, Body: body}
	d.out.Request.Choices = 1
	root.ForEach(d.member)
	switch {
	case d.err != nil:
		return nil, d.err
	case d.seen&seenModel == 0:
		return nil, invalid("model", "name a task or provider/model; GET /v1/models lists them", "the request has no model")
	case d.seen&seenMessages == 0:
		return nil, invalid("messages", "send at least one message", "the request has no messages")
	}
	if d.out.Request.Choices > 1 {
		d.out.Request.Settings = append(d.out.Request.Settings, "n")
	}
	slices.Sort(d.out.Request.Settings)
	d.out.Request.Settings = slices.Compact(d.out.Request.Settings)
	d.details.usage = d.details.usage && d.out.Request.Stream
	d.out.Request.Payload.Details = known(d.details)
	return d.out, nil
}

// silent are the members that change nothing about what a model answers.
var silent = map[string]bool{
	"user": true, "store": true, "service_tier": true, "safety_identifier": true, "prompt_cache_key": true,
	"prompt_cache_retention": true, "top_logprobs": true, "parallel_tool_calls": true,
}

// settings are the members that change it, by OpenAI's names and those that
// vendors add. What a client invents is "other": names are kept on record.
var settings = map[string]bool{
	"audio": true, "frequency_penalty": true, "function_call": true, "functions": true, "logit_bias": true,
	"max_completion_tokens": true, "max_tokens": true, "min_p": true, "modalities": true, "prediction": true,
	"presence_penalty": true, "reasoning": true, "reasoning_effort": true, "repetition_penalty": true,
	"response_format": true, "seed": true, "stop": true, "temperature": true, "thinking": true, "tool_choice": true,
	"tools": true, "top_k": true, "top_p": true, "verbosity": true, "web_search_options": true,
}

// setting notes a member with which the client changes how a model answers.
func (d *decoder) setting(name string, value gjson.Result) {
	if value.Type == gjson.Null || silent[name] {
		return
	}
	if !settings[name] {
		name = "other"
	}
	d.out.Request.Settings = append(d.out.Request.Settings, name)
}

// The members that may occur only once: a reader that takes the first of two
// and one that takes the last would see different requests.
const (
	seenModel = 1 << iota
	seenMessages
	seenStream
	seenStreamOptions
	seenN
	seenMetadata
	seenLogprobs
)

// maxChoices bounds how many answers a client may ask for at once, as OpenAI
// does.
const maxChoices = 128

type decoder struct {
	out     *Decoded
	seen    int
	details details
	err     error
}

// allDetails are boxed once: every request has one of them.
var allDetails = [2][2]any{
	{details{}, details{logprobs: true}},
	{details{usage: true}, details{usage: true, logprobs: true}},
}

// known boxes the details of a request.
func known(d details) any {
	i, j := 0, 0
	if d.usage {
		i = 1
	}
	if d.logprobs {
		j = 1
	}
	return allDetails[i][j]
}

func invalid(param, hint, format string, args ...any) *pointsman.Error {
	return &pointsman.Error{Code: pointsman.CodeInvalid, Message: fmt.Sprintf(format, args...), Hint: hint, Param: param}
}

// member reads one member of the request; it stops at the first error.
func (d *decoder) member(key, value gjson.Result) bool {
	var flag int
	switch key.Str {
	case "model":
		flag, d.err = seenModel, d.model(value)
	case "messages":
		flag, d.err = seenMessages, d.messages(value)
	case "stream":
		flag = seenStream
		d.out.Request.Stream, d.err = boolean(value, "stream")
	case "stream_options":
		flag, d.err = seenStreamOptions, d.streamOptions(value)
	case "n":
		flag, d.err = seenN, d.choices(value)
	case "logprobs":
		flag = seenLogprobs
		d.details.logprobs, d.err = boolean(value, "logprobs")
	case "metadata":
		flag, d.err = seenMetadata, d.metadata(value)
	default:
		d.setting(key.Str, value)
		return true
	}
	if d.err == nil && d.seen&flag != 0 {
		d.err = invalid(key.Str, "send every member once", "the request has the member %q twice", key.Str)
	}
	d.seen |= flag
	return d.err == nil
}

func (d *decoder) model(value gjson.Result) error {
	if value.Type != gjson.String || value.Str == "" || len(value.Str) > maxModel {
		return invalid("model", "name a task or provider/model; GET /v1/models lists them", "model is not a string of 1 to %d bytes", maxModel)
	}
	d.out.Model = value.Str
	return nil
}

func (d *decoder) choices(value gjson.Result) error {
	if value.Type == gjson.Null {
		return nil
	}
	n := value.Num
	if value.Type != gjson.Number || n != float64(int(n)) || n < 1 || n > maxChoices {
		return invalid("n", "leave n out for one answer", "n is %s, not a number from 1 to %d", short(value.Raw), maxChoices)
	}
	d.out.Request.Choices = int(n)
	return nil
}

func boolean(value gjson.Result, param string) (bool, error) {
	switch value.Type {
	case gjson.True:
		return true, nil
	case gjson.False, gjson.Null:
		return false, nil
	}
	return false, invalid(param, "send true or false", "%s is %s, not a boolean", param, short(value.Raw))
}

func (d *decoder) streamOptions(value gjson.Result) error {
	if value.Type == gjson.Null {
		return nil
	}
	if !value.IsObject() {
		return invalid("stream_options", "", "stream_options is not an object")
	}
	var err error
	value.ForEach(func(key, v gjson.Result) bool {
		if key.Str == "include_usage" {
			d.details.usage, err = boolean(v, "stream_options.include_usage")
		}
		return err == nil
	})
	return err
}

func (d *decoder) metadata(value gjson.Result) error {
	if value.Type == gjson.Null {
		return nil
	}
	if !value.IsObject() {
		return invalid("metadata", "send an object of strings", "metadata is not an object")
	}
	out := make(map[string]string)
	var err error
	value.ForEach(func(key, v gjson.Result) bool {
		param := "metadata." + short(key.Str)
		switch {
		case v.Type != gjson.String:
			err = invalid(param, "send an object of strings", "%s is %s, not a string", param, short(v.Raw))
		case utf8.RuneCountInString(key.Str) > maxMetadataKey:
			err = invalid(param, "", "a key of metadata has more than %d characters", maxMetadataKey)
		case utf8.RuneCountInString(v.Str) > maxMetadataValue:
			err = invalid(param, "", "%s has more than %d characters", param, maxMetadataValue)
		default:
			if _, twice := out[key.Str]; twice {
				err = invalid(param, "send every key once", "%s is there twice", param)
			}
			out[key.Str] = v.Str
			if len(out) > maxMetadata {
				err = invalid("metadata", "", "metadata has more than %d pairs", maxMetadata)
			}
		}
		return err == nil
	})
	d.out.Request.Metadata = out
	return err
}

// short is a bounded piece of what a client sent, for a message to it.
func short(raw string) string { return excerpt.Of(raw, 40) }
