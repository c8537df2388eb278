package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// furtherWitnesses are the models of MMLU-Pro that are asked after Phi-3-mini, of
// which only the letters are on record.
var furtherWitnesses = []string{"Qwen1.5-7B-Chat", "Mistral-7B-Instruct-v0.2"}

// mmluProWitnesses reads MMLU-Pro with three witnesses: Phi-3-mini's text through
// the contract, and the letters of two more. A letter that is missing broke its
// contract.
func mmluProWitnesses(root string) ([]item, error) {
	items, err := readMMLUPro(root, true)
	if err != nil {
		return nil, err
	}
	letters, err := mmluProLetters(root)
	if err != nil {
		return nil, err
	}
	for i := range items {
		for _, letter := range letters[items[i].question] {
			items[i].witness.Witnesses = append(items[i].witness.Witnesses, &signal.Witness{
				Answer: &pointsman.Answer{}, Reading: pointsman.Reading{Valid: letter != "", Label: letter},
			})
		}
	}
	return items, nil
}

// mmluProLetters reads what the further witnesses answered to each question.
func mmluProLetters(root string) (map[int][]string, error) {
	r, err := open(root, "mmlu_pro", "mmlu_pro_outcomes.csv.gz")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c := csv.NewReader(r)
	header, err := c.Read()
	if err != nil {
		return nil, err
	}
	var columns []int
	for _, w := range furtherWitnesses {
		at := slices.Index(header, w+"|pred")
		if at < 0 {
			return nil, fmt.Errorf("mmlu_pro_outcomes.csv.gz has no answers of %s", w)
		}
		columns = append(columns, at)
	}
	out := map[int][]string{}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		id, err := strconv.Atoi(row[0])
		if err != nil {
			return nil, err
		}
		for _, at := range columns {
			out[id] = append(out[id], row[at])
		}
	}
}

// breakEven is how many times a small model's call one of the largest tier must
// cost for the cascade to cost no more than asking that tier always, where all
// small models cost the same: what is asked of them, over what stays below the
// largest tier. It is false where nothing does.
func breakEven(p *policy.Policy, rest []fit.Observation) (float64, bool) {
	calls, kept := 0, 0
	for i := range rest {
		o := &rest[i]
		if cause, _ := p.Unusable(0, &policy.Before{Request: o.Request, Shape: o.Shape}); cause != "" || !p.Certified() {
			continue
		}
		calls++
		if o.Tiers[0].Valid {
			calls += p.Asked(0, o.Request, o.Tiers[0].Signals)
		}
		if accepts(p, o) {
			kept++
		}
	}
	return float64(calls) / float64(kept), kept > 0
}

// breakEvens are the price ratios over the draws in which something was kept.
func (w *work) breakEvens(results []result) []row {
	var out []row
	for k, t := range w.targets {
		var ratios []float64
		for _, r := range results {
			if !math.IsNaN(r.even[k]) {
				ratios = append(ratios, r.even[k])
			}
		}
		if len(ratios) == 0 {
			continue
		}
		value, low, high := mean(ratios)
		out = append(out, row{w.name, fmt.Sprintf("break_even@%g", t.retain), value, low, high, math.NaN(), "lower", true})
	}
	return out
}
