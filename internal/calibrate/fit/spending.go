package fit

import (
	"math"

	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// spending is what one request comes to.
type spending struct {
	cost, seconds float64
	// known and timed say whether both are.
	known, timed bool
}

func (s *spending) add(t *TierOutcome) {
	if t.Cost == nil {
		s.known = false
	} else {
		s.cost += *t.Cost
	}
	if t.Seconds == nil {
		s.timed = false
	} else {
		s.seconds += *t.Seconds
	}
}

// spend is what a request comes to that some tier answers: what was asked on the
// way, the witnesses too. Witnesses cost money, and are asked beside the tier.
func (t *tester) spend(d *draw, answering int) spending {
	s := spending{known: true, timed: true}
	for k := range answering {
		if d.unasked[k] {
			continue
		}
		s.add(&d.Tiers[k])
		s.cost += t.witnessCost(k, d.asked[k])
	}
	if answering < len(t.path.thresholds) {
		s.cost += t.witnessCost(answering, d.asked[answering])
	}
	s.add(&d.Tiers[answering])
	return s
}

// witnessCost is what the witnesses of a stage cost for one answer.
func (t *tester) witnessCost(stage, asked int) float64 {
	if len(t.policy.Stages[stage].Early) == 0 { // all are asked
		asked = len(t.WitnessPrices)
	}
	sum := 0.0
	for _, price := range t.WitnessPrices[:min(asked, len(t.WitnessPrices))] {
		sum += price
	}
	return sum * t.largestCost
}

// meanLargest is what an answer of the largest tier costs on average.
func meanLargest(all []*Observation) float64 {
	sum, n := 0.0, 0.0
	for _, one := range all {
		if c := one.Tiers[len(one.Tiers)-1].Cost; c != nil {
			sum += *c
			n++
		}
	}
	return sum / max(n, 1)
}

// average is what draws come to on average.
type average struct {
	quality       float64
	cost, seconds *float64
}

// answering is the tier that answers a draw under a candidate.
func (p *path) answering(d *draw, candidate int) int {
	last := len(p.thresholds)
	for k := range last {
		if d.effective[k] <= p.thresholds[k][candidate] {
			return k
		}
	}
	return last
}

// average measures a candidate of a path.
func (t *tester) average(draws []draw, p *path, candidate int) average {
	var a average
	total := spending{known: true, timed: true}
	for i := range draws {
		tier := p.answering(&draws[i], candidate)
		s := t.spend(&draws[i], tier)
		total.cost += s.cost
		total.seconds += s.seconds
		total.known, total.timed = total.known && s.known, total.timed && s.timed
		a.quality += draws[i].Tiers[tier].score()
	}
	n := float64(max(len(draws), 1))
	a.quality /= n
	if total.known {
		cost := total.cost / n
		a.cost = &cost
	}
	if total.timed {
		seconds := total.seconds / n
		a.seconds = &seconds
	}
	return a
}

// Economy compares what the policy costs with what the largest tier alone does, on
// the certify part, where all costs are known.
type Economy struct {
	Cascade stat.Estimate `json:"cascade"` // US dollars a request
	Largest stat.Estimate `json:"largest"`
	// Saved is largest − cascade, paired.
	Saved stat.Estimate `json:"saved"`
	// Seconds are the mean times; null where they are not known.
	CascadeSeconds *float64 `json:"cascade_seconds"`
	LargestSeconds *float64 `json:"largest_seconds"`
}

// economy measures the policy in force; nil where a cost is not known.
func (t *tester) economy() *Economy {
	last := len(t.Tiers) - 1
	cascade, largest := make([]float64, 0, len(t.fresh)), make([]float64, 0, len(t.fresh))
	saved := make([]float64, 0, len(t.fresh))
	var seconds, alone float64
	timed := true
	for i := range t.fresh {
		d := &t.fresh[i]
		tier := live(t.policy, d.Observation)
		whole := *d
		whole.unasked = make([]bool, last)
		before := &policy.Before{Slices: d.Slices, Request: d.Request, Shape: d.Shape}
		for k := range last {
			cause, _ := t.policy.Unusable(k, before)
			whole.unasked[k] = cause != ""
		}
		a, b := t.spend(&whole, tier), spending{known: true, timed: true}
		b.add(&d.Tiers[last])
		if !a.known || !b.known {
			return nil
		}
		timed = timed && a.timed && b.timed
		cascade, largest, saved = append(cascade, a.cost), append(largest, b.cost), append(saved, b.cost-a.cost)
		seconds += a.seconds / float64(len(t.fresh))
		alone += b.seconds / float64(len(t.fresh))
	}
	e := &Economy{Cascade: t.band(cascade), Largest: t.band(largest), Saved: t.band(saved)}
	if timed {
		e.CascadeSeconds, e.LargestSeconds = &seconds, &alone
	}
	return e
}

// band is the mean of values of the certify part with its normal 95 % interval,
// over independent units.
func (t *tester) band(values []float64) stat.Estimate {
	m := mean(values)
	variance, at := 0.0, 0
	for _, size := range t.split.units {
		sum := 0.0
		for range size {
			sum += values[at] - m
			at++
		}
		variance += sum * sum
	}
	half := 1.959964 * math.Sqrt(variance) / float64(max(len(values), 1))
	return stat.Estimate{Value: m, Interval: stat.Interval{Low: m - half, High: m + half}}
}
