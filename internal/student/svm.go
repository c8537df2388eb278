package student

import (
	"context"
	"math"
)

// problem is a set of feature vectors in compressed sparse rows, shared
// read-only by the solvers of all classes.
type problem struct {
	features int
	starts   []int // example i owns entries[starts[i]:starts[i+1]].
	entries  []entry
	class    []int32 // -1 for examples of no class.
}

// example returns the non-zeros of example i.
func (p *problem) example(i int32) []entry {
	return p.entries[p.starts[i]:p.starts[i+1]]
}

// solver trains one class against all others: an L2-regularised linear SVM
// with squared hinge loss, by dual coordinate descent with shrinking (Hsieh et
// al. 2008, "A Dual Coordinate Descent Method for Large-scale Linear SVM",
// algorithm 3). It owns its scratch and serves one goroutine.
type solver struct {
	opts    Options
	problem *problem
	weights []float32 // the last weight is the intercept's.
	alpha   []float32
	active  []int32
	// diagonal is the squared norm of each example with its bias, plus the
	// 1/(2C) that the squared hinge adds to the diagonal of the dual.
	diagonal []float32
}

func newSolver(opts Options, p *problem) *solver {
	n := len(p.class)
	s := &solver{
		opts: opts, problem: p,
		weights:  make([]float32, p.features+1),
		alpha:    make([]float32, n),
		active:   make([]int32, n),
		diagonal: make([]float32, n),
	}
	for i := range s.diagonal {
		sum := opts.Bias * opts.Bias
		for _, e := range p.example(int32(i)) {
			sum += float64(float64(e.value) * float64(e.value))
		}
		s.diagonal[i] = float32(sum + 1/(2*opts.C))
	}
	return s
}

// solve returns the weights of one class; they are valid until the next call.
// The order of the examples depends on the seed and the class only, so the
// result is the same whichever goroutine computes it, and when.
func (s *solver) solve(ctx context.Context, class int32) ([]float32, error) {
	rng := &random{state: mix(s.opts.Seed ^ uint64(class+1)*fnvPrime)}
	clear(s.weights)
	clear(s.alpha)
	for i := range s.active {
		s.active[i] = int32(i)
	}
	active := s.active
	// Examples whose gradient lies beyond the largest violation of the
	// epoch before are set aside; this starts with none.
	limit := float32(math.Inf(1))
	for range s.opts.Epochs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		shuffle(rng, active)
		kept, worst, least := s.epoch(class, active, limit)
		active = active[:kept]
		if worst-least <= float32(s.opts.Tolerance) {
			if len(active) == len(s.active) {
				break
			}
			// Converged on what was left: look at all examples once more.
			active, limit = s.active, float32(math.Inf(1))
			continue
		}
		limit = worst
		if limit <= 0 {
			limit = float32(math.Inf(1))
		}
	}
	return s.weights, nil
}

// epoch goes once over the active examples. It returns how many of them stay
// active (they are moved to the front) and the extremes of the projected
// gradient, whose distance measures how far the dual is from its optimum.
func (s *solver) epoch(class int32, active []int32, limit float32) (kept int, worst, least float32) {
	worst, least = float32(math.Inf(-1)), float32(math.Inf(1))
	bias := float32(s.opts.Bias)
	damping := float32(1 / (2 * s.opts.C))
	w := s.weights
	intercept := &w[len(w)-1]
	for k, i := range active {
		x := s.problem.example(i)
		y := float32(-1)
		if s.problem.class[i] == class {
			y = 1
		}
		a := s.alpha[i]
		gradient := y*(dot(w, x)+float32(*intercept*bias)) - 1 + float32(a*damping)
		projected := gradient
		if a == 0 {
			if gradient > limit {
				continue // not a support vector, and far from being one.
			}
			projected = min(gradient, 0)
		}
		active[kept], active[k] = active[k], active[kept]
		kept++
		worst, least = max(worst, projected), min(least, projected)
		if math.Abs(float64(projected)) < 1e-12 {
			continue
		}
		next := max(a-gradient/s.diagonal[i], 0)
		s.alpha[i] = next
		step := (next - a) * y
		for _, e := range x {
			w[e.row] += float32(step * e.value)
		}
		*intercept += float32(step * bias)
	}
	return kept, worst, least
}

// dot multiplies sparse x with dense w. The conversions forbid the compiler to
// fuse multiplication and addition, which some processors round differently.
func dot(w []float32, x []entry) float32 {
	var even, odd float32
	i := 0
	for ; i+1 < len(x); i += 2 {
		even += float32(w[x[i].row] * x[i].value)
		odd += float32(w[x[i+1].row] * x[i+1].value)
	}
	if i < len(x) {
		even += float32(w[x[i].row] * x[i].value)
	}
	return even + odd
}
