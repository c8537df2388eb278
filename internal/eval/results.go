package eval

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// state is what is known of one example at one target.
type state uint8

const (
	missing  state = iota // not asked, because the run was interrupted
	failed                // asked, without an answer
	excluded              // not asked, because the owner's rules do not permit it
	unscored              // answered, but the scorer had nothing to go by
	scored
)

// cell is what a report needs of one result, without its texts.
type cell struct {
	state      state
	acceptable bool
	// Each of these says that the number below it is known.
	costKnown, overheadKnown, usageKnown, upliftKnown, attemptsKnown bool
	// escalated says that more than one tier was asked.
	escalated bool
	tier      uint16
	cause     uint16
	value     float64
	uplift    float64
	cost      pointsman.Money
	latency   time.Duration
	overhead  time.Duration
	input     int64
	output    int64
}

// answered says that there is an answer, scored or not.
func (c *cell) answered() bool { return c.state == unscored || c.state == scored }

// results holds the cells of a run: one column for each target.
type results struct{ columns []column }

type column struct {
	cells []cell
	// tiers and causes are the names behind the numbers of the cells.
	tiers, causes names
	// These count why examples failed, were not asked or not scored.
	failures, exclusions, skips tally
	parts                       map[string]*partColumn
	partNames                   []string
}

// partColumn are the values of one part, with the examples that have it.
type partColumn struct {
	at    []int32
	value []float64
}

func newResults(c *inventory, targets int) *results {
	b := &results{columns: make([]column, targets)}
	for i := range b.columns {
		b.columns[i].cells = make([]cell, c.n)
		b.columns[i].parts = make(map[string]*partColumn)
	}
	return b
}

// add puts a result into its cell.
func (c *column) add(at int, r *collect.Result, s score.Score) {
	one := &c.cells[at]
	if r.Excluded != "" {
		one.state = excluded
		c.exclusions.add(r.Excluded)
		return
	}
	if r.Err != "" {
		one.state = failed
		c.failures.add(r.Err)
		return
	}
	*one = measure(r)
	one.tier = c.tiers.of(string(r.Decision.Tier))
	one.cause = c.causes.of(string(r.Decision.Cause))
	if s.Skipped == "" && (math.IsNaN(s.Value) || s.Value < 0 || s.Value > 1) {
		s = score.Score{Skipped: fmt.Sprintf("the scorer gave %v, which is no grade", s.Value)}
	}
	if s.Skipped != "" {
		one.state = unscored
		c.skips.add(s.Skipped)
		return
	}
	one.state, one.value, one.acceptable = scored, s.Value, s.Acceptable
	for _, p := range s.Parts {
		part := c.parts[p.Name]
		if part == nil {
			if len(c.partNames) == maxParts {
				continue // the summary says that there are more
			}
			part = &partColumn{}
			c.parts[p.Name] = part
			c.partNames = append(c.partNames, p.Name)
		}
		part.at = append(part.at, int32(at))
		part.value = append(part.value, p.Value)
	}
}

// maxParts bounds the parts that are summed up for a target.
const maxParts = 64

// measure is what a result says apart from its score.
func measure(r *collect.Result) cell {
	d := &r.Decision
	c := cell{
		latency: r.Latency, costKnown: d.Cost.Known, cost: d.Cost.Amount,
		overhead: d.Overhead, overheadKnown: d.Latency > 0,
		attemptsKnown: len(d.Attempts) > 0, escalated: len(d.Attempts) > 1,
	}
	if r.Uplift != nil && !math.IsNaN(*r.Uplift) && !math.IsInf(*r.Uplift, 0) {
		c.uplift, c.upliftKnown = *r.Uplift, true
	}
	c.usageKnown = len(d.Attempts) > 0
	for i := range d.Attempts {
		u := d.Attempts[i].Usage
		c.usageKnown = c.usageKnown && u.Known
		c.input += int64(u.Input)
		c.output += int64(u.Output)
	}
	return c
}

// names numbers a few names in the order of their first use.
type names struct {
	list   []string
	number map[string]uint16
}

// of is a name's number; beyond 65,535 names all are the last one.
func (n *names) of(name string) uint16 {
	if at, known := n.number[name]; known {
		return at
	}
	if n.number == nil {
		n.number = make(map[string]uint16)
	}
	if len(n.list) > math.MaxUint16 {
		return math.MaxUint16
	}
	at := uint16(len(n.list))
	n.number[name] = at
	n.list = append(n.list, name)
	return at
}

// tally counts reasons. Beyond maxReasons different ones it counts the rest
// together.
type tally struct{ counts map[string]int }

const maxReasons = 20

func (t *tally) add(reason string) {
	if t.counts == nil {
		t.counts = make(map[string]int)
	}
	reason = excerpt.Line(reason, 160)
	if _, known := t.counts[reason]; !known && len(t.counts) >= maxReasons {
		reason = "other reasons"
	}
	t.counts[reason]++
}

// list is the tally with the most frequent reason first.
func (t *tally) list() []Count {
	names := slices.Sorted(maps.Keys(t.counts))
	counts := make([]int, len(names))
	n := 0
	for i, name := range names {
		counts[i] = t.counts[name]
		n += counts[i]
	}
	return shares(names, counts, n)
}
