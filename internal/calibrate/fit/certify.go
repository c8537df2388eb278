package fit

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// accuracyShare is the part of δ that the lower bound on the largest tier's
// quality may use; the tests have the rest.
const accuracyShare = 0.1

// testName names the procedure in certificates.
const testName = "fixed-sequence testing of Clopper-Pearson upper bounds on P(accepted, not acceptable, largest acceptable), strictest threshold first; " +
	"epsilon = (1-rho) x Clopper-Pearson lower bound on the largest tier's acceptable share; delta/10 for that bound, 9 delta/10 for the tests; " +
	"epsilon and the tests' delta shared equally over stages"

// trial is one example of the certify part as a stage sees it.
type trial struct {
	uplift  float64 // +Inf where the answer cannot be accepted
	harm    bool    // if it were accepted
	largest bool    // the largest tier is acceptable
	right   bool    // this tier is acceptable
	slices  []string
}

// trials judges the certify part with the very function that will judge live
// answers.
func (o Options) trials(p *policy.Policy, certify []*Observation, tier int) []trial {
	out := make([]trial, len(certify))
	for i, one := range certify {
		t := &one.Tiers[tier]
		out[i] = trial{uplift: math.Inf(1), harm: o.harms(one, tier), largest: one.Tiers[len(one.Tiers)-1].right(o.Cut), right: t.right(o.Cut), slices: one.Slices}
		if t.Failed || !t.Valid {
			continue
		}
		if c := p.Assess(tier, one.Request, t.Signals); c.Uplift != nil {
			out[i].uplift = *c.Uplift
		}
	}
	return out
}

// levels are the errors that one promise may spend.
type levels struct {
	whole    float64 // δ of the promise
	accuracy float64 // of the lower bound on the largest tier's quality
	test     float64 // of one stage's sequence of tests
	rho      float64
	stages   int
}

func (o Options) levels(delta float64) levels {
	stages := len(o.Tiers) - 1
	return levels{delta, accuracyShare * delta, (1 - accuracyShare) * delta / float64(stages), o.Target.Retain, stages}
}

// finding is what the sequence of tests made of one population at one stage.
type finding struct {
	n, accepted, harms int
	bound              float64 // upper bound on P(harm) at the certified or the strictest threshold
	lower              float64 // of the largest tier's quality
	epsilon            float64
	threshold          *float64 // the loosest that passed, where it accepts anything
	tested             int      // thresholds up to and with the first failure
	largest            int      // examples that the largest tier has right
}

// sequence tests the grid up to a limit, strictest first, and stops at the
// first failure.
func sequence(trials []trial, grid []float64, limit float64, l levels) (finding, error) {
	f := finding{n: len(trials), bound: 1}
	if f.n == 0 {
		return f, nil
	}
	sorted := slices.Clone(trials)
	slices.SortFunc(sorted, func(a, b trial) int { return cmp.Compare(a.uplift, b.uplift) })
	for _, t := range sorted {
		if t.largest {
			f.largest++
		}
	}
	var err error
	if f.lower, err = stat.ClopperPearsonLower(f.largest, f.n, l.accuracy); err != nil {
		return f, err
	}
	f.epsilon = (1 - l.rho) * f.lower / float64(l.stages)
	at, harms := 0, 0
	for k, threshold := range grid {
		if threshold > limit {
			break
		}
		for at < len(sorted) && sorted[at].uplift <= threshold {
			if sorted[at].harm {
				harms++
			}
			at++
		}
		bound, err := stat.ClopperPearsonUpper(harms, f.n, l.test)
		if err != nil {
			return f, err
		}
		f.tested = k + 1
		passed := bound <= f.epsilon
		if passed || k == 0 {
			f.accepted, f.harms, f.bound = at, harms, bound
		}
		if !passed {
			break
		}
		f.threshold = &grid[k]
	}
	if f.accepted == 0 {
		f.threshold = nil // what accepts nothing keeps every promise, and is none
	}
	return f, nil
}

// worthwhile is the share of a tier's valid answers that a threshold must
// accept for its certificate to be worth having: what [learned.needed] aims at.
const worthwhile = 0.1

// borrowed is the weight, in examples, of the whole's harm rate in that of a
// slice: a handful of examples without harm promises little.
const borrowed = 20

// feasible bounds the numbers of examples that are suggested.
const feasible = 1_000_000

// needed is how many certify examples would probably do to certify a threshold
// that accepts at least a tenth of the answers, if the largest tier is as good
// as it was here and harm is as frequent as cross-fitting says, among the fit
// part's valid answers for which among holds. nil where no feasible number
// would.
func (l *learned) needed(f finding, lv levels, among func(i int) bool) *int {
	if f.n == 0 || f.largest == 0 {
		return nil
	}
	order := make([]int, len(l.uplift))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(l.uplift[i], l.uplift[j]) })
	whole := harmRate(order, l)
	order = slices.DeleteFunc(order, func(i int) bool { return !among(i) })
	n := float64(len(order))
	rate := whole
	if len(order) < len(l.uplift) {
		rate = (n*harmRate(order, l) + borrowed*whole) / (n + borrowed)
	}
	epsilon := (1 - lv.rho) * float64(f.largest) / float64(f.n) / float64(lv.stages)
	examples, err := stat.ExamplesNeeded(epsilon, lv.test, rate)
	if err != nil || examples > feasible {
		return nil
	}
	// A tenth more, because the lower bound on the largest tier's quality must
	// come close to the quality itself; and more than did not do.
	examples = max(examples+examples/10, f.n+1)
	return &examples
}

// harmRate is the share of harm among rows in the order of their uplift, if the
// strictest threshold that accepts the worthwhile share of them were taken.
// Looser thresholds only have more. It is 0 for no rows.
func harmRate(order []int, l *learned) float64 {
	harms, n := 0.0, float64(len(order))
	for k, i := range order {
		harms += indicator(l.harm[i])
		tied := k+1 < len(order) && l.uplift[order[k+1]] == l.uplift[i]
		if float64(k+1) >= worthwhile*n && !tied {
			return harms / n
		}
	}
	return 0
}

// certifyWhole turns the finding for the whole task into its threshold and
// certificate.
func (o Options) certifyWhole(tier int, l *learned, f finding, lv levels, split parts) {
	s := &l.stage
	c := policy.Certificate{
		Certified: f.threshold != nil,
		Rho:       o.Target.Retain, Delta: lv.whole,
		N: f.n, Accepted: f.accepted, Harms: f.harms, Bound: f.bound,
		LargeAccuracyLower: f.lower, Epsilon: f.epsilon,
		Data: split.fitDigest, Fresh: split.freshDigest, Test: testName, Issued: o.Now.UTC(),
		VoidedBy: voidedBy,
	}
	if f.threshold == nil {
		c.ExamplesNeeded = l.needed(f, lv, func(int) bool { return true })
		why := fmt.Sprintf("even the strictest threshold has an upper bound on harm of %s, and %s is allowed", percent(f.bound), percent(f.epsilon))
		if f.bound <= f.epsilon {
			why = fmt.Sprintf("the thresholds that keep enough of the largest tier's quality accept none of the %d fresh examples", f.n)
		}
		c.Claim = fmt.Sprintf("Nothing is promised at tier %d and every answer of it is escalated: %s; %s.", tier+1, why, wouldDo(c.ExamplesNeeded, f))
		s.Thresholds = []policy.Threshold{{Why: c.Claim}}
		s.Certificate = c
		return
	}
	part := ""
	if lv.stages > 1 {
		part = ", together with the other stages,"
	}
	c.Claim = fmt.Sprintf("With %s confidence, answering %s keeps%s at least %s of the largest tier's quality: of %d fresh examples %s would be answered there, and harm was seen in %d (upper bound %s, allowed %s).",
		percent(1-lv.whole), where(tier, f), part, percent(o.Target.Retain), f.n, share(f), f.harms, percent(f.bound), percent(f.epsilon))
	value := *f.threshold
	s.Thresholds = []policy.Threshold{{
		Threshold: &value, Certified: true,
		Why: fmt.Sprintf("the loosest threshold that passed: %d harms in %d fresh examples, upper bound %s, allowed %s", f.harms, f.n, percent(f.bound), percent(f.epsilon)),
	}}
	s.Certificate = c
}

// certifySlice adds the threshold and the certificate of one slice. inSlice
// says which of the fit part's valid answers are in it.
func (o Options) certifySlice(tier int, l *learned, slice string, trials []trial, grid []float64, lv levels, inSlice func(int) bool) error {
	s := &l.stage
	whole := s.Thresholds[0].Threshold
	limit := math.Inf(1)
	if whole != nil {
		limit = *whole
	}
	f, err := sequence(trials, grid, limit, lv)
	if err != nil {
		return err
	}
	c := policy.SliceCertificate{
		Slice: slice, Certified: f.threshold != nil && whole != nil, Delta: lv.whole, N: f.n,
		Accepted: f.accepted, Harms: f.harms, Bound: f.bound, LargeAccuracyLower: f.lower, Epsilon: f.epsilon,
	}
	t := policy.Threshold{Slice: slice, Certified: c.Certified}
	switch {
	case whole == nil:
		t.Why = fmt.Sprintf("the whole task has no certified threshold at tier %d, so %s has none either", tier+1, slice)
	case c.Certified:
		value := *f.threshold
		t.Threshold = &value
		t.Why = fmt.Sprintf("certified for %s by itself: %d harms in %d fresh examples, upper bound %s, allowed %s", slice, f.harms, f.n, percent(f.bound), percent(f.epsilon))
	default:
		harms, violated, err := violation(trials, *whole, f, lv)
		if err != nil {
			return err
		}
		if violated {
			t.Why = fmt.Sprintf("%s breaks the promise at the threshold of the whole (%d harms in %d fresh examples): its answers are all escalated", slice, harms, f.n)
			break
		}
		value := *whole
		t.Threshold = &value
		c.ExamplesNeeded = l.needed(f, lv, inSlice)
		t.Why = fmt.Sprintf("%s inherits the threshold of the whole without a promise of its own: %d fresh examples (%d harms at that threshold) do not show it; %s", slice, f.n, harms, wouldDo(c.ExamplesNeeded, f))
	}
	c.Claim = claim(c, t, o.Target.Retain, tier)
	s.Thresholds = append(s.Thresholds, t)
	s.Certificate.Slices = append(s.Certificate.Slices, c)
	return nil
}

func claim(c policy.SliceCertificate, t policy.Threshold, rho float64, tier int) string {
	if !c.Certified {
		return fmt.Sprintf("Nothing is promised for %s at tier %d: %s.", c.Slice, tier+1, t.Why)
	}
	f := finding{n: c.N, accepted: c.Accepted, threshold: t.Threshold}
	return fmt.Sprintf("In %s, answering %s keeps at least %s of the largest tier's quality, at error level %.4g after the correction for several slices: of %d fresh examples %s would be answered there.",
		c.Slice, where(tier, f), percent(rho), c.Delta, c.N, share(f))
}

// where says which requests a tier answers under a finding's threshold.
func where(tier int, f finding) string {
	if f.accepted == f.n {
		return fmt.Sprintf("everything at tier %d", tier+1)
	}
	return fmt.Sprintf("at tier %d where the uplift is at most %.4g", tier+1, *f.threshold)
}

// share says how many of the fresh examples a finding's threshold accepts.
func share(f finding) string {
	if f.accepted == f.n {
		return "all"
	}
	return fmt.Sprint(f.accepted)
}

// violation says whether a slice's harm at a threshold is significantly above
// what the whole cascade may do: the lower bound of P(harm) lies above the
// upper bound of (1−ρ) × the largest tier's quality.
func violation(trials []trial, threshold float64, f finding, lv levels) (harms int, violated bool, err error) {
	if f.n == 0 {
		return 0, false, nil
	}
	for _, t := range trials {
		if t.harm && t.uplift <= threshold {
			harms++
		}
	}
	lower, err := stat.ClopperPearsonLower(harms, f.n, lv.test)
	if err != nil {
		return harms, false, err
	}
	quality, err := stat.ClopperPearsonUpper(f.largest, f.n, lv.accuracy)
	if err != nil {
		return harms, false, err
	}
	return harms, lower > (1-lv.rho)*quality, nil
}

// voidedBy are the conditions that end every certificate.
var voidedBy = []string{
	"another variant at any tier: model, prompt, parameters or weights",
	"another version of a student whose signals are read",
	"requests from another population than the fresh examples were drawn from, as a drift test on audited outcomes shows",
	"another way of judging what is acceptable",
	"a use of the fresh examples for any other choice before or after this one",
}

func percent(x float64) string { return fmt.Sprintf("%.4g%%", 100*x) }

func wouldDo(n *int, f finding) string {
	switch {
	case n != nil:
		return fmt.Sprintf("about %d fresh examples would do", *n)
	case f.n == 0:
		return "there is none to judge by"
	}
	return "no feasible number of examples would do, because even where the policy is surest about as much harm is expected as is allowed, or more"
}
