package instance

import "sync"

// Holder holds the current instance and swaps it under running requests: a
// request keeps the instance that it began with, and an instance that was replaced is
// closed when the last of its requests is done.
type Holder struct {
	// Closed is told of the error of closing a replaced instance; it may be nil.
	Closed func(error)

	mu      sync.Mutex
	current *entry
}

type entry struct {
	instance *Instance
	users    int
	gone     bool // replaced or given up
}

// Hold makes a holder of a first instance.
func Hold(w *Instance) *Holder { return &Holder{current: &entry{instance: w}} }

// Acquire returns the current instance. It stays open until release is called,
// which must happen once.
func (h *Holder) Acquire() (w *Instance, release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.current
	one.users++
	return one.instance, func() { h.release(one) }
}

// Current is the instance in force. It may be replaced and closed any time, so it
// is for looking at only.
func (h *Holder) Current() *Instance {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current.instance
}

// Swap puts a new instance in force for all requests that come from now on.
func (h *Holder) Swap(w *Instance) {
	h.mu.Lock()
	old := h.current
	h.current = &entry{instance: w}
	h.mu.Unlock()
	h.giveUp(old)
}

// Close gives up the current instance. No request may be acquired afterwards.
func (h *Holder) Close() {
	h.mu.Lock()
	old := h.current
	h.mu.Unlock()
	h.giveUp(old)
}

func (h *Holder) giveUp(one *entry) {
	h.mu.Lock()
	idle := !one.gone && one.users == 0
	one.gone = true
	h.mu.Unlock()
	if idle {
		h.close(one)
	}
}

func (h *Holder) release(one *entry) {
	h.mu.Lock()
	one.users--
	last := one.gone && one.users == 0
	h.mu.Unlock()
	if last {
		h.close(one)
	}
}

func (h *Holder) close(one *entry) {
	if err := one.instance.Close(); err != nil && h.Closed != nil {
		h.Closed(err)
	}
}
