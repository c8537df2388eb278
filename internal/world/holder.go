package world

import (
	"sync"

	"github.com/pointsman-ai/pointsman/internal/gateway"
)

// Holder holds the current world and swaps it under running requests: a
// request keeps the world that it began with, and a world that was replaced is
// closed when the last of its requests is done.
type Holder struct {
	// Closed is told of the error of closing a replaced world; it may be nil.
	Closed func(error)

	mu      sync.Mutex
	current *held
}

type held struct {
	world *World
	users int
	gone  bool // replaced or given up
}

// Hold makes a holder of a first world.
func Hold(w *World) *Holder { return &Holder{current: &held{world: w}} }

// Acquire returns the current world. It stays open until release is called,
// which must happen once.
func (h *Holder) Acquire() (w gateway.World, release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.current
	one.users++
	return one.world, func() { h.release(one) }
}

// Current is the world in force. It may be replaced and closed any time, so it
// is for looking at only.
func (h *Holder) Current() *World {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current.world
}

// Swap puts a new world in force for all requests that come from now on.
func (h *Holder) Swap(w *World) {
	h.mu.Lock()
	old := h.current
	h.current = &held{world: w}
	h.mu.Unlock()
	h.giveUp(old)
}

// Close gives up the current world. No request may be acquired afterwards.
func (h *Holder) Close() {
	h.mu.Lock()
	old := h.current
	h.mu.Unlock()
	h.giveUp(old)
}

func (h *Holder) giveUp(one *held) {
	h.mu.Lock()
	idle := !one.gone && one.users == 0
	one.gone = true
	h.mu.Unlock()
	if idle {
		h.close(one)
	}
}

func (h *Holder) release(one *held) {
	h.mu.Lock()
	one.users--
	last := one.gone && one.users == 0
	h.mu.Unlock()
	if last {
		h.close(one)
	}
}

func (h *Holder) close(one *held) {
	if err := one.world.Close(); err != nil && h.Closed != nil {
		h.Closed(err)
	}
}
