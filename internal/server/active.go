package server

import "sync"

// active counts the requests that are being served. It is safe for concurrent
// use.
type active struct {
	mu       sync.Mutex
	count    int
	draining bool
	idle     chan struct{} // closed when it drains and nothing is served
	closed   bool          // idle
}

func newActive() *active { return &active{idle: make(chan struct{})} }

// begin counts a request in, unless none is taken any more. Each begin that
// returns true is followed by one end.
func (a *active) begin() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.draining {
		return false
	}
	a.count++
	return true
}

func (a *active) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count--
	a.settle()
}

// drain takes no more requests. The channel is closed once none is served.
func (a *active) drain() (idle <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
	a.settle()
	return a.idle
}

func (a *active) settle() {
	if a.draining && a.count == 0 && !a.closed {
		a.closed = true
		close(a.idle)
	}
}

func (a *active) isDraining() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.draining
}

func (a *active) requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count
}
