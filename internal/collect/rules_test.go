package collect_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/rules"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// counted counts what it is asked.
type counted struct {
	fixed
	mu     sync.Mutex
	inputs []string
}

func (c *counted) Complete(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	c.mu.Lock()
	c.inputs = append(c.inputs, call.Input)
	c.mu.Unlock()
	return c.fixed.Complete(ctx, call)
}

// take gives the inputs that were asked so far, and forgets them.
func (c *counted) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Sorted(slices.Values(c.inputs))
	c.inputs = nil
	return out
}

// owned are compiled rules, as an instance has them.
type owned struct{ *rules.Set }

func (o owned) Apply(r *pointsman.Request) pointsman.RuleEffect { return o.Set.Apply(r, "bank") }

// ruled is the task with a witness, and these rules.
func ruled(t *testing.T, small, large, witness upstream.Upstream, list ...rules.Rule) *cascade.Task {
	t.Helper()
	out := task(small, large).Task
	out.Witnesses = []cascade.Tier{tier("witness", witness, pointsman.Variant{Model: "w"})}
	var tiers []pointsman.Tier
	for i := range out.Tiers {
		tiers = append(tiers, out.Tiers[i].Tier.Tier)
	}
	set, err := rules.Compile(list, tiers, []pointsman.Tier{out.Witnesses[0].Tier.Tier})
	if err != nil {
		t.Fatal(err)
	}
	out.Rules = owned{set}
	return out
}

func questions() []dataset.Example {
	return []dataset.Example{
		{ID: "1", Input: "plain", Label: "yes"},
		{ID: "2", Input: "health", Label: "yes", Metadata: map[string]string{"class": "health"}},
		{ID: "3", Input: "vip", Label: "yes", Metadata: map[string]string{"class": "vip"}},
		{ID: "4", Input: "of the ward", Label: "yes", Principal: "ward"},
		{ID: "5", Input: "private", Label: "yes", Metadata: map[string]string{"class": "private"}},
	}
}

var ownersRules = []rules.Rule{
	{Name: "health", When: `metadata["class"] == "health"`, Forbid: rules.Forbid{Tiers: []pointsman.TierID{"large"}}},
	{Name: "ward", When: `principal == "ward"`, Forbid: rules.Forbid{Tiers: []pointsman.TierID{"large"}}},
	{Name: "vip", When: `metadata["class"] == "vip"`, Pin: "large"},
}

// outcomes asks everything and says what came of each example, by target.
func outcomes(t *testing.T, a collect.Asker, store *collect.Store, targets ...collect.Target) map[string]string {
	t.Helper()
	identities, err := collect.Identities(a, targets)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	err = collect.Run(t.Context(), collect.Plan{
		Examples: dataset.All(questions()), Targets: targets, Identities: identities, Asker: a, Workers: 2, Store: store,
	}, func(o collect.Outcome) error {
		answer := o.Result.Text
		if o.Result.Excluded != "" {
			answer = o.Result.Excluded
		}
		if o.Result.Err != "" {
			answer = "failed: " + o.Result.Err
		}
		out[targets[o.Target].Name+" "+o.Example.Input] = answer
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What calibration asks is bound by the owner's rules: an example that some tier
// may not answer, or whose tier the rules choose, is put to no tier at all.
func TestTiersAreAskedUnderTheRules(t *testing.T) {
	small, large, witness := &counted{fixed: fixed{text: "yes"}}, &counted{fixed: fixed{text: "no"}}, &counted{fixed: fixed{text: "yes"}}
	a := &collect.Tiers{Task: ruled(t, small, large, witness, ownersRules...), Now: time.Now}
	got := outcomes(t, a, nil, a.Targets()...)
	for input, want := range map[string]string{
		"health": "the owner's rules (health) forbid tier large", "of the ward": "the owner's rules (ward) forbid tier large",
		"vip": "the owner's rules (vip) pin it to tier large",
	} {
		for _, name := range []string{"small", "large"} {
			if got[name+" "+input] != want {
				t.Errorf("%s at %s: %q, want %q", input, name, got[name+" "+input], want)
			}
		}
	}
	permitted := []string{"plain", "private"}
	for name, u := range map[string]*counted{"small": small, "large": large, "witness": witness} {
		if asked := u.take(); !slices.Equal(asked, permitted) {
			t.Errorf("%s was asked %q, want %q", name, asked, permitted)
		}
	}
	if got["small plain"] != "yes" || got["large plain"] != "no" {
		t.Errorf("the permitted example: %q", got)
	}
	// Whoever asks one example directly is bound too.
	for _, e := range questions()[1:4] {
		r, err := a.Ask(t.Context(), collect.Target{Name: "small", Tier: "small"}, &e)
		if err != nil || r.Excluded == "" || len(small.take()) != 0 {
			t.Errorf("%s: %+v, %v", e.Input, r, err)
		}
	}
}

// withoutWitness forbids the witness what is private.
type withoutWitness struct{}

func (withoutWitness) Apply(r *pointsman.Request) pointsman.RuleEffect {
	return pointsman.RuleEffect{Permitted: []pointsman.TierID{"small", "large"}, Stakes: 1, NoWitness: r.Metadata["class"] == "private"}
}

// A witness that the rules forbid is not asked, and what was measured with it is
// another answer than what was measured without it.
func TestAForbiddenWitnessIsNotAsked(t *testing.T) {
	small, large, witness := &counted{fixed: fixed{text: "yes"}}, &counted{fixed: fixed{text: "no"}}, &counted{fixed: fixed{text: "yes"}}
	path := filepath.Join(t.TempDir(), "answers.jsonl")
	for _, c := range []struct {
		name                       string
		rules                      cascade.Rules
		small, large, witnessAsked int
	}{
		{"no rules", free{[]pointsman.TierID{"small", "large"}}, 5, 5, 5},
		{"again", free{[]pointsman.TierID{"small", "large"}}, 0, 0, 0},
		{"no witness for what is private", withoutWitness{}, 1, 0, 0},
		{"again without", withoutWitness{}, 0, 0, 0},
	} {
		ready := ruled(t, small, large, witness)
		ready.Rules = c.rules
		store, err := collect.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		a := &collect.Tiers{Task: ready, Now: time.Now}
		got := outcomes(t, a, store, a.Targets()...)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if s, l, w := len(small.take()), len(large.take()), len(witness.take()); s != c.small || l != c.large || w != c.witnessAsked {
			t.Errorf("%s: asked %d, %d and the witness %d times, want %d, %d and %d", c.name, s, l, w, c.small, c.large, c.witnessAsked)
		}
		if got["small private"] != "yes" {
			t.Errorf("%q", got)
		}
	}
}

// An evaluation in process is bound by the rules as the gateway's clients are,
// and does not take another tier's answer for the one that it asked.
func TestTheCascadeIsAskedUnderTheRules(t *testing.T) {
	small, large, witness := &counted{fixed: fixed{text: "yes"}}, &counted{fixed: fixed{text: "no"}}, &counted{fixed: fixed{text: "yes"}}
	targets := []collect.Target{{Name: "small", Tier: "small"}, {Name: "large", Tier: "large"}, {Name: "cascade"}}
	store, err := collect.Open(filepath.Join(t.TempDir(), "answers.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	// Asked before there are rules, and kept.
	outcomes(t, &collect.Cascade{Task: ruled(t, small, large, witness), Now: time.Now}, store, targets[:2]...)
	small.take()
	large.take()
	everything := append(slices.Clone(ownersRules), rules.Rule{
		Name: "none", When: `metadata["class"] == "private"`, Forbid: rules.Forbid{Tiers: []pointsman.TierID{"small", "large"}},
	})
	a := &collect.Cascade{Task: ruled(t, small, large, witness, everything...), Now: time.Now}
	got := outcomes(t, a, store, targets...)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"small plain": "yes", "large plain": "no", "cascade plain": "no",
		"small health": "yes", "large health": "the owner's rules (health) forbid tier large", "cascade health": "yes",
		"small vip": "the owner's rules (vip) pin it to tier large", "large vip": "no", "cascade vip": "no",
		"small of the ward": "yes", "large of the ward": "the owner's rules (ward) forbid tier large", "cascade of the ward": "yes",
		"small private": "the owner's rules (none) forbid tier small", "large private": "the owner's rules (none) forbid tier large",
		"cascade private": "the owner's rules (none) leave no tier",
	} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
	for _, input := range large.take() {
		if input != "plain" && input != "vip" {
			t.Errorf("the large tier was asked %q", input)
		}
	}
}

// Where the rules leave something out, nothing of it is kept.
func TestExclusionsAreNotKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "answers.jsonl")
	store, err := collect.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	u := &counted{fixed: fixed{text: "yes"}}
	a := &collect.Tiers{Task: ruled(t, u, u, u, ownersRules...), Now: time.Now}
	outcomes(t, a, store, a.Targets()...)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for row, err := range collect.Read(path) {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(row.Example, "1") && !strings.HasPrefix(row.Example, "5") {
			t.Errorf("example %s is kept", row.Example)
		}
	}
}
