package fit

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/pointsman-ai/pointsman"
)

// The errors of [Fit], each wrapped with what is wrong in particular.
var (
	// ErrInvalid: an option or an observation is malformed.
	ErrInvalid = errors.New("invalid input")
	// ErrTooFew: there are too few observations to learn anything from.
	ErrTooFew = errors.New("too few observations")
	// ErrNoVariation: the observations hold nothing to learn, because no
	// signal varies, a tier never gave a valid or an acceptable answer, or the
	// largest tier never did.
	ErrNoVariation = errors.New("no variation")
)

// Observation is one example with the judged answers of every tier.
type Observation struct {
	// ID is unique among the observations.
	ID string `json:"id"`
	// Group is the conversation, document or user that the example came from;
	// empty where it stands alone.
	Group string `json:"group,omitempty"`
	// Near names the text, or the group of nearly equal texts, that the example
	// asks about; empty where no other example asks the like.
	Near string `json:"near,omitempty"`
	// Spent says that the example has certified a policy before, so that it is
	// not fresh any more.
	Spent bool `json:"-"`
	// Stakes are those of the owner's rules; 0 means 1.
	Stakes float64 `json:"stakes,omitempty"`
	// People say how people were asked about the answers, where a judge has judged
	// all examples and people a sample of them; nil where what is said of the
	// answers is known.
	People *People `json:"people,omitempty"`
	// Shape is the form of the request; nil where it is not known, so that no
	// support is fitted to it.
	Shape *pointsman.Shape `json:"shape,omitempty"`
	// Slices are the "key=value" slices that the example is in.
	Slices  []string          `json:"slices,omitempty"`
	Request pointsman.Signals `json:"request"`
	// Tiers are the outcomes in cascade order, the largest last.
	Tiers []TierOutcome `json:"tiers"`
}

// People say how people were asked about an example.
type People struct {
	// Probability is that with which they were to be asked; see
	// [certify.Asking].
	Probability float64 `json:"probability"`
	Asked       bool    `json:"asked"`
	// Untold says that they were asked and have not said it.
	Untold bool `json:"untold,omitempty"`
}

// Grade is what a judge says of an answer.
type Grade struct {
	Acceptable bool     `json:"acceptable"`
	Score      *float64 `json:"score,omitempty"`
}

// TierOutcome is what a tier made of an example.
type TierOutcome struct {
	Signals pointsman.Signals `json:"signals"`
	// Valid says that the answer keeps the task's contract. An answer that
	// does not is never accepted and counts as not acceptable.
	Valid bool `json:"valid"`
	// Acceptable says that the answer is right.
	Acceptable bool `json:"acceptable"`
	// Score is a grade in [0,1], where right and wrong are not all there is to
	// say: what a promise of quality is about.
	Score *float64 `json:"score,omitempty"`
	// Judge is what a judge says of the answer, where people were asked about a
	// sample: Acceptable and Score are then by people where they have said it.
	Judge *Grade `json:"judge,omitempty"`
	// Same says that the answer is the largest tier's too.
	Same bool `json:"same,omitempty"`
	// Stakes are what the answer adds to the stakes of its request; 0 means 1.
	Stakes float64 `json:"stakes,omitempty"`
	// Cost is what the answer cost, in US dollars, and Seconds how long it took;
	// nil where that is not known. Nothing is promised about them, and they are no
	// part of the data that a certificate names.
	Cost    *float64 `json:"-"`
	Seconds *float64 `json:"-"`
	// Failed says that the tier gave no answer at all; nothing else is read.
	Failed bool `json:"failed,omitempty"`
}

// right says whether the answer would do.
func (o *TierOutcome) right() bool {
	return o.Valid && !o.Failed && o.Acceptable
}

// score is the grade of an answer, or 1 and 0 for right and wrong.
func (o *TierOutcome) score() float64 {
	switch {
	case o.Failed || !o.Valid:
		return 0
	case o.Score != nil:
		return *o.Score
	}
	return indicator(o.right())
}

// judged is the outcome as the judge sees it.
func (o *TierOutcome) judged() TierOutcome {
	out := *o
	if o.Judge != nil {
		out.Acceptable, out.Score = o.Judge.Acceptable, o.Judge.Score
	}
	return out
}

// corrected is the score of a tier's answer; where people judged a sample and a
// judge all, the judge's, corrected by people so that the mean is theirs.
func (o *Observation) corrected(tier int) float64 {
	t := &o.Tiers[tier]
	if o.People == nil {
		return t.score()
	}
	judged := t.judged()
	judge := judged.score()
	if !o.People.Asked || o.People.Untold {
		return judge
	}
	return judge + (t.score()-judge)/o.People.Probability
}

// stakes are those of an answer of a tier.
func (o *Observation) stakes(tier int) float64 {
	return max(o.Stakes, 1) * max(o.Tiers[tier].Stakes, 1)
}

// group is the conversation, or the example itself where it stands alone. The
// prefix keeps an id from being taken for a conversation of that name.
func (o *Observation) group() string {
	if o.Group == "" {
		return "i" + o.ID
	}
	return "g" + o.Group
}

// check finds the first malformed observation.
func check(observations []Observation, tiers int) error {
	seen := make(map[string]bool, len(observations))
	for i := range observations {
		o := &observations[i]
		switch {
		case o.ID == "":
			return fmt.Errorf("%w: observation %d has no id", ErrInvalid, i)
		case seen[o.ID]:
			return fmt.Errorf("%w: observation id %q is given twice", ErrInvalid, o.ID)
		case len(o.Tiers) != tiers:
			return fmt.Errorf("%w: observation %q has outcomes of %d tiers, the cascade has %d", ErrInvalid, o.ID, len(o.Tiers), tiers)
		case slices.Contains(o.Slices, ""):
			return fmt.Errorf("%w: observation %q is in a slice without a name", ErrInvalid, o.ID)
		}
		if o.Stakes < 0 || math.IsNaN(o.Stakes) || math.IsInf(o.Stakes, 0) {
			return fmt.Errorf("%w: observation %q: stakes of %v", ErrInvalid, o.ID, o.Stakes)
		}
		if p := o.People; p != nil && !(p.Probability > 0 && p.Probability <= 1) {
			return fmt.Errorf("%w: observation %q: people were asked with probability %v", ErrInvalid, o.ID, p.Probability)
		}
		seen[o.ID] = true
		for k := range o.Tiers {
			if err := signals(o.Request, o.Tiers[k].Signals); err != nil {
				return fmt.Errorf("%w: observation %q, tier %d: %w", ErrInvalid, o.ID, k+1, err)
			}
			if x := o.Tiers[k].Stakes; x < 0 || math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("%w: observation %q, tier %d: stakes of %v", ErrInvalid, o.ID, k+1, x)
			}
			if j := o.Tiers[k].Judge; o.People != nil && !o.Tiers[k].Failed && j == nil {
				return fmt.Errorf("%w: observation %q, tier %d: no judge has judged it", ErrInvalid, o.ID, k+1)
			}
			for _, x := range []*float64{o.Tiers[k].Cost, o.Tiers[k].Seconds} {
				if x != nil && !(*x >= 0 && *x <= math.MaxFloat64) {
					return fmt.Errorf("%w: observation %q, tier %d: a cost or time of %v", ErrInvalid, o.ID, k+1, *x)
				}
			}
			if s := o.Tiers[k].Score; s != nil && !(*s >= 0 && *s <= 1) {
				return fmt.Errorf("%w: observation %q, tier %d: score %v is not between 0 and 1", ErrInvalid, o.ID, k+1, *s)
			}
		}
	}
	return nil
}

// signals checks what was measured of one example at one tier.
func signals(request, answer pointsman.Signals) error {
	for at, part := range []pointsman.Signals{request, answer} {
		for i, s := range part {
			_, inRequest := request.Get(s.Name)
			_, before := part[:i].Get(s.Name)
			switch {
			case s.Name == "":
				return errors.New("a signal has no name")
			case before || at == 1 && inRequest:
				return fmt.Errorf("signal %s is given twice", s.Name)
			case s.Present() && (math.IsNaN(s.Value) || math.IsInf(s.Value, 0)):
				return fmt.Errorf("signal %s is %v: a value that does not exist is Missing, with the reason", s.Name, s.Value)
			}
		}
	}
	return nil
}
