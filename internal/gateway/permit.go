package gateway

import (
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/cascade"
)

// find resolves what a client named as its model, as far as its key permits.
// What is not permitted and what does not exist are told apart by nothing.
func find(instance Instance, who *admit.Principal, model string) (*cascade.Task, error) {
	task, err := instance.Find(model)
	switch {
	case err != nil && pointsman.CodeOf(err) != pointsman.CodeUnknownTask:
		return nil, err
	case err == nil && task.Direct:
		err = who.MayDirect(task.Tiers[0].Place.Upstream)
	case err == nil:
		err = who.MayTask(task.ID)
	}
	if err != nil {
		unknown := admit.UnknownModel(model)
		unknown.Hint = whatMay(instance, who)
		return nil, unknown
	}
	return task, nil
}

// visible are the tasks that a principal may name.
func visible(instance Instance, who *admit.Principal) []string {
	names := []string{}
	for _, name := range instance.Models() {
		if who.MayTask(pointsman.TaskID(name)) == nil {
			names = append(names, name)
		}
	}
	return names
}

// whatMay says what a principal may name as its model.
func whatMay(instance Instance, who *admit.Principal) string {
	const most = 20 // names in one hint
	names := visible(instance, who)
	if len(names) > most {
		names = append(names[:most:most], "… (GET /v1/models lists all)")
	}
	hint := "the tasks here are " + strings.Join(names, ", ")
	if len(names) == 0 {
		hint = "this key may name no task"
	}
	switch {
	case who.Direct.All:
		hint += "; or name upstream/model"
	case len(who.Direct.Upstreams) > 0:
		ids := make([]string, len(who.Direct.Upstreams))
		for i, id := range who.Direct.Upstreams {
			ids[i] = string(id)
		}
		hint += "; or name upstream/model, with one of the upstreams " + strings.Join(ids, ", ")
	}
	return hint
}
