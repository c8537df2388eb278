// Package rules applies the owner's rules to a request before any model is
// asked: stakes, data classes, pins. A rule is an expression in CEL, the
// language that Kubernetes and Envoy use, over the request; rules are compiled
// once, are deterministic, and nothing that was learned overrides them.
package rules

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/pointsman-ai/pointsman"
)

// ErrRule is returned by [Compile] for a rule that cannot hold.
var ErrRule = errors.New("invalid rule")

// Rule is one rule: where its condition holds, its effects apply. Effects of
// several rules add up.
type Rule struct {
	Name string
	// When is a CEL expression that gives a bool. It sees the variables of
	// [Variables].
	When string
	// Forbid takes tiers away by where they run or by name.
	Forbid Forbid
	// Pin asks for one tier, whatever the confidence.
	Pin pointsman.TierID
	// Stakes multiplies the uplift of asking on; at least 1, or 0 for no
	// effect.
	Stakes float64
}

// Forbid names what may not answer.
type Forbid struct {
	Locations []pointsman.Location
	Regions   []string
	Upstreams []pointsman.UpstreamID
	Tiers     []pointsman.TierID
}

// any says whether anything is forbidden.
func (f Forbid) any() bool {
	return len(f.Locations)+len(f.Regions)+len(f.Upstreams)+len(f.Tiers) > 0
}

// forbids says whether a tier is.
func (f Forbid) forbids(t *pointsman.Tier) bool {
	return slices.Contains(f.Locations, t.Place.Location) || slices.Contains(f.Regions, t.Place.Region) ||
		slices.Contains(f.Upstreams, t.Place.Upstream) || slices.Contains(f.Tiers, t.ID)
}

// SyntaxError is a mistake in a condition, with its position in the expression.
type SyntaxError struct {
	Rule         string
	Line, Column int // from 1
	Message      string
}

// Error tells the mistake.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("rule %s: %s", e.Rule, e.Message)
}

// Is makes every syntax error an ErrRule.
func (e *SyntaxError) Is(target error) bool { return target == ErrRule }

// Set is the compiled rules of a task. It is safe for concurrent use.
type Set struct {
	rules     Programs
	tiers     []pointsman.Tier
	witnesses []pointsman.Tier
}

type compiled struct {
	Rule
	program cel.Program
}

// costLimit bounds the evaluation of one condition, in CEL's cost units: about
// a millisecond.
const costLimit = 100_000

// maxInput bounds the bytes of the input that conditions see.
const maxInput = 64 << 10

// environment declares what conditions see.
func environment() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("metadata", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("task", cel.StringType),
		cel.Variable("principal", cel.StringType),
		cel.Variable("conversation", cel.StringType),
		cel.Variable("input", cel.StringType),
		cel.Variable("chars", cel.IntType),
		cel.Variable("words", cel.IntType),
		cel.Variable("turns", cel.IntType),
		cel.Variable("stream", cel.BoolType),
		cel.Variable("pin", cel.StringType),
	)
}

// Variables documents what conditions see.
var Variables = []struct{ Name, Meaning string }{
	{"metadata", "map of the request's metadata; an absent key is \"\""},
	{"task", "the task's name"},
	{"principal", "the name of the credential, or \"\""},
	{"conversation", "the conversation's name, or \"\""},
	{"input", "the text of the last user message, its first 64 KiB"},
	{"chars", "bytes of the last user message"},
	{"words", "words of the last user message"},
	{"turns", "messages of the conversation"},
	{"stream", "whether the client asked for a stream"},
	{"pin", "the tier that the client asked for, or \"\""},
}

// Programs are rules whose conditions are compiled, for tiers that are named
// later. They are safe for concurrent use.
type Programs []compiled

// Parse compiles the conditions of rules.
func Parse(rules []Rule) (Programs, error) {
	if len(rules) == 0 {
		return nil, nil
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	out := make(Programs, 0, len(rules))
	for _, r := range rules {
		ast, issues := env.Compile(r.When)
		if issues != nil && issues.Err() != nil {
			first := issues.Errors()[0]
			return nil, &SyntaxError{Rule: r.Name, Line: first.Location.Line(), Column: first.Location.Column() + 1, Message: first.Message}
		}
		if ast.OutputType() != cel.BoolType {
			return nil, &SyntaxError{Rule: r.Name, Line: 1, Column: 1, Message: fmt.Sprintf("the condition gives %s, want bool", ast.OutputType())}
		}
		program, err := env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
		if err != nil {
			return nil, fmt.Errorf("%w: rule %s: %w", ErrRule, r.Name, err)
		}
		out = append(out, compiled{Rule: r, program: program})
	}
	return out, nil
}

// For checks the rules' effects against the tiers of a task and binds them to
// those and to its witnesses.
func (p Programs) For(tiers, witnesses []pointsman.Tier) (*Set, error) {
	for i := range p {
		if err := check(p[i].Rule, tiers); err != nil {
			return nil, err
		}
	}
	return &Set{rules: p, tiers: tiers, witnesses: witnesses}, nil
}

// Compile is [Parse] and then [Programs.For].
func Compile(rules []Rule, tiers, witnesses []pointsman.Tier) (*Set, error) {
	programs, err := Parse(rules)
	if err != nil {
		return nil, err
	}
	return programs.For(tiers, witnesses)
}

func check(r Rule, tiers []pointsman.Tier) error {
	known := func(id pointsman.TierID) bool {
		return slices.ContainsFunc(tiers, func(t pointsman.Tier) bool { return t.ID == id })
	}
	switch {
	case !r.Forbid.any() && r.Pin == "" && r.Stakes == 0:
		return fmt.Errorf("%w: rule %s has no effect: set forbid, pin or stakes", ErrRule, r.Name)
	case r.Stakes != 0 && (r.Stakes < 1 || math.IsInf(r.Stakes, 0) || math.IsNaN(r.Stakes)):
		return fmt.Errorf("%w: rule %s: stakes are %v, want at least 1", ErrRule, r.Name, r.Stakes)
	case r.Pin != "" && !known(r.Pin):
		return fmt.Errorf("%w: rule %s pins to tier %q, which the task does not have", ErrRule, r.Name, r.Pin)
	}
	for _, id := range r.Forbid.Tiers {
		if !known(id) {
			return fmt.Errorf("%w: rule %s forbids tier %q, which the task does not have", ErrRule, r.Name, id)
		}
	}
	return nil
}

// Apply gives the effect of the rules on a request.
//
// Every rule is looked at. What one forbids stays forbidden. Where several pin,
// the largest permitted of their tiers wins; the client's own pin wins only
// where it is larger than the rules' (or they have none), and where it is
// forbidden it is no tier at all, so that the request is refused rather than
// answered by another. The largest stakes count.
//
// A condition that fails while it is evaluated (it is too costly, or converts
// what cannot be converted) counts as holding: a rule that protects must not be
// put out by a strange request. The rule is then named with a "!" behind it.
func (s *Set) Apply(r *pointsman.Request, task pointsman.TaskID) pointsman.RuleEffect {
	effect := pointsman.RuleEffect{Stakes: 1}
	var vars *variables
	permitted := make([]bool, len(s.tiers))
	for i := range permitted {
		permitted[i] = true
	}
	pinned := -1
	for i := range s.rules {
		rule := &s.rules[i]
		if vars == nil {
			vars = &variables{request: r, task: task}
		}
		holds, failed := rule.holds(vars)
		if !holds {
			continue
		}
		name := rule.Name
		if failed {
			name += "!"
		}
		effect.Fired = append(effect.Fired, name)
		effect.Stakes = max(effect.Stakes, rule.Stakes)
		for k := range s.tiers {
			if rule.Forbid.forbids(&s.tiers[k]) {
				permitted[k] = false
			}
		}
		for k := range s.witnesses {
			if id := s.witnesses[k].ID; rule.Forbid.forbids(&s.witnesses[k]) && !slices.Contains(effect.Without, id) {
				effect.Without = append(effect.Without, id)
			}
		}
		if rule.Pin != "" {
			pinned = max(pinned, s.index(rule.Pin))
		}
	}
	if len(s.witnesses) > 0 && len(effect.Without) == len(s.witnesses) {
		effect.NoWitness, effect.Without = true, nil
	}
	effect.Permitted = make([]pointsman.TierID, 0, len(s.tiers))
	for k := range s.tiers {
		if permitted[k] {
			effect.Permitted = append(effect.Permitted, s.tiers[k].ID)
		}
	}
	s.pin(&effect, r.Pin, pinned, permitted)
	return effect
}

// pin settles which tier is asked for. A tier that is asked for and forbidden
// leaves nothing.
func (s *Set) pin(effect *pointsman.RuleEffect, client pointsman.TierID, pinned int, permitted []bool) {
	if client != "" {
		if k := s.index(client); k >= pinned {
			pinned = k
		}
	}
	switch {
	case pinned < 0:
	case permitted[pinned]:
		effect.Pin = s.tiers[pinned].ID
	default:
		effect.Permitted = effect.Permitted[:0]
	}
}

func (s *Set) index(id pointsman.TierID) int {
	return slices.IndexFunc(s.tiers, func(t pointsman.Tier) bool { return t.ID == id })
}

// holds evaluates the condition.
func (c *compiled) holds(vars *variables) (holds, failed bool) {
	out, _, err := c.program.Eval(vars)
	if err != nil {
		return true, true
	}
	return out == types.True, false
}
