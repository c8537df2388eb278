package policy

import (
	"fmt"
	"math"
	"slices"

	"github.com/pointsman-ai/pointsman"
)

// magnitude bounds weights and standardised values, so that no sum of their
// products can overflow.
const magnitude = 1e6

func bounded(x float64) bool { return math.Abs(x) <= magnitude } // false for NaN

func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 } // false for NaN

func share(x float64) bool { return x >= 0 && x <= 1 } // false for NaN

// Validate says what is wrong with a policy, wrapped in [ErrInvalid], or nil.
func (p *Policy) Validate() error {
	if err := p.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

func (p *Policy) check() error {
	switch {
	case p.Version != Version && p.Version != first:
		return fmt.Errorf("version %d, this program knows versions %d to %d", p.Version, first, Version)
	case p.Version == first && (p.Certificate != nil || p.Support != nil), p.Version != first && (p.Certificate == nil || p.Support == nil):
		return fmt.Errorf("a certificate and a support of the whole policy belong to version %d and later", Version)
	case p.Target.Promise != "" && p.Target.Promise != pointsman.PromiseQuality && p.Target.Promise != pointsman.PromiseHarm:
		return fmt.Errorf("target: promise %q is not known", p.Target.Promise)
	case p.Task == "":
		return fmt.Errorf("no task")
	case !slices.Contains(pointsman.Kinds, p.Kind):
		return fmt.Errorf("kind %q is not known", p.Kind)
	case p.Created.IsZero():
		return fmt.Errorf("no date of creation")
	case !(p.Target.Retain > 0 && p.Target.Retain <= 1):
		return fmt.Errorf("target: retain is %v, want more than 0 and at most 1", p.Target.Retain)
	case !(p.Target.Confidence > 0 && p.Target.Confidence < 1):
		return fmt.Errorf("target: confidence is %v, want between 0 and 1", p.Target.Confidence)
	case len(p.Tiers) < 2:
		return fmt.Errorf("%d tiers: a cascade has at least two", len(p.Tiers))
	case len(p.Stages) != len(p.Tiers)-1:
		return fmt.Errorf("%d stages for %d tiers: every tier but the last has one", len(p.Stages), len(p.Tiers))
	}
	if err := digest("data", p.Data); err != nil {
		return err
	}
	if err := p.Labels.check(); err != nil {
		return err
	}
	for i, d := range p.Tiers {
		if err := digest(fmt.Sprintf("tier %d", i+1), d); err != nil {
			return err
		}
	}
	for i, s := range p.Students {
		if i > 0 && s.Name <= p.Students[i-1].Name {
			return fmt.Errorf("student %q: names must increase", s.Name)
		}
		if err := digest("student "+s.Name, s.Digest); err != nil {
			return err
		}
	}
	for i := range p.Stages {
		if err := p.Stages[i].check(p.Version); err != nil {
			return fmt.Errorf("stage %d: %w", i, err)
		}
	}
	if p.Version == first {
		return nil
	}
	if p.Costs != "" {
		if err := digest("costs", p.Costs); err != nil {
			return err
		}
	}
	for i, d := range p.Endpoints {
		if err := digest(fmt.Sprintf("endpoint %d", i+1), d); err != nil {
			return err
		}
	}
	if p.Support == nil {
		return fmt.Errorf("no support")
	}
	if err := p.Support.check(); err != nil {
		return fmt.Errorf("support: %w", err)
	}
	if err := p.Certificate.check(); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	if p.Reference != nil {
		if err := p.Reference.check(len(p.Stages)); err != nil {
			return fmt.Errorf("reference: %w", err)
		}
	}
	if p.Certificate.Certified != slices.ContainsFunc(p.Stages, func(s Stage) bool { return s.Thresholds[0].Threshold != nil }) {
		return fmt.Errorf("thresholds are in force exactly where the certificate is")
	}
	return nil
}

func digest(what string, d pointsman.Digest) error {
	if _, err := pointsman.ParseDigest(string(d)); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// check checks everything but the thresholds.
func (s *Scorer) check() error {
	seen := make(map[pointsman.SignalName]bool, len(s.Features))
	for i := range s.Features {
		f := &s.Features[i]
		if f.Signal == "" || seen[f.Signal] {
			return fmt.Errorf("feature %d: signal %q is empty or repeated", i, f.Signal)
		}
		seen[f.Signal] = true
		if err := f.check(); err != nil {
			return fmt.Errorf("feature %s: %w", f.Signal, err)
		}
	}
	heads := []struct {
		name string
		*Head
	}{{"acceptable", &s.Acceptable}, {"only_largest", &s.OnlyLargest}, {"only_this", &s.OnlyThis}}
	for _, h := range heads {
		if err := h.check(len(s.Features)); err != nil {
			return fmt.Errorf("head %s: %w", h.name, err)
		}
	}
	if s.Rank != RankUplift && s.Rank != RankUnacceptable {
		return fmt.Errorf("rank %q is not known", s.Rank)
	}
	if err := s.Calibration.check(true); err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	if err := s.Uplift.check(false); err != nil {
		return fmt.Errorf("uplift: %w", err)
	}
	return nil
}

func (s *Stage) check(version int) error {
	if err := s.Scorer.check(); err != nil {
		return err
	}
	if version == first && (len(s.Early) > 0 || s.Gate != nil) {
		return fmt.Errorf("a gate and early scorers belong to version %d and later", Version)
	}
	if g := s.Gate; g != nil {
		if err := g.check(); err != nil {
			return fmt.Errorf("gate: %w", err)
		}
		if !(math.Abs(g.High) <= 1) {
			return fmt.Errorf("gate: its bound is %v, want between -1 and 1", g.High)
		}
	}
	for i := range s.Early {
		e := &s.Early[i]
		if err := e.check(); err != nil {
			return fmt.Errorf("early scorer %d: %w", i, err)
		}
	}
	if err := s.checkThresholds(); err != nil {
		return err
	}
	switch {
	case (version == first) != (s.Certificate != nil):
		return fmt.Errorf("a certificate of its own belongs to version %d", first)
	case version > first:
		return s.checkPatterns()
	case s.Thresholds[0].Certified != s.Certificate.Certified:
		return fmt.Errorf("thresholds: the whole task's is in force exactly where its certificate is")
	}
	if err := s.Certificate.check(); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	return nil
}

func (e *Early) check() error {
	if !(math.Abs(e.Low) <= 1 && math.Abs(e.High) <= 1) {
		return fmt.Errorf("its grey zone is from %v to %v, want both between -1 and 1", e.Low, e.High)
	}
	return e.Scorer.check()
}

// checkPatterns checks the patterns, each of which may stand there once.
func (s *Stage) checkPatterns() error {
	seen := map[string]bool{}
	for _, p := range s.Patterns {
		at := 0
		for _, name := range p.Missing {
			k := slices.IndexFunc(s.Features[at:], func(f Feature) bool { return f.Signal == name && f.MayMiss })
			if k < 0 {
				return fmt.Errorf("pattern %v: %s is no feature that may miss, or out of order", p.Missing, name)
			}
			at += k + 1
		}
		key := fmt.Sprint(p.Missing)
		if seen[key] {
			return fmt.Errorf("pattern %v is there twice", p.Missing)
		}
		seen[key] = true
		if p.Threshold != nil && !(math.Abs(*p.Threshold) <= 1) {
			return fmt.Errorf("pattern %v: threshold %v, want between -1 and 1", p.Missing, *p.Threshold)
		}
	}
	return nil
}

func (f *Feature) check() error {
	if !finite(f.Mean) || !finite(f.Low) || !finite(f.High) || !finite(f.Scale) || f.Scale <= 0 || f.Low > f.High {
		return fmt.Errorf("mean %v, scale %v, range %v to %v", f.Mean, f.Scale, f.Low, f.High)
	}
	if !bounded(f.Standardise(f.Low)) || !bounded(f.Standardise(f.High)) {
		return fmt.Errorf("the range %v to %v is too far from the mean %v for scale %v", f.Low, f.High, f.Mean, f.Scale)
	}
	return nil
}

func (h *Head) check(features int) error {
	if len(h.Weights) != features || len(h.Missing) != features {
		return fmt.Errorf("%d weights and %d missing weights for %d features", len(h.Weights), len(h.Missing), features)
	}
	if !bounded(h.Intercept) {
		return fmt.Errorf("intercept is %v", h.Intercept)
	}
	for i := range features {
		if !bounded(h.Weights[i]) || !bounded(h.Missing[i]) {
			return fmt.Errorf("feature %d: weights %v and %v", i, h.Weights[i], h.Missing[i])
		}
	}
	if len(h.Trees) > maxTrees {
		return fmt.Errorf("%d trees, at most %d are read", len(h.Trees), maxTrees)
	}
	for i, t := range h.Trees {
		if err := t.check(features); err != nil {
			return fmt.Errorf("tree %d: %w", i, err)
		}
	}
	return nil
}

func (s *Stage) checkThresholds() error {
	if len(s.Thresholds) == 0 || s.Thresholds[0].Slice != "" {
		return fmt.Errorf("thresholds: the first must be that of the whole task")
	}
	for i, t := range s.Thresholds {
		if i > 0 && t.Slice <= s.Thresholds[i-1].Slice {
			return fmt.Errorf("threshold of %q: slices must increase", t.Slice)
		}
		if t.Threshold != nil && !(math.Abs(*t.Threshold) <= 1) {
			return fmt.Errorf("threshold of %q is %v, want between -1 and 1", t.Slice, *t.Threshold)
		}
		if t.Certified && t.Threshold == nil {
			return fmt.Errorf("threshold of %q: certified without a value", t.Slice)
		}
	}
	whole := s.Thresholds[0]
	if whole.Certified != (whole.Threshold != nil) {
		return fmt.Errorf("thresholds: the whole task's is in force exactly where its certificate is")
	}
	return nil
}
