package instance_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/student"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// weights are a student's artefact, trained once.
var weights = sync.OnceValues(func() ([]byte, error) {
	o := student.Small()
	o.Bits, o.Workers, o.Folds = 10, 1, 2
	var examples []student.Example
	for i := range 20 {
		examples = append(examples,
			student.Example{Text: fmt.Sprintf("where is my parcel %d", i), Label: "parcel"},
			student.Example{Text: fmt.Sprintf("please refund order %d", i), Label: "refund"})
	}
	m, err := student.Train(context.Background(), examples, o, nil)
	if err != nil {
		return nil, err
	}
	return m.MarshalBinary()
})

func write(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

const file = `version: 1
upstreams:
  local: {type: embedded, location: edge, region: on_premises}
  tape: {type: recorded, location: managed, region: us, recording: tape.pmrec}
models:
  small: {upstream: local, artefact: "file:./small.student", price: {input: 0.02, output: 0.02}}
  large: {upstream: local, artefact: "file:./large.student"}
  big: {upstream: tape, name: vendor-big, price: {input: 2, output: 8}}
tasks:
  support:
    kind: classify
    contract: {labels: [parcel, refund]}
    prompt: {version: "1", system: "Answer with a label."}
    tiers:
      - {name: small, model: small}
      - {name: large, model: large}
rules:
  - {name: stays-here, when: 'metadata["secret"] == "yes"', forbid: {locations: [managed]}}
`

// folder is a folder with everything that the file names.
func folder(t testing.TB) string {
	t.Helper()
	content, err := weights()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"small.student", "large.student"} {
		write(t, dir, name, string(content))
	}
	write(t, dir, "tape.pmrec", "")
	return dir
}

func parse(t testing.TB, dir, src string) *config.Config {
	t.Helper()
	c, err := config.Parse("pointsman.yaml", []byte(src), dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func build(t testing.TB, dir, src string) *instance.Instance {
	t.Helper()
	w, err := instance.Build(parse(t, dir, src), instance.Options{Store: artefact.Open(dir)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// activate puts a policy in force that trusts the small tier of the task, with
// the given students.
func activate(t *testing.T, dir string, tiers []pointsman.Digest, students ...policy.Student) {
	t.Helper()
	threshold := 0.5
	p := &policy.Policy{
		Version: 1, Task: "support", Kind: pointsman.KindClassify, Created: time.Unix(1e9, 0).UTC(), Data: pointsman.DigestOf(nil),
		Tiers: tiers, Target: pointsman.Target{Retain: 0.9, Confidence: 0.9}, Students: students,
		Stages: []policy.Stage{{
			Scorer: policy.Scorer{
				Features:    []policy.Feature{{Signal: signal.AnswerMargin, Scale: 1, Low: -1, High: 1}},
				Acceptable:  policy.Head{Weights: []float64{4}, Missing: []float64{0}},
				OnlyLargest: policy.Head{Weights: []float64{-3}, Missing: []float64{0}},
				OnlyThis:    policy.Head{Weights: []float64{0}, Missing: []float64{0}},
				Calibration: policy.Map{Method: policy.MethodPlatt, Coefficients: []float64{1, 0}}, Rank: policy.RankUplift,
				Uplift: policy.Map{Method: policy.MethodLinear, Coefficients: []float64{1, 0}},
			},
			Thresholds: []policy.Threshold{{Threshold: &threshold, Certified: true, Why: "test"}},
			Certificate: &policy.StageCertificate{
				Claim: "test", Certified: true, Rho: 0.9, Delta: 0.1, N: 100, Accepted: 50, Bound: 0.01, LargeAccuracyLower: 0.9, Epsilon: 0.09,
				Data: pointsman.DigestOf(nil), Fresh: pointsman.DigestOf(nil), Test: "test", Issued: time.Unix(1e9, 0).UTC(), VoidedBy: []string{"test"},
			},
		}},
	}
	content, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	store := artefact.Open(dir)
	d, err := store.Put(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Activate("support", d, time.Now()); err != nil {
		t.Fatal(err)
	}
}

func variants(t *testing.T, w *instance.Instance) []pointsman.Digest {
	t.Helper()
	task, err := w.Task("support")
	if err != nil {
		t.Fatal(err)
	}
	return task.Variants()
}

func artefactPath(dir string, d pointsman.Digest) string {
	return filepath.Join(dir, "artefacts", d.Hex()[:2], d.Hex())
}

// Build tells everything that is wrong, with its place, and leaves nothing
// open.
func TestBuildTellsWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name   string
		src    string
		before func(t *testing.T, dir string)
		want   []string // path: message, each in part
		is     error
	}{
		{
			"a model file is not there", file, func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "small.student")) },
			[]string{"models.small.artefact: there is no file ./small.student: train one with pointsman student train"},
			nil,
		},
		{
			"a model file is no model", file, func(t *testing.T, dir string) { write(t, dir, "large.student", "hello") },
			[]string{"models.large.artefact: not an embedded model"},
			nil,
		},
		{
			"a recording is not there", file, func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "tape.pmrec")) },
			[]string{"upstreams.tape.recording: "},
			os.ErrNotExist,
		},
		{
			"a recording is none", file, func(t *testing.T, dir string) { write(t, dir, "tape.pmrec", "{}\n{}\n") },
			[]string{"upstreams.tape.recording: "},
			nil,
		},
		{"all at once", file, func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, "small.student"))
			remove(t, filepath.Join(dir, "tape.pmrec"))
		}, []string{"upstreams.tape.recording: ", "models.small.artefact: "}, nil},
		{
			"an artefact that is not in the store", strings.Replace(file, `"file:./small.student"`, string(pointsman.DigestOf(nil)), 1), nil,
			[]string{"models.small.artefact: no such artefact: " + string(pointsman.DigestOf(nil))},
			artefact.ErrNotFound,
		},
		{
			"a secret that is not there", strings.Replace(file, "  tape: {type: recorded,", "  api: {type: openai, location: managed, region: us, base_url: \"${POINTSMAN_TEST_NO_SUCH}\"}\n  tape: {type: recorded,", 1), nil,
			[]string{"upstreams.api.base_url: "},
			config.ErrUnresolved,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			if c.before != nil {
				c.before(t, dir)
			}
			w, err := instance.Build(parse(t, dir, c.src), instance.Options{Store: artefact.Open(dir)})
			told(t, w, err, c.want...)
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// told checks that a build failed with exactly these problems.
func told(t *testing.T, w *instance.Instance, err error, want ...string) {
	t.Helper()
	var problems config.Problems
	if w != nil || !errors.As(err, &problems) {
		t.Fatalf("instance %v, error %v", w != nil, err)
	}
	if len(problems) != len(want) {
		t.Errorf("%d problems, want %d: %v", len(problems), len(want), err)
	}
	for _, one := range want {
		found := false
		for _, p := range problems {
			found = found || p.Line > 0 && strings.Contains(p.Path+": "+p.Message, one)
		}
		if !found {
			t.Errorf("nothing with a place says %q: %v", one, err)
		}
	}
}

func TestBuildTellsOfABrokenPolicy(t *testing.T) {
	content, err := weights()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string, tiers []pointsman.Digest)
		want string
	}{
		{"it is not there", func(t *testing.T, dir string, _ []pointsman.Digest) {
			if err := artefact.Open(dir).Activate("support", pointsman.DigestOf([]byte("gone")), time.Now()); err != nil {
				t.Fatal(err)
			}
		}, "policy of task support: no such artefact"},
		{"it is no policy", func(t *testing.T, dir string, _ []pointsman.Digest) { put(t, dir, "hello") }, "policy of task support: "},
		{"its file was altered", func(t *testing.T, dir string, tiers []pointsman.Digest) {
			activate(t, dir, tiers)
			alter(t, dir)
		}, "policy of task support: artefact is not what was stored"},
		{"its name was altered", func(t *testing.T, dir string, tiers []pointsman.Digest) {
			activate(t, dir, tiers)
			write(t, filepath.Join(dir, "active"), "support", "sha256:short\n")
		}, "not a digest"},
		{"a student is not there", func(t *testing.T, dir string, tiers []pointsman.Digest) {
			activate(t, dir, tiers, policy.Student{Name: "label", Digest: pointsman.DigestOf([]byte("gone"))})
		}, "student label of task support: no such artefact"},
		{"a student was altered", func(t *testing.T, dir string, tiers []pointsman.Digest) {
			d, err := artefact.Open(dir).Put(content)
			if err != nil {
				t.Fatal(err)
			}
			activate(t, dir, tiers, policy.Student{Name: "label", Digest: d})
			changed := append([]byte(nil), content...)
			changed[len(changed)/2] ^= 1
			if err := os.WriteFile(artefactPath(dir, d), changed, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "student label of task support: artefact is not what was stored"},
		{"a student is none", func(t *testing.T, dir string, tiers []pointsman.Digest) {
			d, err := artefact.Open(dir).Put([]byte("hello"))
			if err != nil {
				t.Fatal(err)
			}
			activate(t, dir, tiers, policy.Student{Name: "judge:small", Digest: d})
		}, "student judge:small of task support: not a valid student artefact"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			c.make(t, dir, variants(t, build(t, dir, file)))
			w, err := instance.Build(parse(t, dir, file), instance.Options{Store: artefact.Open(dir)})
			told(t, w, err, c.want)
			// Calibration must still be able to make a better one.
			w, err = instance.Build(parse(t, dir, file), instance.Options{Store: artefact.Open(dir), IgnorePolicies: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func put(t *testing.T, dir, content string) {
	t.Helper()
	d, err := artefact.Open(dir).Put([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	if err := artefact.Open(dir).Activate("support", d, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// alter flips a bit of the active policy.
func alter(t *testing.T, dir string) {
	t.Helper()
	d, err := artefact.Open(dir).Active("support")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(artefactPath(dir, d))
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(artefactPath(dir, d), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPolicyInForce(t *testing.T) {
	dir := folder(t)
	first := build(t, dir, file)
	if notes := strings.Join(first.Notes(), "\n"); !strings.Contains(notes, "task support has no policy yet") {
		t.Errorf("notes %q", notes)
	}
	content, _ := weights()
	d, err := artefact.Open(dir).Put(content)
	if err != nil {
		t.Fatal(err)
	}
	activate(t, dir, variants(t, first), policy.Student{Name: "judge:small", Digest: d}, policy.Student{Name: "label", Digest: d})
	w := build(t, dir, file)
	task, err := w.Task("support")
	if err != nil {
		t.Fatal(err)
	}
	if task.PolicyProblem != nil || task.Policy == nil || len(w.Notes()) != 0 {
		t.Errorf("void %v, notes %q", task.PolicyProblem, w.Notes())
	}
	if s := task.Tiers[0].Students; s == nil || s.Label == nil || s.Judge == nil || task.Tiers[1].Students != nil {
		t.Errorf("students %+v and %+v", task.Tiers[0].Students, task.Tiers[1].Students)
	}

	// The options that replay and calibration use.
	for name, c := range map[string]struct {
		o      instance.Options
		policy bool
	}{
		"calibration":              {instance.Options{IgnorePolicies: true}, false},
		"replay of one without":    {instance.Options{Policies: map[pointsman.TaskID]pointsman.Digest{}, Offline: true}, false},
		"replay of one with":       {instance.Options{Policies: map[pointsman.TaskID]pointsman.Digest{"support": task.PolicyDigest}, Offline: true}, true},
		"offline, with the active": {instance.Options{Offline: true}, true},
	} {
		c.o.Store = artefact.Open(dir)
		if c.o.Offline { // it needs no recordings
			_ = os.Remove(filepath.Join(dir, "tape.pmrec")) // gone the second time
		} else {
			write(t, dir, "tape.pmrec", "")
		}
		w, err := instance.Build(parse(t, dir, file), c.o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		task, _ := w.Task("support")
		if (task.Policy != nil) != c.policy || task.PolicyProblem != nil {
			t.Errorf("%s: policy %v, void %v", name, task.Policy != nil, task.PolicyProblem)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A policy is about the answers of certain variants. Whatever changes them
// makes it void, and a void policy trusts nothing.
func TestChangedVariantVoidsThePolicy(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		void           bool
	}{
		{"nothing", "", "", false},
		{"the prompt", "Answer with a label.", "Answer with one label.", true},
		{"the prompt's version", `version: "1"`, `version: "2"`, true},
		{"a parameter", "{name: small, model: small}", "{name: small, model: small, params: {temperature: 1}}", true},
		{"the largest tier's model", "{name: large, model: large}", "{name: large, model: big}", true},
		{"a witness", "    tiers:", "    witnesses: [{model: big}]\n    tiers:", true},
		{"a price", "price: {input: 0.02, output: 0.02}", "price: {input: 0.03, output: 0.02}", false},
		{"a time-out", "{name: small, model: small}", "{name: small, model: small, timeout: 3s}", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			activate(t, dir, variants(t, build(t, dir, file)))
			w := build(t, dir, strings.Replace(file, c.old, c.new, 1))
			task, err := w.Task("support")
			if err != nil {
				t.Fatal(err)
			}
			if (task.PolicyProblem != nil) != c.void || task.PolicyDigest == "" {
				t.Fatalf("void: %v", task.PolicyProblem)
			}
			plan := task.Plan(request(t, "support", nil))
			if want := map[bool]pointsman.Cause{true: pointsman.CauseVoid, false: pointsman.CauseAccepted}[c.void]; plan.Cause != want {
				t.Errorf("planned %+v, want %s", plan, want)
			}
			if noted := strings.Contains(strings.Join(w.Notes(), "\n"), "run pointsman calibrate"); noted != c.void {
				t.Errorf("notes %q", w.Notes())
			}
		})
	}
	t.Run("the weights", func(t *testing.T) {
		dir := folder(t)
		activate(t, dir, variants(t, build(t, dir, file)))
		content, _ := weights()
		m, err := student.Unmarshal(content)
		if err != nil {
			t.Fatal(err)
		}
		o := m.Options()
		o.Seed, o.Workers = 9, 1
		other, err := student.Train(t.Context(), []student.Example{{Text: "a parcel", Label: "parcel"}, {Text: "a refund", Label: "refund"}, {Text: "the parcel", Label: "parcel"}, {Text: "my refund", Label: "refund"}}, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if content, err = other.MarshalBinary(); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "small.student", string(content))
		if task, _ := build(t, dir, file).Task("support"); task.PolicyProblem == nil {
			t.Error("retrained weights, and the policy is still in force")
		}
	})
}

// Where one model's name at its vendor is replaced by another's, other answers
// come: the policy that was certified for the one says nothing of them.
func TestAnotherModelOfTheVendorVoidsThePolicy(t *testing.T) {
	dir := folder(t)
	src := strings.Replace(file, "{name: large, model: large}", "{name: large, model: big}", 1)
	activate(t, dir, variants(t, build(t, dir, src)))
	w := build(t, dir, strings.Replace(src, "name: vendor-big", "name: vendor-mini", 1))
	if task, _ := w.Task("support"); task.PolicyProblem == nil {
		t.Error("the largest tier asks vendor-mini under a policy that was certified against vendor-big")
	}
}

func request(t testing.TB, model string, metadata map[string]string) *pointsman.Request {
	t.Helper()
	pairs := ""
	for k, v := range metadata {
		pairs = fmt.Sprintf(`,"metadata":{%q:%q}`, k, v)
	}
	decoded, err := chat.Decode(fmt.Appendf(nil, `{"model":%q,"messages":[{"role":"user","content":"where is it?"}]%s}`, model, pairs))
	if err != nil {
		t.Fatal(err)
	}
	return &decoded.Request
}

func TestFind(t *testing.T) {
	dir := folder(t)
	w := build(t, dir, file)
	for _, c := range []struct {
		model  string
		name   string // as the upstream is asked
		price  pointsman.Price
		direct bool
	}{
		{"support", "small", pointsman.Price{Known: true, Input: 20_000_000, CachedInput: 20_000_000, Output: 20_000_000}, false},
		{"tape/vendor-big", "vendor-big", pointsman.Price{Known: true, Input: 2 * pointsman.Dollar, CachedInput: 2 * pointsman.Dollar, Output: 8 * pointsman.Dollar}, true},
		{"tape/big", "vendor-big", pointsman.Price{Known: true, Input: 2 * pointsman.Dollar, CachedInput: 2 * pointsman.Dollar, Output: 8 * pointsman.Dollar}, true},
		{"tape/other", "other", pointsman.Price{}, true},
		{"tape/with/a/slash", "with/a/slash", pointsman.Price{}, true},
		{"local/large", "large", pointsman.Price{}, true},
	} {
		t.Run(c.model, func(t *testing.T) {
			task, err := w.Find(c.model)
			if err != nil {
				t.Fatal(err)
			}
			tier := task.Tiers[0]
			if tier.Endpoints[0].Model != c.name || task.Direct != c.direct || tier.Endpoints[0].Upstream == nil || tier.Digest != tier.Variant.Digest() {
				t.Errorf("%+v", tier)
			}
			if tier.Price.Known != c.price.Known || tier.Price.Input != c.price.Input || tier.Price.Output != c.price.Output {
				t.Errorf("price %+v, want %+v", tier.Price, c.price)
			}
			if cost := tier.Price.Cost(pointsman.Usage{Known: true, Input: 10}); cost.Known != c.price.Known {
				t.Errorf("an unknown price is a known cost: %v", cost)
			}
			if c.direct {
				if task.Record != pointsman.RecordRedacted || task.Kind != pointsman.KindOpen || tier.Timeout <= 0 {
					t.Errorf("%+v", task)
				}
				if plan := task.Plan(request(t, c.model, nil)); plan.Cause != pointsman.CauseDirect || string(plan.Tier) != c.model {
					t.Errorf("%+v", plan)
				}
			}
		})
	}
	for _, model := range []string{"", "nobody", "nobody/x", "tape/", "/x", "local/other", strings.Repeat("x", 10_000)} {
		_, err := w.Find(model)
		var told *pointsman.Error
		if !errors.As(err, &told) || told.Code != pointsman.CodeUnknownTask || !strings.Contains(told.Hint, "support") || !strings.Contains(told.Hint, "local, tape") || len(told.Message) > 300 {
			t.Errorf("%.50q: %v", model, err)
		}
	}
}

// Several models of the file may be one name at one upstream; which of them a
// direct request means must not be a matter of luck.
func TestFindIsDeterministic(t *testing.T) {
	dir := folder(t)
	src := strings.Replace(file, "tasks:", `  vendor-big: {upstream: tape, name: something-else, price: {input: 5, output: 5}}
tasks:`, 1)
	w := build(t, dir, src)
	seen := map[string]bool{}
	for range 64 {
		task, err := w.Find("tape/vendor-big")
		if err != nil {
			t.Fatal(err)
		}
		seen[fmt.Sprintf("%s at %v", task.Tiers[0].Endpoints[0].Model, task.Tiers[0].Price.Input)] = true
	}
	if len(seen) != 1 {
		t.Errorf("the same request means %d things: %v", len(seen), seen)
	}
}

// The rules of the whole file hold for direct requests as they do for tasks.
func TestGlobalRulesHoldForDirectRequests(t *testing.T) {
	head, rest, _ := strings.Cut(file, "tasks:")
	tasks, rules, _ := strings.Cut(rest, "rules:")
	for name, src := range map[string]string{
		"one task":  file,
		"two tasks": head + "tasks:" + tasks + strings.Replace(tasks, "support:", "again:", 1)[1:] + "rules:" + rules,
	} {
		t.Run(name, func(t *testing.T) {
			w := build(t, folder(t), src)
			for _, c := range []struct {
				model    string
				metadata map[string]string
				permit   bool
			}{
				{"tape/vendor-big", nil, true},
				{"tape/vendor-big", map[string]string{"secret": "yes"}, false},
				{"tape/unlisted", map[string]string{"secret": "yes"}, false},
				{"local/small", map[string]string{"secret": "yes"}, true},
			} {
				task, err := w.Find(c.model)
				if err != nil {
					t.Fatal(err)
				}
				effect := task.Rules.Apply(request(t, c.model, c.metadata))
				if (len(effect.Permitted) == 1) != c.permit || (effect.Pin != "") != c.permit {
					t.Errorf("%s with %v: %+v, want permitted %v", c.model, c.metadata, effect, c.permit)
				}
				var d pointsman.Decision
				_, err = task.Run(t.Context(), time.Now, request(t, c.model, c.metadata), &d, nil)
				if forbidden := pointsman.CodeOf(err) == pointsman.CodeForbidden; forbidden == c.permit || !c.permit && len(d.Attempts) > 0 {
					t.Errorf("%s with %v: %v, %d attempts", c.model, c.metadata, err, len(d.Attempts))
				}
			}
		})
	}
}

// The snapshot holds what a replay needs, and names the same configuration the
// same way.
func TestSnapshot(t *testing.T) {
	dir := folder(t)
	w := build(t, dir, file)
	content, err := artefact.Open(dir).Get(w.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.FromSnapshot(content)
	if err != nil {
		t.Fatal(err)
	}
	// The weights go; their digest stays.
	remove(t, filepath.Join(dir, "small.student"))
	replay, err := instance.Build(c, instance.Options{Store: artefact.Open(dir), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	was, is := variants(t, w), variants(t, replay)
	if fmt.Sprint(was) != fmt.Sprint(is) || replay.Snapshot() != w.Snapshot() {
		t.Errorf("%v %s, replayed %v %s", was, w.Snapshot(), is, replay.Snapshot())
	}
	if len(w.Models()) != 1 || len(w.Tasks()) != 1 || w.MaxBody() <= 0 || w.RequestTimeout() <= 0 || w.Config() == nil {
		t.Errorf("%v %v %+v", w.Models(), w.Tasks(), w.RequestTimeout())
	}
	if _, err := w.Task("nobody"); pointsman.CodeOf(err) != pointsman.CodeUnknownTask {
		t.Error(err)
	}
}
