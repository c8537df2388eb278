package gateway

import (
	"net/http"

	"github.com/pointsman-ai/pointsman"
)

// Refuse answers a request that comes while the server stops. The connection is
// closed, so that the client's next request reaches another server.
func (g *Gateway) Refuse(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Connection", "close")
	g.fail(w, "", &pointsman.Error{
		Code: pointsman.CodeUnavailable, Message: "the server is stopping", Hint: "send the request again; another server will take it",
	})
}

// unavailable is the error of a decision that cannot be put on record.
func unavailable(err error) error {
	return &pointsman.Error{
		Code: pointsman.CodeUnavailable, Message: "decisions cannot be recorded now, and the owner chose to refuse requests then",
		Hint: "the journal's disk is full or failing; see journal.on_full", Err: err,
	}
}
