package policy

import (
	"fmt"

	"github.com/pointsman-ai/pointsman"
)

// Tree is a regression tree over a scorer's features: its nodes, the root first.
type Tree []Node

// Node is a split, or where Left is 0 a leaf.
type Node struct {
	Feature int `json:"feature"`
	// Split is the largest value, held to the feature's range, that goes left.
	Split float64 `json:"split"`
	// MissingLeft says that a missing value goes left too.
	MissingLeft bool    `json:"missing_left,omitempty"`
	Left        int     `json:"left,omitempty"`
	Right       int     `json:"right,omitempty"`
	Value       float64 `json:"value"` // of a leaf: what it adds to the log-odds
}

// maxNodes bounds the nodes of a tree, and maxTrees the trees of a head.
const (
	maxNodes = 1000
	maxTrees = 1000
)

// held are the values of a scorer's features, each held to its range.
type held struct {
	value   []float64
	missing []bool
}

// hold reads the features of one answer into v.
func (s *Scorer) hold(v *held, request, answer pointsman.Signals) {
	for i := range s.Features {
		f := &s.Features[i]
		x, ok := value(f.Signal, i, request, answer)
		v.value, v.missing = append(v.value, min(max(x, f.Low), f.High)), append(v.missing, !ok)
	}
}

// add is what the trees of a head add to its log-odds.
func (h *Head) add(v *held) float64 {
	sum := 0.0
	for _, t := range h.Trees {
		i := 0
		for t[i].Left != 0 {
			n := &t[i]
			if v.missing[n.Feature] && n.MissingLeft || !v.missing[n.Feature] && v.value[n.Feature] <= n.Split {
				i = n.Left
			} else {
				i = n.Right
			}
		}
		sum += t[i].Value
	}
	return sum
}

func (t Tree) check(features int) error {
	if len(t) == 0 || len(t) > maxNodes {
		return fmt.Errorf("%d nodes, want 1 to %d", len(t), maxNodes)
	}
	for i := range t {
		n := &t[i]
		switch {
		case n.Left == 0 && n.Right == 0 && bounded(n.Value):
		case n.Left == 0 && n.Right == 0:
			return fmt.Errorf("node %d: value %v", i, n.Value)
		case n.Left <= i || n.Right <= i || n.Left >= len(t) || n.Right >= len(t):
			return fmt.Errorf("node %d: children %d and %d: each must stand after it", i, n.Left, n.Right)
		case n.Feature < 0 || n.Feature >= features:
			return fmt.Errorf("node %d: feature %d of %d", i, n.Feature, features)
		case !finite(n.Split):
			return fmt.Errorf("node %d: split at %v", i, n.Split)
		}
	}
	return nil
}
