package fit

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// leastPrice is what asking a witness counts as at the least, as a share of what
// asking the largest tier costs: it takes time even where it costs nothing.
const leastPrice = 0.01

// chain is the scorers of a stage in the order in which they are asked: without a
// witness, with the first, and so on.
type chain struct {
	early []policy.Early
	// uplift and lost are the cross-fitted word of the scorer that decides, by row,
	// by its features.
	uplift, lost []float64
	by           [][]policy.Feature
}

// zones learns the scorers that decide without all witnesses, and the grey zones
// in which the next one is asked: where it changes enough decisions to be worth
// its price. final is the scorer that has them all.
func (o Options) zones(ctx context.Context, l *lessons, features []policy.Feature, final *scored) (*chain, error) {
	c := &chain{uplift: slices.Clone(final.uplift), lost: slices.Clone(final.lost), by: make([][]policy.Feature, len(l.examples))}
	for i := range c.by {
		c.by[i] = features
	}
	var names []pointsman.SignalName
	for _, f := range features {
		names = append(names, f.Signal)
	}
	witnesses, sources := signal.Witnesses(names), 0
	for _, name := range names {
		sources = max(sources, signal.Asked(name, witnesses))
	}
	low, high := o.between(l, final.uplift)
	later := make([]float64, len(l.examples)) // what is asked later costs, by row
	for j := sources - 1; j >= 0; j-- {
		known := slices.DeleteFunc(slices.Clone(features), func(f policy.Feature) bool { return signal.Asked(f.Signal, witnesses) > j })
		if len(known) == 0 {
			return &chain{uplift: final.uplift, lost: final.lost, by: c.by}, nil // nothing to go by: all are asked
		}
		s, err := l.score(ctx, known)
		if err != nil {
			return nil, err
		}
		e := policy.Early{Scorer: s.scorer}
		price := o.price(j)
		cost := make([]float64, len(later))
		for i := range cost {
			cost[i] = price + later[i]
		}
		e.Low, e.High = zone(s.uplift, c.uplift, cost, low, high)
		for i, u := range s.uplift {
			if u > e.Low && u <= e.High {
				later[i] = cost[i]
				continue
			}
			later[i] = 0
			c.uplift[i], c.lost[i], c.by[i] = u, s.lost[i], known
		}
		c.early = append([]policy.Early{e}, c.early...)
	}
	return c, nil
}

// price is what asking a witness costs, as a share of what the largest tier does.
func (o Options) price(witness int) float64 {
	if witness < len(o.WitnessPrices) {
		return max(o.WitnessPrices[witness], leastPrice)
	}
	return leastPrice
}

// between guesses between which thresholds the certified one will lie: the loosest
// at which the fit part itself loses no more than it may, and the loosest at which
// that is so with two standard errors to spare.
func (o Options) between(l *lessons, uplift []float64) (low, high float64) {
	order := slices.Clone(l.judged)
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(uplift[a], uplift[b]), a-b) })
	right := 0.0
	for _, i := range order {
		right += indicator(l.largest[i])
	}
	allowed := (1 - o.Target.Retain) * right
	low, high = math.Inf(-1), math.Inf(-1)
	lost, square := 0.0, 0.0
	for _, i := range order {
		loss := indicator(l.largest[i]) - indicator(l.this[i])
		if o.Target.Promised() == pointsman.PromiseHarm {
			loss = max(loss, 0)
		}
		lost += loss
		square += loss * loss
		if lost <= allowed {
			high = uplift[i]
		}
		if lost+2*math.Sqrt(square) <= allowed {
			low = uplift[i]
		}
	}
	return low, high
}

// zone finds the grey zone of a scorer. Below it, what comes later would hardly
// refuse an answer by the strictest threshold that may come; above it, it would
// hardly accept one by the loosest. Each answer decided otherwise is worth one
// request to the largest tier, against the cost of asking on.
func zone(now, later, cost []float64, strict, loose float64) (low, high float64) {
	order := make([]int, len(now))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(now[a], now[b]), a-b) })
	// worth[k] is what asking on is worth for the first k rows.
	best := func(changes func(i int) bool, from, to, step int) (at int) {
		sum, most := 0.0, 0.0
		at = from
		for k := from; k != to; k += step {
			i := order[k]
			sum -= cost[i]
			if changes(i) {
				sum++
			}
			if sum > most {
				most, at = sum, k+step
			}
		}
		return at
	}
	middle := 0
	for middle < len(order) && now[order[middle]] <= loose {
		middle++
	}
	first := best(func(i int) bool { return later[i] > strict }, middle-1, -1, -1)
	last := best(func(i int) bool { return later[i] <= loose }, middle, len(order), 1)
	low, high = -1, -1
	if first >= 0 {
		low = now[order[first]]
	}
	if last > 0 {
		high = now[order[last-1]]
	}
	return low, high
}
