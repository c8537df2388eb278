package openai

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// The bounds of what is kept of a response that is no answer.
const (
	maxErrorBody   = 64 << 10
	maxMessage     = 500 // bytes
	maxHeaders     = 32
	maxHeaderValue = 256 // bytes
	maxRetryAfter  = 24 * time.Hour
)

// failure is the one way in which an error of this upstream leaves it: classed,
// bounded, and without secrets, whoever wrote its text. The context's end goes
// before everything, then what the error already is, then a timeout of the
// network, then kind.
func (x *exchange) failure(kind *upstream.Failure, what string, err error) error {
	if ended := upstream.FromContext(x.ctx, x.ctx.Err()); ended != nil {
		return ended
	}
	var known *upstream.Failure
	if errors.As(err, &known) {
		return known
	}
	var wrapper *url.Error
	if errors.As(err, &wrapper) { // it repeats the URL
		err = wrapper.Err
	}
	var network net.Error
	var vendor *dialect.VendorError
	switch {
	case errors.As(err, &vendor):
		kind = kindOf(vendor.Status)
	case errors.Is(err, dialect.ErrMalformed):
		kind = upstream.ErrMalformed
	case errors.As(err, &network) && network.Timeout():
		kind = upstream.ErrTimeout
	}
	text := err.Error()
	if what != "" {
		text = what + ": " + text
	}
	f := upstream.Fail(kind, "%s", excerpt.Of(x.secrets.Clean(text), maxMessage))
	if vendor != nil && vendor.Status != 0 {
		f.Response = &upstream.Response{Status: vendor.Status, Dialect: pointsman.DialectChat}
	}
	return f
}

// useful are the headers of a refusal that help a client: when to try again,
// the vendor's id of the request, the limits of its rate.
func (x *exchange) useful(h http.Header) map[string]string {
	out := map[string]string{}
	for name := range h {
		lower := strings.ToLower(name)
		switch {
		case lower == "retry-after", lower == "retry-after-ms", lower == "x-should-retry", lower == "x-request-id", lower == "request-id":
		case strings.HasPrefix(lower, "x-ratelimit-"), strings.HasPrefix(lower, "ratelimit-"), strings.HasPrefix(lower, "anthropic-ratelimit-"):
		default:
			continue
		}
		if value := h.Get(name); len(value) <= maxHeaderValue && len(out) < maxHeaders && !x.secrets.Revealed(value) {
			out[lower] = value
		}
	}
	return out
}

// retryAfter is when the upstream asked to be tried again: retry-after-ms as
// OpenAI sends it, or Retry-After in seconds or as a date (RFC 9110, section
// 10.2.3). It is 0 where nothing of use was said.
func retryAfter(h http.Header, now time.Time) time.Duration {
	within := func(d time.Duration) time.Duration { return min(max(d, 0), maxRetryAfter) }
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms >= 0 && ms < 1e12 {
		return within(time.Duration(ms * float64(time.Millisecond)))
	}
	value := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(value, 64); err == nil && s >= 0 && s < 1e9 {
		return within(time.Duration(s * float64(time.Second)))
	}
	if at, err := http.ParseTime(value); err == nil {
		return within(at.Sub(now))
	}
	return 0
}
