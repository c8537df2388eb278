package fit

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// matrix holds examples in rows and columns of standardised values.
type matrix struct {
	columns int
	data    []float64
	// group is that of each column, from 0: columns of one group share a prior.
	group []int
}

func (m *matrix) row(i int) []float64 { return m.data[i*m.columns : (i+1)*m.columns] }

func (m *matrix) rows() int {
	if m.columns == 0 {
		return 0
	}
	return len(m.data) / m.columns
}

// model is a fitted logistic regression.
type model struct {
	intercept float64
	weights   []float64
}

// logit is the log-odds for a row.
func (m *model) logit(row []float64) float64 {
	z := m.intercept
	for j, x := range row {
		z += m.weights[j] * x
	}
	return z
}

// softplus is ln(1 + e^z) without overflow.
func softplus(z float64) float64 { return max(z, 0) + math.Log(1+math.Exp(-math.Abs(z))) }

// constant is the model that gives every example the smoothed share of
// positives (k+½)/(n+1), Jeffreys' estimate, which is never 0 or 1.
func constant(columns int, positives, n float64) model {
	return model{math.Log((positives + 0.5) / (n - positives + 0.5)), make([]float64, columns)}
}

// logistic minimises Σ loss + ½ Σ penalty·weight² over the given rows by Newton's
// method with step halving (iteratively reweighted least squares; Hastie,
// Tibshirani and Friedman 2009, section 4.4.1). The targets lie in [0,1]; there
// is a penalty for each column, and none for the intercept. Rows of a single
// class give the constant model. start may be nil.
func logistic(x *matrix, y []float64, rows []int, penalty []float64, start *model) model {
	p := x.columns
	positives := 0.0
	for _, i := range rows {
		positives += y[i]
	}
	n := float64(len(rows))
	m := constant(p, positives, n)
	if positives <= 0 || positives >= n {
		return m
	}
	if start != nil {
		m.intercept = start.intercept
		copy(m.weights, start.weights)
	}
	here, there := newDerivatives(p), newDerivatives(p)
	here.at(&m, x, y, rows, penalty)
	next := model{weights: make([]float64, p)}
	for range 50 {
		step, ok := here.newton()
		if !ok {
			break
		}
		gain := 0.0
		for size := 1.0; size > 1e-9; size /= 2 {
			next.intercept = m.intercept + size*step.AtVec(0)
			for j := range p {
				next.weights[j] = m.weights[j] + size*step.AtVec(j+1)
			}
			there.at(&next, x, y, rows, penalty)
			if there.value <= here.value {
				gain = here.value - there.value
				m, next = next, m
				here, there = there, here
				break
			}
		}
		if gain <= 1e-9*(1+here.value) {
			break
		}
	}
	return m
}

// derivatives are the objective of a logistic regression, the downward
// gradient and the Hessian at a point.
type derivatives struct {
	value    float64
	gradient []float64
	hessian  []float64 // symmetric, row by row; only the upper half is filled
}

func newDerivatives(columns int) *derivatives {
	return &derivatives{gradient: make([]float64, columns+1), hessian: make([]float64, (columns+1)*(columns+1))}
}

// at computes all three in one pass over the rows.
func (d *derivatives) at(m *model, x *matrix, y []float64, rows []int, penalty []float64) {
	p := x.columns
	d.value = 0
	product := 1.0 // of the arguments of logarithms, each in (1,2]
	clear(d.gradient)
	clear(d.hessian)
	for _, i := range rows {
		row := x.row(i)
		z := m.logit(row)
		e := math.Exp(-math.Abs(z))
		mu := 1 / (1 + e)
		if z < 0 {
			mu *= e
		}
		d.value += max(z, 0) - y[i]*z
		if product *= 1 + e; product > 1e300 {
			d.value += math.Log(product)
			product = 1
		}
		residual, weight := y[i]-mu, max(mu*(1-mu), 1e-10)
		d.gradient[0] += residual
		d.hessian[0] += weight
		for j, v := range row {
			d.gradient[j+1] += residual * v
			d.hessian[j+1] += weight * v
			line := d.hessian[(j+1)*(p+1)+1:]
			for k, w := range row[j:] {
				line[j+k] += weight * v * w
			}
		}
	}
	d.value += math.Log(product)
	for j, w := range m.weights {
		d.value += penalty[j] / 2 * w * w
		d.gradient[j+1] -= penalty[j] * w
		d.hessian[(j+1)*(p+1)+j+1] += penalty[j]
	}
	for j := range p + 1 {
		d.hessian[j*(p+1)+j] += 1e-9
	}
}

// newton is the step to the minimum of the quadratic approximation; false
// where rounding left the Hessian without a Cholesky factor.
func (d *derivatives) newton() (*mat.VecDense, bool) {
	n := len(d.gradient)
	var factor mat.Cholesky
	if !factor.Factorize(mat.NewSymDense(n, d.hessian)) {
		return nil, false
	}
	step := mat.NewVecDense(n, nil)
	return step, factor.SolveVecTo(step, mat.NewVecDense(n, d.gradient)) == nil
}

// divide gives the rows outside and inside a fold.
func divide(rows, fold []int, f int) (train, test []int) {
	for _, i := range rows {
		if fold[i] == f {
			test = append(test, i)
		} else {
			train = append(train, i)
		}
	}
	return train, test
}
