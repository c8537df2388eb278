package main

import (
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/suggest"
)

// checkNames refuses a cause and a lifecycle that there are not: a mistyped one
// would select nothing, which looks like a good answer.
func (l listOptions) checkNames() error {
	causes := names(pointsman.Causes)
	if l.cause != "" && !slices.Contains(causes, string(pointsman.Cause(l.cause).Current())) {
		return mistake(nearOrAll(l.cause, causes), "there is no cause %q", l.cause)
	}
	lifecycles := names([]pointsman.Lifecycle{pointsman.Completed, pointsman.Failed, pointsman.Aborted})
	if l.lifecycle != "" && !slices.Contains(lifecycles, l.lifecycle) {
		return mistake(nearOrAll(l.lifecycle, lifecycles), "there is no lifecycle %q", l.lifecycle)
	}
	return nil
}

// checkConfigured refuses a task and a tier that the configuration does not
// have. It is asked where nothing was found: records may be older than the
// configuration.
func (l listOptions) checkConfigured(c *config.Config) error {
	var tasks, tiers []string
	for _, task := range c.ResolveTasks() {
		tasks = append(tasks, string(task.ID))
		if l.task != "" && l.task != string(task.ID) {
			continue
		}
		for i := range task.Tiers {
			tiers = append(tiers, string(task.Tiers[i].ID))
		}
	}
	direct := func(name string) bool { return strings.Contains(name, "/") }
	if l.task != "" && !direct(l.task) && !slices.Contains(tasks, l.task) {
		return mistake(nearOrAll(l.task, tasks), "no decision is of a task %q, and the configuration has none", l.task)
	}
	if l.tier != "" && !direct(l.task) && !direct(l.tier) && !slices.Contains(tiers, l.tier) {
		return mistake(nearOrAll(l.tier, tiers), "no decision is of a tier %q, and the configuration has none", l.tier)
	}
	return nil
}

// nearOrAll is the name that may have been meant, and all that there are.
func nearOrAll(name string, known []string) string {
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	hint := "there are " + strings.Join(known, ", ")
	if near := suggest.Nearest(name, known); near != "" {
		hint = "did you mean " + near + "? " + strings.ToUpper(hint[:1]) + hint[1:]
	}
	return hint
}

func names[S ~string](all []S) []string {
	out := make([]string, len(all))
	for i, one := range all {
		out[i] = string(one)
	}
	return out
}
