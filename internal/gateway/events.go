package gateway

import (
	"net/http"

	"github.com/pointsman-ai/pointsman"
)

// eventWriter writes server-sent events to a client, each flushed as it comes.
// It implements cascade.Sink.
type eventWriter struct {
	w       http.ResponseWriter
	flusher *http.ResponseController
	buffer  []byte
}

func newEventWriter(w http.ResponseWriter) *eventWriter {
	return &eventWriter{w: w, flusher: http.NewResponseController(w)}
}

// Begin implements cascade.Sink: the tier is decided, so the headers can tell.
func (e *eventWriter) Begin(d *pointsman.Decision) error {
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	explain(h, d)
	e.w.WriteHeader(http.StatusOK)
	return nil
}

// Event implements cascade.Sink.
func (e *eventWriter) Event(data []byte) error { return e.write(data) }

// done ends a whole stream, end one that broke off, with a last event that
// says why: OpenAI's clients raise on an event with an "error" member.
func (e *eventWriter) done() error              { return e.write([]byte("[DONE]")) }
func (e *eventWriter) end(failure []byte) error { return e.write(failure) }

func (e *eventWriter) write(data []byte) error {
	e.buffer = append(append(append(e.buffer[:0], "data: "...), data...), "\n\n"...)
	if _, err := e.w.Write(e.buffer); err != nil {
		return err
	}
	return e.flusher.Flush()
}
