package instance

import (
	"fmt"
	"sync"

	"github.com/pointsman-ai/pointsman"
)

// keeping is a snapshot on its way to the store.
type keeping struct {
	mu      sync.Mutex
	content []byte // nil once it is kept
}

// identify makes the configuration's snapshot, with the digests of the weights
// in place of their files, so that decisions can be replayed when those have
// changed.
func (w *Instance) identify() {
	digests := map[pointsman.ModelID]pointsman.Digest{}
	for id, one := range w.models {
		if one.artefact != "" {
			digests[id] = one.artefact
		}
	}
	w.config = w.config.WithArtefacts(digests)
	w.keeping.content, w.snapshot = w.config.Snapshot()
}

// Keep puts the configuration's snapshot into the store, where it is not there
// yet. Decisions name it, so whoever records them calls it again until it is
// nil: the disk may be full for a while, which is no reason not to serve.
func (w *Instance) Keep() error {
	w.keeping.mu.Lock()
	defer w.keeping.mu.Unlock()
	if w.keeping.content == nil {
		return nil
	}
	if _, err := w.store.Put(w.keeping.content); err != nil {
		return fmt.Errorf("keep the configuration's snapshot: %w", err)
	}
	w.keeping.content = nil
	return nil
}
