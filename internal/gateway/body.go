package gateway

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/memory"
)

// readBody reads a body up to its bound, as far as the process has memory left.
func readBody(r *http.Request, lease *memory.Lease, most int64) ([]byte, error) {
	if r.ContentLength > most {
		return nil, tooLarge(most)
	}
	body, err := memory.Read(r.Body, lease, memory.ReadOptions{Most: most, Length: r.ContentLength, PerByte: memory.PerBodyByte})
	switch {
	case err == nil:
		return body, nil
	case errors.Is(err, memory.ErrTooLarge):
		return nil, tooLarge(most)
	case errors.Is(err, memory.ErrExhausted):
		return nil, &pointsman.Error{
			Code: pointsman.CodeUnavailable, Message: "this server has no memory left for the request now",
			Hint: "try again in a moment; its operator may raise server.memory", Err: err,
		}
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the body ended before its Content-Length")
	}
	return nil, &pointsman.Error{
		Code: pointsman.CodeInvalid, Message: "the request's body could not be read", Hint: "send it again", Err: err,
	}
}

func tooLarge(most int64) error {
	return &pointsman.Error{
		Code: pointsman.CodeTooLarge, Message: "the request's body is larger than " + strconv.FormatInt(most, 10) + " bytes",
		Hint: "send less, or raise server.max_body",
	}
}
