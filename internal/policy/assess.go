package policy

import (
	"math"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// Assess turns the signals of a request and of a tier's answer into the
// stage's confidence. Stages count from 0 and belong to the tiers in order.
//
// The confidence is empty where the policy cannot say: the stage does not
// exist, or a signal is missing that never was when the policy was fitted
// ([Policy.Lacks] names it). Its Threshold is the one of the whole task under
// the signals that are missing, nil where nothing is accepted under them; where
// the request is in slices, [Policy.Bound] gives the one in force.
//
// One call makes one allocation, for the numbers that the confidence points
// to.
func (p *Policy) Assess(stage int, request, answer pointsman.Signals) pointsman.Confidence {
	s := p.stage(stage)
	if s == nil {
		return pointsman.Confidence{}
	}
	by, l, ok := s.judge(request, answer)
	if !ok {
		return pointsman.Confidence{}
	}
	numbers := new([4]float64)
	numbers[0] = by.Calibration.Probability(l.acceptable)
	numbers[1] = by.uplift(l)
	c := pointsman.Confidence{Acceptable: &numbers[0], Uplift: &numbers[1]}
	whole := s.Thresholds[0].Threshold
	if !p.old() {
		numbers[3] = Logistic(l.onlyLargest)
		c.Harm, whole = &numbers[3], nil
		if pattern := s.pattern(l.missing, request, answer); pattern != nil {
			whole = pattern.Threshold
		}
	}
	if whole != nil {
		numbers[2] = *whole
		c.Threshold = &numbers[2]
	}
	return c
}

// Raw is P(acceptable) as the stage's head has it, before the calibration map; false
// where a signal is missing that must not be.
func (p *Policy) Raw(stage int, request, answer pointsman.Signals) (float64, bool) {
	s := p.stage(stage)
	if s == nil {
		return 0, false
	}
	_, l, ok := s.judge(request, answer)
	return Logistic(l.acceptable), ok
}

// Pattern finds the pattern of missing signals that an answer has, or nil where
// calibration has not seen enough of it.
func (p *Policy) Pattern(stage int, request, answer pointsman.Signals) *Pattern {
	s := p.stage(stage)
	if s == nil {
		return nil
	}
	_, l, ok := s.judge(request, answer)
	if !ok {
		return nil
	}
	return s.pattern(l.missing, request, answer)
}

// pattern finds the pattern of so many missing signals that an answer has.
func (s *Stage) pattern(missing int, request, answer pointsman.Signals) *Pattern {
	for i := range s.Patterns {
		p := &s.Patterns[i]
		if len(p.Missing) != missing {
			continue
		}
		same := true
		for _, name := range p.Missing {
			if _, ok := value(name, 0, request, answer); ok {
				same = false
				break
			}
		}
		if same {
			return p
		}
	}
	return nil
}

// Broken is the confidence in an answer that breaks its contract, whatever its
// signals: it is not acceptable, and asking on is worth the probability that
// the largest tier is right, as the certificate has it. It is empty where the
// stage does not exist.
func (p *Policy) Broken(stage int) pointsman.Confidence {
	s := p.stage(stage)
	if s == nil {
		return pointsman.Confidence{}
	}
	numbers := [2]float64{0, 0}
	switch {
	case p.Certificate != nil:
		numbers[1] = p.Certificate.Evidence.Largest
	case s.Certificate != nil:
		numbers[1] = s.Certificate.LargeAccuracyLower
	}
	return pointsman.Confidence{Acceptable: &numbers[0], Uplift: &numbers[1]}
}

// Lacks names the first signal without which the stage cannot judge an answer
// and that has no value here, if there is one.
func (p *Policy) Lacks(stage int, request, answer pointsman.Signals) (pointsman.SignalName, bool) {
	s := p.stage(stage)
	if s == nil {
		return "", false
	}
	by, _, _ := s.judge(request, answer)
	for i := range by.Features {
		f := &by.Features[i]
		if _, ok := value(f.Signal, i, request, answer); !ok && !f.MayMiss {
			return f.Signal, true
		}
	}
	return "", false
}

// Asked is how many witnesses are asked before an answer is decided on, where all
// that are asked answer; those of a stage without grey zones do not count.
func (p *Policy) Asked(stage int, request, answer pointsman.Signals) int {
	s := p.stage(stage)
	if s == nil {
		return 0
	}
	for i := range s.Early {
		if l, ok := s.Early[i].logits(request, answer); !ok || !s.Early[i].unsure(l) {
			return i
		}
	}
	return len(s.Early)
}

// judge finds the scorer that decides on an answer, with its log-odds: the first
// that is sure. It is false where that one lacks a signal.
func (s *Stage) judge(request, answer pointsman.Signals) (*Scorer, logits, bool) {
	for i := range s.Early {
		e := &s.Early[i]
		l, ok := e.logits(request, answer)
		if !ok || !e.unsure(l) {
			return &e.Scorer, l, ok
		}
	}
	l, ok := s.logits(request, answer)
	return &s.Scorer, l, ok
}

// unsure says that the next witness is asked.
func (e *Early) unsure(l logits) bool {
	u := e.uplift(l)
	return u > e.Low && u <= e.High
}

// uplift is the calibrated uplift.
func (s *Scorer) uplift(l logits) float64 { return s.Uplift.Uplift(s.Rank.score(l)) }

// More says whether the next witness can change what is decided on an answer,
// after so many have been asked. Without a policy every one is asked: its word is
// on record for the next calibration.
func (p *Policy) More(stage int, request, answer pointsman.Signals, asked int) bool {
	s := p.stage(stage)
	switch {
	case s == nil:
		return true
	case asked < len(s.Early):
		l, ok := s.Early[asked].logits(request, answer)
		return ok && s.Early[asked].unsure(l)
	}
	// The scorer that has them all decides. It may read none of them.
	return slices.ContainsFunc(s.Features, func(f Feature) bool { return byWitness(f.Signal) })
}

// logits are the log-odds that a stage's heads give to one answer.
type logits struct {
	acceptable, onlyLargest, onlyThis float64
	missing                           int // features without a value
}

// logits computes all heads in one pass over the features. It is false where a
// signal is missing that must not be.
func (s *Scorer) logits(request, answer pointsman.Signals) (logits, bool) {
	l := logits{acceptable: s.Acceptable.Intercept, onlyLargest: s.OnlyLargest.Intercept, onlyThis: s.OnlyThis.Intercept}
	for i := range s.Features {
		f := &s.Features[i]
		v, ok := value(f.Signal, i, request, answer)
		if !ok {
			if !f.MayMiss {
				return l, false
			}
			l.missing++
			l.acceptable += s.Acceptable.Missing[i]
			l.onlyLargest += s.OnlyLargest.Missing[i]
			l.onlyThis += s.OnlyThis.Missing[i]
			continue
		}
		x := f.Standardise(v)
		l.acceptable += float64(s.Acceptable.Weights[i] * x)
		l.onlyLargest += float64(s.OnlyLargest.Weights[i] * x)
		l.onlyThis += float64(s.OnlyThis.Weights[i] * x)
	}
	if len(s.Acceptable.Trees)+len(s.OnlyLargest.Trees)+len(s.OnlyThis.Trees) > 0 {
		var values [usualFeatures]float64
		var missing [usualFeatures]bool
		v := held{values[:0], missing[:0]}
		s.hold(&v, request, answer)
		l.acceptable += s.Acceptable.add(&v)
		l.onlyLargest += s.OnlyLargest.add(&v)
		l.onlyThis += s.OnlyThis.add(&v)
	}
	return l, true
}

// usualFeatures are at most as many features as need no memory of their own.
const usualFeatures = 64

// Standardise holds a value to the range that was seen when the policy was
// fitted and expresses it in standard deviations from the mean.
func (f *Feature) Standardise(v float64) float64 {
	return (min(max(v, f.Low), f.High) - f.Mean) / f.Scale
}

// score is the raw ranking score: larger means rather ask on.
func (r Rank) score(l logits) float64 {
	if r == RankUnacceptable {
		return Logistic(-l.acceptable)
	}
	return Logistic(l.onlyLargest) - Logistic(l.onlyThis)
}

// value looks a signal up among the request's and the answer's, where a name
// stands at most once (calibrate refuses others). Signals mostly
// come in the order of the features, so the search starts at the place where
// the signal would then be. A value that is not a number counts as missing; an
// infinite one is held to the feature's range like any other.
func value(name pointsman.SignalName, hint int, request, answer pointsman.Signals) (float64, bool) {
	var s pointsman.Signal
	late := hint - len(request)
	switch {
	case late < 0 && request[hint].Name == name:
		s = request[hint]
	case late >= 0 && late < len(answer) && answer[late].Name == name:
		s = answer[late]
	default:
		var ok bool
		if s, ok = request.Get(name); !ok {
			if s, ok = answer.Get(name); !ok {
				return 0, false
			}
		}
	}
	return s.Value, s.Present() && !math.IsNaN(s.Value)
}

// byWitness says that a signal is given by a witness, or by another sample of the
// same model.
func byWitness(name pointsman.SignalName) bool {
	return strings.HasPrefix(string(name), "witness.") || strings.HasPrefix(string(name), "samples.")
}
