package fit

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/certify"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// testName names the procedure in certificates.
const testName = "fixed-sequence testing of thresholds, strictest first, each by one test of the promise itself on the whole cascade: " +
	"betting on the paired margins of independent units (Waudby-Smith and Ramdas 2024), or the exact binomial bound for harm where every unit is one request; " +
	"patterns of missing signals are tested each by itself and share delta; slices share a delta of their own"

// certificate writes the promise of the whole.
func (t *tester) certificate(groups []*group, bySlice []policy.SliceCertificate) error {
	claim := t.claim()
	c := &policy.Certificate{
		Promise: claim.Promise, Retain: claim.Retain, Delta: claim.Delta,
		Data: t.split.fitDigest, Fresh: t.split.freshDigest, Test: testName, Issued: t.Now.UTC(), VoidedBy: voidedBy, Covers: t.covers(), Slices: bySlice,
	}
	t.policy.Certificate = c
	level, accepted := 0.0, false
	for _, g := range groups {
		if g.index >= 0 {
			accepted = true
			level = max(level, min(1, float64(len(groups))*g.verdict.Evidence))
		}
		if len(groups) > 1 {
			c.Patterns = append(c.Patterns, policy.PatternEvidence{
				Missing: strings.Split(g.name, "\n"), Shown: g.index >= 0, Evidence: evidence(g.verdict),
			})
		}
	}
	if !accepted {
		c.Evidence = evidence(groups[0].verdict)
		one := claim
		one.Delta /= float64(len(groups))
		if c.ExamplesNeeded = t.needed(groups[0], one, t.atRisk); c.ExamplesNeeded != nil {
			// Those of the most frequent pattern are a part of all.
			all := int(math.Ceil(float64(*c.ExamplesNeeded) * float64(len(t.split.units)) / float64(max(len(groups[0].s.Units), 1))))
			c.ExamplesNeeded = &all
		}
		why := fmt.Sprintf("%d fresh requests do not show it at the strictest threshold", c.Evidence.N)
		if groups[0].verdict.Shown {
			why = fmt.Sprintf("the thresholds that keep the promise accept none of the %d fresh requests", c.Evidence.N)
		}
		c.Claim = fmt.Sprintf("Nothing is promised and every request goes to the largest tier: %s; %s.", why, wouldDo(c.ExamplesNeeded, c.Evidence.Units))
		for k := range t.policy.Stages {
			t.policy.Stages[k].Thresholds[0].Why = c.Claim
		}
		return nil
	}
	c.Certified = true
	cases := make([]certify.Case, len(t.fresh))
	for i := range t.fresh {
		cases[i] = t.outcome(t.fresh[i].Observation, live(t.policy, t.fresh[i].Observation), false)
	}
	v, err := claim.Test(cases, certify.Sample{Units: t.split.units, Most: t.split.most}, nil, certify.Sample{})
	if err != nil {
		return err
	}
	if v.Local == 0 { // every slice took back what was accepted
		t.withdraw(groups, bySlice)
		return t.certificate(groups, bySlice)
	}
	if len(groups) > 1 {
		v.HarmBound = nil // each has its own
	}
	c.Evidence = evidence(v)
	c.Evidence.Level, c.Evidence.Method = level, string(groups[0].verdict.Method)
	c.Claim = t.meant(sentence(claim, c.Evidence, ""))
	return nil
}

// withdraw takes all thresholds back.
func (t *tester) withdraw(groups []*group, bySlice []policy.SliceCertificate) {
	for _, g := range groups {
		g.index = -1
	}
	for k := range t.policy.Stages {
		s := &t.policy.Stages[k]
		for i := range s.Thresholds {
			s.Thresholds[i].Threshold, s.Thresholds[i].Certified = nil, false
		}
		for i := range s.Patterns {
			s.Patterns[i].Threshold = nil
		}
	}
	for i := range bySlice {
		bySlice[i].Certified = false
		bySlice[i].Claim = fmt.Sprintf("Nothing is promised for %s: the whole task has no certified threshold.", bySlice[i].Slice)
	}
}

func evidence(v certify.Verdict) policy.Evidence {
	return policy.Evidence{
		Units: v.Units, Most: v.Most, N: v.N, People: v.People, Local: v.Local, LargestRight: v.LargestRight, Harms: v.Harms,
		Quality: v.Quality, Largest: v.Largest, Level: v.Evidence, Method: string(v.Method), HarmBound: v.HarmBound,
	}
}

// sentence is a promise in plain words.
func sentence(c certify.Claim, e policy.Evidence, slice string) string {
	in := ""
	if slice != "" {
		in = "in " + slice + " "
	}
	what := fmt.Sprintf("%sthe cascade's quality is at least %s of the largest tier's", in, percent(c.Retain))
	if c.Promise == pointsman.PromiseHarm {
		what = fmt.Sprintf("%sat most %s of the requests that the largest tier has right get a wrong answer", in, percent(1-c.Retain))
	}
	draws := fmt.Sprintf("%d fresh requests", e.N)
	if e.Most > 1 {
		draws = fmt.Sprintf("%d fresh requests in %d independent groups of at most %d", e.N, e.Units, e.Most)
	}
	if e.People > 0 {
		draws += fmt.Sprintf(", of which people judged %d,", e.People)
	}
	local := fmt.Sprint(e.Local)
	if e.Local == e.N {
		local = "all"
	}
	bound := ""
	if e.HarmBound != nil {
		bound = fmt.Sprintf(" (upper bound %s)", percent(*e.HarmBound))
	}
	wrong := fmt.Sprintf(", and %d of the %d that it has right would get a wrong answer%s", e.Harms, e.LargestRight, bound)
	if e.People > 0 { // the counts are partly a judge's
		wrong = ", as corrected by people"
	}
	return fmt.Sprintf("With %s confidence, %s: of %s %s would be answered below the largest tier, the quality is %s against %s of the largest tier alone%s.",
		percent(1-c.Delta), what, draws, local, percent(e.Quality), percent(e.Largest), wrong)
}

// meant adds to a promise what it means by right, where that is not what the
// dataset says.
func (t *tester) meant(claim string) string {
	if l := t.Labels; l != nil && l.Source != pointsman.LabelsTruth {
		claim += " " + l.Meaning()
	}
	return claim
}

// covers says what the promise is about.
func (t *tester) covers() []string {
	out := []string{"Requests drawn as the fresh examples were, each request counted once."}
	if t.split.most > 1 {
		out = []string{fmt.Sprintf("Requests in conversations, or in groups of like texts, of at most %d, drawn as the fresh ones were; each request counts once.", t.split.most)}
	}
	if what := t.Labels.Meaning(); what != "" {
		out = append(out, what)
	}
	out = append(out,
		"Requests of a form that calibration saw enough of; all others go to the largest tier.",
		"Not what is given without proof: to a pin, by the last tier that the rules permit, or as a fallback.",
	)
	if slices.ContainsFunc(t.policy.Stages, func(s policy.Stage) bool { return len(s.Early) > 0 }) {
		out = append(out, "Witnesses that answer as they did for the fresh examples, or that stop answering; not those that fail for some requests more than for others.")
	}
	if t.Tries > 0 {
		delta := 1 - t.Target.Confidence
		out = append(out, fmt.Sprintf("Examples that have certified before (policies so far: %d), so that this promise had to be shown at an error level of %.3g; it and those before it hold together with %s confidence.",
			t.Tries, t.claim().Delta, percent(1-delta*(2-math.Ldexp(1, -t.Tries)))))
	}
	if t.Target.Promised() == pointsman.PromiseQuality {
		out = append(out, "The stakes that the examples have under the owner's rules.")
	}
	return out
}

// voidedBy are the conditions that end every certificate.
var voidedBy = []string{
	"another variant at any tier: model, prompt, parameters, weights or endpoint",
	"another target, contract, set of labels or of slices",
	"another version of a student whose signals are read",
	"requests from another population than the fresh examples were drawn from, as a drift test on audited outcomes shows",
	"another way of judging what is acceptable",
	"a use of the fresh examples for any other choice before or after this one",
}

func percent(x float64) string { return fmt.Sprintf("%.4g%%", 100*x) }

func wouldDo(n *int, units int) string {
	switch {
	case n != nil:
		return fmt.Sprintf("about %d independent fresh examples would do", *n)
	case units == 0:
		return "there is none to judge by"
	}
	return "no feasible number of examples would do, because even where the policy is surest about as much is lost as is allowed, or more"
}
