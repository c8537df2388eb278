package chat

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman/internal/dialect"

	"github.com/pointsman-ai/pointsman/internal/excerpt"
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

// IsError says whether a body is an error object that a client of this format
// understands: {"error":{"message":…}}.
func IsError(body []byte) bool {
	root, err := parse(body)
	return err == nil && last(root, "error").IsObject()
}

// failureMessage is the text of an error, given as a string or as an object
// with a message.
func failureMessage(v gjson.Result) string {
	text := v.Str
	if v.IsObject() {
		text = last(v, "message").Str
	}
	return excerpt.Line(text, maxMessage)
}

// failed is the error for a vendor's error object that came with status 200 or
// in the middle of a stream. Its code may be a status, or its type may say that
// the request, the credentials or the rate are at fault.
func failed(v gjson.Result) error {
	e := &dialect.VendorError{Message: failureMessage(v)}
	if e.Message == "" {
		e.Message = "an error without a message"
	}
	if !v.IsObject() {
		return e
	}
	code, kind := last(v, "code"), last(v, "type").Str
	if n, err := strconv.Atoi(code.String()); err == nil {
		if n >= 400 && n < 600 {
			e.Status = n
		}
		return e
	}
	switch {
	case kind == "authentication_error" || code.Str == "invalid_api_key":
		e.Status = 401
	case kind == "insufficient_quota" || code.Str == "insufficient_quota":
		e.Status = 429
	case kind == "permission_error":
		e.Status = 403
	case kind == "rate_limit_error" || code.Str == "rate_limit_exceeded":
		e.Status = 429
	case kind == "invalid_request_error":
		e.Status = 400
	}
	return e
}
