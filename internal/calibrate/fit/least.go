package fit

import (
	"errors"
	"fmt"
	"math"

	"github.com/pointsman-ai/pointsman/internal/calibrate/certify"
)

// Least is what a fit takes at the least, whatever the answers are. It depends
// on the target and the options alone, so that it can be said before anything is
// asked.
type Least struct {
	// Examples is the least number in all, and Fit that of the fit part.
	Examples int `json:"examples"`
	Fit      int `json:"fit"`
	// Certify is the least number of independent units in the certify part with
	// which the promise can be shown: it can if the largest tier is right on all
	// of them and no request is answered worse. Each that is takes more.
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
	var err error
	if l.Certify, err = o.claim().Least(); errors.Is(err, certify.ErrInvalid) {
		return l, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return l, err
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
