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
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// maxErrorBody bounds what is read of an error response.
const maxErrorBody = 64 << 10

// Complete asks for the whole answer.
func (u *Upstream) Complete(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	begun := time.Now()
	response, key, err := u.send(ctx, call, false)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := u.readAnswer(ctx, response, key)
	if err != nil {
		return nil, err
	}
	answer.Latency = time.Since(begun)
	return answer, nil
}

// send sends a request and sees to it that the answer has status 2xx. The
// caller closes the body. The key that was sent is for cleaning errors.
func (u *Upstream) send(ctx context.Context, call upstream.Call, stream bool) (_ *http.Response, key string, _ error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, bytes.NewReader(call.Body))
	if err != nil {
		return nil, "", fmt.Errorf("%w: prepare the request: %w", upstream.ErrUnavailable, err)
	}
	request.Header = u.headers.Clone()
	if stream {
		request.Header.Set("Accept", "text/event-stream")
		request.Header.Set("Accept-Encoding", "identity") // compression would hold events back
	} else {
		request.Header.Set("Accept", "application/json")
	}
	if u.key != nil {
		if key, err = u.key(); err != nil {
			return nil, "", fmt.Errorf("%w: resolve the API key: %w", upstream.ErrUnavailable, err)
		}
		if key = strings.TrimSpace(key); key != "" {
			request.Header.Set("Authorization", "Bearer "+key)
		}
	}
	response, err := u.client.Do(request)
	if err != nil {
		return nil, "", failure(ctx, upstream.ErrUnavailable, "send the request", err)
	}
	if response.StatusCode/100 == 2 {
		return response, key, nil
	}
	defer response.Body.Close()
	return nil, "", u.refusal(ctx, response, key)
}

// refusal is the error for a response that is not 2xx, with the vendor's own
// message where it sent one.
func (u *Upstream) refusal(ctx context.Context, response *http.Response, key string) error {
	kind := upstream.ErrRejected
	switch code := response.StatusCode; {
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		kind = upstream.ErrUnavailable
	case code >= 300 && code < 400:
		return fmt.Errorf("%w: status %d: redirects elsewhere", kind, code)
	}
	// Of a body that breaks off nothing is known but the status, which is
	// enough; only the context's end matters more.
	body, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	if err != nil && ctx.Err() != nil {
		return failure(ctx, kind, "read the error", err)
	}
	if message := u.clean(chat.ErrorMessage(body), key); message != "" {
		return fmt.Errorf("%w: status %d: %s", kind, response.StatusCode, message)
	}
	return fmt.Errorf("%w: status %d", kind, response.StatusCode)
}

// readAll reads a body within the bound.
func (u *Upstream) readAll(ctx context.Context, response *http.Response) ([]byte, error) {
	var buffer bytes.Buffer
	if n := response.ContentLength; n > 0 && n <= min(u.maxBody, 1<<20) {
		buffer.Grow(int(n) + bytes.MinRead)
	}
	if _, err := buffer.ReadFrom(io.LimitReader(response.Body, u.maxBody+1)); err != nil {
		return nil, failure(ctx, upstream.ErrMalformed, "the answer broke off", err)
	}
	if int64(buffer.Len()) > u.maxBody {
		return nil, fmt.Errorf("%w: the answer has more than %d bytes", upstream.ErrMalformed, u.maxBody)
	}
	return buffer.Bytes(), nil
}

// readAnswer reads a whole answer; one that is not JSON is told by its type.
func (u *Upstream) readAnswer(ctx context.Context, response *http.Response, key string) (*pointsman.Answer, error) {
	body, err := u.readAll(ctx, response)
	if err != nil {
		return nil, err
	}
	answer, err := chat.ParseAnswer(body)
	if kind := mediaType(response); errors.Is(err, upstream.ErrMalformed) && !strings.Contains(kind, "json") {
		err = fmt.Errorf("%w (content type %.60q)", err, kind)
	}
	return answer, u.cleaned(err, key)
}

func mediaType(response *http.Response) string {
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}
