package policy

import (
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// StageCertificate is the promise of one stage in a policy of the first version,
// and what it rests on. N, Accepted,
// Harms and Bound are those of the certified threshold; where none could be
// certified, those of the strictest threshold that was tested.
type StageCertificate struct {
	// Claim is the promise, or that there is none, in one plain sentence.
	Claim     string `json:"claim"`
	Certified bool   `json:"certified"`
	// Rho is the share of the largest tier's quality that is kept, with
	// probability at least 1 − Delta over the draw of the fresh examples.
	Rho   float64 `json:"rho"`
	Delta float64 `json:"delta"`
	// N counts the fresh examples, Accepted those whose answer would be given
	// at this stage, Harms those among them where the largest tier would have
	// been right and the given answer is not.
	N        int `json:"n"`
	Accepted int `json:"accepted"`
	Harms    int `json:"harms"`
	// Bound is the upper confidence bound of P(harm); the promise needs it to
	// be at most Epsilon = (1 − Rho) × LargeAccuracyLower / stages.
	Bound              float64 `json:"bound"`
	LargeAccuracyLower float64 `json:"large_accuracy_lower"`
	Epsilon            float64 `json:"epsilon"`
	// Data is the digest of the examples that fitted the stage, Fresh of those
	// that certified it. No conversation is in both.
	Data  pointsman.Digest `json:"data"`
	Fresh pointsman.Digest `json:"fresh"`
	// Test names the statistical procedure.
	Test   string    `json:"test"`
	Issued time.Time `json:"issued"`
	// ExamplesNeeded is how many fresh examples would probably do; null where
	// the stage is certified or no number would.
	ExamplesNeeded *int         `json:"examples_needed"`
	Slices         []StageSlice `json:"slices,omitempty"`
	// VoidedBy are the conditions under which the promise ends, as sentences.
	VoidedBy []string `json:"voided_by"`
}

// StageSlice is the promise for one slice by itself; its fields are as
// in [StageCertificate].
type StageSlice struct {
	Slice              string  `json:"slice"`
	Claim              string  `json:"claim"`
	Certified          bool    `json:"certified"`
	Delta              float64 `json:"delta"` // after the correction for several slices
	N                  int     `json:"n"`
	Accepted           int     `json:"accepted"`
	Harms              int     `json:"harms"`
	Bound              float64 `json:"bound"`
	LargeAccuracyLower float64 `json:"large_accuracy_lower"`
	Epsilon            float64 `json:"epsilon"`
	ExamplesNeeded     *int    `json:"examples_needed"`
}

// check checks a certificate of the first version.
func (c *StageCertificate) check() error {
	for name, d := range map[string]pointsman.Digest{"data": c.Data, "fresh": c.Fresh} {
		if err := digest(name, d); err != nil {
			return err
		}
	}
	if !(c.Rho > 0 && c.Rho <= 1) {
		return fmt.Errorf("rho is %v", c.Rho)
	}
	if err := figures(c.Delta, c.N, c.Accepted, c.Harms, c.Bound, c.LargeAccuracyLower, c.Epsilon, c.Certified); err != nil {
		return err
	}
	for _, s := range c.Slices {
		if err := figures(s.Delta, s.N, s.Accepted, s.Harms, s.Bound, s.LargeAccuracyLower, s.Epsilon, s.Certified); err != nil {
			return fmt.Errorf("slice %s: %w", s.Slice, err)
		}
	}
	return nil
}

// figures checks what every promise, whole or slice, must satisfy.
func figures(delta float64, n, accepted, harms int, bound, large, epsilon float64, certified bool) error {
	switch {
	case !(delta > 0 && delta < 1):
		return fmt.Errorf("delta is %v", delta)
	case harms < 0 || harms > accepted || accepted > n:
		return fmt.Errorf("%d harms among %d accepted of %d", harms, accepted, n)
	case !share(bound) || !share(large) || !share(epsilon):
		return fmt.Errorf("bound %v, large accuracy %v, epsilon %v: want shares", bound, large, epsilon)
	case certified && !(bound <= epsilon):
		return fmt.Errorf("certified with bound %v above epsilon %v", bound, epsilon)
	}
	return nil
}
