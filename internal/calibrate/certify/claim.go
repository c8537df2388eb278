package certify

import (
	"errors"
	"fmt"

	"github.com/pointsman-ai/pointsman"
)

// ErrInvalid is wrapped by the errors about malformed arguments.
var ErrInvalid = errors.New("invalid input")

// Claim is what is to be shown.
type Claim struct {
	Promise pointsman.Promise
	// Retain is ρ, in (0,1]; below 1 for a promise about harm, which no finite
	// number of examples shows to be impossible.
	Retain float64
	// Delta is the probability, over the draw of the examples, with which the
	// claim may be accepted though it does not hold; in (0,1).
	Delta float64
}

// Check says what is wrong with a claim, wrapped in [ErrInvalid], or nil.
func (c Claim) Check() error {
	switch {
	case c.Promise != pointsman.PromiseQuality && c.Promise != pointsman.PromiseHarm:
		return fmt.Errorf("%w: promise %q is not known", ErrInvalid, c.Promise)
	case !(c.Retain > 0 && c.Retain <= 1):
		return fmt.Errorf("%w: retain is %v, want more than 0 and at most 1", ErrInvalid, c.Retain)
	case c.Promise == pointsman.PromiseHarm && c.Retain == 1:
		return fmt.Errorf("%w: that there is no harm at all cannot be shown by any number of examples", ErrInvalid)
	case !(c.Delta > 0 && c.Delta < 1):
		return fmt.Errorf("%w: delta is %v, want between 0 and 1", ErrInvalid, c.Delta)
	}
	return nil
}

// Case is what one fresh request comes to under a candidate.
type Case struct {
	// Given and Largest are the scores, in [0,1], of the answer that the
	// cascade gives and of the largest tier's.
	Given, Largest float64
	// Right and LargestRight say whether those answers would do.
	Right, LargestRight bool
	// Local says that the answer comes from a tier below the largest.
	Local bool
	// Unknown says that the largest tier gave no answer: what is said of it
	// above is not read, nor what is said of the given one unless it is local.
	Unknown bool
	// Same says that the given answer is the largest tier's, whoever gave it, so
	// that it cannot be worse.
	Same bool
	// People say how people came to judge the answers, where they were asked about
	// a sample of the requests; nil where what is said above is known.
	People *Asking
	// Capped says that something else may still turn this request's answer into
	// the largest tier's, so that a gain here must not pay for a loss elsewhere.
	Capped bool
}

// harm says whether a case counts as one that the largest tier has right, and
// whether it counts as harmed.
func (x *Case) harm() (right, harmed bool) {
	switch {
	case x.Unknown:
		harmed = x.Local && !x.Right
		return harmed, harmed
	case !x.Local:
		return x.LargestRight, false
	}
	return x.LargestRight, x.LargestRight && !x.Right
}

// Margin is by how much a case is better than the promise asks, in [−ρ, 1]; where
// people were not asked about it, by the judge.
func (c Claim) Margin(x *Case) float64 {
	if x.People == nil {
		return c.known(x)
	}
	if x.People.Asked {
		return c.people(x)
	}
	judged := x.judged()
	return c.known(&judged)
}

// known is the margin of a case by what is said of it.
func (c Claim) known(x *Case) float64 {
	if c.Promise == pointsman.PromiseHarm {
		right, harmed := x.harm()
		margin := 0.0
		if right {
			margin = 1 - c.Retain
		}
		if harmed {
			margin--
		}
		return margin
	}
	switch {
	case x.Unknown && !x.Local:
		return 0 // (1−ρ)·l, with l at 0
	case x.Unknown && x.Capped:
		return min(x.Given-c.Retain, 0) // l at 1, or 0 where it is taken back
	case x.Unknown:
		return x.Given - c.Retain // l at 1
	case !x.Local:
		return (1 - c.Retain) * x.Largest
	}
	given := x.Given
	if x.Capped {
		given = min(given, x.Largest)
	}
	return given - c.Retain*x.Largest
}
