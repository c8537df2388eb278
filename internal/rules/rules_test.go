package rules_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/rules"
)

func tiers() []pointsman.Tier {
	return []pointsman.Tier{
		{ID: "edge", Place: pointsman.Place{Upstream: "local", Location: pointsman.LocationEdge, Region: "on_premises"}},
		{ID: "own", Place: pointsman.Place{Upstream: "ollama", Location: pointsman.LocationSelfHosted, Region: "eu"}},
		{ID: "vendor", Place: pointsman.Place{Upstream: "openai", Location: pointsman.LocationManaged, Region: "us"}},
	}
}

var (
	health = rules.Rule{Name: "health", When: `metadata["class"] == "health"`, Forbid: rules.Forbid{Locations: []pointsman.Location{pointsman.LocationManaged}}}
	europe = rules.Rule{Name: "europe", When: `metadata.tenant.startsWith("eu-")`, Forbid: rules.Forbid{Regions: []string{"us"}}}
	high   = rules.Rule{Name: "high", When: `metadata["stakes"] == "high" || words > 200`, Pin: "vendor"}
	care   = rules.Rule{Name: "care", When: `input.contains("lawyer")`, Stakes: 4}
	middle = rules.Rule{Name: "middle", When: `stream && turns == 1`, Pin: "own"}
	none   = rules.Rule{Name: "none", When: `"blocked" in metadata`, Forbid: rules.Forbid{Tiers: []pointsman.TierID{"edge", "own", "vendor"}}}
	fails  = rules.Rule{Name: "fails", When: `int(metadata["n"]) > 3`, Forbid: rules.Forbid{Upstreams: []pointsman.UpstreamID{"openai"}}}
)

func TestApply(t *testing.T) {
	all := []pointsman.TierID{"edge", "own", "vendor"}
	for _, c := range []struct {
		name    string
		rules   []rules.Rule
		request pointsman.Request
		want    pointsman.RuleEffect
	}{
		{"no rules", nil, pointsman.Request{}, pointsman.RuleEffect{Permitted: all, Stakes: 1}},
		{"absent keys do not hold", []rules.Rule{health, europe, high, none}, pointsman.Request{}, pointsman.RuleEffect{Permitted: all, Stakes: 1}},
		{
			"health data stays on premises",
			[]rules.Rule{health},
			pointsman.Request{Metadata: map[string]string{"class": "health"}},
			pointsman.RuleEffect{Fired: []string{"health"}, Permitted: []pointsman.TierID{"edge", "own"}, Stakes: 1, NoWitness: true},
		},
		{
			"a pin on a forbidden tier leaves nothing",
			[]rules.Rule{health, high},
			pointsman.Request{Metadata: map[string]string{"class": "health", "stakes": "high"}},
			pointsman.RuleEffect{Fired: []string{"health", "high"}, Permitted: []pointsman.TierID{}, Stakes: 1, NoWitness: true},
		},
		{
			"the largest pin wins",
			[]rules.Rule{high, middle},
			pointsman.Request{Stream: true, Messages: make([]pointsman.Message, 1), Metadata: map[string]string{"stakes": "high"}},
			pointsman.RuleEffect{Fired: []string{"high", "middle"}, Permitted: all, Pin: "vendor", Stakes: 1},
		},
		{
			"a client cannot pin below a rule",
			[]rules.Rule{high},
			pointsman.Request{Pin: "edge", Metadata: map[string]string{"stakes": "high"}},
			pointsman.RuleEffect{Fired: []string{"high"}, Permitted: all, Pin: "vendor", Stakes: 1},
		},
		{
			"a client may pin above a rule",
			[]rules.Rule{middle},
			pointsman.Request{Pin: "vendor", Stream: true, Messages: make([]pointsman.Message, 1)},
			pointsman.RuleEffect{Fired: []string{"middle"}, Permitted: all, Pin: "vendor", Stakes: 1},
		},
		{
			"stakes",
			[]rules.Rule{care},
			pointsman.Request{Input: "my lawyer says"},
			pointsman.RuleEffect{Fired: []string{"care"}, Permitted: all, Stakes: 4},
		},
		{
			"everything forbidden",
			[]rules.Rule{none},
			pointsman.Request{Metadata: map[string]string{"blocked": ""}},
			pointsman.RuleEffect{Fired: []string{"none"}, Permitted: []pointsman.TierID{}, Stakes: 1},
		},
		{
			"a condition that fails holds",
			[]rules.Rule{fails},
			pointsman.Request{Metadata: map[string]string{"n": "many"}},
			pointsman.RuleEffect{Fired: []string{"fails!"}, Permitted: []pointsman.TierID{"edge", "own"}, Stakes: 1, NoWitness: true},
		},
		{
			"many words",
			[]rules.Rule{high},
			pointsman.Request{Input: strings.Repeat("a ", 201)},
			pointsman.RuleEffect{Fired: []string{"high"}, Permitted: all, Pin: "vendor", Stakes: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := rules.Compile(c.rules, tiers(), []pointsman.Tier{{ID: "witness", Place: tiers()[2].Place}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, set.Apply(&c.request, "t")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestACostlyConditionHolds(t *testing.T) {
	rule := rules.Rule{Name: "costly", When: `input.split_is_unknown`, Pin: "vendor"}
	if _, err := rules.Compile([]rules.Rule{rule}, tiers(), nil); !errors.Is(err, rules.ErrRule) {
		t.Errorf("%v", err)
	}
	rule.When = `[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, a+b+c+d+turns > 0 && !input.matches("(a+)+b")))))`
	set, err := rules.Compile([]rules.Rule{rule}, tiers(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Apply(&pointsman.Request{Input: strings.Repeat("a", 60_000), Messages: make([]pointsman.Message, 1)}, "t"); got.Pin != "vendor" || got.Fired[0] != "costly!" {
		t.Errorf("%+v", got)
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		rule rules.Rule
		want string
	}{
		"no effect":       {rules.Rule{Name: "r", When: "true"}, "no effect"},
		"low stakes":      {rules.Rule{Name: "r", When: "true", Stakes: 0.5}, "at least 1"},
		"unknown pin":     {rules.Rule{Name: "r", When: "true", Pin: "x"}, `tier "x"`},
		"unknown forbid":  {rules.Rule{Name: "r", When: "true", Forbid: rules.Forbid{Tiers: []pointsman.TierID{"x"}}}, `tier "x"`},
		"syntax":          {rules.Rule{Name: "r", When: "metadata[", Stakes: 2}, "Syntax error"},
		"unknown name":    {rules.Rule{Name: "r", When: "metdata.x == 'y'", Stakes: 2}, "undeclared reference to 'metdata'"},
		"not a condition": {rules.Rule{Name: "r", When: "words + 1", Stakes: 2}, "want bool"},
		"wrong types":     {rules.Rule{Name: "r", When: "words > 'many'", Stakes: 2}, "no matching overload"},
	} {
		_, err := rules.Compile([]rules.Rule{c.rule}, tiers(), nil)
		if !errors.Is(err, rules.ErrRule) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	set, err := rules.Compile([]rules.Rule{health, europe, high}, tiers(), nil)
	if err != nil {
		b.Fatal(err)
	}
	r := &pointsman.Request{Input: "where is my parcel", Metadata: map[string]string{"class": "shop", "stakes": "low"}}
	b.ReportAllocs()
	for b.Loop() {
		set.Apply(r, "t")
	}
}
