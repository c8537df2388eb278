package fit

import (
	"context"
	"math"

	"github.com/pointsman-ai/pointsman/internal/calibrate/boost"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

const (
	// treesFrom is the number of rows from which trees may correct a head, and
	// mostTrees how many are tried.
	treesFrom = 2000
	mostTrees = 120
)

// table are the values of the features, for trees: each held to its range, not a
// number where it is missing. sign is 1 for a head that rises with signals that
// speak for an answer, -1 for one that falls, and 0 for one that may do either.
func (l *lessons) table(features []policy.Feature, sign int) *boost.Table {
	columns, direction := make([][]float64, len(features)), make([]int, len(features))
	for j := range features {
		f := &features[j]
		columns[j] = make([]float64, len(l.examples))
		for i, one := range l.examples {
			v, ok := lookup(one, l.tier, f.Signal)
			columns[j][i] = min(max(v, f.Low), f.High)
			if !ok {
				columns[j][i] = math.NaN()
			}
		}
		direction[j] = sign * signal.Direction(f.Signal)
	}
	return boost.NewTable(columns, direction)
}

// correct grows trees that correct a head, as many as lower its cross-validated
// log loss the most; none where that gain is within one standard error of
// nothing.
func (h *head) correct(ctx context.Context, l *lessons, table *boost.Table, y []float64, rows []int) error {
	curve := make([][]float64, mostTrees) // log-odds by number of trees, then by row
	for k := range curve {
		curve[k] = make([]float64, len(y))
	}
	for f := range l.folds {
		if err := ctx.Err(); err != nil {
			return err
		}
		train, _ := divide(rows, l.fold, f)
		b := boost.New(table, y, h.outside[f], train, boost.Default())
		for k := range curve {
			b.Next()
			for i := range y {
				if l.fold[i] == f {
					curve[k][i] = b.Odds[i]
				}
			}
		}
	}
	before := losses(h.crossed, y, rows)
	best, least := -1, before
	for k := range curve {
		if after := losses(curve[k], y, rows); mean(after) < mean(least) {
			best, least = k, after
		}
	}
	if best < 0 {
		return nil
	}
	if gain, err := l.difference(before, least, rows); gain <= err {
		return nil
	}
	h.crossed = curve[best]
	odds := make([]float64, len(y))
	for i := range odds {
		odds[i] = h.logit(h.x.row(i))
	}
	b := boost.New(table, y, odds, rows, boost.Default())
	for range best + 1 {
		t := b.Next()
		if t == nil {
			break
		}
		h.trees = append(h.trees, t)
	}
	return nil
}

// losses are the log losses of rows.
func losses(z, y []float64, rows []int) []float64 {
	out := make([]float64, len(rows))
	for k, i := range rows {
		out[k] = softplus(z[i]) - y[i]*z[i]
	}
	return out
}

// asTrees writes trees in the form of the policy.
func asTrees(trees []boost.Tree, features []policy.Feature) []policy.Tree {
	var out []policy.Tree
	for _, t := range trees {
		nodes := make(policy.Tree, len(t))
		for i, n := range t {
			nodes[i] = policy.Node{Left: n.Left, Right: n.Right, Value: n.Value}
			if n.Left != 0 {
				nodes[i] = policy.Node{
					Feature: n.Column, Split: min(n.Split, features[n.Column].High), MissingLeft: n.MissingLeft, Left: n.Left, Right: n.Right,
				}
			}
		}
		out = append(out, nodes)
	}
	return out
}
