package fit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// patterns tests every pattern of missing signals of which the fit part has
// enough. Requests of which no answer can be accepted, and combinations over
// several tiers that are too rare, count with the most frequent pattern.
func (t *tester) patterns() ([]*group, error) {
	counts := map[string]int{}
	for i := range t.fit {
		if name := t.fit[i].pattern; name != "" {
			counts[name]++
		}
	}
	var names []string
	for name, n := range counts {
		if n >= enough {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	if len(names) == 0 {
		names = []string{""}
	}
	c := t.claim()
	c.Delta /= float64(len(names))
	if len(names) > 1 { // a slice is then not held to one threshold
		for _, s := range t.slicing {
			s.safe = false
		}
	}
	t.rare(names)
	t.weigh(len(names))
	var out []*group
	for k, name := range names {
		g := t.group(name, func(d *draw) bool {
			return d.pattern == name || k == 0 && !slices.Contains(names, d.pattern)
		})
		if err := t.test(g, c, t.atRisk); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	// With several stages one candidate holds for all: a mixture of several was
	// not tested.
	if len(t.path.thresholds) > 1 {
		least, from := out[0].index, 0
		for _, g := range out {
			least, from = min(least, g.index), max(from, g.from)
		}
		if least < from { // some group was not tested at it
			least = -1
		}
		for _, g := range out {
			if err := t.settle(g, c, least, t.atRisk); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// rare takes back what has, at some tier, a pattern of missing signals that no
// tested combination has: it is not accepted live either.
func (t *tester) rare(names []string) {
	tested := make([]map[string]bool, len(t.path.thresholds))
	for k := range tested {
		tested[k] = map[string]bool{}
	}
	for _, name := range names {
		for k, part := range strings.Split(name, "\n") {
			tested[k][part] = true
		}
	}
	for _, draws := range [][]draw{t.fit, t.fresh} {
		for i := range draws {
			d := &draws[i]
			if d.pattern == "" {
				continue
			}
			for k, part := range strings.Split(d.pattern, "\n") {
				if !tested[k][part] {
					d.effective[k] = never
				}
			}
		}
	}
}

// accept sets the thresholds of the patterns and of the whole.
func (t *tester) accept(groups []*group) {
	for k := range t.policy.Stages {
		s := &t.policy.Stages[k]
		whole := &s.Thresholds[0]
		for j := range s.Patterns {
			p := &s.Patterns[j]
			p.Why = "too few fresh answers like these"
			for _, g := range groups {
				part := strings.Split(g.name, "\n")
				if k >= len(part) || part[k] != missingNames(p.Missing) {
					continue
				}
				if g.index < 0 {
					p.Why = fmt.Sprintf("not shown by %d fresh requests", g.verdict.N)
					continue
				}
				value := t.path.thresholds[k][g.index]
				p.Threshold, p.Why = &value, fmt.Sprintf("the loosest that passed: level %.3g on %d fresh requests", g.verdict.Evidence, g.verdict.N)
				break
			}
			if p.Threshold != nil && (whole.Threshold == nil || *p.Threshold > *whole.Threshold) {
				value := *p.Threshold
				*whole = policy.Threshold{Threshold: &value, Certified: true, Why: p.Why}
			}
		}
	}
}

func missingNames(names []pointsman.SignalName) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return strings.Join(out, ", ") + ";"
}

// patterns finds the combinations of missing signals at a stage of which the fit
// part has enough answers, most frequent first. features are those of the scorer
// that decides on each.
func patterns(examples []*Observation, tier int, features [][]policy.Feature) []policy.Pattern {
	var found []policy.Pattern
	at := map[string]int{}
	for i, one := range examples {
		missing := []pointsman.SignalName{}
		for _, f := range features[i] {
			if _, ok := lookup(one, tier, f.Signal); !ok {
				missing = append(missing, f.Signal)
			}
		}
		key := missingNames(missing)
		if k, ok := at[key]; ok {
			found[k].Seen++
			continue
		}
		at[key] = len(found)
		found = append(found, policy.Pattern{Missing: missing, Seen: 1})
	}
	found = slices.DeleteFunc(found, func(p policy.Pattern) bool { return p.Seen < enough })
	slices.SortFunc(found, func(a, b policy.Pattern) int {
		if a.Seen != b.Seen {
			return b.Seen - a.Seen
		}
		return strings.Compare(missingNames(a.Missing), missingNames(b.Missing))
	})
	return found
}
