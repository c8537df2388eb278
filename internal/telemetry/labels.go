package telemetry

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman-ai/pointsman"
)

// What stands in a label for a name that no configuration holds. What clients
// invent must not become a series: each lives as long as the process.
const (
	labelDirect = "direct" // the task and tier of a request that named upstream/model
	labelOther  = "other"  // of no task, or of one that is gone
	labelNone   = "none"   // the tier of a request that no tier answered
)

// Names are the tasks of a configuration, each with its tiers.
type Names map[pointsman.TaskID][]pointsman.TierID

// labels knows which names may be labels. It is safe for concurrent use.
type labels struct {
	mu    sync.RWMutex // held for reading while series are written
	names Names
}

func (l *labels) task(id pointsman.TaskID) string {
	switch _, known := l.names[id]; {
	case known:
		return string(id)
	case strings.Contains(string(id), "/"): // no task's name has a slash
		return labelDirect
	}
	return labelOther
}

func (l *labels) tier(task pointsman.TaskID, id pointsman.TierID) string {
	switch label := l.task(task); {
	case id == "":
		return labelNone
	case label == labelDirect:
		return labelDirect
	case slices.Contains(l.names[task], id):
		return string(id)
	}
	return labelOther
}

// cause and lifecycle are counted by the names that the code gives them; any
// other is a mistake that must not cost memory.
func (l *labels) cause(c pointsman.Cause) string {
	if !slices.Contains(pointsman.Causes, c) {
		return labelOther
	}
	return string(c)
}

func (l *labels) lifecycle(c pointsman.Lifecycle) string {
	switch c {
	case pointsman.Completed, pointsman.Failed, pointsman.Aborted:
		return string(c)
	}
	return labelOther
}

// Configure tells which tasks and tiers there are from now on. Series of those
// that are gone are dropped, so that their number is bounded by what one
// configuration names, however often it changes.
func (m *Metrics) Configure(names Names) {
	m.labels.mu.Lock()
	defer m.labels.mu.Unlock()
	for task, tiers := range m.labels.names {
		if _, stays := names[task]; !stays {
			m.drop(prometheus.Labels{"task": string(task)})
			continue
		}
		for _, tier := range tiers {
			if !slices.Contains(names[task], tier) {
				m.drop(prometheus.Labels{"task": string(task), "tier": string(tier)})
			}
		}
	}
	m.labels.names = maps.Clone(names)
}

func (m *Metrics) drop(which prometheus.Labels) {
	for _, vector := range m.vectors() {
		vector.DeletePartialMatch(which)
	}
}
