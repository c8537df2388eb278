package main

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// kind is one kind of task with what is promised of it.
type kind struct {
	name         string
	load         func(root string) (*population, error)
	fit, certify int // rows, units
	retain       []float64
}

// kindWorks are the kinds beside classification. What is to be retained was chosen
// before anything was measured.
func kindWorks() []kind {
	return []kind{
		{"kinds wnut17", wnut17, 400, 600, []float64{0.9, 0.95}},
		{"kinds sroie", sroie, 150, 300, []float64{0.8, 0.9}},
		{"kinds moderation", moderation, 400, 600, []float64{0.9, 0.95}},
		{"kinds cast", cast, 200, 300, []float64{0.8, 0.9}},
	}
}

// kindDraws is how many draws each kind has.
const kindDraws = 100

// measure certifies promises of quality, and judges them.
func (w *kind) measure(root string, draws int) ([]row, error) {
	if draws == 0 {
		draws = kindDraws
	}
	p, err := w.load(root)
	if err != nil {
		return nil, err
	}
	results := make([][]kept, draws)
	err = atOnce(draws, func(k int) error {
		random := rand.New(rand.NewPCG(uint64(k), 2026))
		d, err := p.split(random, w.fit, uint64(k))
		if err != nil {
			return err
		}
		part := d.certify(random, w.certify)
		for _, retain := range w.retain {
			target := pointsman.Target{Promise: pointsman.PromiseQuality, Retain: retain, Confidence: confidence}
			policy, err := p.policyOf(part, target, uint64(k))
			if err != nil {
				return err
			}
			results[k] = append(results[k], p.judged(policy, &d, target))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var rows []row
	for at, retain := range w.retain {
		var one []kept
		for _, r := range results {
			one = append(one, r[at])
		}
		rows = append(rows, keptRows(w.name, fmt.Sprintf("%g", retain), one)...)
	}
	return rows, nil
}

// keptRows are the figures of the draws of one promise: intervals are those of the
// mean over draws, and Wilson's for counts.
func keptRows(work, at string, results []kept) []row {
	var share, cost []float64
	certified, broken := 0, 0
	for _, r := range results {
		share, cost = append(share, r.share), append(cost, r.cost)
		certified += int(number(r.certified))
		broken += int(number(r.broken))
	}
	value, low, high := mean(share)
	rows := []row{{work, "kept@" + at, value, low, high, undefined, "higher", false}}
	value, low, high = mean(cost)
	rows = append(rows, row{work, "cost@" + at, value, low, high, 1, "lower", true})
	for _, count := range []struct {
		name   string
		n      int
		target float64
		better string
	}{{"certified@", certified, undefined, "higher"}, {"broken@", broken, 1 - confidence, "lower"}} {
		rate, err := stat.Rate(count.n, len(results), 0.95)
		if err != nil {
			panic(err) // there are draws
		}
		rows = append(rows, row{work, count.name + at, rate.Value, rate.Low, rate.High, count.target, count.better, count.target == count.target})
	}
	return rows
}

// atOnce runs draws, two at a time, and gives the first error.
func atOnce(draws int, run func(k int) error) error {
	errs := make([]error, draws)
	var group sync.WaitGroup
	slots := make(chan struct{}, 2)
	for k := range draws {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[k] = run(k)
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
