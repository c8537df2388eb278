package instance

import (
	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/shadow"
)

var _ shadow.Instance = (*Instance)(nil)

// Audits are the settings of a task's shadow audits; nil where it has none.
func (w *Instance) Audits(id pointsman.TaskID) *shadow.Settings {
	a := w.config.Tasks[id].Audit
	if a == nil {
		return nil
	}
	return &shadow.Settings{Share: a.Share, PerDay: a.Budget.PerDay, Harm: a.Harm}
}
