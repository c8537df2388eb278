package fit

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/pointsman-ai/pointsman/internal/calibrate/boost"
)

// prior is the precision of the weights of each group of signals: the penalty on
// their squares.
type prior []float64

const (
	firstPrecision = 30
	leastPrecision = 1
	// The largest precision is this many times the number of rows. It leaves next
	// to nothing of a weight.
	mostPrecision = 3
	priorSteps    = 30
)

// byEvidence fits a logistic regression whose weights have normal priors around 0,
// with a variance of its own for the weights of each group of signals. Of those
// variances it takes the ones under which the data are most probable (MacKay 1992,
// "Bayesian interpolation", equation 2.21, with Laplace's approximation): a group
// that tells nothing has no evidence for any variance, and its weights vanish,
// however many signals it has.
//
// spent is how many parameters of each group the data determine.
func byEvidence(x *matrix, y []float64, rows []int) (m model, p prior, spent []float64) {
	groups := 0
	for _, g := range x.group {
		groups = max(groups, g+1)
	}
	p, spent = slices.Repeat(prior{firstPrecision}, groups), make([]float64, groups)
	most := mostPrecision * float64(len(rows))
	d := newDerivatives(x.columns)
	for step := range priorSteps {
		penalty := p.columns(x)
		var start *model
		if step > 0 {
			start = &m
		}
		m = logistic(x, y, rows, penalty, start)
		d.at(&m, x, y, rows, penalty)
		variance, ok := d.variances()
		if !ok {
			break
		}
		clear(spent)
		squares := make([]float64, groups)
		for j, g := range x.group {
			spent[g] += max(1-penalty[j]*variance[j], 0)
			squares[g] += m.weights[j] * m.weights[j]
		}
		moved := false
		for g := range p {
			next := min(max(spent[g]/max(squares[g], 1e-12), leastPrecision), most)
			moved = moved || math.Abs(math.Log(next/p[g])) > 0.05
			p[g] = next
		}
		if !moved {
			break
		}
	}
	return logistic(x, y, rows, p.columns(x), &m), p, spent
}

// columns gives the penalty of each column.
func (p prior) columns(x *matrix) []float64 {
	out := make([]float64, x.columns)
	for j, g := range x.group {
		out[j] = p[g]
	}
	return out
}

// variances are those of the weights, the intercept apart, by the curvature of the
// objective; false where it has no inverse.
func (d *derivatives) variances() ([]float64, bool) {
	n := len(d.gradient)
	var factor mat.Cholesky
	var inverse mat.SymDense
	if !factor.Factorize(mat.NewSymDense(n, d.hessian)) || factor.InverseTo(&inverse) != nil {
		return nil, false
	}
	out := make([]float64, n-1)
	for j := range out {
		out[j] = inverse.At(j+1, j+1)
	}
	return out, true
}

// head is a logistic regression with its cross-fitted log-odds, one for each
// row of the matrix: each comes from a model that did not see the row's
// conversation, those of rows outside the fit from the model of all.
type head struct {
	model
	x       *matrix
	prior   prior
	spent   []float64 // parameters of each group that the data determine
	trees   []boost.Tree
	crossed []float64
	// outside are the log-odds of every row by the model without each fold.
	outside [][]float64
}

// fitHead fits a head on the given rows and cross-fits its log-odds. The prior
// has seen all rows; a few numbers carry too little to matter.
func fitHead(ctx context.Context, x *matrix, y []float64, rows, fold []int, folds int) (head, error) {
	h := head{x: x, crossed: make([]float64, x.rows()), outside: make([][]float64, folds)}
	h.model, h.prior, h.spent = byEvidence(x, y, rows)
	penalty := h.prior.columns(x)
	for f := range folds {
		if err := ctx.Err(); err != nil {
			return head{}, err
		}
		train, _ := divide(rows, fold, f)
		m := logistic(x, y, train, penalty, &h.model)
		h.outside[f] = make([]float64, len(h.crossed))
		for i := range h.crossed {
			h.outside[f][i] = m.logit(x.row(i))
			if fold[i] == f {
				h.crossed[i] = h.outside[f][i]
			}
		}
	}
	return h, nil
}
