package openai

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/memory"
	"github.com/pointsman-ai/pointsman/internal/upstream"
	"github.com/pointsman-ai/pointsman/internal/upstream/dialguard"
)

// Complete asks for the whole answer.
func (u *Upstream) Complete(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	begun := time.Now()
	x := &exchange{u: u, ctx: ctx, secrets: u.secrets}
	response, err := x.send(call, false)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := x.answer(response)
	if err != nil {
		return nil, err
	}
	answer.Latency = time.Since(begun)
	return answer, nil
}

// exchange is one request with its response. Whatever goes wrong in it leaves
// as a failure without secrets.
type exchange struct {
	u       *Upstream
	ctx     context.Context //nolint:containedctx // an exchange lives as long as its call
	secrets upstream.Secrets
}

// send sends a request and sees to it that the answer has status 2xx. The
// caller closes the body.
func (x *exchange) send(call upstream.Call, stream bool) (*http.Response, error) {
	request, err := http.NewRequestWithContext(x.ctx, http.MethodPost, x.u.url, bytes.NewReader(call.Body))
	if err != nil {
		return nil, x.failure(upstream.ErrLocal, "prepare the request", err)
	}
	request.Header = x.u.headers.Clone()
	if stream {
		request.Header.Set("Accept", "text/event-stream")
		request.Header.Set("Accept-Encoding", "identity") // compression would hold events back
	} else {
		request.Header.Set("Accept", "application/json")
	}
	if x.u.key != nil {
		key, err := x.u.key()
		if err != nil {
			return nil, x.failure(upstream.ErrCredentials, "resolve the API key", err)
		}
		if key = strings.TrimSpace(key); key != "" {
			x.secrets = x.secrets.With(key)
			request.Header.Set("Authorization", "Bearer "+key)
		}
	}
	response, err := x.u.client.Do(request)
	if err != nil {
		kind := upstream.ErrUnreachable
		if errors.Is(err, dialguard.ErrForbidden) || errors.Is(err, dialguard.ErrPublic) {
			kind = upstream.ErrLocal // by us, and it will be again
		} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			kind = upstream.ErrUnavailable // it was there, and took the request or a part of it
		}
		return nil, x.failure(kind, "send the request", err)
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	return nil, x.refusal(response)
}

// kindOf is the kind of failure that a status means.
func kindOf(status int) *upstream.Failure {
	switch {
	case status == http.StatusRequestTimeout:
		return upstream.ErrTimeout
	case status == http.StatusTooManyRequests:
		return upstream.ErrRateLimited
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden:
		return upstream.ErrCredentials
	case status >= 500, status < 300:
		return upstream.ErrUnavailable
	}
	return upstream.ErrRejected
}

// refusal is the failure of a response that is not 2xx, with the vendor's own
// message where it sent one.
func (x *exchange) refusal(response *http.Response) error {
	status := response.StatusCode
	kind := kindOf(status)
	if status >= 300 && status < 400 {
		return upstream.Fail(kind, "status %d: redirects elsewhere", status)
	}
	// Of a body that breaks off nothing is known but the status, which is
	// enough; only the context's end matters more.
	body, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBody+1))
	if err != nil && x.ctx.Err() != nil {
		return x.failure(kind, "read the error", err)
	}
	f := upstream.Fail(kind, "status %d", status)
	if message := x.secrets.Clean(chat.ErrorMessage(body)); message != "" {
		f.Message += ": " + message
	}
	f.Response = &upstream.Response{Status: status, Header: x.useful(response.Header), Dialect: pointsman.DialectChat}
	f.RetryAfter = retryAfter(response.Header, time.Now())
	if err == nil && len(body) <= maxErrorBody && chat.IsError(body) && !x.secrets.Revealed(string(body)) {
		f.Response.Body = body
	}
	return f
}

// readAll reads a body within its bounds: the upstream's own, and what the
// process has left for this request.
func (x *exchange) readAll(response *http.Response) ([]byte, error) {
	body, err := memory.Read(response.Body, memory.From(x.ctx), memory.ReadOptions{
		Most: x.u.maxBody, Length: response.ContentLength, PerByte: heldPerByte,
	})
	switch {
	case err == nil:
		return body, nil
	case errors.Is(err, memory.ErrExhausted):
		return nil, upstream.ErrOverloaded
	case errors.Is(err, memory.ErrTooLarge):
		return nil, upstream.Fail(upstream.ErrMalformed, "the answer has more than %d bytes", x.u.maxBody)
	}
	return nil, x.failure(upstream.ErrMalformed, "the answer broke off", err)
}

// heldPerByte is how many bytes of memory a byte of an answer takes while it is
// handled: the buffer as it grows, and the copy that its members are parts of.
const heldPerByte = 3

// answer reads a whole answer; one that is not JSON is told by its type.
func (x *exchange) answer(response *http.Response) (*pointsman.Answer, error) {
	body, err := x.readAll(response)
	if err != nil {
		return nil, err
	}
	answer, err := chat.ParseAnswer(body)
	if err == nil {
		answer.ServedBy = x.secrets.Clean(answer.ServedBy)
		return answer, nil
	}
	if kind := mediaType(response); errors.Is(err, dialect.ErrMalformed) && !strings.Contains(kind, "json") {
		err = fmt.Errorf("%w (content type %.60q)", err, kind)
	}
	return nil, x.failure(upstream.ErrMalformed, "", err)
}

func mediaType(response *http.Response) string {
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}
