package fit

import (
	"fmt"
	"math"

	"github.com/pointsman-ai/pointsman"
)

// aim leaves out the candidates that accept more than the owner wants, by what the
// fit part says, before anything is tested. It says what the aim comes to.
func (t *tester) aim() *AimReport {
	a := t.Target.Aim
	if a == nil {
		return nil
	}
	r := &AimReport{}
	loosest := t.path.size() - 1
	switch {
	case a.Mistake != nil:
		loosest = t.byPrices(r, a)
	case a.Budget != nil:
		loosest = t.strictest(r, "an average cost", *a.Budget, func(a average) *float64 { return a.cost })
	case a.Latency != nil:
		loosest = t.strictest(r, "an average time", *a.Latency, func(a average) *float64 { return a.seconds })
	case a.Quality != nil:
		loosest = -1
		for k := range t.path.size() {
			if t.average(t.fit, &t.path, k).quality >= *a.Quality {
				loosest = k
			}
		}
		if loosest < 0 {
			loosest, r.Unmet = 0, fmt.Sprintf("no threshold has a mean score of %.4g on the examples to fit", *a.Quality)
		}
	}
	r.imply(t, loosest)
	for k := range t.path.thresholds {
		t.path.thresholds[k] = t.path.thresholds[k][:loosest+1]
	}
	for _, draws := range [][]draw{t.fit, t.fresh} {
		for i := range draws {
			draws[i].held = nil
		}
	}
	return r
}

// byPrices is the loosest candidate that accepts no answer of which asking on is
// worth more than it costs: stakes × uplift × the price of a mistake against the
// money and the seconds that the largest tier takes.
func (t *tester) byPrices(r *AimReport, a *pointsman.Aim) int {
	cost, seconds, n := 0.0, 0.0, 0.0
	for _, one := range t.split.fit {
		last := &one.Tiers[len(one.Tiers)-1]
		if last.Failed {
			continue
		}
		if last.Cost == nil || a.Second != nil && last.Seconds == nil {
			r.Unmet = "the largest tier's price is not known, so that nothing can be weighed against it: every threshold that keeps the promise is permitted"
			return t.path.size() - 1
		}
		cost += *last.Cost
		if a.Second != nil {
			seconds += *last.Seconds * *a.Second
		}
		n++
	}
	worth := (cost + seconds) / n / *a.Mistake
	r.Uplift = &worth
	for stage := range t.path.thresholds { // the strictest may be too loose
		t.path.thresholds[stage][0] = min(t.path.thresholds[stage][0], worth)
	}
	loosest := 0
	for k := range t.path.size() {
		within := true
		for stage := range t.path.thresholds {
			within = within && t.path.thresholds[stage][k] <= worth
		}
		if within {
			loosest = k
		}
	}
	return loosest
}

// strictest is the first candidate that comes to no more than a bound: of those,
// the one with the best quality.
func (t *tester) strictest(r *AimReport, what string, bound float64, of func(average) *float64) int {
	for k := range t.path.size() {
		x := of(t.average(t.fit, &t.path, k))
		if x == nil {
			r.Unmet = what + " is not known, so that the bound on it is not used"
			return t.path.size() - 1
		}
		if *x <= bound {
			return k
		}
	}
	r.Unmet = fmt.Sprintf("no threshold has %s of at most %g on the examples to fit", what, bound)
	return t.path.size() - 1
}

// AimReport is what the owner's aim came to.
type AimReport struct {
	// Uplift is the largest effective uplift of which asking on costs more than it
	// is worth: no looser threshold was tested.
	Uplift *float64 `json:"uplift"`
	// Mistake is the price of a wrong answer, in US dollars, that this implies; null
	// where costs are unknown.
	Mistake *float64 `json:"mistake"`
	// Unmet says why the aim cannot be had; empty where it can.
	Unmet string `json:"unmet,omitempty"`
}

// imply fills in what a candidate says of prices.
func (r *AimReport) imply(t *tester, candidate int) {
	u := math.Inf(-1)
	for stage := range t.path.thresholds {
		u = max(u, t.path.thresholds[stage][candidate])
	}
	if r.Uplift == nil {
		r.Uplift = &u
	}
	switch a := t.Target.Aim; {
	case a.Mistake != nil: // it is said
		r.Mistake = a.Mistake
	case t.largestCost > 0 && *r.Uplift > 0:
		price := t.largestCost / *r.Uplift
		r.Mistake = &price
	}
}

// sound says whether an aim can be had: prices or one bound, all above 0.
func sound(a *pointsman.Aim) bool {
	if a == nil {
		return true
	}
	bounds := 0
	for _, x := range []*float64{a.Budget, a.Latency, a.Quality} {
		if x != nil {
			bounds++
		}
	}
	for _, x := range []*float64{a.Mistake, a.Second, a.Budget, a.Latency, a.Quality} {
		if x != nil && !(*x > 0 && *x <= math.MaxFloat64) {
			return false
		}
	}
	if a.Mistake != nil {
		return bounds == 0
	}
	return a.Second == nil && bounds == 1
}

// missed says which bound of the aim is not kept on the certify part, though the
// examples to fit kept it.
func (t *tester) missed(r *Report) []string {
	a := t.Target.Aim
	if a == nil || r.Aim.Unmet != "" {
		return nil
	}
	over := func(what string, is, bound float64) []string {
		return []string{fmt.Sprintf("On the examples to certify %s is %.4g, where the aim is %.4g: the aim was kept on the examples to fit, and is no promise.", what, is, bound)}
	}
	switch e := r.Economy; {
	case a.Budget != nil && e != nil && e.Cascade.Value > *a.Budget:
		return over("the average cost of a request, in US dollars,", e.Cascade.Value, *a.Budget)
	case a.Latency != nil && e != nil && e.CascadeSeconds != nil && *e.CascadeSeconds > *a.Latency:
		return over("the average time of a request, in seconds,", *e.CascadeSeconds, *a.Latency)
	case a.Quality != nil && r.Cascade.Value < *a.Quality:
		return over("the quality", r.Cascade.Value, *a.Quality)
	}
	return nil
}
