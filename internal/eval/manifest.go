package eval

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// Manifest says what a run's directory holds. It is written when a run begins
// and when it ends, and is for people and other programs: resuming relies on
// the keys of the rows alone.
type Manifest struct {
	Format   int                `json:"format"` // 1
	Name     string             `json:"name"`
	Task     pointsman.TaskID   `json:"task"`
	Dataset  pointsman.Digest   `json:"dataset"`
	Examples int                `json:"examples"`
	Targets  []IdentifiedTarget `json:"targets"`
	Scorer   string             `json:"scorer"`
	// State is "running", "finished", "interrupted" or "failed". A run that was
	// killed is left "running".
	State   string     `json:"state"`
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
}

// IdentifiedTarget is a target with its identity.
type IdentifiedTarget struct {
	collect.Target
	Identity pointsman.Digest `json:"identity"`
}

func (m *Manifest) write(dir string) error {
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return durable.WriteFile(filepath.Join(dir, ManifestFile), append(content, '\n'))
}
