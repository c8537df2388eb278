// Package instance turns a configuration into what requests are served from: open
// upstreams, loaded students, compiled rules and contracts, the policies in
// force. An instance is built and validated as a whole before any request sees it,
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
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/call"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
	"github.com/pointsman-ai/pointsman/internal/rules"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// conversions are those between what clients and upstreams speak.
var conversions = dialect.Table{
	{Client: pointsman.DialectChat, Upstream: pointsman.DialectChat}: chat.ToChat{},
}

// Instance is one configuration, ready to serve.
type Instance struct {
	config   *config.Config
	snapshot pointsman.Digest
	keeping  keeping
	store    *artefact.Store
	tasks    map[pointsman.TaskID]*cascade.Task
	models   map[pointsman.ModelID]connection
	names    []string
	http     map[pointsman.UpstreamID]upstream.Upstream // those that answer any model's name
	closers  []io.Closer
	notes    []string
	rules    rules.Programs // of the whole file
	offline  bool           // no upstream is there to be asked
}

// connection is a model that can be asked.
type connection struct {
	upstream upstream.Upstream
	name     string           // as the upstream knows the model
	artefact pointsman.Digest // of its weights, where they are ours
	endpoint string           // where it is asked, as the configuration has it
}

// Options say how to build an instance.
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

// Build makes an instance. Everything that is wrong with the configuration is told
// at once, as config.Problems with their places in the file; nothing is left
// open then.
func Build(c *config.Config, o Options) (_ *Instance, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Instance{
		config: c, store: o.Store, offline: o.Offline, tasks: map[pointsman.TaskID]*cascade.Task{},
		models: map[pointsman.ModelID]connection{}, http: map[pointsman.UpstreamID]upstream.Upstream{},
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

// Find resolves what a client named as its model: a task, or provider/model. Its
// errors are of type *pointsman.Error.
func (w *Instance) Find(model string) (*cascade.Task, error) {
	if t, ok := w.tasks[pointsman.TaskID(model)]; ok {
		return t, nil
	}
	provider, name, ok := strings.Cut(model, "/")
	if !ok || name == "" {
		return nil, w.unknown(model)
	}
	return w.adHoc(pointsman.UpstreamID(provider), name)
}

// adHoc makes the ad-hoc task of a request that names provider/model. Its
// price is known where a configured model of that upstream has the name.
func (w *Instance) adHoc(id pointsman.UpstreamID, name string) (*cascade.Task, error) {
	u, ok := w.config.Upstreams[id]
	if !ok {
		return nil, w.unknown(string(id) + "/" + name)
	}
	spec := pointsman.Tier{
		ID: pointsman.TierID(id) + "/" + pointsman.TierID(name), Timeout: u.Timeout.Std(),
		Variant: pointsman.Variant{Model: pointsman.ModelID(string(id) + "/" + name)},
		Place:   pointsman.Place{Upstream: id, Location: u.Location, Region: u.Region},
	}
	one := connection{upstream: w.http[id], name: name}
	if model, ok := w.offered(id, name); ok {
		one = w.models[model]
		spec.Variant.Model, spec.Price = model, w.config.Models[model].Price.Price
	}
	if one.upstream == nil && !w.offline {
		return nil, w.unknown(string(id) + "/" + name)
	}
	tier := one.tier(spec)
	tier.KeepMetadata = true // the client has named the vendor itself
	set, err := w.rules.For([]pointsman.Tier{tier.Tier.Tier}, nil)
	if err != nil {
		return nil, fmt.Errorf("rules of %s: %w", tier.ID, err)
	}
	task := pointsman.TaskID(tier.ID)
	return &cascade.Task{
		ID: task, Kind: pointsman.KindOpen, Record: pointsman.RecordRedacted, Tiers: []cascade.Tier{tier},
		Rules: ruled{set: set, task: task, pin: tier.ID}, Direct: true,
	}, nil
}

// tier joins a tier with the model that answers it.
func (c connection) tier(spec pointsman.Tier) cascade.Tier {
	spec.Variant.Artefact, spec.Variant.Name, spec.Variant.Upstream = c.artefact, c.name, spec.Place.Upstream
	t := cascade.Tier{Tier: call.Tier{Tier: spec, Conversions: conversions}, Digest: spec.Variant.Digest(), Endpoint: c.endpoint}
	if c.upstream != nil {
		t.Endpoints = []call.Endpoint{{ID: spec.Place.Upstream, Upstream: c.upstream, Model: c.name}}
	}
	return t
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
	hint := "the tasks here are " + strings.Join(w.names, ", ") + "; or name upstream/model, with one of the upstreams " + strings.Join(w.upstreams(), ", ")
	return &pointsman.Error{Code: pointsman.CodeUnknownTask, Message: fmt.Sprintf("there is no task or model %q", excerpt.Of(model, 128)), Hint: hint, Param: "model"}
}

func (w *Instance) upstreams() []string {
	var out []string
	for id := range w.config.Upstreams {
		out = append(out, string(id))
	}
	slices.Sort(out)
	return out
}

// Models lists the tasks by name: what a client may name beside
// provider/model.
func (w *Instance) Models() []string { return w.names }

// Snapshot is the digest of the configuration.
func (w *Instance) Snapshot() pointsman.Digest { return w.snapshot }

// Config is the configuration that the instance was built from.
func (w *Instance) Config() *config.Config { return w.config }

// MaxBody bounds the body of a request, in bytes.
func (w *Instance) MaxBody() int64 { return int64(w.config.Server.MaxBody) }

// RequestTimeout bounds a request's time, from the decoded request to the last
// byte of the answer.
func (w *Instance) RequestTimeout() time.Duration { return w.config.Server.RequestTimeout.Std() }

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
