package instance

import (
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/config"
)

// Past builds the task of a decision as it was then: under the configuration
// whose snapshot the decision names, with the policy that it names in force. A
// name of upstream/model gives the ad-hoc task of a direct request. The task can
// be replayed and not asked.
func Past(store *artefact.Store, snapshot, policy pointsman.Digest, name pointsman.TaskID) (*cascade.Task, error) {
	content, err := store.Get(snapshot)
	if err != nil {
		return nil, fmt.Errorf("the configuration of that time: %w", err)
	}
	c, err := config.FromSnapshot(content)
	if err != nil {
		return nil, fmt.Errorf("the configuration of that time: %w", err)
	}
	i, err := Build(c, Options{Store: store, Offline: true, Policies: map[pointsman.TaskID]pointsman.Digest{name: policy}})
	if err != nil {
		return nil, fmt.Errorf("the configuration of that time: %w", err)
	}
	return i.Find(string(name))
}
