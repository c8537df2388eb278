package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
)

// Order, comments, quotes, flow and block style, anchors, and the units of a
// value change nothing; a changed meaning changes the digest.
func TestSnapshotIsOfTheMeaning(t *testing.T) {
	const a = `
version: 1
server: {max_body: 1MiB, request_timeout: 90s}
upstreams:
  on_premises: {type: openai, base_url: "http://127.0.0.1:11434/v1", location: self_hosted}
models:
  small: {upstream: on_premises, price: {input: 0.10, output: 1}}
tasks:
  chat: {kind: open, tiers: [{name: only, model: small, params: {temperature: 0.50, stop: ["a"], max_tokens: 16}}]}
`
	const b = `# the same
tasks:
  'chat':
    tiers:
      - params: {"max_tokens": 16, "stop": [a], "temperature": 5e-1}
        model: small
        name: "only"
    kind: open
models:
  small:
    price: &p {output: "1.000", input: 0.1, cached_input: 0.1}
    upstream: on_premises
upstreams: {on_premises: {location: self_hosted, base_url: http://127.0.0.1:11434/v1, type: openai}}
server:
  request_timeout: 1m30s
  max_body: 1024KiB
version: 1
`
	x, want := parse(t, a).Snapshot()
	if y, got := parse(t, b).Snapshot(); got != want {
		t.Error(cmp.Diff(string(x), string(y)))
	}
	if want != pointsman.DigestOf(x) {
		t.Error("the digest is not of the bytes")
	}
	for _, change := range [][2]string{
		{"0.10", "0.11"},
		{"16", "17"},
		{"1MiB", "1MB"},
		{"[\"a\"]", "[\"b\"]"},
		{"self_hosted", "managed"},
		{"name: only", "name: other"},
		{"output: 1}", "output: 1, cached_input: 0}"},
	} {
		if _, got := parse(t, strings.Replace(a, change[0], change[1], 1)).Snapshot(); got == want {
			t.Errorf("%s instead of %s: the same digest", change[1], change[0])
		}
	}
}

// The format of snapshots is a promise: a decision on record names this digest.
func TestSnapshotIsStable(t *testing.T) {
	for file, want := range map[string]pointsman.Digest{
		"testdata/good/minimal.yaml":    "sha256:055b4551230d4e92be776678f5cd4db86dc23bf2539117e79fb9e86f7b0655a0",
		"testdata/good/files.yaml":      "sha256:7864bbac41025fb22abd44d48c1039d1892649f0c8cf38174d8145574b7e8a3c",
		"testdata/good/everything.yaml": "sha256:42d62329e10925ecd1f4380541da4691cd7bc1f75154d19ad41c26d238b69272",
	} {
		c, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if snapshot, got := c.Snapshot(); got != want {
			t.Errorf("%s: %s, want %s\n%s", file, got, want, snapshot)
		}
	}
}

func TestFromSnapshotRefuses(t *testing.T) {
	for _, text := range []string{"", "{", "[]", "1", `{"version":1}`, `{"version":1,"version":1}`, `{} {}`, strings.Repeat("[", 1000), `{"versoin":1}`} {
		if c, err := config.FromSnapshot([]byte(text)); err == nil || c != nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// Any text in any place comes back from a snapshot as it was.
func TestSnapshotKeepsEveryText(t *testing.T) {
	base := parse(t, minimal)
	rapid.Check(t, func(t *rapid.T) {
		c := *base
		spec := c.Tasks["chat"]
		spec.Rules = nil
		spec.Prompt = &config.Prompt{Version: "1", System: strings.ToValidUTF8(rapid.String().Draw(t, "system"), "")}
		spec.Description = strings.ToValidUTF8(rapid.String().Draw(t, "description"), "")
		spec.Probes = []config.Probe{{Name: "p", Input: "x" + strings.ToValidUTF8(rapid.String().Draw(t, "input"), ""), Expect: config.Expect{Tier: "only"}}}
		c.Tasks = map[pointsman.TaskID]config.Task{"chat": spec}
		snapshot, digest := c.Snapshot()
		back, err := config.FromSnapshot(snapshot)
		if err != nil {
			t.Fatalf("\n%v\n%s", err, snapshot)
		}
		if _, same := back.Snapshot(); same != digest {
			t.Fatalf("%s", snapshot)
		}
		if diff := cmp.Diff(c.ResolveTasks(), back.ResolveTasks()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestWithArtefacts(t *testing.T) {
	c, err := config.Load("testdata/good/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	digest := pointsman.DigestOf([]byte("weights"))
	named := c.WithArtefacts(map[pointsman.ModelID]pointsman.Digest{"small": digest})
	task, _ := named.ResolveTask("support")
	before, _ := c.ResolveTask("support")
	if task.Tiers[0].Variant.Artefact != digest || before.Tiers[0].Variant.Artefact != "" {
		t.Errorf("%s, before %s", task.Tiers[0].Variant.Artefact, before.Tiers[0].Variant.Artefact)
	}
	if w := task.Witnesses[0].Variant.Artefact; w != c.Models["tiny"].Artefact.Digest || w == "" {
		t.Errorf("witness: %s", w)
	}
	snapshot, _ := named.Snapshot()
	back, err := config.FromSnapshot(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := back.ResolveTask("support"); again.Tiers[0].Variant.Digest() != task.Tiers[0].Variant.Digest() {
		t.Error("the variant of the snapshot is another")
	}
}

func TestTasks(t *testing.T) {
	c, err := config.Load("testdata/good/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tasks := c.ResolveTasks()
	if len(tasks) != 3 || tasks[0].ID != "invoices" || tasks[2].ID != "support" {
		t.Fatalf("%+v", tasks)
	}
	digest := c.Models["tiny"].Artefact.Digest
	want := pointsman.Task{
		ID: "support", Kind: pointsman.KindClassify, Record: pointsman.RecordFull, Fallback: true,
		Contract: pointsman.Contract{Labels: []string{"refund", "on", "yes", "no", "1", "true"}, Pattern: `answer is \((\w+)\)`},
		Target:   pointsman.Target{Promise: pointsman.PromiseQuality, Retain: 1, Confidence: 0.5}, Slices: []string{"channel", "stakes"},
		Costs: []pointsman.LabelCost{{Truth: "refund", Answer: "no", Cost: 2.5}},
		Tiers: []pointsman.Tier{
			{
				ID: "small", Timeout: 2 * time.Second,
				Variant: pointsman.Variant{Model: "small", Prompt: pointsman.Prompt{Version: "1", System: "Name the label."}, Params: map[string]string{
					"temperature": "0", "max_tokens": "16", "logprobs": "true", "top_logprobs": "5", "stop": `["\n"]`, "response_format": `{"type":"text"}`,
				}},
				Place: pointsman.Place{Upstream: "local", Location: pointsman.LocationEdge, Region: "on_premises"},
				Price: pointsman.Price{Known: true, Input: 20_000_000, CachedInput: 20_000_000, Output: 20_000_000},
			},
			{
				ID: "large", Timeout: 30 * time.Second,
				Variant: pointsman.Variant{Model: "large", Prompt: pointsman.Prompt{Version: "2", System: "Name the label, and think."}},
				Place:   pointsman.Place{Upstream: "openai", Location: pointsman.LocationManaged, Region: "us"},
				Price:   pointsman.Price{Known: true, Input: 150_000_000, CachedInput: 75_000_000, Output: 600_000_000},
			},
		},
		Witnesses: []pointsman.Tier{{
			ID: config.WitnessID, Timeout: 100 * time.Millisecond,
			Variant: pointsman.Variant{Model: "tiny", Prompt: pointsman.Prompt{Version: "w"}, Params: map[string]string{"seed": "1"}, Artefact: digest},
			Place:   pointsman.Place{Upstream: "local", Location: pointsman.LocationEdge, Region: "on_premises"},
			Price:   pointsman.Price{Known: true},
		}},
		Samples: pointsman.Samples{Count: 3, Params: map[string]string{"temperature": "0.7"}},
	}
	if diff := cmp.Diff(want, tasks[2]); diff != "" {
		t.Error(diff)
	}
	if on_premises, _ := c.ResolveTask("invoices"); on_premises.Tiers[0].Price.Known || on_premises.Tiers[0].Timeout != time.Minute {
		t.Errorf("%+v", on_premises.Tiers[0])
	}
	tasks[2].Contract.Labels[0] = "changed"
	tasks[2].Tiers[0].Variant.Params["temperature"] = "1"
	if again, _ := c.ResolveTask("support"); again.Contract.Labels[0] != "refund" || again.Tiers[0].Variant.Params["temperature"] != "0" {
		t.Error("the caller's change reached the configuration")
	}
	if _, ok := c.ResolveTask("nobody"); ok {
		t.Error("there is no such task")
	}
}

// Files are read in: labels without comments and empty lines, prompts without
// their last line break, schemas canonically.
func TestFilesAreReadIn(t *testing.T) {
	c, err := config.Load("testdata/good/files.yaml")
	if err != nil {
		t.Fatal(err)
	}
	intents, _ := c.ResolveTask("intents")
	if diff := cmp.Diff([]string{"billing", "shipping", "other"}, intents.Contract.Labels); diff != "" {
		t.Error(diff)
	}
	if got := intents.Tiers[0].Variant.Prompt.System; got != "Say what it is about.\nOne word." {
		t.Errorf("%q", got)
	}
	fields, _ := c.ResolveTask("fields")
	if got := string(fields.Contract.Schema); got != `{"properties":{"a":{"minimum":12345678901234567890},"b":{"maximum":1000}},"required":["a"],"type":"object"}` {
		t.Errorf("%s", got)
	}
	if diff := cmp.Diff([]string{"testdata/good/files/labels.txt", "testdata/good/files/prompt.md", "testdata/good/files/schema.json"}, c.Files()); diff != "" {
		t.Error(diff)
	}
}

func TestMergesAndAnchors(t *testing.T) {
	c, err := config.Load("testdata/good/anchors.yaml")
	if err != nil {
		t.Fatal(err)
	}
	two, three := c.Upstreams["two"], c.Upstreams["three"]
	if two.Region != "us" || two.BaseURL.String() != "https://api.example.com/v1" || three.Timeout.Std() != 5*time.Second || three.Region != "eu" {
		t.Errorf("%+v\n%+v", two, three)
	}
	if c.Models["c"].Upstream != "three" || c.Models["b"].Upstream != "two" || !c.Models["b"].Price.Known {
		t.Errorf("%+v", c.Models)
	}
}

// A snapshot of the time when a task had one witness is still read, so that its
// decisions can be replayed.
func TestSnapshotWithOneWitness(t *testing.T) {
	c, err := config.Load("testdata/good/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	now, digest := c.Snapshot()
	const list = `"witnesses":[{"model":"tiny","params":{"seed":1},"prompt":{"version":"w"},"timeout":"100ms"}]`
	then := strings.Replace(string(now), list, strings.NewReplacer("witnesses", "witness", "[", "", "]", "").Replace(list), 1)
	if then == string(now) {
		t.Fatal("the snapshot has another form")
	}
	back, err := config.FromSnapshot([]byte(then))
	if err != nil {
		t.Fatal(err)
	}
	if _, same := back.Snapshot(); same != digest {
		t.Errorf("%s, want %s", same, digest)
	}
}

// Witnesses are asked cheapest first where all their prices are known.
func TestWitnessesByPrice(t *testing.T) {
	const file = `version: 1
upstreams: {local: {type: openai, base_url: "http://127.0.0.1:1/v1", location: self_hosted}}
models:
  dear: {upstream: local, price: {input: 1, output: 1}}
  cheap: {upstream: local, price: {input: 0.1, output: 1.5}}
  free: {upstream: local, price: %s}
tasks:
  t:
    kind: open
    tiers: [{name: small, model: free}, {name: large, model: dear}]
    witnesses: [{model: dear}, {model: free}, {model: cheap}]
`
	for price, want := range map[string]string{"{input: 0, output: 0}": "free cheap dear", "unknown": "dear free cheap"} {
		path := filepath.Join(t.TempDir(), "pointsman.yaml")
		if err := os.WriteFile(path, fmt.Appendf(nil, file, price), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		task, _ := c.ResolveTask("t")
		var models, ids []string
		for _, w := range task.Witnesses {
			models, ids = append(models, string(w.Variant.Model)), append(ids, string(w.ID))
		}
		if got := strings.Join(models, " "); got != want || strings.Join(ids, " ") != "witness witness.2 witness.3" {
			t.Errorf("price %s: %s, called %v, want %s", price, got, ids, want)
		}
	}
}
