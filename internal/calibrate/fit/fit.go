package fit

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// Options say what to fit. Fields that are zero where a default is named take
// it; the others must be given.
type Options struct {
	Task pointsman.TaskID
	Kind pointsman.Kind
	// Tiers are the digests of the variants that gave the observations'
	// answers, in cascade order.
	Tiers  []pointsman.Digest
	Target pointsman.Target
	// Slices are the "key=value" slices that get a test of their own. nil
	// means all that the observations name; empty means none. They share δ,
	// so name those that matter.
	Slices []string
	// Endpoints are digests of where the tiers are asked, in cascade order.
	Endpoints []pointsman.Digest
	// Costs is the digest of what mistakes cost; empty where all cost the same.
	Costs pointsman.Digest
	// SliceKeys are the metadata keys whose values name slices.
	SliceKeys []string
	// Sets are, for each tier but the last, the settings that it sets itself
	// whatever the client asks for.
	Sets [][]string
	// WitnessPrices are what asking each witness costs, in their order, as a share
	// of what the largest tier does. What is not given counts as next to nothing.
	WitnessPrices []float64
	// Students are the auxiliary models whose signals the observations carry.
	Students []policy.Student
	// Labels say by what the answers were judged; nil where that is not known.
	Labels *policy.Labels
	// Now is the date that the policy and its certificates bear.
	Now time.Time
	// Tries counts the policies that the observations have certified before, where
	// they do so again: each halves the error level, so that those who try until
	// they succeed pay for it.
	Tries int
	// Round counts the certifications that some of the observations were in
	// before.
	Round int
	// Seed keys the split and the folds.
	Seed uint64
	// CertifyShare is the share of conversations that certifies; 0 means one
	// half.
	CertifyShare float64
	// Folds of the cross-validation inside the fit part; 0 means 5.
	Folds int
	// Grid is the number of quantiles that make the grid of thresholds; 0
	// means 200. A finer grid costs no confidence.
	Grid int
	// MinExamples is the least number of observations; 0 means 40.
	MinExamples int
}

// The defaults that other packages see the effect of.
const (
	defaultCertifyShare = 0.5
	defaultFolds        = 5
)

// Bounds on what a fit takes.
const (
	MaxSlices = 500
	maxFolds  = 20
	maxTries  = 20
	maxGrid   = 10000
)

// complete fills in the defaults and checks the options.
func (o Options) complete(observations []Observation) (Options, error) {
	if o.CertifyShare == 0 {
		o.CertifyShare = defaultCertifyShare
	}
	o.Folds = o.folds()
	if o.Grid == 0 {
		o.Grid = 200
	}
	if o.MinExamples == 0 {
		o.MinExamples = defaultMinExamples
	}
	if o.Slices == nil {
		for i := range observations {
			o.Slices = append(o.Slices, observations[i].Slices...)
		}
	}
	o.Slices = slices.Clone(o.Slices)
	slices.Sort(o.Slices)
	o.Slices = slices.Compact(o.Slices)
	o.Students = slices.Clone(o.Students)
	var wrong string
	switch {
	case o.Task == "":
		wrong = "no task is named"
	case !slices.Contains(pointsman.Kinds, o.Kind):
		wrong = fmt.Sprintf("kind %q is not known", o.Kind)
	case len(o.Tiers) < 2:
		wrong = fmt.Sprintf("a cascade of %d tiers: it takes at least two", len(o.Tiers))
	case !(o.Target.Retain > 0 && o.Target.Retain <= 1):
		wrong = fmt.Sprintf("target: retain is %v, want more than 0 and at most 1", o.Target.Retain)
	case o.Target.Promised() != pointsman.PromiseQuality && o.Target.Promised() != pointsman.PromiseHarm:
		wrong = fmt.Sprintf("target: promise %q is not known", o.Target.Promise)
	case o.Target.Promised() == pointsman.PromiseHarm && o.Target.Retain == 1:
		wrong = "target: that there is no harm at all cannot be shown by any number of examples"
	case !(o.Target.Confidence > 0 && o.Target.Confidence < 1):
		wrong = fmt.Sprintf("target: confidence is %v, want between 0 and 1", o.Target.Confidence)
	case o.Now.IsZero():
		wrong = "no date is given"
	case o.Tries < 0 || o.Tries > maxTries:
		wrong = fmt.Sprintf("%d tries before this one: at most %d are paid for", o.Tries, maxTries)
	case !(o.CertifyShare > 0 && o.CertifyShare < 1):
		wrong = fmt.Sprintf("certify share is %v, want between 0 and 1", o.CertifyShare)
	case o.Folds < 2 || o.Folds > maxFolds:
		wrong = fmt.Sprintf("%d folds, want 2 to %d", o.Folds, maxFolds)
	case o.Grid < 1 || o.Grid > maxGrid:
		wrong = fmt.Sprintf("a grid of %d thresholds, want 1 to %d", o.Grid, maxGrid)
	case slices.ContainsFunc(o.WitnessPrices, func(x float64) bool { return !(x >= 0) || math.IsInf(x, 0) }):
		wrong = fmt.Sprintf("prices of witnesses %v: each must be 0 or more", o.WitnessPrices)
	case !sound(o.Target.Aim):
		wrong = "target: an aim is either prices, of a mistake and perhaps of a second, or one bound; all are more than 0"
	case len(o.Slices) > MaxSlices:
		wrong = fmt.Sprintf("%d slices, at most %d are tested: name those that matter", len(o.Slices), MaxSlices)
	case len(o.Slices) > 0 && o.Slices[0] == "":
		wrong = "a slice has no name"
	}
	if wrong != "" {
		return o, fmt.Errorf("%w: %s", ErrInvalid, wrong)
	}
	return o, nil
}

// Fit learns a policy from observations and certifies it. It returns a policy
// also where nothing can be certified: that one escalates everything and says
// how many examples would do. The errors are those of this package, wrapped,
// or the context's.
func Fit(ctx context.Context, observations []Observation, options Options) (*policy.Policy, *Report, error) {
	o, err := options.complete(observations)
	if err != nil {
		return nil, nil, err
	}
	if err := check(observations, len(o.Tiers)); err != nil {
		return nil, nil, err
	}
	if len(observations) < o.MinExamples {
		return nil, nil, fmt.Errorf("%w: %d, want at least %d", ErrTooFew, len(observations), o.MinExamples)
	}
	split, err := o.split(observations)
	if err != nil {
		return nil, nil, err
	}
	if len(split.fit) < 4*o.Folds || len(split.certify) == 0 {
		return nil, nil, fmt.Errorf("%w: %d to fit and %d conversations to certify", ErrTooFew, len(split.fit), len(split.units))
	}
	last := len(o.Tiers) - 1
	if !slices.ContainsFunc(split.fit, func(one *Observation) bool { return one.Tiers[last].right() }) {
		return nil, nil, fmt.Errorf("%w: the largest tier has no acceptable answer in the fit part, so there is no quality to keep", ErrNoVariation)
	}
	p := &policy.Policy{
		Version: policy.Version, Task: o.Task, Kind: o.Kind, Created: o.Now.UTC(), Data: split.allDigest,
		Tiers: slices.Clone(o.Tiers), Target: o.Target, Students: o.Students, Endpoints: o.Endpoints, Costs: o.Costs, SliceKeys: o.SliceKeys, Labels: o.Labels, Support: o.support(split.fit),
	}
	p.Target.Promise = o.Target.Promised()
	stages := make([]*learned, last)
	for tier := range stages {
		if stages[tier], err = o.learn(ctx, split.fit, split.fold, tier); err != nil {
			return nil, nil, err
		}
		p.Stages = append(p.Stages, stages[tier].stage)
	}
	t := &tester{Options: o, policy: p, split: split}
	if t.path, err = newPath(stages, o.Grid); err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	t.fit, t.fresh = o.judged(p, stages, split)
	t.largestCost = meanLargest(split.fit)
	t.whole = t.path.clone()
	t.aimed = t.aim()
	if err := t.certify(); err != nil {
		return nil, nil, err
	}
	p.Reference = t.reference()
	if err := p.Validate(); err != nil {
		return nil, nil, err
	}
	report, err := t.report(stages)
	if err != nil {
		return nil, nil, err
	}
	return p, report, nil
}
