package release

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// Difference is one thing in which two policies differ, in words.
type Difference struct {
	What string `json:"what"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// Diff lists what differs between two policies of a task: what they were fitted for,
// what they promise, where they accept, what they may decide on and what they read.
func Diff(a, b *policy.Policy) []Difference {
	out := []Difference{}
	add := func(what, x, y string) {
		if x != y {
			out = append(out, Difference{what, x, y})
		}
	}
	add("created", a.Created.UTC().Format("2006-01-02 15:04:05"), b.Created.UTC().Format("2006-01-02 15:04:05"))
	add("examples", a.Data.Short(), b.Data.Short())
	for i := range max(len(a.Tiers), len(b.Tiers)) {
		add(fmt.Sprintf("variant of tier %d", i+1), short(a.Tiers, i), short(b.Tiers, i))
		add(fmt.Sprintf("endpoint of tier %d", i+1), short(a.Endpoints, i), short(b.Endpoints, i))
	}
	add("target", target(a.Target), target(b.Target))
	add("stakes and costs of mistakes", orNone(a.Costs.Short()), orNone(b.Costs.Short()))
	add("slices", orNone(strings.Join(a.SliceKeys, ", ")), orNone(strings.Join(b.SliceKeys, ", ")))
	add("certified", yes(a.Certified()), yes(b.Certified()))
	add("claim", a.Claim(), b.Claim())
	for i := range max(len(a.Stages), len(b.Stages)) {
		out = append(out, diffStage(i, stage(a, i), stage(b, i))...)
	}
	add("support", Support(a.Support), Support(b.Support))
	return out
}

// diffStage lists what differs in how a tier's answers are judged.
func diffStage(i int, a, b *policy.Stage) []Difference {
	var out []Difference
	add := func(what, x, y string) {
		if x != y {
			out = append(out, Difference{fmt.Sprintf("tier %d: %s", i+1, what), x, y})
		}
	}
	x, y := thresholds(a), thresholds(b)
	for _, name := range keys(x, y) {
		add("threshold of "+name, orNone(x[name]), orNone(y[name]))
	}
	x, y = patterns(a), patterns(b)
	for _, name := range keys(x, y) {
		add("threshold with "+name, orNone(x[name]), orNone(y[name]))
	}
	onlyA, onlyB := apart(signals(a), signals(b)), apart(signals(b), signals(a))
	add("signals that the other does not read", orNone(strings.Join(onlyA, ", ")), orNone(strings.Join(onlyB, ", ")))
	return out
}

// stage is a policy's stage, or an empty one.
func stage(p *policy.Policy, i int) *policy.Stage {
	if i < len(p.Stages) {
		return &p.Stages[i]
	}
	return &policy.Stage{}
}

func thresholds(s *policy.Stage) map[string]string {
	out := map[string]string{}
	for _, t := range s.Thresholds {
		name := t.Slice
		if name == "" {
			name = "the whole task"
		}
		out[name] = Threshold(t.Threshold)
	}
	return out
}

func patterns(s *policy.Stage) map[string]string {
	out := map[string]string{}
	for _, p := range s.Patterns {
		name := "every signal there"
		if len(p.Missing) > 0 {
			name = "no " + join(p.Missing)
		}
		out[name] = Threshold(p.Threshold)
	}
	return out
}

// Threshold says in words up to where answers are accepted.
func Threshold(t *float64) string {
	if t == nil {
		return "nothing is accepted"
	}
	return fmt.Sprintf("%.6f", *t)
}

func signals(s *policy.Stage) []string {
	out := make([]string, 0, len(s.Features))
	for i := range s.Features {
		out = append(out, string(s.Features[i].Signal))
	}
	return out
}

// apart are those of all that the others do not have.
func apart(all, others []string) []string {
	var out []string
	for _, one := range all {
		if !slices.Contains(others, one) {
			out = append(out, one)
		}
	}
	return out
}

// keys are those of both maps, in increasing order.
func keys(x, y map[string]string) []string {
	var out []string
	for name := range x {
		out = append(out, name)
	}
	for name := range y {
		if _, ok := x[name]; !ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Support says in words which requests a policy decides on.
func Support(s *policy.Support) string {
	if s == nil {
		return "every request"
	}
	parts := []string{fmt.Sprintf("up to %d messages", s.Turns)}
	if s.NonText {
		parts = append(parts, "also with parts that are not text")
	}
	for _, list := range []struct {
		name string
		of   []string
	}{{"roles", s.Roles}, {"scripts", s.Scripts}, {"settings", s.Settings}} {
		if len(list.of) > 0 {
			parts = append(parts, list.name+" "+strings.Join(list.of, ", "))
		}
	}
	for _, r := range s.Ranges {
		parts = append(parts, fmt.Sprintf("%s from %.4g to %.4g", r.Signal, r.Low, r.High))
	}
	return strings.Join(parts, "; ")
}

func target(t pointsman.Target) string {
	return fmt.Sprintf("%s of %g with confidence %g", t.Promised(), t.Retain, t.Confidence)
}

func short(all []pointsman.Digest, i int) string {
	if i < len(all) {
		return all[i].Short()
	}
	return "none"
}

func join(names []pointsman.SignalName) string {
	out := make([]string, len(names))
	for i, one := range names {
		out[i] = string(one)
	}
	return strings.Join(out, ", ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
