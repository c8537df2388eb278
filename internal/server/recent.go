package server

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// recent knows which connections wait for their client's next request, and since
// when. It is safe for concurrent use.
type recent struct {
	mu    sync.Mutex
	since map[net.Conn]time.Time
}

func newRecent() *recent { return &recent{since: map[net.Conn]time.Time{}} }

// note is what net/http calls when a connection changes its state.
func (r *recent) note(c net.Conn, state http.ConnState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch state {
	case http.StateNew, http.StateIdle:
		r.since[c] = time.Now()
	case http.StateActive, http.StateHijacked, http.StateClosed:
		delete(r.since, c)
	}
}

// within says whether a connection began to wait within this time.
func (r *recent) within(d time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, since := range r.since {
		if time.Since(since) < d {
			return true
		}
	}
	return false
}
