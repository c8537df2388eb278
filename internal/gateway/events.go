package gateway

import (
	"net/http"
	"strconv"

	"github.com/pointsman-ai/pointsman"
)

// eventWriter writes a stream to a client, each piece flushed as it comes. It
// implements cascade.Sink.
type eventWriter struct {
	x       *exchange
	w       http.ResponseWriter
	flusher *http.ResponseController
}

func newEventWriter(x *exchange) *eventWriter {
	return &eventWriter{x: x, w: x.w, flusher: http.NewResponseController(x.w)}
}

// Begin implements cascade.Sink: the tier is decided, so the headers can tell.
func (e *eventWriter) Begin(d *pointsman.Decision) error {
	e.x.writable(true)
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	explain(h, d)
	e.w.WriteHeader(http.StatusOK)
	return nil
}

// Write implements cascade.Sink.
func (e *eventWriter) Write(piece []byte) error {
	if _, err := e.w.Write(piece); err != nil {
		return err
	}
	return e.flusher.Flush()
}

// explain sets the headers that say what happened.
func explain(h http.Header, d *pointsman.Decision) {
	h.Set(HeaderCause, string(d.Cause))
	if d.Tier == "" {
		return
	}
	h.Set(HeaderTier, string(d.Tier))
	h.Set(HeaderModel, string(d.Model))
	for i := range d.Attempts {
		c := &d.Attempts[i].Confidence
		if c.Uplift != nil && h.Get(HeaderUplift) == "" {
			h.Set(HeaderUplift, strconv.FormatFloat(*c.Uplift, 'g', -1, 64))
		}
		if c.Acceptable != nil && d.Attempts[i].Tier == d.Tier {
			h.Set(HeaderConfidence, strconv.FormatFloat(*c.Acceptable, 'f', 4, 64))
		}
	}
}
