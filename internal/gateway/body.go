package gateway

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

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

// finishTime is how long the last bytes of an answer may take, even where the
// request's own time is over.
const finishTime = 2 * time.Second

// extend sets the time by which everything must be written: a client that reads
// slowly or not at all holds a request no longer than one that takes its answer.
// It is the request's own deadline, or at least so long from now.
func (x *exchange) extend(least time.Duration) {
	at := time.Now().Add(least)
	if x.deadline.After(at) {
		at = x.deadline
	}
	_ = http.NewResponseController(x.w).SetWriteDeadline(at) // a test's recorder has none
}
