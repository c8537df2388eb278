package instance

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/rules"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/upstream/embedded"
	"github.com/pointsman-ai/pointsman/internal/upstream/openai"
	"github.com/pointsman-ai/pointsman/internal/upstream/recorded"
	"github.com/pointsman-ai/pointsman/internal/vectors"
	"github.com/pointsman-ai/pointsman/internal/withdraw"
)

// builder fills an instance and collects what is wrong.
type builder struct {
	instance *Instance
	config   *config.Config
	options  Options
	problems config.Problems
}

// wrong reports a fault of the value at a path.
func (b *builder) wrong(err error, path ...any) {
	b.problems = append(b.problems, b.config.Problem(config.At(path...), err)...)
}

// connect opens the upstreams and loads the embedded models.
func (b *builder) connect() {
	for _, id := range slices.Sorted(maps.Keys(b.config.Upstreams)) {
		u := b.config.Upstreams[id]
		if b.options.Offline {
			continue
		}
		switch u.Type {
		case config.TypeOpenAI:
			b.openai(id, u)
		case config.TypeRecorded:
			b.recorded(id, u)
		case config.TypeEmbedded: // its models are opened one by one
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.config.Models)) {
		m := b.config.Models[id]
		c := connection{upstream: b.instance.http[m.Upstream], name: m.Name}
		if c.name == "" {
			c.name = string(id)
		}
		u := b.config.Upstreams[m.Upstream]
		c.endpoint = u.BaseURL.String()
		if u.Type == config.TypeEmbedded {
			content, digest, err := b.weights(m)
			if err != nil {
				b.wrong(err, "models", string(id), "artefact")
				continue
			}
			c.artefact = digest
			if !b.options.Offline {
				if c.upstream, err = embedded.Load(content, c.name, b.vectors); err != nil {
					b.wrong(err, "models", string(id), "artefact")
				}
			}
		}
		b.instance.models[id] = c
	}
}

// weights reads the artefact of an embedded model. Offline, the digest that a
// snapshot holds is enough.
func (b *builder) weights(m config.Model) ([]byte, pointsman.Digest, error) {
	if m.Artefact.Digest != "" {
		if b.options.Offline {
			return nil, m.Artefact.Digest, nil
		}
		content, err := b.options.Store.Get(m.Artefact.Digest)
		return content, m.Artefact.Digest, err
	}
	content, err := os.ReadFile(m.Artefact.File.String())
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", fmt.Errorf("there is no file %s: train one with pointsman student train", m.Artefact.File.Written())
	}
	if err != nil {
		return nil, "", err
	}
	return content, pointsman.DigestOf(content), nil
}

func (b *builder) openai(id pointsman.UpstreamID, u config.Upstream) {
	base, err := u.BaseURL.Resolve()
	if err != nil {
		b.wrong(err, "upstreams", string(id), "base_url")
		return
	}
	headers := make(map[string]string, len(u.Headers))
	for name, value := range u.Headers {
		if headers[name], err = value.Resolve(); err != nil {
			b.wrong(err, "upstreams", string(id), "headers", name)
			return
		}
	}
	if err := config.CheckBaseURL(base); err != nil {
		b.wrong(err, "upstreams", string(id), "base_url")
		return
	}
	o := openai.Options{BaseURL: base, Headers: headers, PrivateOnly: u.KeepsKeyPrivate(base)}
	if !u.APIKey.IsZero() {
		o.APIKey = u.APIKey.Resolve
	}
	one, err := openai.New(o)
	if err != nil {
		b.wrong(err, "upstreams", string(id), "base_url")
		return
	}
	b.instance.http[id] = one
	b.instance.closers = append(b.instance.closers, one)
}

func (b *builder) recorded(id pointsman.UpstreamID, u config.Upstream) {
	pace := recorded.PaceNone
	if u.Pace == config.PaceRecorded {
		pace = recorded.PaceRecorded
	}
	one, err := recorded.Open(u.Recording.String(), recorded.Options{Pace: pace})
	if err != nil {
		b.wrong(err, "upstreams", string(id), "recording")
		return
	}
	b.instance.http[id] = one
	b.instance.closers = append(b.instance.closers, one)
}

// tasks makes the tasks ready.
func (b *builder) tasks() {
	b.instance.rules = b.parse(b.config.Rules, "rules")
	for _, spec := range b.config.ResolveTasks() {
		t := &cascade.Task{
			ID: spec.ID, Kind: spec.Kind, Contract: spec.Contract, Target: spec.Target, Slices: spec.Slices, Costs: spec.Costs,
			Record: spec.Record, Fallback: spec.Fallback,
		}
		for i, tier := range spec.Tiers {
			t.Tiers = append(t.Tiers, b.tier(tier))
			spec.Tiers[i] = t.Tiers[i].Tier.Tier
		}
		for i, w := range spec.Witnesses {
			t.Witnesses = append(t.Witnesses, b.tier(w))
			spec.Witnesses[i] = t.Witnesses[i].Tier.Tier
		}
		b.samples(t, spec)
		b.rules(t, spec)
		compiled, err := contract.Compile(spec.Kind, spec.Contract)
		if err != nil {
			b.wrong(err, "tasks", string(spec.ID), "contract")
		}
		t.Reader = compiled
		if !b.options.IgnorePolicies {
			b.policy(t)
		}
		b.instance.tasks[spec.ID] = t
	}
}

// tier joins a configured tier with the model that answers it.
func (b *builder) tier(spec pointsman.Tier) cascade.Tier {
	return b.instance.models[spec.Variant.Model].tier(spec)
}

// samples makes the tiers that are judged ready to be asked again: with the params
// of the samples in place of their own.
func (b *builder) samples(t *cascade.Task, spec pointsman.Task) {
	if t.Samples = spec.Samples.Count; t.Samples == 0 {
		return
	}
	for i := range len(t.Tiers) - 1 {
		one := spec.Tiers[i]
		one.Variant.Params = maps.Clone(one.Variant.Params)
		if one.Variant.Params == nil {
			one.Variant.Params = map[string]string{}
		}
		maps.Copy(one.Variant.Params, spec.Samples.Params)
		sample := b.tier(one)
		t.Tiers[i].Sample = &sample
	}
}

// rules binds the rules of the whole file and of a task to its tiers.
func (b *builder) rules(t *cascade.Task, spec pointsman.Task) {
	own := b.parse(b.config.Tasks[t.ID].Rules, "tasks", string(t.ID), "rules")
	set, err := slices.Concat(b.instance.rules, own).For(spec.Tiers, spec.Witnesses)
	if err != nil {
		b.wrong(err, "tasks", string(t.ID), "rules")
		return
	}
	t.Rules = ruled{set: set, task: t.ID}
	t.StakesRules = stakesOf(slices.Concat(b.config.Rules, b.config.Tasks[t.ID].Rules))
}

// stakesOf is the digest of the rules that set stakes, which a policy is certified
// under.
func stakesOf(list []config.Rule) pointsman.Digest {
	var content []byte
	for _, r := range list {
		if r.Stakes != nil {
			content = fmt.Appendf(content, "%q %v\n", r.When, *r.Stakes)
		}
	}
	if content == nil {
		return ""
	}
	return pointsman.DigestOf(content)
}

// parse compiles the conditions of rules, which are listed at a path.
func (b *builder) parse(list []config.Rule, path ...any) rules.Programs {
	var out rules.Programs
	for i, r := range list {
		one, err := rules.Parse([]rules.Rule{convert(r)})
		if err != nil {
			b.wrong(err, append(slices.Clone(path), i, "when")...)
			continue
		}
		out = append(out, one...)
	}
	return out
}

func convert(r config.Rule) rules.Rule {
	one := rules.Rule{Name: r.Name, When: r.When, Pin: r.Pin}
	if r.Stakes != nil {
		one.Stakes = *r.Stakes
	}
	if f := r.Forbid; f != nil {
		one.Forbid = rules.Forbid{Locations: f.Locations, Regions: f.Regions, Upstreams: f.Upstreams, Tiers: f.Tiers}
	}
	return one
}

// policy loads the policy in force, and says why it does not apply where it
// does not.
func (b *builder) policy(t *cascade.Task) {
	digest, err := b.active(t.ID)
	if errors.Is(err, artefact.ErrNotFound) {
		if len(t.Tiers) > 1 {
			b.note("task %s has no policy yet: every request goes to its largest tier (run pointsman calibrate)", t.ID)
		}
		return
	}
	if err != nil {
		b.wrong(err, "tasks", string(t.ID))
		return
	}
	if digest == "" {
		return // replay of a decision that was made without one
	}
	p, err := policy.Load(b.options.Store.Get, digest)
	if err != nil {
		b.wrong(fmt.Errorf("policy of task %s: %w", t.ID, err), "tasks", string(t.ID))
		return
	}
	t.Policy, t.PolicyDigest = p, digest
	t.PolicyProblem = p.Matches(t.Terms())
	if p.Task != t.ID {
		t.PolicyProblem = fmt.Errorf("policy is void: it was fitted for task %s", p.Task)
	}
	if t.PolicyProblem == nil {
		b.drift(t)
	}
	if t.PolicyProblem != nil {
		b.note("task %s: %v; every request goes to its largest tier (run pointsman calibrate)", t.ID, t.PolicyProblem)
		return
	}
	if !p.Certified() {
		b.note("task %s: its policy has no certified threshold, so every request goes to its largest tier", t.ID)
	}
	if err := b.students(t); err != nil {
		b.wrong(err, "tasks", string(t.ID))
	}
}

// drift applies what was found by audits: the certificate of the policy in force
// may be withdrawn. Replay has that from the record of each decision.
func (b *builder) drift(t *cascade.Task) {
	if b.options.Policies != nil {
		return
	}
	events, err := withdraw.Events(b.config.Data(), t.ID)
	if err != nil {
		// What cannot be read may be an alarm.
		t.Withdrawn = fmt.Errorf("policy is void: whether its certificate was withdrawn for drift cannot be read: %w", err)
	} else if alarm, _ := withdraw.InForce(events, t.PolicyDigest); alarm != nil {
		t.Withdrawn = fmt.Errorf("policy is void: its certificate was withdrawn at %s: %s", alarm.Time.Format(time.RFC3339), alarm.Reason)
	}
	t.PolicyProblem = t.Withdrawn
}

func (b *builder) active(id pointsman.TaskID) (pointsman.Digest, error) {
	if b.options.Policies != nil {
		return b.options.Policies[id], nil
	}
	return b.options.Store.Active(id)
}

// students loads the auxiliary models whose signals the policy reads.
func (b *builder) students(t *cascade.Task) error {
	if b.options.Offline || len(t.Policy.Students) == 0 {
		return nil
	}
	byName := map[string]*student.Model{}
	for _, s := range t.Policy.Students {
		content, err := b.options.Store.Get(s.Digest)
		if err != nil {
			return fmt.Errorf("student %s of task %s: %w", s.Name, t.ID, err)
		}
		if byName[s.Name], err = student.UnmarshalWith(content, b.vectors); err != nil {
			return fmt.Errorf("student %s of task %s: %w", s.Name, t.ID, err)
		}
	}
	for i := range len(t.Tiers) - 1 {
		t.Tiers[i].Students = &signal.Students{
			Label: byName[signal.LabelStudent], Judge: byName[signal.JudgeStudent(t.Tiers[i].ID)],
		}
	}
	return nil
}

// vectors finds a table of word vectors that a student reads texts with. All
// instances of the process share one copy.
func (b *builder) vectors(d pointsman.Digest) (*vectors.Table, error) {
	return vectors.Load(d, b.options.Store.Get)
}

func (b *builder) note(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	b.instance.notes = append(b.instance.notes, note)
	b.options.Logger.Warn(note)
}
