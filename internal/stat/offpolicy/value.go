package offpolicy

import (
	"fmt"
	"math"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// Value is what a policy is worth by the record: its mean reward, or how much more
// that is than the compared policy's.
type Value struct {
	IPS   stat.Estimate `json:"ips"`
	SNIPS stat.Estimate `json:"snips"`
	DR    stat.Estimate `json:"dr"`
	// Bounded is the interval of IPS that holds for every sample size; nil where
	// the range of rewards is not known.
	Bounded *stat.Interval `json:"bounded,omitempty"`
	// ESS is the effective number of clusters that bear on the value (Kish 1965):
	// in a comparison those in which the policies differ.
	ESS float64 `json:"ess"`
	// MaxWeight is the largest weight that any action could have had.
	MaxWeight float64 `json:"max_weight"`
	N         int     `json:"n"`
	Clusters  int     `json:"clusters"`
}

// Evaluate values the target of the records, or its difference from the policy that
// it is compared with. The error is a [*Refusal] where the records cannot tell.
func Evaluate(records []Record, o Options) (*Value, error) {
	if err := check(records, o); err != nil {
		return nil, err
	}
	if err := supported(records); err != nil {
		return nil, err
	}
	e := newEvaluation(records, o)
	v := &Value{N: len(records), Clusters: e.clusters, MaxWeight: e.maxWeight, ESS: e.effective()}
	if e.same() {
		return v, nil // the same policy twice: nothing differs, for certain
	}
	least := o.LeastESS
	if least == 0 {
		least = LeastESS
	}
	if v.ESS < least {
		return nil, &Refusal{
			Reason:  fmt.Sprintf("the effective sample size is %.1f, and at least %.0f are needed; explore more, or record longer", v.ESS, least),
			Records: len(records),
		}
	}
	v.IPS, v.SNIPS, v.DR = e.ips(), e.snips(), e.doublyRobust()
	if o.Range != nil {
		bounded := e.bernstein(v.IPS.Value)
		v.Bounded = &bounded
	}
	return v, nil
}

// evaluation is one call of Evaluate.
type evaluation struct {
	records    []Record
	options    Options
	cluster    []int // of each record
	clusters   int
	reach      stat.Interval // of rewards: given, or observed
	maxWeight  float64
	compared   bool
	mostInOne  int       // records in the largest cluster
	clusterLen []float64 // records in each cluster
}

func newEvaluation(records []Record, o Options) *evaluation {
	e := &evaluation{
		records: records, options: o, cluster: make([]int, len(records)), compared: records[0].Against != nil,
		reach: stat.Interval{Low: math.Inf(1), High: math.Inf(-1)},
	}
	places := map[string]int{}
	for i := range records {
		r := &records[i]
		place, ok := places[r.Cluster]
		if !ok || r.Cluster == "" {
			place = e.clusters
			e.clusters++
			e.clusterLen = append(e.clusterLen, 0)
			places[r.Cluster] = place
		}
		e.cluster[i] = place
		e.clusterLen[place]++
		e.mostInOne = max(e.mostInOne, int(e.clusterLen[place]))
		e.reach.Low, e.reach.High = min(e.reach.Low, r.Reward), max(e.reach.High, r.Reward)
		for a, p := range r.Logged {
			if p > 0 {
				e.maxWeight = max(e.maxWeight, math.Abs(r.contrast(a))/p)
			}
		}
	}
	if o.Range != nil {
		e.reach = *o.Range
	}
	return e
}

// same says that a comparison is of a policy with itself.
func (e *evaluation) same() bool { return e.maxWeight == 0 }

// weight is a record's importance weight, signed in a comparison.
func weight(r *Record) float64 { return r.contrast(r.Action) / r.Logged[r.Action] }

// effective is the effective number of clusters by the weights of the target.
// In a comparison only records count on which the policies differ: where the
// taken action is one that only the target or only the other takes.
func (e *evaluation) effective() float64 {
	if !e.compared {
		return e.kish(weight)
	}
	gains := e.kish(func(r *Record) float64 { return max(0, weight(r)) })
	losses := e.kish(func(r *Record) float64 { return max(0, -weight(r)) })
	return min(gains, losses)
}

// kish is Kish's effective sample size of clusters, (Σw)²/Σw².
func (e *evaluation) kish(weight func(*Record) float64) float64 {
	sums := make([]float64, e.clusters)
	for i := range e.records {
		sums[e.cluster[i]] += weight(&e.records[i])
	}
	var sum, squares float64
	for _, w := range sums {
		sum += w
		squares += w * w
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / squares
}
