package gateway

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

// statusClientGone is what a decision's record says where the client went away
// before its answer (nginx's convention; nobody receives it).
const statusClientGone = 499

// statusOf is the one place that maps error codes to HTTP statuses.
func statusOf(code pointsman.ErrorCode) int {
	switch code {
	case pointsman.CodeInvalid, pointsman.CodeConfig:
		return http.StatusBadRequest
	case pointsman.CodeAuth:
		return http.StatusUnauthorized
	case pointsman.CodeForbidden:
		return http.StatusForbidden
	case pointsman.CodeUnknownTask, pointsman.CodeNotFound:
		return http.StatusNotFound
	case pointsman.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case pointsman.CodeUpstream:
		return http.StatusBadGateway
	case pointsman.CodeTimeout:
		return http.StatusGatewayTimeout
	case pointsman.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// public is the error that a client is told; anything that is not meant for
// people becomes an internal error without details.
func public(err error) *pointsman.Error {
	var e *pointsman.Error
	if errors.As(err, &e) {
		return e
	}
	return &pointsman.Error{Code: pointsman.CodeInternal, Message: "internal error", Hint: "the server's log has the details", Err: err}
}

// fail answers with an error in OpenAI's shape.
func (g *Gateway) fail(w http.ResponseWriter, decision pointsman.DecisionID, err error) {
	e := public(err)
	status := statusOf(e.Code)
	if status >= 500 {
		g.Logger.Error("request failed", "decision", decision, "code", e.Code, "error", e)
	}
	if e.Code == pointsman.CodeUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	g.writeJSON(w, status, chat.ErrorBody(e, string(decision)))
}

// writeJSON writes a whole body.
func (g *Gateway) writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		g.Logger.Debug("client went away", "error", err)
	}
}
