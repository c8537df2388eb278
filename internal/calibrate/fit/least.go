package fit

import (
	"fmt"
	"math"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// Least is what a fit takes at the least, whatever the answers are. It depends
// on the target, the number of tiers and the options alone, so that it can be
// said before anything is asked.
type Least struct {
	// Examples is the least number in all, and Fit that of the fit part.
	Examples int `json:"examples"`
	Fit      int `json:"fit"`
	// Certify is the least number of conversations in the certify part with
	// which any threshold can be certified: it does if the largest tier is right
	// on all of them and no accepted answer is harmed. Each harm takes more.
	Certify int `json:"certify"`
}

// defaultMinExamples is the least number of examples in all.
const defaultMinExamples = 40

// Least computes what a fit under these options takes. The error wraps
// [ErrInvalid] where no number of examples could certify the target.
func (o Options) Least() (Least, error) {
	l := Least{Examples: o.MinExamples, Fit: 4 * o.folds()}
	if l.Examples == 0 {
		l.Examples = defaultMinExamples
	}
	lv := o.levels(1 - o.Target.Confidence)
	enough := func(n int) (bool, error) {
		lower, err := stat.ClopperPearsonLower(n, n, lv.accuracy)
		if err != nil {
			return false, err
		}
		upper, err := stat.ClopperPearsonUpper(0, n, lv.test)
		return upper <= (1-lv.rho)*lower/float64(lv.stages), err
	}
	// More examples only help, so the least number is found by doubling and
	// then by halving the last octave.
	high := 1
	for {
		ok, err := enough(high)
		if err != nil {
			return l, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		if ok {
			break
		}
		if high > feasible {
			return l, fmt.Errorf("%w: no feasible number of examples could certify that %s is kept", ErrInvalid, percent(o.Target.Retain))
		}
		high *= 2
	}
	low := high / 2 // does not do, or is 0
	for high-low > 1 {
		middle := low + (high-low)/2
		if ok, _ := enough(middle); ok { // the levels were checked above
			high = middle
		} else {
			low = middle
		}
	}
	l.Certify = high
	return l, nil
}

// Give is about how many independent examples are to be given, so that each part
// gets what it takes. The split is random: a tenth more makes up for that.
func (l Least) Give(certifyShare float64) int {
	if certifyShare == 0 {
		certifyShare = defaultCertifyShare
	}
	n := max(float64(l.Fit)/(1-certifyShare), float64(l.Certify)/certifyShare)
	return max(l.Examples, int(math.Ceil(1.1*n)))
}

// Sizes are the number of examples that these options put into the fit part, and
// the number of conversations in the certify part, of each of which one example
// counts.
func (o Options) Sizes(observations []Observation) (fit, certify int) {
	p := o.split(observations)
	return len(p.fit), len(p.certify)
}
