package fit

import (
	"math"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// enough is how many examples of the fit part must have a form, or a pattern of
// missing signals, for the policy to decide on requests that have it.
const enough = 10

// room is how far beyond the range of a signal in the fit part a request may lie,
// as a share of its width.
const room = 0.25

// support is the form of the requests of which the fit part has enough.
func (o Options) support(fit []*Observation) *policy.Support {
	s := &policy.Support{Sets: o.Sets}
	roles, scripts, settings := map[string]int{}, map[string]int{}, map[string]int{}
	var turns []int
	nonText, keys := 0, map[string]int{}
	low, high := map[pointsman.SignalName]float64{}, map[pointsman.SignalName]float64{}
	var names []pointsman.SignalName
	for _, one := range fit {
		for _, key := range o.SliceKeys {
			if slices.ContainsFunc(one.Slices, func(s string) bool { return strings.HasPrefix(s, key+"=") }) {
				keys[key]++
			}
		}
		for _, signal := range one.Request {
			switch _, seen := low[signal.Name]; {
			case !signal.Present() || signal.Name == turnsSignal:
			case !seen:
				names = append(names, signal.Name)
				low[signal.Name], high[signal.Name] = signal.Value, signal.Value
			default:
				low[signal.Name], high[signal.Name] = min(low[signal.Name], signal.Value), max(high[signal.Name], signal.Value)
			}
		}
		if one.Shape == nil {
			continue
		}
		turns = append(turns, one.Shape.Turns)
		if one.Shape.NonText > 0 {
			nonText++
		}
		tally(roles, one.Shape.Roles)
		tally(scripts, one.Shape.Scripts)
		tally(settings, one.Shape.Settings)
	}
	s.Roles, s.Scripts, s.Settings, s.NonText = often(roles), often(scripts), often(settings), nonText >= enough
	if len(turns) > 0 {
		slices.Sort(turns)
		s.Turns = turns[max(len(turns)-enough, 0)]
	}
	for _, key := range o.SliceKeys {
		if len(fit)-keys[key] < enough {
			s.SliceKeys = append(s.SliceKeys, key)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		more := room * (high[name] - low[name])
		if a, b := low[name]-more, high[name]+more; !math.IsInf(a, 0) && !math.IsInf(b, 0) {
			s.Ranges = append(s.Ranges, policy.Range{Signal: name, Low: a, High: b})
		}
	}
	return s
}

// turnsSignal is counted as a form.
const turnsSignal = "request.turns"

func tally(counts map[string]int, values []string) {
	for _, v := range values {
		counts[v]++
	}
}

func often(counts map[string]int) []string {
	var out []string
	for v, n := range counts {
		if n >= enough {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}
