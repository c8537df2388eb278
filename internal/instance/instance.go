// Package instance turns a configuration into what requests are served from: open
// upstreams, loaded students, compiled rules and contracts, the policies in
// force. A instance is built and validated as a whole before any request sees it,
// never changes afterwards, and is closed when the last request that holds it is
// done.
package instance

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/gateway"
	"github.com/pointsman-ai/pointsman/internal/rules"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// Instance is one configuration, ready to serve. It implements gateway.Instance.
type Instance struct {
	config   *config.Config
	snapshot pointsman.Digest
	keeping  keeping
	store    *artefact.Store
	tasks    map[pointsman.TaskID]*cascade.Task
	models   map[pointsman.ModelID]connection
	names    []string
	limits   gateway.Limits
	http     map[pointsman.UpstreamID]upstream.Upstream // those that answer any model's name
	closers  []io.Closer
	notes    []string
	direct   []rules.Rule
	offline  bool // no upstream is there to be asked
}

var _ gateway.Instance = (*Instance)(nil)

// connection is a model that can be asked.
type connection struct {
	upstream upstream.Upstream
	name     string           // as the upstream knows the model
	artefact pointsman.Digest // of its weights, where they are ours
}

// Options say how to build a instance.
type Options struct {
	// Store holds students and policies.
	Store *artefact.Store
	// Logger takes what the operator should know; nil discards it.
	Logger *slog.Logger
	// IgnorePolicies builds tasks without their active policies, for
	// calibration.
	IgnorePolicies bool
	// Policies, where it is not nil, names the policies to use in place of the
	// active ones: what a decision's record names, for replay.
	Policies map[pointsman.TaskID]pointsman.Digest
	// Offline leaves the upstreams out: enough to replay, not to ask.
	Offline bool
}

// Build makes a instance. Everything that is wrong with the configuration is told
// at once, as config.Problems with their places in the file; nothing is left
// open then.
func Build(c *config.Config, o Options) (_ *Instance, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Instance{
		config: c, store: o.Store, offline: o.Offline, tasks: map[pointsman.TaskID]*cascade.Task{},
		models: map[pointsman.ModelID]connection{}, http: map[pointsman.UpstreamID]upstream.Upstream{},
		limits: gateway.Limits{MaxBody: int64(c.Server.MaxBody), RequestTimeout: c.Server.RequestTimeout.Std()},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	b := &builder{instance: w, config: c, options: o}
	b.connect()
	b.tasks()
	if len(b.problems) > 0 {
		return nil, b.problems.Sorted()
	}
	w.identify()
	if err := w.Keep(); err != nil {
		b.note("the configuration's snapshot could not be kept yet: %v", err)
	}
	for id := range w.tasks {
		w.names = append(w.names, string(id))
	}
	slices.Sort(w.names)
	return w, nil
}

// Task finds a task by its name.
func (w *Instance) Task(id pointsman.TaskID) (*cascade.Task, error) {
	if t, ok := w.tasks[id]; ok {
		return t, nil
	}
	return nil, w.unknown(string(id))
}

// Tasks are all tasks, by name.
func (w *Instance) Tasks() []*cascade.Task {
	out := make([]*cascade.Task, 0, len(w.names))
	for _, name := range w.names {
		out = append(out, w.tasks[pointsman.TaskID(name)])
	}
	return out
}

// Find implements gateway.Instance.
func (w *Instance) Find(model string) (*cascade.Task, error) {
	if t, ok := w.tasks[pointsman.TaskID(model)]; ok {
		return t, nil
	}
	provider, name, ok := strings.Cut(model, "/")
	if !ok || name == "" {
		return nil, w.unknown(model)
	}
	return w.straight(pointsman.UpstreamID(provider), name)
}

// straight makes the ad-hoc task of a request that names provider/model. Its
// price is known where a configured model of that upstream has the name.
func (w *Instance) straight(id pointsman.UpstreamID, name string) (*cascade.Task, error) {
	u, ok := w.config.Upstreams[id]
	if !ok {
		return nil, w.unknown(string(id) + "/" + name)
	}
	tier := cascade.Tier{
		Tier: pointsman.Tier{
			ID: pointsman.TierID(id) + "/" + pointsman.TierID(name), Timeout: u.Timeout.Std(),
			Variant: pointsman.Variant{Model: pointsman.ModelID(string(id) + "/" + name)},
			Place:   pointsman.Place{Upstream: id, Location: u.Location, Region: u.Region},
		},
		Name: name, Upstream: w.http[id],
	}
	if model, ok := w.offered(id, name); ok {
		one := w.models[model]
		tier.Upstream, tier.Name, tier.Price = one.upstream, one.name, w.config.Models[model].Price.Price
		tier.Variant.Model, tier.Variant.Artefact = model, one.artefact
	}
	tier.Variant.Name, tier.Variant.Upstream = tier.Name, id
	if tier.Upstream == nil && !w.offline {
		return nil, w.unknown(string(id) + "/" + name)
	}
	tier.Digest = tier.Variant.Digest()
	tiers := []pointsman.Tier{tier.Tier}
	set, err := rules.Compile(w.direct, tiers, nil)
	if err != nil {
		return nil, fmt.Errorf("rules of %s: %w", tier.ID, err)
	}
	t := &cascade.Task{
		Task:  pointsman.Task{ID: pointsman.TaskID(tier.ID), Kind: pointsman.KindOpen, Tiers: tiers, Record: pointsman.RecordRedacted},
		Tiers: []cascade.Tier{tier}, Direct: true,
	}
	t.Rules = ruled{set: set, task: t.ID, pin: tier.ID}
	return t, nil
}

// offered finds the configured model of an upstream that a name means: the one
// that is configured under it, else the first that the upstream calls so.
func (w *Instance) offered(id pointsman.UpstreamID, name string) (pointsman.ModelID, bool) {
	if m, ok := w.config.Models[pointsman.ModelID(name)]; ok && m.Upstream == id {
		return pointsman.ModelID(name), true
	}
	for _, model := range slices.Sorted(maps.Keys(w.config.Models)) {
		if m := w.config.Models[model]; m.Upstream == id && m.Name == name {
			return model, true
		}
	}
	return "", false
}

// unknown is the error for a name that is no task and no provider/model.
func (w *Instance) unknown(model string) error {
	if len(model) > 128 {
		model = model[:128] + "…"
	}
	hint := "the tasks here are " + strings.Join(w.names, ", ") + "; or name upstream/model, with one of the upstreams " + strings.Join(w.upstreams(), ", ")
	return &pointsman.Error{Code: pointsman.CodeUnknownTask, Message: fmt.Sprintf("there is no task or model %q", model), Hint: hint, Param: "model"}
}

func (w *Instance) upstreams() []string {
	var out []string
	for id := range w.config.Upstreams {
		out = append(out, string(id))
	}
	slices.Sort(out)
	return out
}

// Models implements gateway.Instance.
func (w *Instance) Models() []string { return w.names }

// Snapshot implements gateway.Instance.
func (w *Instance) Snapshot() pointsman.Digest { return w.snapshot }

// Config is the configuration that the instance was built from.
func (w *Instance) Config() *config.Config { return w.config }

// Limits implements gateway.Instance.
func (w *Instance) Limits() gateway.Limits { return w.limits }

// Notes are what an operator should know of this instance though it serves: a
// task without a policy, a void one.
func (w *Instance) Notes() []string { return w.notes }

// Close closes what the instance opened.
func (w *Instance) Close() error {
	var errs []error
	for _, c := range slices.Backward(w.closers) {
		errs = append(errs, c.Close())
	}
	w.closers = nil
	return errors.Join(errs...)
}

// ruled applies a compiled rule set as one task's. A direct request is pinned
// to its only tier.
type ruled struct {
	set  *rules.Set
	task pointsman.TaskID
	pin  pointsman.TierID
}

// Apply implements cascade.Rules.
func (r ruled) Apply(request *pointsman.Request) pointsman.RuleEffect {
	effect := r.set.Apply(request, r.task)
	if r.pin != "" && slices.Contains(effect.Permitted, r.pin) {
		effect.Pin = r.pin
	}
	return effect
}
