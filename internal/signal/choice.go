package signal

import (
	"math"

	"github.com/pointsman-ai/pointsman"
)

// The signals of a multiple choice: a final answer that is a label, where the
// request lists a text for each label.
const (
	ChoiceMargin  pointsman.SignalName = "choice.margin"         // how much more the reasoning names the chosen option's own words than the best other's, in [-1,1]
	ChoiceClosing pointsman.SignalName = "choice.closing_margin" // the same for the end of the reasoning
	ChoiceOthers  pointsman.SignalName = "choice.others"         // ln(1 + other options that stand in the reasoning word for word)
	ChoiceNearest pointsman.SignalName = "choice.nearest"        // how much nearer the reasoning's last number is to the chosen option's than to any other's, in [-1,1]
	ChoicePlace   pointsman.SignalName = "choice.place"          // place of the chosen option in the list, from 0
	ChoiceOptions pointsman.SignalName = "choice.options"        // how many options are listed
)

// appendChoice measures whether a reasoning leads to the option that was chosen.
// What is not listed has no words and no number.
func appendChoice(out pointsman.Signals, f *pointsman.Final, before []token, named map[uint64]struct{}) pointsman.Signals {
	options := make([][]token, len(f.Options))
	for i, o := range f.Options {
		options[i] = tokens(o)
	}
	own := distinct(options)
	end := setOf(before[max(0, len(before)-closing):])
	others := 0
	for i, o := range options {
		if i != f.Option && stands(o, before) {
			others++
		}
	}
	place := f.Option
	if place < 0 {
		place = len(options)
	}
	return append(out,
		pointsman.Measured(ChoiceMargin, margin(options, f.Option, func(o []token) float64 { return support(o, named, own) })),
		pointsman.Measured(ChoiceClosing, margin(options, f.Option, func(o []token) float64 { return support(o, end, own) })),
		logCount(ChoiceOthers, others),
		pointsman.Measured(ChoiceNearest, nearest(options, f.Option, before)),
		pointsman.Measured(ChoicePlace, float64(place)),
		pointsman.Measured(ChoiceOptions, float64(len(options))),
	)
}

// margin is a measure of the chosen option less that of the best other.
func margin(options [][]token, chosen int, measure func([]token) float64) float64 {
	own, best := 0.0, 0.0
	for i, o := range options {
		if i == chosen {
			own = measure(o)
		} else {
			best = max(best, measure(o))
		}
	}
	return own - best
}

// distinct weighs a token by how few of the options have it: what all have says
// nothing of which was meant.
func distinct(options [][]token) func(token) float64 {
	type having struct{ options, last int }
	all := map[uint64]having{}
	for i, o := range options {
		for _, t := range o {
			if h := all[t.key]; h.last <= i {
				all[t.key] = having{h.options + 1, i + 1}
			}
		}
	}
	n := float64(len(options))
	return func(t token) float64 { return t.weight() * (1 - float64(all[t.key].options-1)/n) }
}

// nearest compares numbers: the distance from the reasoning's last one to the
// nearest other option's, less that to the chosen option's. It is 0 where there
// is nothing to compare.
func nearest(options [][]token, chosen int, before []token) float64 {
	last, ok := lastNumber(before)
	if !ok {
		return 0
	}
	own, best := math.Inf(1), math.Inf(1)
	for i, o := range options {
		v, ok := firstNumber(o)
		switch {
		case !ok:
		case i == chosen:
			own = distance(v, last)
		default:
			best = min(best, distance(v, last))
		}
	}
	if math.IsInf(own, 1) || math.IsInf(best, 1) {
		return 0
	}
	return best - own
}

// distance is that of two numbers as a share of the larger, in [0,1].
func distance(a, b float64) float64 {
	if a == b {
		return 0
	}
	return math.Abs(a-b) / max(a, b)
}
