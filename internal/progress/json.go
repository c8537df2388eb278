package progress

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Event is one line of [JSON].
type Event struct {
	// Event is "start", "progress", "note" or "done".
	Event string    `json:"event"`
	Time  time.Time `json:"time"`
	Name  string    `json:"name,omitempty"`
	Done  int       `json:"done"`
	// Total is absent where nobody knows it.
	Total   int    `json:"total,omitempty"`
	Message string `json:"message,omitempty"`
}

// JSON presents progress as one JSON object a line, as often as [Lines] speaks.
type JSON struct {
	mu   sync.Mutex
	out  io.Writer
	now  func() time.Time
	task task
}

var _ Reporter = (*JSON)(nil)

// NewJSON writes to out; the clock is nil for the real one.
func NewJSON(out io.Writer, now func() time.Time) *JSON {
	return &JSON{out: out, now: clock(now)}
}

// Start writes a "start" event.
func (j *JSON) Start(name string, total int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.now()
	j.task.start(name, total, now)
	j.event("start", "", now)
}

// Add writes a "progress" event where it is time for one.
func (j *JSON) Add(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if now := j.now(); j.task.add(n, now) {
		j.event("progress", "", now)
	}
}

// Note writes a "note" event.
func (j *JSON) Note(message string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.event("note", message, j.now())
}

// Done writes a "done" event.
func (j *JSON) Done() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.task.running {
		return
	}
	j.task.running = false
	j.event("done", "", j.now())
}

func (j *JSON) event(kind, message string, now time.Time) {
	line, err := json.Marshal(Event{kind, now.UTC(), j.task.name, j.task.done, j.task.total, message})
	if err != nil { // strings, numbers and a time of this era always marshal
		return
	}
	write(j.out, append(line, '\n'))
}
