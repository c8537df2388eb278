package offpolicy

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// ips is the mean of weight × reward.
func (e *evaluation) ips() stat.Estimate {
	terms := make([]float64, len(e.records))
	for i := range e.records {
		terms[i] = weight(&e.records[i]) * e.records[i].Reward
	}
	return e.mean(terms, max(math.Abs(e.reach.Low), math.Abs(e.reach.High)))
}

// snips divides by the mean weight. In a comparison each policy is normalised by
// its own.
func (e *evaluation) snips() stat.Estimate {
	terms := make([]float64, len(e.records))
	value := e.normalised(terms, 1, func(r *Record) float64 { return r.Target[r.Action] / r.Logged[r.Action] })
	if e.compared {
		value -= e.normalised(terms, -1, func(r *Record) float64 { return r.against(r.Action) / r.Logged[r.Action] })
	}
	out := e.mean(terms, e.reach.High-e.reach.Low)
	// The terms are influences, whose mean is 0.
	return stat.Estimate{Value: value, Interval: stat.Interval{Low: value + out.Low - out.Value, High: value + out.High - out.Value}}
}

// normalised is the self-normalised value under weights, whose influences it adds
// to terms, with a sign.
func (e *evaluation) normalised(terms []float64, sign float64, weight func(*Record) float64) float64 {
	var sum, weights float64
	for i := range e.records {
		w := weight(&e.records[i])
		sum += w * e.records[i].Reward
		weights += w
	}
	if weights == 0 {
		return 0
	}
	value := sum / weights
	for i := range e.records {
		r := &e.records[i]
		terms[i] += sign * weight(r) * (r.Reward - value) * float64(len(e.records)) / weights
	}
	return value
}

// doublyRobust is the predicted value, corrected by the weighted errors of the
// predictions.
func (e *evaluation) doublyRobust() stat.Estimate {
	predicted := e.predictions()
	terms := make([]float64, len(e.records))
	for i := range e.records {
		r := &e.records[i]
		for a := range r.Logged {
			terms[i] += r.contrast(a) * predicted(i, a)
		}
		terms[i] += weight(r) * (r.Reward - predicted(i, r.Action))
	}
	return e.mean(terms, e.reach.High-e.reach.Low)
}

// folds are those of the cross-fitted predictions.
const folds = 5

// predictions are those that the records have, or the mean reward of each action
// on the other folds of clusters, with one imagined reward in the middle of the
// range for an action that is seldom taken.
func (e *evaluation) predictions() func(i, action int) float64 {
	if e.records[0].Predicted != nil {
		return func(i, action int) float64 { return e.records[i].Predicted[action] }
	}
	actions := len(e.records[0].Logged)
	sums, counts := make([]float64, folds*actions), make([]float64, folds*actions)
	for i := range e.records {
		r := &e.records[i]
		for fold := range folds {
			if fold != e.cluster[i]%folds {
				sums[fold*actions+r.Action] += r.Reward
				counts[fold*actions+r.Action]++
			}
		}
	}
	middle := (e.reach.Low + e.reach.High) / 2
	return func(i, action int) float64 {
		k := e.cluster[i]%folds*actions + action
		return (sums[k] + middle) / (counts[k] + 1)
	}
}

// mean is the mean of the terms over records, with the interval of a ratio of sums
// over clusters. largest is the largest error that one record's reward can have.
func (e *evaluation) mean(terms []float64, largest float64) stat.Estimate {
	n := float64(len(terms))
	sum := 0.0
	z := make([]float64, e.clusters)
	for i, t := range terms {
		sum += t
		z[e.cluster[i]] += t
	}
	value := sum / n
	var squares, fourths float64
	for g := range z {
		d := z[g] - value*e.clusterLen[g]
		squares += d * d
		fourths += d * d * d * d
	}
	imagined := e.maxWeight * largest // two units of this error
	squares += 2 * imagined * imagined
	fourths += 2 * math.Pow(imagined, 4)
	if squares == 0 {
		return stat.Estimate{Value: value, Interval: stat.Interval{Low: value, High: value}}
	}
	freedom := max(1, squares*squares/fourths)
	groups := float64(e.clusters)
	deviation := math.Sqrt(squares*groups/max(1, groups-1)) / n
	half := deviation * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile(1-(1-e.options.Confidence)/2)
	return stat.Estimate{Value: value, Interval: stat.Interval{Low: value - half, High: value + half}}
}

// bernstein is the empirical Bernstein interval of IPS (Maurer and Pontil 2009,
// theorem 4, on both sides): of the mean over clusters of their sum less v times
// their size, which is 0 at the true value v. Their deviation at v is at most that at
// the estimate plus |v − estimate| times the deviation of the sizes, by which the
// inequality is solved for v. It is about clusters no larger than the largest here.
func (e *evaluation) bernstein(value float64) stat.Interval {
	groups := float64(e.clusters)
	z := make([]float64, e.clusters)
	for i := range e.records {
		z[e.cluster[i]] += weight(&e.records[i]) * e.records[i].Reward
	}
	size := float64(len(e.records)) / groups
	var squares, sizes float64
	for g := range z {
		d, s := z[g]-value*e.clusterLen[g], e.clusterLen[g]-size
		squares += d * d
		sizes += s * s
	}
	log := math.Log(4 / (1 - e.options.Confidence))
	factor := math.Sqrt(2 * log / (groups * (groups - 1)))
	low, high := e.termRange()
	rest := 7 * (high - low) * float64(e.mostInOne) * log / (3 * (groups - 1))
	left := size - factor*math.Sqrt(sizes)
	if !(left > 0) {
		return stat.Interval{Low: low, High: high}
	}
	half := (factor*math.Sqrt(squares) + rest) / left
	return stat.Interval{Low: max(low, value-half), High: min(high, value+half)}
}

// termRange is where weight × reward can lie.
func (e *evaluation) termRange() (low, high float64) {
	for i := range e.records {
		r := &e.records[i]
		for a, p := range r.Logged {
			if p == 0 {
				continue
			}
			w := r.contrast(a) / p
			low = min(low, w*e.reach.Low, w*e.reach.High)
			high = max(high, w*e.reach.Low, w*e.reach.High)
		}
	}
	return low, high
}
