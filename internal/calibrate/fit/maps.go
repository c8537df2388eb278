package fit

import (
	"math"

	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// isotonicFrom is the number of labels from which isotonic regression is tried
// beside the curves of one to three parameters. Below it, it overfits: with about
// 300 labels Platt's curve was the better one on ten of eleven tasks (measured).
const isotonicFrom = 1000

// blend is the share of the raw score in an isotonic map. It makes the map
// strictly increasing, so that examples which isotonic regression ties keep
// their order and a threshold can tell them apart.
const blend = 1e-3

// curve fits one kind of map on some rows.
type curve func(z []float64, happened []bool, rows []int) policy.Map

// mapProbability calibrates log-odds, which must be cross-fitted, against what
// happened: by temperature, or by a curve of more parameters where that has the
// lower log loss in cross-validation by more than one standard error.
func mapProbability(z []float64, happened []bool, fold []int, folds int) policy.Map {
	curves := []curve{fitTemperature, fitPlatt, fitBeta}
	if len(z) >= isotonicFrom {
		curves = append(curves, fitIsotonic)
	}
	all := make([]int, len(z))
	for i := range all {
		all[i] = i
	}
	best := curves[0]
	var least []float64
	for _, one := range curves {
		losses := make([]float64, len(z))
		for f := range folds {
			train, test := divide(all, fold, f)
			if len(train) == 0 {
				continue
			}
			m := one(z, happened, train)
			for _, i := range test {
				losses[i] = loss(&m, z[i], happened[i])
			}
		}
		if least == nil || improves(least, losses) {
			best, least = one, losses
		}
	}
	return best(z, happened, all)
}

// improves says that losses have fallen by more than one standard error.
func improves(before, after []float64) bool {
	gain, square := 0.0, 0.0
	n := float64(len(before))
	for i := range before {
		gain += (before[i] - after[i]) / n
	}
	for i := range before {
		d := before[i] - after[i] - gain
		square += d * d
	}
	return gain > math.Sqrt(square)/n
}

func loss(m *policy.Map, z float64, happened bool) float64 {
	p := m.Probability(z)
	if !happened {
		p = 1 - p
	}
	return -math.Log(p)
}

// smoothed are Platt's targets (Platt 1999, section 2.2): not 1 and 0 but the
// posterior means (k+1)/(k+2) and 1/(n−k+2), which keeps few labels from
// making a curve too steep.
func smoothed(happened []bool, rows []int) []float64 {
	positives := 0.0
	for _, i := range rows {
		if happened[i] {
			positives++
		}
	}
	yes, no := (positives+1)/(positives+2), 1/(float64(len(rows))-positives+2)
	y := make([]float64, len(happened))
	for _, i := range rows {
		y[i] = no
		if happened[i] {
			y[i] = yes
		}
	}
	return y
}

// mapPenalty keeps the curves' coefficients finite where the classes separate.
const mapPenalty = 1e-3

func fitTemperature(z []float64, happened []bool, rows []int) policy.Map {
	y := smoothed(happened, rows)
	a := through(z, y, rows)
	return policy.Map{Method: policy.MethodTemperature, Coefficients: []float64{a}}
}

// through is the slope of the logistic curve through the origin with the least log
// loss, at least 0, by Newton's method.
func through(z, y []float64, rows []int) float64 {
	a := 1.0
	for range 50 {
		gradient, curvature := mapPenalty*a, mapPenalty
		for _, i := range rows {
			p := policy.Logistic(a * z[i])
			gradient += (p - y[i]) * z[i]
			curvature += p * (1 - p) * z[i] * z[i]
		}
		next := min(max(a-gradient/curvature, a/4), 4*a)
		if math.Abs(next-a) < 1e-9 {
			break
		}
		a = next
	}
	return a
}

func fitPlatt(z []float64, happened []bool, rows []int) policy.Map {
	y := smoothed(happened, rows)
	m := logistic(&matrix{columns: 1, data: z}, y, rows, []float64{mapPenalty}, nil)
	if m.weights[0] < 0 { // a head that says the reverse is not believed: the mean
		m = logistic(&matrix{columns: 1, data: make([]float64, len(z))}, y, rows, []float64{mapPenalty}, nil)
	}
	return policy.Map{Method: policy.MethodPlatt, Coefficients: []float64{m.weights[0], m.intercept}}
}

// fitBeta fits a·ln s − b·ln(1−s) + c. Where a coefficient comes out negative
// it is set to 0 and the other fitted anew (Kull et al. 2017, section 3.3).
func fitBeta(z []float64, happened []bool, rows []int) policy.Map {
	y := smoothed(happened, rows)
	use := [2]bool{true, true}
	for {
		x := &matrix{columns: 2, data: make([]float64, 2*len(z))}
		for i, v := range z {
			if use[0] {
				x.data[2*i] = -softplus(-v) // ln s
			}
			if use[1] {
				x.data[2*i+1] = softplus(v) // −ln(1−s)
			}
		}
		m := logistic(x, y, rows, []float64{mapPenalty, mapPenalty}, nil)
		a, b := m.weights[0], m.weights[1]
		switch {
		case a < 0 && a <= b:
			use[0] = false
		case b < 0:
			use[1] = false
		default:
			return policy.Map{Method: policy.MethodBeta, Coefficients: []float64{a, b, m.intercept}}
		}
	}
}

// fitIsotonic fits isotonic regression to the probabilities.
func fitIsotonic(z []float64, happened []bool, rows []int) policy.Map {
	scores, targets := make([]float64, len(rows)), make([]float64, len(rows))
	for k, i := range rows {
		scores[k], targets[k] = policy.Logistic(z[i]), indicator(happened[i])
	}
	clip := 1 / float64(len(rows)+2)
	return isotonic(scores, targets, 0, 1, clip, 1-clip)
}

// mapUplift calibrates a raw ranking score against the gains of asking the
// largest tier: 1 where only it is right, -1 where only this tier is, else 0.
func mapUplift(scores, gains []float64) policy.Map {
	if len(scores) >= isotonicFrom {
		return isotonic(scores, gains, -1, 1, -1, 1)
	}
	var meanScore, meanGain, cross, square float64
	n := float64(len(scores))
	for i := range scores {
		meanScore += scores[i] / n
		meanGain += gains[i] / n
	}
	for i := range scores {
		cross += (scores[i] - meanScore) * (gains[i] - meanGain)
		square += (scores[i] - meanScore) * (scores[i] - meanScore)
	}
	// A score without information keeps a little of its slope, so that its
	// order, which is as good as any, still lets a threshold accept a part.
	slope := blend
	if square > 0 {
		slope = max(slope, cross/square)
	}
	return policy.Map{Method: policy.MethodLinear, Coefficients: []float64{slope, meanGain - slope*meanScore}}
}

// isotonic is the least-squares map that never decreases, by pooling adjacent
// violators (Ayer et al. 1955), as a polygon through the middles of the pooled
// blocks. Values are held between floor and ceiling; the polygon spans the
// domain from low to high and is strictly increasing (see blend).
func isotonic(scores, targets []float64, low, high, floor, ceiling float64) policy.Map {
	order := stat.Ascending(scores)
	type block struct{ n, scores, targets float64 }
	var blocks []block
	for start := 0; start < len(order); {
		var b block
		end := start
		for ; end < len(order) && scores[order[end]] == scores[order[start]]; end++ {
			b.n++
			b.scores += scores[order[end]]
			b.targets += targets[order[end]]
		}
		start = end
		blocks = append(blocks, b)
		for k := len(blocks) - 1; k > 0 && blocks[k-1].targets*blocks[k].n >= blocks[k].targets*blocks[k-1].n; k-- {
			blocks[k-1].n += blocks[k].n
			blocks[k-1].scores += blocks[k].scores
			blocks[k-1].targets += blocks[k].targets
			blocks = blocks[:k]
		}
	}
	m := policy.Map{Method: policy.MethodIsotonic}
	knot := func(score, value float64) {
		value = (1-blend)*min(max(value, floor), ceiling) + blend*score
		if last := len(m.Knots) - 1; last >= 0 && (score <= m.Knots[last].Score || value < m.Knots[last].Value) {
			return // scores that rounding cannot tell apart
		}
		m.Knots = append(m.Knots, policy.Knot{Score: score, Value: value})
	}
	first, last := blocks[0], blocks[len(blocks)-1]
	knot(low, first.targets/first.n)
	for _, b := range blocks {
		knot(b.scores/b.n, b.targets/b.n)
	}
	knot(high, last.targets/last.n)
	return m
}
