package offpolicy

import (
	"errors"
	"fmt"
	"math"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// Record is one decision. Its slices have one entry for each action.
type Record struct {
	// Action is what was done.
	Action int
	// Logged are the propensities: the probability of each action under the policy
	// that was at work.
	Logged []float64
	// Target is the probability of each action under the policy to be valued.
	Target []float64
	// Against is the same of a policy that the target is compared with; nil
	// where the target's own value is asked for. All records have it or none.
	Against []float64
	// Reward is what came of the action that was taken.
	Reward float64
	// Predicted is the reward to be expected of each action, by a prediction that
	// has not seen this record; nil where there is none. All records have it or
	// none.
	Predicted []float64
	// Cluster names what is independent of everything else, such as a
	// conversation; empty where the record is.
	Cluster string
}

// Options say how an evaluation is made.
type Options struct {
	Confidence float64
	// Range is where rewards can lie; nil where that is not known, and then the
	// observed range stands in and there is no bounded interval.
	Range *stat.Interval
	// LeastESS is the effective sample size below which nothing is said;
	// 0 stands for [LeastESS].
	LeastESS float64
}

// LeastESS is the usual least effective sample size: below it a handful of records
// decides, and no interval here covers as it says.
const LeastESS = 20

// Refusal says why the records cannot tell the value of a policy.
type Refusal struct {
	Reason string
	// Records are how many stand in the way.
	Records int
}

// Error implements error.
func (r *Refusal) Error() string { return "the log cannot tell: " + r.Reason }

// ErrInvalid is wrapped by errors about records that are not what they must be.
var ErrInvalid = errors.New("invalid records")

func invalid(i int, format string, args ...any) error {
	return fmt.Errorf("%w: record %d: %w", ErrInvalid, i, fmt.Errorf(format, args...))
}

// check checks every record by itself and against the first.
func check(records []Record, o Options) error {
	if !(o.Confidence > 0 && o.Confidence < 1) {
		return fmt.Errorf("%w: confidence %v, want between 0 and 1", ErrInvalid, o.Confidence)
	}
	if len(records) == 0 {
		return &Refusal{Reason: "there are no records"}
	}
	first := &records[0]
	for i := range records {
		r := &records[i]
		if err := r.check(i); err != nil {
			return err
		}
		if len(r.Logged) != len(first.Logged) || (r.Against == nil) != (first.Against == nil) || (r.Predicted == nil) != (first.Predicted == nil) {
			return invalid(i, "it has other parts than the first")
		}
		if o.Range != nil && !o.Range.Contains(r.Reward) {
			return invalid(i, "reward %v is outside %v to %v", r.Reward, o.Range.Low, o.Range.High)
		}
	}
	return nil
}

func (r *Record) check(i int) error {
	if r.Action < 0 || r.Action >= len(r.Logged) {
		return invalid(i, "action %d of %d", r.Action, len(r.Logged))
	}
	if math.IsNaN(r.Reward) || math.IsInf(r.Reward, 0) {
		return invalid(i, "reward %v", r.Reward)
	}
	for _, p := range [][]float64{r.Logged, r.Target, r.Against} {
		if p == nil {
			continue
		}
		sum := 0.0
		for _, x := range p {
			if !(x >= 0 && x <= 1) {
				return invalid(i, "probability %v", x)
			}
			sum += x
		}
		if len(p) != len(r.Logged) || math.Abs(sum-1) > 1e-9 {
			return invalid(i, "the probabilities %v of %d actions do not add up to 1", p, len(r.Logged))
		}
	}
	if r.Target == nil {
		return invalid(i, "no target")
	}
	if r.Logged[r.Action] == 0 {
		return invalid(i, "action %d was taken and has propensity 0", r.Action)
	}
	if r.Predicted != nil && len(r.Predicted) != len(r.Logged) {
		return invalid(i, "%d predictions for %d actions", len(r.Predicted), len(r.Logged))
	}
	for _, q := range r.Predicted {
		if math.IsNaN(q) || math.IsInf(q, 0) {
			return invalid(i, "prediction %v", q)
		}
	}
	return nil
}

// against is the compared policy's probability of an action, 0 where none is
// compared.
func (r *Record) against(a int) float64 {
	if r.Against == nil {
		return 0
	}
	return r.Against[a]
}

// contrast is the target's probability of an action less that of the compared
// policy.
func (r *Record) contrast(a int) float64 { return r.Target[a] - r.against(a) }

// supported refuses records in which a policy to be valued acts where the one at
// work never did.
func supported(records []Record) error {
	missing := 0
	for i := range records {
		r := &records[i]
		for a, p := range r.Logged {
			if p == 0 && r.contrast(a) != 0 {
				missing++
				break
			}
		}
	}
	if missing == 0 {
		return nil
	}
	return &Refusal{
		Reason:  fmt.Sprintf("in %d of %d requests it would do what the policy at work never does (propensity 0)", missing, len(records)),
		Records: missing,
	}
}
