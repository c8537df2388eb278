package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// The schema versions. Policies of the first are still read and decide as they
// did, so that decisions on record can be replayed; none is made any more.
const (
	Version = 2
	first   = 1
)

// Policy is the fitted artefact of one task. It must not be changed once it is
// in use; [Policy.Digest] names it by its content.
type Policy struct {
	Version int              `json:"version"`
	Task    pointsman.TaskID `json:"task"`
	Kind    pointsman.Kind   `json:"kind"`
	Created time.Time        `json:"created"`
	// Data is the digest of all the observations that the policy was made
	// from, those that fitted it and those that certified it.
	Data pointsman.Digest `json:"data"`
	// Tiers are the digests of the tiers' variants in cascade order, largest
	// last. The policy is void for any others.
	Tiers []pointsman.Digest `json:"tiers"`
	// Target is what was asked of the policy; the certificates say what was
	// reached.
	Target pointsman.Target `json:"target"`
	// Students are the auxiliary models whose signals the policy reads, by
	// name in increasing order. Whoever loads the policy must measure with
	// exactly these.
	Students []Student `json:"students,omitempty"`
	// Stages are one for each tier but the last.
	Stages []Stage `json:"stages"`
	// Support is which requests the policy may decide on; nil in policies of the
	// first version, which decide on all.
	Support *Support `json:"support,omitempty"`
	// Endpoints are digests of where the tiers are asked, in cascade order.
	Endpoints []pointsman.Digest `json:"endpoints,omitempty"`
	// Costs is the digest of what mistakes cost, and of the rules that set stakes;
	// empty where all cost the same.
	Costs pointsman.Digest `json:"costs,omitempty"`
	// SliceKeys are the metadata keys whose values name slices.
	SliceKeys []string `json:"slice_keys,omitempty"`
	// Labels say what is meant by right; nil in older policies.
	Labels *Labels `json:"labels,omitempty"`
	// Certificate is the promise of the whole cascade; nil in policies of the
	// first version, whose stages have one each.
	Certificate *Certificate `json:"certificate,omitempty"`
	// Reference is what traffic is compared with; nil where nothing is certified,
	// and in older policies.
	Reference *Reference `json:"reference,omitempty"`
}

// Student names an auxiliary model whose signals a policy reads.
type Student struct {
	Name   string           `json:"name"`
	Digest pointsman.Digest `json:"digest"`
}

// Stage is how the answers of one tier are judged.
type Stage struct {
	Scorer
	// Gate judges the request before the tier is asked; nil where that is worth
	// nothing.
	Gate *Gate `json:"gate,omitempty"`
	// Early judge an answer before the first witness is asked, before the second,
	// and so on. Where none of them is sure, the stage's own scorer decides.
	Early []Early `json:"early,omitempty"`
	// Thresholds are by slice in increasing order; the first is that of the
	// whole task, whose slice is "": the loosest of the patterns'.
	Thresholds []Threshold `json:"thresholds"`
	// Patterns are the combinations of missing signals under which answers may
	// be accepted. Policies of the first version have none and accept under all.
	Patterns []Pattern `json:"patterns,omitempty"`
	// Certificate is that of a policy of the first version.
	Certificate *StageCertificate `json:"certificate,omitempty"`
}

// Scorer turns signals into a calibrated probability and a calibrated uplift.
type Scorer struct {
	Features []Feature `json:"features"`
	// Acceptable predicts that this answer is acceptable; OnlyLargest that the
	// largest tier's would be and this one is not; OnlyThis the reverse.
	Acceptable  Head `json:"acceptable"`
	OnlyLargest Head `json:"only_largest"`
	OnlyThis    Head `json:"only_this"`
	// Calibration maps the acceptable head to a calibrated probability.
	Calibration Map `json:"calibration"`
	// Rank says which raw score orders the answers, and Uplift maps that score
	// to the calibrated uplift, which the thresholds are about.
	Rank   Rank `json:"rank"`
	Uplift Map  `json:"uplift"`
}

// Gate judges a request by its own signals. Above High the tier is not asked: it
// would hardly ever be accepted.
type Gate struct {
	Scorer
	High float64 `json:"high"`
}

// Early judges an answer by what is known before another witness is asked.
type Early struct {
	Scorer
	// Low and High bound the grey zone: an uplift above Low and at most High is not
	// final, and the next witness is asked.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Pattern is a combination of missing signals.
type Pattern struct {
	// Missing are the features without a value, in the order of the features.
	Missing []pointsman.SignalName `json:"missing"`
	// Threshold is the largest effective uplift that is accepted under it; null
	// where nothing is.
	Threshold *float64 `json:"threshold"`
	// Seen counts the answers of the fit part with it.
	Seen int    `json:"seen"`
	Why  string `json:"why"`
}

// Feature is one signal as the heads read it: held to the range that was seen
// when the policy was fitted, so that nothing is extrapolated, then
// standardised as (value − Mean) / Scale. A missing value counts as the mean
// and adds the heads' Missing weight.
type Feature struct {
	Signal pointsman.SignalName `json:"signal"`
	Mean   float64              `json:"mean"`
	Scale  float64              `json:"scale"`
	Low    float64              `json:"low"`
	High   float64              `json:"high"`
	// MayMiss says that the signal was missing somewhere when the policy was
	// fitted. Where it was always there and is missing now, the policy has
	// nothing to say and the answer is not trusted.
	MayMiss bool `json:"may_miss"`
}

// Head is a logistic regression over a scorer's features, in their order, and
// trees that correct it.
type Head struct {
	Intercept float64   `json:"intercept"`
	Weights   []float64 `json:"weights"` // for one standard deviation
	Missing   []float64 `json:"missing"` // added where the signal has no value
	Trees     []Tree    `json:"trees,omitempty"`
}

// Rank names the raw score by which a stage orders its answers, from those to
// accept to those to escalate.
type Rank string

// The raw scores.
const (
	// RankUplift is P(only the largest right) − P(only this right), the
	// difference of two heads, in [-1,1].
	RankUplift Rank = "uplift"
	// RankUnacceptable is 1 − P(this answer is acceptable), in [0,1].
	RankUnacceptable Rank = "unacceptable"
)

// Threshold is the bound of one slice.
type Threshold struct {
	// Slice is "key=value" of the request's metadata, or "" for the whole.
	Slice string `json:"slice"`
	// Threshold is the largest effective uplift that is accepted; null where
	// nothing is accepted.
	Threshold *float64 `json:"threshold"`
	// Certified says that the promise was shown for this slice by itself. A
	// slice that only inherits the threshold of the whole is not certified.
	Certified bool `json:"certified"`
	// Why says in a sentence how the threshold came to be.
	Why string `json:"why"`
}

// Terms are what a policy is fitted for.
type Terms struct {
	// Tiers are the digests of the variants in cascade order, which have model,
	// prompt, parameters, weights, contract and labels in them; Endpoints those of
	// where they are asked.
	Tiers     []pointsman.Digest
	Endpoints []pointsman.Digest
	Target    pointsman.Target
	SliceKeys []string
	// Costs is the digest of what mistakes cost, and of the rules that set stakes;
	// empty where all cost the same.
	Costs pointsman.Digest
}

// Matches says whether the policy was fitted for these terms; the error names the
// first that differs. Policies of the first version know the tiers only.
func (p *Policy) Matches(t Terms) error {
	if len(t.Tiers) != len(p.Tiers) {
		return fmt.Errorf("policy is void: it was fitted for %d tiers, the cascade has %d", len(p.Tiers), len(t.Tiers))
	}
	for i, v := range t.Tiers {
		if v != p.Tiers[i] {
			return fmt.Errorf("policy is void: tier %d was fitted as variant %s and is now %s", i+1, p.Tiers[i].Short(), v.Short())
		}
	}
	if p.old() {
		return nil
	}
	promise := t.Target.Promised()
	switch {
	case promise != p.Target.Promised() || t.Target.Retain != p.Target.Retain || t.Target.Confidence != p.Target.Confidence:
		return fmt.Errorf("policy is void: it was certified for %s of %g with confidence %g, and the target is now %s of %g with confidence %g",
			p.Target.Promised(), p.Target.Retain, p.Target.Confidence, promise, t.Target.Retain, t.Target.Confidence)
	case t.Costs != p.Costs:
		return fmt.Errorf("policy is void: it was certified for other stakes, or costs of mistakes")
	case !slices.Equal(t.SliceKeys, p.SliceKeys):
		return fmt.Errorf("policy is void: it was certified for the slices %v, and the task has now %v", p.SliceKeys, t.SliceKeys)
	}
	for i, e := range p.Endpoints {
		if i >= len(t.Endpoints) || t.Endpoints[i] != e {
			return fmt.Errorf("policy is void: tier %d is asked at another endpoint", i+1)
		}
	}
	return nil
}

// Certified says whether any stage has a threshold that it may accept by.
func (p *Policy) Certified() bool {
	if p.Certificate != nil {
		return p.Certificate.Certified
	}
	return slices.ContainsFunc(p.Stages, func(s Stage) bool { return s.Certificate != nil && s.Certificate.Certified })
}

// old says that the policy decides as those of the first version do.
func (p *Policy) old() bool { return p.Version <= first }

// Claim is the promise, or that there is none, in one plain sentence.
func (p *Policy) Claim() string {
	if p.Certificate != nil {
		return p.Certificate.Claim
	}
	if c := p.Stages[0].Certificate; c != nil {
		return c.Claim
	}
	return ""
}

// stage finds a stage, or nil where the policy is nil or has none of that
// number.
func (p *Policy) stage(k int) *Stage {
	if p == nil || k < 0 || k >= len(p.Stages) {
		return nil
	}
	return &p.Stages[k]
}

// find looks a slice up in the sorted thresholds.
func (s *Stage) find(slice string) (*Threshold, bool) {
	i, ok := slices.BinarySearchFunc(s.Thresholds, slice, func(t Threshold, name string) int {
		return strings.Compare(t.Slice, name)
	})
	if !ok {
		return nil, false
	}
	return &s.Thresholds[i], true
}
