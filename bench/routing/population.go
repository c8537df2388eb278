package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/auxiliary"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// population is a set of requests with the judged answers of two tiers. Requests
// of one group belong together, and are drawn together.
type population struct {
	kind         pointsman.Kind
	observations []fit.Observation
	texts        []auxiliary.Texts // what a judge of answers learns from
	judge        bool              // whether one is trained in each draw
	// price is what asking the small tier, and its witness, costs as a share of
	// asking the largest.
	price float64
}

// of makes a population of items, each a unit.
func of(kind pointsman.Kind, items []item) *population {
	p := &population{kind: kind}
	for i := range items {
		o, t := observe(&items[i])
		p.observations, p.texts = append(p.observations, o), append(p.texts, t)
	}
	return p
}

// units are the rows of each group, in the order of their first rows.
func (p *population) units() [][]int {
	var units [][]int
	at := map[string]int{}
	for i := range p.observations {
		group := p.observations[i].Group
		k, known := at[group]
		if group == "" || !known {
			k = len(units)
			units = append(units, nil)
			if group != "" {
				at[group] = k
			}
		}
		units[k] = append(units[k], i)
	}
	return units
}

// draw is one split: what is fitted on, and the units of all that is not.
type draw struct {
	fitted []fit.Observation
	rest   [][]fit.Observation
}

// split draws whole units until there are so many rows to fit on, and leaves the
// rest. Where a judge is trained, it learns of those rows alone, cross-fitted.
func (p *population) split(random *rand.Rand, rows int, seed uint64) (draw, error) {
	units := p.units()
	random.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
	var order, fold []int
	inFit, ends := 0, []int{}
	for k, unit := range units {
		if inFit < rows {
			inFit += len(unit)
		}
		for range unit {
			fold = append(fold, k%5)
		}
		order = append(order, unit...)
		ends = append(ends, len(order))
	}
	if inFit >= len(order) {
		return draw{}, fmt.Errorf("%d rows leave nothing to certify after %d are fitted on", len(order), rows)
	}
	observations, texts := make([]fit.Observation, len(order)), make([]auxiliary.Texts, len(order))
	for k, i := range order {
		observations[k], texts[k] = p.observations[i], p.texts[i]
		observations[k].Tiers = slices.Clone(observations[k].Tiers)
	}
	if p.judge {
		if _, err := auxiliary.Fill(context.Background(), observations, texts, auxiliary.Options{
			InFitPart: func(i int) bool { return i < inFit }, Fold: func(i int) int { return fold[i] }, Folds: 5, Seed: seed, Judge: true,
		}); err != nil {
			return draw{}, err
		}
	}
	d := draw{fitted: observations[:inFit]}
	for i := range d.fitted { // a policy knows these as spent, so that they are fitted on
		d.fitted[i].Spent = true
	}
	start := inFit
	for _, end := range ends {
		if end > start {
			d.rest = append(d.rest, observations[start:end])
			start = end
		}
	}
	return d, nil
}

// certify draws so many units with replacement, each a unit of its own.
func (d *draw) certify(random *rand.Rand, units int) []fit.Observation {
	out := slices.Clone(d.fitted)
	for k := range units {
		for i, one := range d.rest[random.IntN(len(d.rest))] {
			one.ID = fmt.Sprint("c", k, "-", i)
			if one.Group != "" {
				one.Group = fmt.Sprint("c", k)
			}
			out = append(out, one)
		}
	}
	return out
}

// policyOf fits on what a draw has to fit on, and certifies on the others.
func (p *population) policyOf(part []fit.Observation, target pointsman.Target, seed uint64) (*policy.Policy, error) {
	got, _, err := fit.Fit(context.Background(), part, fit.Options{
		Task: "bench", Kind: p.kind, Tiers: []pointsman.Digest{pointsman.DigestOf([]byte("small")), pointsman.DigestOf([]byte("large"))},
		Target: target, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Seed: seed, CertifyShare: 1 - 1e-9,
	})
	return got, err
}

// kept is what a policy does with requests: the share that it keeps below the
// largest tier, what it costs as a share of asking the largest at once, and whether
// its promise is broken.
type kept struct {
	share, cost float64
	certified   bool
	broken      bool
}

// judged applies a policy to all that nothing was fitted on.
func (p *population) judged(by *policy.Policy, d *draw, target pointsman.Target) kept {
	var n, local, cascade, largest, right, harm float64
	for _, unit := range d.rest {
		for i := range unit {
			o := &unit[i]
			n++
			small, large := grade(&o.Tiers[0]), grade(&o.Tiers[1])
			largest += large
			right += number(isRight(&o.Tiers[1]))
			if accepts(by, o) {
				local++
				cascade += small
				harm += number(isRight(&o.Tiers[1]) && !isRight(&o.Tiers[0]))
			} else {
				cascade += large
			}
		}
	}
	k := kept{share: local / n, certified: by.Certified()}
	k.cost = p.price + 1 - k.share
	if !k.certified {
		k.cost = 1 // a task without a certificate asks its largest tier alone
	}
	k.broken = cascade < target.Retain*largest-1e-9
	if target.Promised() == pointsman.PromiseHarm {
		k.broken = harm > (1-target.Retain)*right+1e-9
	}
	return k
}

func isRight(o *fit.TierOutcome) bool { return o.Valid && o.Acceptable }

// grade is the score of an answer.
func grade(o *fit.TierOutcome) float64 {
	if o.Score != nil && o.Valid {
		return *o.Score
	}
	return number(isRight(o))
}
