package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"unicode/utf8"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// promised is a set on which promises of both kinds are tried many times.
type promised struct {
	name         string
	load         func(root string) (*population, error)
	fit, certify int // rows, units
}

// A split is certified several times, each time on a part of its own, drawn with
// replacement. A promise that holds is broken in at most δ of the parts whatever was
// fitted, so that the count over all is at most binomial with δ, though parts of one
// split share what was fitted.
const (
	promiseSplits = 60
	partsOfSplit  = 5
	promiseRetain = 0.9
)

func promiseWorks() []promised {
	classify, open := pointsman.KindClassify, pointsman.KindOpen
	mmlu := func(root string) ([]item, error) { return routellm(root, "mmlu_mixtral_vs_gpt4.csv.gz", false) }
	gsm := func(root string) ([]item, error) { return routellm(root, "gsm8k_mixtral_vs_gpt4.csv.gz", true) }
	return []promised{
		{"promise mmlu-pro", fromItems(classify, false, mmluPro(true)), 300, 400},
		{"promise routellm-mmlu", fromItems(classify, true, mmlu), 300, 400},
		{"promise gsm8k", fromItems(open, false, gsm), 300, 400},
		{"promise clinc150", fromItems(classify, false, clinc), 300, 400},
		{"promise headlines", headlines, 300, 400},
		{"promise llama13b", llama13b, 1000, 400},
		{"promise options", optionLogits("mmlu_10k_base_icl1_option_logits.csv.gz"), 300, 400},
		{"promise wnut17", wnut17, 300, 400},
		{"promise sroie", sroie, 150, 300},
		{"promise moderation", moderation, 300, 400},
		{"promise cast", cast, 200, 300},
	}
}

// measure certifies both promises, with a slice for short and for long requests.
func (w *promised) measure(root string, draws int) ([]row, error) {
	splits := promiseSplits
	if draws > 0 {
		splits = max(draws/partsOfSplit, 1)
	}
	p, err := w.load(root)
	if err != nil {
		return nil, err
	}
	p.judge = false // students take most of the time, and promises are not theirs
	names := p.slice()
	promises := []pointsman.Promise{pointsman.PromiseQuality, pointsman.PromiseHarm}
	// results[k][promise][0] is of all requests, the others are of each slice.
	results := make([][][][]kept, splits)
	err = atOnce(splits, func(k int) error {
		random := rand.New(rand.NewPCG(uint64(k), 2027))
		d, err := p.split(random, w.fit, uint64(k))
		if err != nil {
			return err
		}
		results[k] = make([][][]kept, len(promises))
		for range partsOfSplit {
			part := d.certify(random, w.certify)
			for at, promise := range promises {
				target := pointsman.Target{Promise: promise, Retain: promiseRetain, Confidence: confidence}
				policy, err := p.policyOf(part, target, uint64(k))
				if err != nil {
					return err
				}
				all := []kept{p.judged(policy, &d, target)}
				for _, name := range names {
					all = append(all, p.judged(policy, d.only(name), target))
				}
				results[k][at] = append(results[k][at], all)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var rows []row
	for at, promise := range promises {
		var all [][]kept
		for _, r := range results {
			all = append(all, r[at]...)
		}
		of, err := w.rows(promise, names, all)
		if err != nil {
			return nil, err
		}
		rows = append(rows, of...)
	}
	return rows, nil
}

// rows are the traffic kept, and how often the promise was broken, on all requests
// and on those of each slice.
func (w *promised) rows(promise pointsman.Promise, names []string, all [][]kept) ([]row, error) {
	share := make([]float64, len(all)/partsOfSplit) // a mean of each split
	for i, r := range all {
		share[i/partsOfSplit] += r[0].share / partsOfSplit
	}
	value, low, high := mean(share)
	rows := []row{{w.name, fmt.Sprint(promise, " kept@", promiseRetain), value, low, high, undefined, "higher", false}}
	for k, name := range append([]string{"all"}, names...) {
		broken := 0
		for _, r := range all {
			broken += int(number(r[k].broken))
		}
		rate, err := stat.Rate(broken, len(all), 0.95)
		if err != nil {
			return nil, err
		}
		metric := fmt.Sprint(promise, " broken@", promiseRetain)
		if k > 0 {
			metric += " " + name
		}
		rows = append(rows, row{w.name, metric, rate.Value, rate.Low, rate.High, 1 - confidence, "lower", true})
	}
	return rows, nil
}

// slice puts each unit into the half of the short or of the long ones, and gives
// the names of both; none where no text is on record.
func (p *population) slice() []string {
	lengths := make([]int, len(p.texts))
	for i := range p.texts {
		lengths[i] = utf8.RuneCountInString(p.texts[i].Input)
	}
	sorted := slices.Sorted(slices.Values(lengths))
	median := sorted[len(sorted)/2]
	names := []string{"length=short", "length=long"}
	if sorted[0] == sorted[len(sorted)-1] {
		return nil
	}
	for _, unit := range p.units() {
		name := names[0]
		if lengths[unit[0]] > median {
			name = names[1]
		}
		for _, i := range unit {
			p.observations[i].Slices = []string{name}
		}
	}
	return names
}

// only is the part of a draw that is in a slice.
func (d *draw) only(slice string) *draw {
	out := &draw{}
	for _, unit := range d.rest {
		if slices.Contains(unit[0].Slices, slice) {
			out.rest = append(out.rest, unit)
		}
	}
	return out
}
