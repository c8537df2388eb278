package student

import (
	"math"
	"slices"
)

// The measurements that the out-of-scope score combines.
const (
	scopeTop    = iota // the largest score: how well the best class fits.
	scopeSecond        // the second largest: several classes may fit a bit.
	scopeEnergy        // log-sum-exp of the scores (Liu et al. 2020).
	scopeWords         // the unseen share of the word n-grams,
	scopeChars         // and of the character n-grams.
	scopeNear          // the cosine to the nearest neighbour; 0 without word vectors.
	scopeFeatures
)

// nearWeight is what a standard deviation of the nearest neighbour's similarity
// counts, where one of the top score counts 1. It was chosen on the validation
// parts of CLINC150 and HWU64: at 1, near misses are told apart worse, and at
// .3 far ones.
const nearWeight = 0.5

// scopeQuantiles is the number of steps of the default score's quantile table.
const scopeQuantiles = 100

// scope is the fitted out-of-scope score. How foreign a text is, is a weighted
// sum of its measurements, and the score a monotone map of that.
//
// Without examples out of scope, the sum is that of the negated top score and,
// with word vectors, of the negated similarity to the nearest neighbour, each in
// standard deviations of held-out texts in scope. The score is the share of
// these texts that looked less foreign: .95 means more foreign than 95 % of what
// the model was trained for. The other measurements did not help consistently
// without examples to weigh them by.
//
// With such examples, a logistic regression over the measurements, the head,
// learns what tells them apart, and its log-odds, in standard deviations too,
// are added to the sum. What is learned from near misses may be wrong about far
// ones, and two things keep it from spoiling these (TestNearMisses): the head
// does not replace the sum, and no measurement counts for less foreign where it
// says more foreign. Near misses have fewer unseen n-grams than texts in scope
// by chance, and a head that is free to learn so takes far ones for known.
// The score is the sum's logistic regression, with both kinds weighted as if
// they were equally frequent: how rare foreign texts are in training says
// nothing about the field. A score of .5 then means that the text is as typical
// of one kind as of the other.
type scope struct {
	fitted  bool
	weights [scopeFeatures]float64
	bias    float64 // where fitted; 0 else
	// quantiles of the sum, ascending; empty if fitted, or if nothing was held
	// out. In the latter case the score is one minus the probability of the top
	// label.
	quantiles []float64
}

// measure computes the features of the out-of-scope score.
func measure(scores []float64, beta float64, unseen [numBlocks]float64, near float64) [scopeFeatures]float64 {
	first, second := math.Inf(-1), math.Inf(-1)
	for _, s := range scores {
		if s > first {
			first, second = s, first
		} else if s > second {
			second = s
		}
	}
	sum := 0.0
	for _, s := range scores {
		sum += math.Exp(beta * (s - first))
	}
	return [scopeFeatures]float64{
		scopeTop:    first,
		scopeSecond: second,
		scopeEnergy: first + math.Log(sum)/beta,
		scopeWords:  unseen[blockWords],
		scopeChars:  unseen[blockChars],
		scopeNear:   near,
	}
}

// score returns how foreign a text with these measurements is, from 0 to 1.
func (s *scope) score(x [scopeFeatures]float64, topProb float64) float64 {
	switch {
	case s.fitted:
		return sigmoid(s.foreign(x))
	case len(s.quantiles) == 0:
		return 1 - topProb
	}
	return rank(s.quantiles, s.foreign(x))
}

// foreign is the weighted sum.
func (s *scope) foreign(x [scopeFeatures]float64) float64 {
	z := s.bias
	for i, w := range s.weights {
		z += float64(w * x[i])
	}
	return z
}

// rank returns the share of the distribution with these equidistant quantiles
// that lies below x, linear between them.
func rank(quantiles []float64, x float64) float64 {
	n := len(quantiles) - 1
	i, _ := slices.BinarySearch(quantiles, x)
	switch {
	case i == 0:
		return 0
	case i > n:
		return 1
	}
	lo, hi := quantiles[i-1], quantiles[i]
	return (float64(i-1) + (x-lo)/(hi-lo)) / float64(n)
}

func sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}

// fitScope fits the out-of-scope score to the held-out examples.
func (h *heldOut) fitScope(beta float64) scope {
	var in, out [][scopeFeatures]float64
	scores := make([]float64, h.classes)
	for i, c := range h.class {
		for k, s := range h.row(i) {
			scores[k] = float64(s)
		}
		x := measure(scores, beta, h.unseen[i], h.near[i])
		if c < 0 {
			out = append(out, x)
		} else {
			in = append(in, x)
		}
	}
	switch {
	case len(in) == 0:
		return scope{}
	case len(out) == 0:
		s := plainScope(in)
		s.quantiles = s.foreignQuantiles(in)
		return s
	}
	return headedScope(in, out)
}

// plainScope is the sum that needs no example out of scope, in the unit of the
// top score.
func plainScope(in [][scopeFeatures]float64) scope {
	s := scope{}
	_, deviation := moments(in)
	s.weights[scopeTop] = -1
	if varies(in, scopeNear) {
		s.weights[scopeNear] = -nearWeight * deviation[scopeTop] / deviation[scopeNear]
	}
	return s
}

// varies says whether a measurement is there at all.
func varies(in [][scopeFeatures]float64, measurement int) bool {
	return slices.ContainsFunc(in, func(x [scopeFeatures]float64) bool { return x[measurement] != in[0][measurement] })
}

// headedScope adds the head to the plain sum, and fits the score to both.
func headedScope(in, out [][scopeFeatures]float64) scope {
	sum := plainScope(in)
	head := monotoneScope(without(in, scopeNear), without(out, scopeNear))
	_, top := moments(in)
	_, odds := moments(single(in, head.foreign))
	for i, w := range head.weights {
		sum.weights[i] += w * top[scopeTop] / odds[0]
	}
	fitted := logisticScope(single(in, sum.foreign), single(out, sum.foreign))
	for i := range sum.weights {
		sum.weights[i] *= fitted.weights[0]
	}
	sum.fitted, sum.bias = true, fitted.bias
	return sum
}

// foreignSigns says of which sign the weight of a measurement may be; of any
// where it is 0: the second score is large where several labels fit, which may
// speak for a text between labels or for one that is full of known words.
var foreignSigns = [scopeFeatures]float64{scopeTop: -1, scopeEnergy: -1, scopeWords: 1, scopeChars: 1, scopeNear: -1}

// monotoneScope is the logistic regression without the measurements that would
// count the wrong way, of which the worst is left out first.
func monotoneScope(in, out [][scopeFeatures]float64) scope {
	for {
		s := logisticScope(in, out)
		_, deviation := moments(in, out)
		worst, least := -1, 0.0
		for i, sign := range foreignSigns {
			if w := sign * s.weights[i] * deviation[i]; w < least {
				worst, least = i, w
			}
		}
		if worst < 0 {
			return s
		}
		in, out = without(in, worst), without(out, worst)
	}
}

// without leaves a measurement out.
func without(xs [][scopeFeatures]float64, measurement int) [][scopeFeatures]float64 {
	out := slices.Clone(xs)
	for i := range out {
		out[i][measurement] = 0
	}
	return out
}

// single makes one number of each text's measurements, and that its only one.
func single(xs [][scopeFeatures]float64, f func([scopeFeatures]float64) float64) [][scopeFeatures]float64 {
	out := make([][scopeFeatures]float64, len(xs))
	for i, x := range xs {
		out[i][0] = f(x)
	}
	return out
}

func (s *scope) foreignQuantiles(in [][scopeFeatures]float64) []float64 {
	foreign := make([]float64, len(in))
	for i, x := range in {
		foreign[i] = s.foreign(x)
	}
	slices.Sort(foreign)
	q := make([]float64, scopeQuantiles+1)
	for i := range q {
		q[i] = foreign[i*(len(foreign)-1)/scopeQuantiles]
	}
	return q
}

// scopeRidge is the L2 penalty on the standardised weights, in examples' worth
// of log-likelihood. It keeps them finite where few foreign examples are
// perfectly told apart.
const scopeRidge = 1.0

// logisticScope fits a ridge-penalised logistic regression by Newton's method
// on standardised measurements, and folds the standardisation into the result.
func logisticScope(in, out [][scopeFeatures]float64) scope {
	mean, deviation := moments(in, out)
	var w [scopeDim]float64
	for range 30 {
		var gradient [scopeDim]float64
		var hessian [scopeDim][scopeDim]float64
		add := func(x [scopeFeatures]float64, y, weight float64) {
			var v [scopeDim]float64
			z := w[scopeFeatures]
			for i := range x {
				v[i] = (x[i] - mean[i]) / deviation[i]
				z += w[i] * v[i]
			}
			v[scopeFeatures] = 1
			p := sigmoid(z)
			for i := range v {
				gradient[i] += weight * (p - y) * v[i]
				for j := range i + 1 {
					hessian[i][j] += weight * p * (1 - p) * v[i] * v[j]
				}
			}
		}
		// Both kinds count as many examples as the rarer one has.
		n := float64(min(len(in), len(out)))
		for _, x := range in {
			add(x, 0, n/float64(len(in)))
		}
		for _, x := range out {
			add(x, 1, n/float64(len(out)))
		}
		for i := range w {
			ridge := scopeRidge
			if i == scopeFeatures {
				ridge = 1e-6
			}
			gradient[i] += ridge * w[i]
			hessian[i][i] += ridge
		}
		step := solveCholesky(hessian, gradient)
		largest := 0.0
		for i := range w {
			w[i] -= step[i]
			largest = max(largest, math.Abs(step[i]))
		}
		if largest < 1e-8 {
			break
		}
	}
	s := scope{fitted: true, bias: w[scopeFeatures]}
	for i := range s.weights {
		s.weights[i] = w[i] / deviation[i]
		s.bias -= s.weights[i] * mean[i]
	}
	return s
}

// moments returns mean and standard deviation, the latter 1 where it is 0.
func moments(groups ...[][scopeFeatures]float64) (mean, deviation [scopeFeatures]float64) {
	n := 0.0
	for _, g := range groups {
		for _, x := range g {
			n++
			for i := range x {
				mean[i] += x[i]
				deviation[i] += x[i] * x[i]
			}
		}
	}
	for i := range mean {
		mean[i] /= n
		deviation[i] = math.Sqrt(max(deviation[i]/n-mean[i]*mean[i], 0))
		if deviation[i] < 1e-9 {
			deviation[i] = 1
		}
	}
	return mean, deviation
}

// scopeDim is the number of measurements and the intercept.
const scopeDim = scopeFeatures + 1

// solveCholesky solves a x = b for a symmetric positive definite a, of which
// the lower triangle is given.
func solveCholesky(a [scopeDim][scopeDim]float64, b [scopeDim]float64) [scopeDim]float64 {
	for i := range a {
		for j := range i + 1 {
			sum := a[i][j]
			for k := range j {
				sum -= a[i][k] * a[j][k]
			}
			if i == j {
				a[i][i] = math.Sqrt(max(sum, 1e-12))
			} else {
				a[i][j] = sum / a[j][j]
			}
		}
	}
	for i := range b {
		for k := range i {
			b[i] -= a[i][k] * b[k]
		}
		b[i] /= a[i][i]
	}
	for i := scopeDim - 1; i >= 0; i-- {
		for k := i + 1; k < scopeDim; k++ {
			b[i] -= a[k][i] * b[k]
		}
		b[i] /= a[i][i]
	}
	return b
}
