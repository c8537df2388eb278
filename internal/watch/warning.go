package watch

import (
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// Warning says that traffic is not as calibration saw it.
type Warning struct {
	Time   time.Time        `json:"time"`
	Policy pointsman.Digest `json:"policy"`
	Bounds
	// Recent is the share in the last RecentRequests, behind the likeliest place of
	// the change, of the Requests that this watch has seen.
	Recent         float64 `json:"recent"`
	RecentRequests int     `json:"recent_requests"`
	Requests       int     `json:"requests"`
}

// maxWarnings bounds how many warnings of a task are kept; the oldest go first.
const maxWarnings = 100

// Keep puts a warning of a task on record. Only one process may do so at a time.
func Keep(dir datadir.Dir, task pointsman.TaskID, w Warning) error {
	all, err := read(dir, task)
	if err != nil {
		return err
	}
	all = append(all, w)
	if err := durable.WriteJSON(dir.WarningsOf(task), all[max(len(all)-maxWarnings, 0):]); err != nil {
		return fmt.Errorf("warnings of task %s: %w", task, err)
	}
	return nil
}

// InForce are the warnings of a task under a policy after a time, that of the last
// reset.
func InForce(dir datadir.Dir, task pointsman.TaskID, policy pointsman.Digest, since time.Time) ([]Warning, error) {
	all, err := read(dir, task)
	out := []Warning{}
	for _, w := range all {
		if w.Policy == policy && w.Time.After(since) {
			out = append(out, w)
		}
	}
	return out, err
}

func read(dir datadir.Dir, task pointsman.TaskID) ([]Warning, error) {
	var all []Warning
	if _, err := durable.ReadJSON(dir.WarningsOf(task), &all); err != nil {
		return nil, fmt.Errorf("read the warnings: %w", err)
	}
	return all, nil
}
