package eval

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// report sums the results up.
func (r *run) report() *Report {
	c := r.inventory
	out := &Report{
		Name: r.plan.Name, Task: r.plan.Task, Dataset: c.digest, Examples: c.n, Groups: c.groups,
		Scorer: r.plan.Scorer.Name(), Confidence: r.options.Confidence, Seed: r.options.Seed,
		Asked: r.asked, Reused: r.reused, Started: r.manifest.Started, Complete: true,
	}
	s := &summariser{inventory: c, results: r.results, estimator: estimator{r.options.Confidence, r.options.Seed}, small: r.plan.Small}
	for i, t := range r.plan.Targets {
		one := s.target(i)
		one.Target, one.Identity = t, r.identities[i]
		out.Complete = out.Complete && one.Missing == 0
		out.Targets = append(out.Targets, one)
	}
	out.Pairs = s.pairs(r.plan.Targets)
	out.Routing = s.routings(r.plan)
	out.Notes = notes(out, r.store)
	return out
}

// notes are what a reader should know before quoting a figure.
func notes(r *Report, store *collect.Store) []string {
	var out []string
	if r.Clustered() {
		out = append(out, fmt.Sprintf("%d examples fall into %d groups: intervals and tests resample whole groups", r.Examples, r.Groups))
	}
	if !r.Complete {
		out = append(out, "the run was broken off: figures cover what was answered, which need not be a fair sample")
	}
	for i := range r.Targets {
		t := &r.Targets[i]
		if t.Failed > 0 {
			out = append(out, fmt.Sprintf("%s: %d of %d examples failed and are not scored; run again to ask them again", t.Target.Name, t.Failed, t.Total))
		}
		if t.Excluded > 0 {
			out = append(out, fmt.Sprintf("%s: %d of %d examples were not asked, because the owner's rules do not permit it: its figures are about the others", t.Target.Name, t.Excluded, t.Total))
		}
	}
	if store.Damaged() > 0 {
		out = append(out, fmt.Sprintf("%s has %d damaged lines, whose answers were asked again", ResultsFile, store.Damaged()))
	}
	for i := range r.Targets {
		if len(r.Targets[i].Slices) > 1 {
			out = append(out, fmt.Sprintf("each slice's interval holds with %s by itself, not all of them at once", percent(r.Confidence)))
			break
		}
	}
	return out
}

type summariser struct {
	estimator
	inventory *inventory
	results   *results
	small     pointsman.TierID
}

func (s *summariser) target(i int) TargetReport {
	c := &s.results.columns[i]
	out := TargetReport{
		Summary: s.summary(c, nil), Parts: s.parts(c), Cost: s.cost(c),
		Failures: c.failures.list(), Exclusions: c.exclusions.list(), Skips: c.skips.list(),
	}
	for _, key := range s.inventory.slices {
		for at, value := range key.values {
			one := s.summary(c, func(example int) bool { return key.member[example] == int32(at) })
			out.Slices = append(out.Slices, SliceSummary{key.key, value, one})
		}
	}
	slices.SortStableFunc(out.Slices, func(a, b SliceSummary) int {
		if a.Key != b.Key {
			return 0 // as the plan has them
		}
		return b.Total - a.Total
	})
	s.times(c, &out)
	s.ways(c, &out)
	return out
}

// summary sums up the examples that are kept; nil keeps all.
func (s *summariser) summary(c *column, kept func(example int) bool) Summary {
	var out Summary
	var grades, acceptable sample
	for i := range c.cells {
		if kept != nil && !kept(i) {
			continue
		}
		out.Total++
		switch one := &c.cells[i]; one.state {
		case missing:
			out.Missing++
		case failed:
			out.Failed++
		case excluded:
			out.Excluded++
		case unscored:
			out.Unscored++
		case scored:
			out.Scored++
			grades.add(one.value, s.inventory.clusters[i])
			acceptable.add(indicator(one.acceptable), s.inventory.clusters[i])
		}
	}
	if out.Total > 0 {
		out.Coverage = float64(out.Scored) / float64(out.Total)
	}
	out.Score = s.mean(grades)
	if slices.Equal(grades.values, acceptable.values) {
		out.Acceptable = out.Score
	} else {
		out.Acceptable = s.mean(acceptable)
	}
	return out
}

func indicator(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func (s *summariser) parts(c *column) []NamedNumber {
	var out []NamedNumber
	for _, name := range c.partNames {
		part := c.parts[name]
		column := sample{values: part.value}
		for _, at := range part.at {
			column.clusters = append(column.clusters, s.inventory.clusters[at])
		}
		out = append(out, NamedNumber{name, len(part.value), s.mean(column)})
	}
	return out
}

func (s *summariser) cost(c *column) CostSummary {
	out := CostSummary{Total: pointsman.KnownCost(0)}
	var grades, dollars []float64
	var clusters []string
	for i := range c.cells {
		one := &c.cells[i]
		if !one.answered() {
			continue
		}
		out.Answered++
		if !one.costKnown {
			out.Unknown++
			out.Total = pointsman.Cost{}
			continue
		}
		out.Known += one.cost
		out.Total = out.Total.Add(pointsman.KnownCost(one.cost))
		if one.state == scored {
			grades = append(grades, one.value)
			dollars = append(dollars, one.cost.Dollars())
			clusters = append(clusters, s.inventory.clusters[i])
		}
	}
	if out.Answered == 0 {
		out.Total = pointsman.Cost{}
	}
	out.Per1000 = per1000(out.Total, out.Answered)
	switch {
	case out.Answered == 0:
		out.PerDollar = Number{Note: "no examples"}
	case !out.Total.Known:
		out.PerDollar = Number{Note: fmt.Sprintf("the cost of %d answers is unknown", out.Unknown)}
	case out.Total.Amount == 0:
		out.PerDollar = Number{Note: "the answers cost nothing"}
	default:
		out.PerDollar = s.ratio(grades, dollars, clusters)
	}
	return out
}

// per1000 is the cost of a thousand answers, to the nearest nano-dollar.
func per1000(total pointsman.Cost, n int) pointsman.Cost {
	if !total.Known || n == 0 || total.Amount < 0 {
		return pointsman.Cost{}
	}
	high, low := bits.Mul64(uint64(total.Amount), 1000)
	low, carry := bits.Add64(low, uint64(n)/2, 0)
	if high += carry; high >= uint64(n) {
		return pointsman.Cost{}
	}
	quotient, _ := bits.Div64(high, low, uint64(n))
	if quotient > math.MaxInt64 {
		return pointsman.Cost{}
	}
	return pointsman.KnownCost(pointsman.Money(quotient))
}

// times fills in what took how long and how many tokens.
func (s *summariser) times(c *column, out *TargetReport) {
	var latency, overhead []float64
	for i := range c.cells {
		one := &c.cells[i]
		if !one.answered() {
			continue
		}
		latency = append(latency, float64(one.latency))
		if one.overheadKnown {
			overhead = append(overhead, float64(one.overhead))
		}
		if one.usageKnown {
			out.Tokens.N++
			out.Tokens.Input += one.input
			out.Tokens.Output += one.output
		}
	}
	out.Latency, out.Overhead = quantiles(latency), quantiles(overhead)
}

func quantiles(values []float64) Quantiles {
	q, err := stat.Quantiles(values, 0.5, 0.95, 0.99)
	if err != nil {
		return Quantiles{Note: "not measured"}
	}
	out := Quantiles{N: len(values)}
	for i, into := range []**time.Duration{&out.P50, &out.P95, &out.P99} {
		d := time.Duration(math.Round(q[i]))
		*into = &d
	}
	return out
}

// ways fills in which tiers answered, and why.
func (s *summariser) ways(c *column, out *TargetReport) {
	tiers, causes := make([]int, len(c.tiers.list)), make([]int, len(c.causes.list))
	var escalated sample
	n := 0
	for i := range c.cells {
		one := &c.cells[i]
		if !one.answered() {
			continue
		}
		n++
		if int(one.tier) < len(tiers) {
			tiers[one.tier]++
		}
		if int(one.cause) < len(causes) {
			causes[one.cause]++
		}
		tier := pointsman.TierID(c.tiers.list[min(int(one.tier), len(tiers)-1)])
		switch {
		case one.attemptsKnown:
			escalated.add(indicator(one.escalated), s.inventory.clusters[i])
		case s.small != "" && tier != "":
			escalated.add(indicator(tier != s.small), s.inventory.clusters[i])
		}
	}
	out.Tiers, out.Causes = shares(c.tiers.list, tiers, n), shares(c.causes.list, causes, n)
	out.Escalated = s.mean(escalated)
	if len(escalated.values) < n {
		out.Escalated.Note = fmt.Sprintf("known for %d of %d answers", len(escalated.values), n)
	}
}

// shares are counts with their shares of n, the most frequent first. What has
// no name is called "unknown".
func shares(list []string, counts []int, n int) []Count {
	var out []Count
	for i, name := range list {
		if counts[i] == 0 {
			continue
		}
		if name == "" {
			name = "unknown"
		}
		out = append(out, Count{name, counts[i], float64(counts[i]) / float64(n)})
	}
	slices.SortStableFunc(out, func(a, b Count) int { return b.N - a.N })
	return out
}
