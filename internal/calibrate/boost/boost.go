// Package boost grows gradient-boosted regression trees for a probability: each
// tree corrects the log-odds that the model before it gives (Friedman 2001), by
// one Newton step in each leaf (Chen and Guestrin 2016, equations 5 to 7). Splits
// are sought among the bins of a histogram (Ke et al. 2017), and a column may be
// bound to raise the log-odds, or to lower them, everywhere.
//
// Trees are small, so that a few thousand rows do not carry them away, and growing
// them is deterministic.
package boost

import (
	"math"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// Options say how trees grow. The zero value is not usable; see [Default].
type Options struct {
	// Leaves is the most leaves of a tree.
	Leaves int
	// Rate is the part of each correction that is applied.
	Rate float64
	// Weight is the least sum of p(1−p) in a leaf.
	Weight float64
	// Shrinkage is the penalty on the square of a leaf's correction.
	Shrinkage float64
}

// Default are options for some thousand rows and dozens of columns.
func Default() Options {
	return Options{Leaves: 6, Rate: 0.05, Weight: 8, Shrinkage: 10}
}

// Node is a part of a tree: a leaf where Left is 0, else a split.
type Node struct {
	Column int
	// Split is the largest value that goes left.
	Split float64
	// MissingLeft says that a missing value goes left too.
	MissingLeft bool
	Left, Right int // indices of the children
	Value       float64
	// Gain is by how much the split lowered the loss, to second order.
	Gain float64
}

// Tree is its nodes, the root first; a child stands after its parent.
type Tree []Node

// Value is the correction of a row; a missing value is not a number.
func (t Tree) Value(row func(column int) float64) float64 {
	i := 0
	for t[i].Left != 0 {
		n := &t[i]
		v := row(n.Column)
		if v <= n.Split || n.MissingLeft && math.IsNaN(v) {
			i = n.Left
		} else {
			i = n.Right
		}
	}
	return t[i].Value
}

// maxBins bounds the values of a column that are told apart.
const maxBins = 48

// Table holds the columns of all rows in bins. Bin 0 is a missing value.
type Table struct {
	bins  [][]uint8   // by column, by row
	edges [][]float64 // by column: bin b holds the values up to edges[b-1]
	// direction is, for each column, 1 where the log-odds must not fall as it
	// rises, -1 where they must not rise, else 0.
	direction []int
}

// NewTable bins columns, which are by column and then by row. A value that is not
// a number is missing.
func NewTable(columns [][]float64, direction []int) *Table {
	t := &Table{direction: direction}
	for _, values := range columns {
		edges := cut(values)
		bins := make([]uint8, len(values))
		for i, v := range values {
			if math.IsNaN(v) {
				continue
			}
			low, high := 0, len(edges)-1
			for low < high {
				if middle := (low + high) / 2; v <= edges[middle] {
					high = middle
				} else {
					low = middle + 1
				}
			}
			bins[i] = uint8(low + 1)
		}
		t.bins, t.edges = append(t.bins, bins), append(t.edges, edges)
	}
	return t
}

// cut finds the upper edges of the bins of a column: midpoints between
// neighbouring values, as many of each as may be.
func cut(values []float64) []float64 {
	var known []float64
	for _, v := range values {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	sorted := pick(known, stat.Ascending(known))
	var edges []float64
	in := 0
	for i, v := range sorted {
		in++
		if i+1 == len(sorted) {
			edges = append(edges, math.Inf(1))
			break
		}
		left := maxBins - len(edges) - 1
		if next := sorted[i+1]; next > v && in*(left+1) >= len(sorted)-i-1+in && left > 0 {
			edges = append(edges, v+(next-v)/2)
			in = 0
		}
	}
	return edges
}

func pick(values []float64, order []int) []float64 {
	out := make([]float64, len(order))
	for k, i := range order {
		out[k] = values[i]
	}
	return out
}

// Booster grows one tree after another.
type Booster struct {
	options Options
	table   *Table
	target  []float64
	rows    []int
	// Odds are the log-odds of every row of the table, those that are not learned
	// from too.
	Odds []float64

	gradient, weight []float64
	order            []int
	spare            []int
}

// New begins from the log-odds that another model gives to every row. The targets
// lie in [0,1]; rows are those that are learned from.
func New(t *Table, target, odds []float64, rows []int, o Options) *Booster {
	return &Booster{
		options: o, table: t, target: target, rows: rows, Odds: append([]float64(nil), odds...),
		gradient: make([]float64, len(target)), weight: make([]float64, len(target)),
		order: make([]int, len(rows)), spare: make([]int, len(rows)),
	}
}

// Next grows a tree and adds it to the log-odds. It is nil where no split helps.
func (b *Booster) Next() Tree {
	for _, i := range b.rows {
		p := 1 / (1 + math.Exp(-b.Odds[i]))
		b.gradient[i], b.weight[i] = b.target[i]-p, max(p*(1-p), 1e-6)
	}
	copy(b.order, b.rows)
	tree := b.grow()
	if len(tree) == 1 {
		return nil
	}
	for i := range b.Odds {
		b.Odds[i] += tree.binned(b.table, i)
	}
	return tree
}

// binned is the correction of a row of the table.
func (t Tree) binned(table *Table, row int) float64 {
	return t.Value(func(column int) float64 {
		bin := table.bins[column][row]
		if bin == 0 {
			return math.NaN()
		}
		return table.edges[column][bin-1]
	})
}
