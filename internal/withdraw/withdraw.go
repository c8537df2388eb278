// Package withdraw keeps on disk whether the certificate of a task's policy is
// withdrawn for drift, why, and who took that back. It survives restarts, and
// ends when another policy is put in force.
package withdraw

import (
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// Event is an alarm, or its reset by a person.
type Event struct {
	Time   time.Time        `json:"time"`
	Policy pointsman.Digest `json:"policy"`
	// Reset is false for an alarm.
	Reset  bool   `json:"reset,omitempty"`
	Reason string `json:"reason"`
	// Evidence is what an alarm rests on; nil for a reset.
	Evidence *Evidence `json:"evidence,omitempty"`
}

// Evidence is what the audits showed at an alarm.
type Evidence struct {
	Audits  int     `json:"audits"`  // that count
	Allowed float64 `json:"allowed"` // mean harm
	Harm    float64 `json:"harm"`    // mean over all of them
	// Recent is the mean over the last RecentAudits, behind the likeliest place
	// of the change.
	Recent       float64 `json:"recent"`
	RecentAudits int     `json:"recent_audits"`
}

// maxEvents bounds how many events of a task are kept; the oldest go first.
const maxEvents = 100

// record is the file of a task.
type record struct {
	Events []Event `json:"events"` // oldest first
}

// Events are the alarms and resets of a task, oldest first.
func Events(dir datadir.Dir, task pointsman.TaskID) ([]Event, error) {
	var r record
	found, err := durable.ReadJSON(dir.DriftOf(task), &r)
	if err == nil && found && r.Events == nil { // what was withdrawn must not come back by a file that says nothing
		err = fmt.Errorf("%s: it says nothing of alarms", dir.DriftOf(task))
	}
	if err != nil {
		return nil, fmt.Errorf("read what is known of drift: %w", err)
	}
	return r.Events, nil
}

// Append puts an event of a task on record.
func Append(dir datadir.Dir, task pointsman.TaskID, e Event) error {
	events, err := Events(dir, task)
	if err != nil {
		return err
	}
	events = append(events, e)
	if err := durable.WriteJSON(dir.DriftOf(task), record{events[max(len(events)-maxEvents, 0):]}); err != nil {
		return fmt.Errorf("drift of task %s: %w", task, err)
	}
	return nil
}

// InForce is the alarm by which a policy's certificate is withdrawn; nil where it
// is not. since is the time of the last reset, before which audits do not count.
func InForce(events []Event, policy pointsman.Digest) (alarm *Event, since time.Time) {
	for i := range events {
		e := &events[i]
		switch {
		case e.Policy != policy:
		case e.Reset:
			alarm, since = nil, e.Time
		default:
			alarm = e
		}
	}
	return alarm, since
}
