package chat

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// maxMessage bounds what is repeated of a vendor's error message.
const maxMessage = 300

// ErrorMessage is the message of a vendor's error body, on one line and
// bounded; it is empty where the body is not JSON or has none. It reads
// OpenAI's {"error":{"message":…}} and the forms {"error":"…"}, {"message":…}
// and {"detail":…} that are also about.
func ErrorMessage(body []byte) string {
	root, err := parse(body)
	if err != nil {
		return ""
	}
	for _, name := range []string{"error", "message", "detail"} {
		if v := last(root, name); v.Exists() {
			return failureMessage(v)
		}
	}
	return ""
}

// failureMessage is the text of an error, given as a string or as an object
// with a message.
func failureMessage(v gjson.Result) string {
	text := v.Str
	if v.IsObject() {
		text = last(v, "message").Str
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

// failed is the error for a vendor's error object that came with status 200 or
// in the middle of a stream: a refusal where its type or code says that the
// request is at fault, and otherwise an upstream that cannot serve now.
func failed(v gjson.Result) error {
	kind := upstream.ErrUnavailable
	if v.IsObject() {
		code, text := last(v, "code"), last(v, "type").Str
		if n, err := strconv.Atoi(code.String()); err == nil {
			if n >= 400 && n < 500 && n != 408 && n != 429 {
				kind = upstream.ErrRejected
			}
		} else if text == "invalid_request_error" || text == "authentication_error" || text == "permission_error" {
			kind = upstream.ErrRejected
		}
	}
	message := failureMessage(v)
	if message == "" {
		message = "an error without a message"
	}
	return fmt.Errorf("%w: %s", kind, message)
}
