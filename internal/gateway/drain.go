package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/pointsman-ai/pointsman"
)

// ErrDrained is the cause with which a server that stops cancels the requests
// that outlast its patience: the client is told, and the record says so.
var ErrDrained error = &pointsman.Error{
	Code: pointsman.CodeUnavailable, Message: "the server stopped before the answer was complete", Hint: "send the request again",
}

// Refuse answers a request that comes while the server stops. The connection is
// closed, so that the client's next request reaches another server.
func (g *Gateway) Refuse(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Connection", "close")
	g.fail(w, "", &pointsman.Error{
		Code: pointsman.CodeUnavailable, Message: "the server is stopping", Hint: "send the request again; another server will take it",
	})
}

// drained is ErrDrained where that is why a request failed, else its error.
func drained(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), ErrDrained) {
		return ErrDrained
	}
	return err
}
