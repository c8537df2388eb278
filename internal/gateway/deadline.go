package gateway

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// writeTime is how long a response has at the least to be written that no
	// request's own time bounds; it may have twice that.
	writeTime = 10 * time.Second
	// finishTime is how long the last bytes of an answer may take, even where
	// the request's own time is over.
	finishTime = 2 * time.Second
)

// connectionKey is under which a context carries its connection's deadline.
type connectionKey struct{}

// connection remembers until when its responses must be written. Setting that
// wakes the poller of all connections, so that it is not done for each request.
type connection struct{ writeBy atomic.Int64 } // Unix nanoseconds; 0 is not set

// ConnContext prepares a connection for [Timed] and the gateway. It is an
// [http.Server]'s.
func ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{})
}

// Timed gives each response a deadline for writing, in place of one of a request
// before it on the same connection that is over. net/http itself has one for
// all, which would end long streams.
func Timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		writeBetween(w, r.Context(), now.Add(writeTime), now.Add(24*time.Hour), now.Add(2*writeTime))
		next.ServeHTTP(w, r)
	})
}

// writeBetween sees to it that a connection's deadline for writing lies between
// two times, and else sets it.
func writeBetween(w http.ResponseWriter, ctx context.Context, least, most, set time.Time) { //nolint:revive // the writer is the subject
	c, _ := ctx.Value(connectionKey{}).(*connection)
	if c != nil {
		if at := c.writeBy.Load(); at >= least.UnixNano() && at <= most.UnixNano() {
			return
		}
		c.writeBy.Store(set.UnixNano())
	}
	_ = http.NewResponseController(w).SetWriteDeadline(set) // a test's recorder has none
}

// writable sees to it that there is time for what is written now, and that a
// client that reads slowly or not at all holds a request no longer than one that
// takes its answer: until the request's own deadline, or for a moment where that
// is over.
func (x *exchange) writable(whole bool) {
	least := time.Now().Add(finishTime)
	most := least.Add(writeTime - finishTime)
	if !x.deadline.IsZero() {
		most = x.deadline
		if most.Before(least) {
			most = least
		}
	}
	if whole { // of a stream, which has all of that time
		least = most
	}
	writeBetween(x.w, x.ctx, least, most, most)
}
