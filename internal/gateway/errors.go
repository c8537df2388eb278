package gateway

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// statusClientGone is what a decision's record says where the client went away
// before its answer (nginx's convention; nobody receives it).
const statusClientGone = 499

// retrySoon is the Retry-After of this server's own troubles, in seconds.
const retrySoon = "5"

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
	case pointsman.CodeRateLimited:
		return http.StatusTooManyRequests
	case pointsman.CodeUpstream, pointsman.CodeCredentials, pointsman.CodeRejected:
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
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return &pointsman.Error{Code: pointsman.CodeInvalid, Message: "the request was cancelled by its client", Err: err}
	}
	return &pointsman.Error{Code: pointsman.CodeInternal, Message: "internal error", Hint: "the server's log has the details", Err: err}
}

// refusal is the response to a request that has no answer.
type refusal struct {
	status int
	header map[string]string
	body   []byte
}

// refusalOf is the response to an error. Where an upstream has refused the
// request itself, or asks for patience, the client is told so in the vendor's
// own words and numbers: it can do something about it. What is the operator's
// to mend, or is the same each time, says that trying again is of no use.
func refusalOf(client dialect.Client, err error, decision pointsman.DecisionID) refusal {
	e := public(err)
	out := refusal{status: statusOf(e.Code), header: map[string]string{}}
	var f *upstream.Failure
	switch {
	case errors.Is(err, context.Canceled):
		out.status = statusClientGone
	case errors.As(err, &f):
		out.of(client, f)
	case e.Code == pointsman.CodeUnavailable:
		out.header["retry-after"] = retrySoon
	}
	if out.body == nil {
		out.body = client.Error(e, decision)
	}
	return out
}

// of says what an upstream's failure means for the client.
func (r *refusal) of(client dialect.Client, f *upstream.Failure) {
	switch f.Kind {
	case pointsman.FailureRejected, pointsman.FailureRateLimited:
		if !passes(f.Status()) {
			r.header["x-should-retry"] = "false"
			break
		}
		r.status = f.Status()
		if f.Response.Dialect == client.Dialect() && len(f.Response.Body) > 0 {
			r.body = f.Response.Body
		}
	case pointsman.FailureCredentials, pointsman.FailureNoRecording, pointsman.FailureLocal:
		r.header["x-should-retry"] = "false"
		return // nothing else of the vendor's concerns the client
	case pointsman.FailureOverloaded:
		r.header["retry-after"] = retrySoon
	}
	if f.Response != nil {
		maps.Copy(r.header, f.Response.Header)
	}
}

// passes says whether an upstream's status is about the client's request, so
// that the client is told it as it is.
func passes(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
		return true
	}
	return false
}

// log tells the operator why a request failed: what it was, and nothing of what
// a client or a vendor said. That is in the decision's record, as far as its
// recording permits.
func (x *exchange) log(err error) {
	d, e := x.decision, public(err)
	fields := []any{"decision", d.ID, "code", e.Code, "cause", d.Cause, "status", d.Status}
	if n := len(d.Attempts); n > 0 {
		last := &d.Attempts[n-1]
		if !x.task.Direct { // that tier has the name that the client gave it
			fields = append(fields, "tier", last.Tier)
		}
		if tries := len(last.Tries); tries > 0 {
			fields = append(fields, "upstream", last.Tries[tries-1].Upstream)
		}
	}
	var f *upstream.Failure
	var fault *cascade.Fault
	switch {
	case errors.Is(err, context.Canceled): // the client went away, which is no trouble of ours
	case errors.As(err, &fault):
		x.g.Logger.Error("request handler failed", append(fields, "fault", fault.Value, "stack", string(fault.Stack))...)
	case errors.As(err, &f):
		fields = append(fields, "failure", f.Kind)
		if status := f.Status(); status != 0 {
			fields = append(fields, "upstream_status", status)
		}
		message, log := "request failed", x.g.Logger.Error
		if f.Kind == pointsman.FailureCredentials {
			message = "an upstream refused this server's credentials: check its api_key, bill and permissions"
		}
		if d.Status >= 400 && d.Status < 500 {
			log = x.g.Logger.Warn // the client was told what it can do
		}
		log(message, fields...)
	case x.begun() || statusOf(e.Code) >= 500:
		if e.Err != nil {
			fields = append(fields, "error", e.Err)
		}
		x.g.Logger.Error("request failed: "+e.Message, fields...)
	}
}

// fail answers a request that is no exchange with an error in OpenAI's shape.
func (g *Gateway) fail(w http.ResponseWriter, decision pointsman.DecisionID, err error) {
	e := public(err)
	if statusOf(e.Code) >= 500 {
		g.Logger.Error("request failed", "decision", decision, "code", e.Code, "error", e)
	}
	if err := g.refuse(w, refusalOf(chat.Client{}, e, decision)); err != nil {
		g.Logger.Debug("client went away", "error", err)
	}
}

// refuse answers with a refusal.
func (g *Gateway) refuse(w http.ResponseWriter, r refusal) error {
	for name, value := range r.header {
		w.Header().Set(name, value)
	}
	return g.write(w, r.status, r.body)
}

// writeJSON writes a whole body to whoever may still be there.
func (g *Gateway) writeJSON(w http.ResponseWriter, status int, body []byte) {
	if err := g.write(w, status, body); err != nil {
		g.Logger.Debug("client went away", "error", err)
	}
}

// write writes a whole body of JSON.
func (g *Gateway) write(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}
