package boost

import "math"

// cell is what the rows of a bin, or of a leaf, sum up to.
type cell struct{ gradient, weight float64 }

func (c cell) plus(d cell) cell  { return cell{c.gradient + d.gradient, c.weight + d.weight} }
func (c cell) minus(d cell) cell { return cell{c.gradient - d.gradient, c.weight - d.weight} }

// leaf is a node that may still be split.
type leaf struct {
	node        int
	first, last int // its rows in the order: from first, before last
	sum         cell
	low, high   float64 // between which its value must lie
	histogram   [][]cell
	best        split
}

// split is a way to divide a leaf.
type split struct {
	gain        float64
	column, bin int // bins up to this one go left
	missingLeft bool
	left, right cell
}

// grow grows one tree, always at the leaf where a split gains most.
func (b *Booster) grow() Tree {
	root := leaf{last: len(b.order), low: math.Inf(-1), high: math.Inf(1)}
	root.histogram = b.histogram(root.first, root.last)
	for _, i := range b.order {
		root.sum = root.sum.plus(cell{b.gradient[i], b.weight[i]})
	}
	root.best = b.best(&root)
	tree := Tree{{Value: b.value(root.sum, root.low, root.high)}}
	leaves := []leaf{root}
	for len(leaves) < b.options.Leaves {
		at := 0
		for k := range leaves {
			if leaves[k].best.gain > leaves[at].best.gain {
				at = k
			}
		}
		if !(leaves[at].best.gain > 0) {
			break
		}
		left, right := b.divide(&tree, &leaves[at])
		leaves[at] = left
		leaves = append(leaves, right)
	}
	return tree
}

// value is the Newton step of a leaf, shrunk, held to its bounds, times the rate.
func (b *Booster) value(c cell, low, high float64) float64 {
	return b.options.Rate * min(max(c.gradient/(c.weight+b.options.Shrinkage), low), high)
}

// gain is twice the loss that a leaf with these sums saves.
func (b *Booster) gain(c cell) float64 {
	return c.gradient * c.gradient / (c.weight + b.options.Shrinkage)
}

func (b *Booster) histogram(first, last int) [][]cell {
	out := make([][]cell, len(b.table.bins))
	for column, bins := range b.table.bins {
		cells := make([]cell, len(b.table.edges[column])+1)
		for _, i := range b.order[first:last] {
			c := &cells[bins[i]]
			c.gradient += b.gradient[i]
			c.weight += b.weight[i]
		}
		out[column] = cells
	}
	return out
}

// best finds the split of a leaf that gains most.
func (b *Booster) best(l *leaf) split {
	best := split{}
	whole := b.gain(l.sum)
	for column, cells := range l.histogram {
		missing := cells[0]
		both := missing.weight > 0
		left := cell{}
		for bin := 1; bin < len(cells)-1; bin++ {
			left = left.plus(cells[bin])
			b.try(&best, l, split{column: column, bin: bin, left: left, right: l.sum.minus(left)}, whole)
			if both {
				with := left.plus(missing)
				b.try(&best, l, split{column: column, bin: bin, missingLeft: true, left: with, right: l.sum.minus(with)}, whole)
			}
		}
		if both { // what is there against what is not
			b.try(&best, l, split{column: column, bin: len(cells) - 1, left: l.sum.minus(missing), right: missing}, whole)
		}
	}
	return best
}

// try takes a split that gains more than the best one and keeps the bounds.
func (b *Booster) try(best *split, l *leaf, s split, whole float64) {
	if s.left.weight < b.options.Weight || s.right.weight < b.options.Weight {
		return
	}
	s.gain = b.gain(s.left) + b.gain(s.right) - whole
	if !(s.gain > best.gain+1e-9) {
		return
	}
	if d := b.table.direction[s.column]; d != 0 && float64(d)*(b.value(s.right, l.low, l.high)-b.value(s.left, l.low, l.high)) < 0 {
		return
	}
	*best = s
}

// divide makes a leaf a split with two leaves.
func (b *Booster) divide(tree *Tree, l *leaf) (left, right leaf) {
	s := l.best
	bins := b.table.bins[s.column]
	middle, tail := l.first, 0
	for _, i := range b.order[l.first:l.last] {
		if bin := int(bins[i]); bin != 0 && bin <= s.bin || bin == 0 && s.missingLeft {
			b.order[middle] = i
			middle++
		} else {
			b.spare[tail] = i
			tail++
		}
	}
	copy(b.order[middle:l.last], b.spare[:tail])
	left = leaf{first: l.first, last: middle, sum: s.left, low: l.low, high: l.high}
	right = leaf{first: middle, last: l.last, sum: s.right, low: l.low, high: l.high}
	if d := b.table.direction[s.column]; d != 0 {
		between := (b.value(s.left, l.low, l.high) + b.value(s.right, l.low, l.high)) / 2 / b.options.Rate
		if d > 0 {
			left.high, right.low = between, between
		} else {
			left.low, right.high = between, between
		}
	}
	// The histogram of the smaller child is counted, the other's is the rest.
	small, large := &left, &right
	if right.last-right.first < left.last-left.first {
		small, large = large, small
	}
	small.histogram = b.histogram(small.first, small.last)
	large.histogram = l.histogram
	for column := range large.histogram {
		for k := range large.histogram[column] {
			large.histogram[column][k] = large.histogram[column][k].minus(small.histogram[column][k])
		}
	}
	left.best, right.best = b.best(&left), b.best(&right)
	left.node, right.node = len(*tree), len(*tree)+1
	n := &(*tree)[l.node]
	n.Column, n.Split, n.MissingLeft, n.Gain = s.column, b.table.edges[s.column][s.bin-1], s.missingLeft, s.gain/2
	n.Left, n.Right = left.node, right.node
	*tree = append(*tree, Node{Value: b.value(left.sum, left.low, left.high)}, Node{Value: b.value(right.sum, right.low, right.high)})
	return left, right
}
