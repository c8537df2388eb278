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

// claim is what the target asks to be shown.
func (o Options) claim() certify.Claim {
	return certify.Claim{Promise: o.Target.Promised(), Retain: o.Target.Retain, Delta: math.Ldexp(1-o.Target.Confidence, -o.Tries)}
}

// tester tests the candidates of a policy.
type tester struct {
	Options
	policy *policy.Policy
	split  parts
	path   path
	// whole is the path with the candidates that the owner's aim leaves out, which
	// are shown and not tested.
	whole path
	aimed *AimReport
	// largestCost is what an answer of the largest tier costs on average, in the fit
	// part; 0 where no cost is known.
	largestCost float64
	fit, fresh  []draw
	slicing     map[string]*slice
	// delta is the error level of each slice that is tested.
	delta float64
	// risky are the slices that have the threshold of the whole or none, where what
	// may become of each is tested; none where they are too many for that.
	risky []string
}

// slice is what the fit part says of a slice before it is tested.
type slice struct {
	seen int // observations of the fit part
	// closed slices could not show the promise if the fresh requests were like
	// the fit part's. They go to the largest tier, untested.
	closed bool
	// safe ones show it on the fit part with much to spare wherever the whole
	// does. They have the threshold of the whole, or the whole has theirs.
	safe   bool
	needed *int
}

// group is a part of the requests that is certified by itself: one pattern of
// missing signals, or one slice.
type group struct {
	name       string
	fit, fresh []draw
	fs, s      certify.Sample
	// from is the candidate at which its sequence of tests begins, and index the
	// loosest that passed, or −1, with its verdict.
	from, index int
	verdict     certify.Verdict
}

// choose gives the draws that are in a group with the sizes of their units.
func choose(draws []draw, units []int, most int, in func(*draw) bool) ([]draw, certify.Sample) {
	var out []draw
	s := certify.Sample{Most: most, Units: []int{}}
	at := 0
	for _, size := range units {
		n := 0
		for range size {
			if in(&draws[at]) {
				out = append(out, draws[at])
				n++
			}
			at++
		}
		if n > 0 {
			s.Units = append(s.Units, n)
		}
	}
	return out, s
}

func (t *tester) group(name string, in func(*draw) bool) *group {
	g := &group{name: name, index: -1}
	g.fit, g.fs = choose(t.fit, t.split.fitUnits, t.split.most, in)
	g.fresh, g.s = choose(t.fresh, t.split.units, t.split.most, in)
	return g
}

// test finds the loosest candidate whose claim is shown for a group.
func (t *tester) test(g *group, c certify.Claim, capped func(*draw) bool) error {
	var err error
	g.from, g.index, g.verdict, err = c.Sequence(t.path.size(), g.s, g.fs, t.under(g.fresh, capped), t.under(g.fit, capped))
	if g.verdict.Local == 0 {
		g.index = -1 // what accepts nothing keeps every promise, and is none
	}
	if err != nil || c.Promise == pointsman.PromiseHarm && len(t.path.thresholds) == 1 {
		return err // what goes to the largest tier does no harm; to a middle one it may
	}
	return t.testOthers(g, c, capped)
}

// settle holds a group to a stricter candidate than the loosest that passed. One
// before its sequence began was not tested, and is none.
func (t *tester) settle(g *group, c certify.Claim, candidate int, capped func(*draw) bool) error {
	if candidate >= g.index {
		return nil
	}
	if candidate < g.from {
		g.index = -1
		return nil
	}
	v, err := c.Test(t.under(g.fresh, capped)(candidate), g.s, t.under(g.fit, capped)(candidate), g.fs)
	if g.index, g.verdict = candidate, v; v.Local == 0 {
		g.index = -1
	}
	return err
}

// needed is about how many fresh units would do for a group, if those are like
// the fit part's, at the first candidate that accepts a worthwhile share.
func (t *tester) needed(g *group, c certify.Claim, capped func(*draw) bool) *int {
	var cases []certify.Case
	for k := range t.path.size() {
		cases = t.cases(cases, g.fit, &t.path, k, capped)
		local := 0
		for i := range cases {
			if cases[i].Local {
				local++
			}
		}
		if float64(local) < worthwhile*float64(len(cases)) || local == 0 {
			continue
		}
		if n, ok := c.Needed(cases, g.fs); ok {
			n = max(n, len(g.s.Units)+1)
			return &n
		}
		return nil
	}
	return nil
}

// worthwhile is the share of requests that a threshold must accept for its
// certificate to be worth having.
const worthwhile = 0.1

// certify tests the candidates and writes thresholds and certificate into the
// policy.
func (t *tester) certify() error {
	if err := t.sort(); err != nil {
		return err
	}
	groups, err := t.patterns()
	if err != nil {
		return err
	}
	if err := t.agree(groups); err != nil {
		return err
	}
	if err := t.join(groups); err != nil {
		return err
	}
	t.accept(groups)
	bySlice, err := t.slices(groups)
	if err != nil {
		return err
	}
	return t.certificate(groups, bySlice)
}

// sort says of every slice, by the fit part alone, whether it is closed or safe.
func (t *tester) sort() error {
	t.slicing = map[string]*slice{}
	for _, name := range t.Slices {
		t.slicing[name] = &slice{}
	}
	for _, one := range t.split.fit {
		for _, name := range one.Slices {
			if s := t.slicing[name]; s != nil {
				s.seen++
			}
		}
	}
	claim := t.claim()
	tested := 0
	for _, s := range t.slicing {
		if s.closed = s.seen < enough; !s.closed {
			tested++
		}
	}
	claim.Delta /= float64(max(tested, 1))
	none := func(*draw) bool { return false }
	self := func(g *group, c certify.Claim) (int, error) {
		_, index, v, err := c.Sequence(t.path.size(), g.fs, g.fs, t.under(g.fit, none), t.under(g.fit, none))
		if v.Local == 0 {
			index = -1
		}
		return index, err
	}
	whole := -1
	if tested > 0 {
		var err error
		if whole, err = self(t.group("", func(*draw) bool { return true }), t.claim()); err != nil {
			return err
		}
	}
	tested = 0
	for _, name := range t.Slices {
		s := t.slicing[name]
		if s.closed {
			continue
		}
		g := t.group(name, func(d *draw) bool { return slices.Contains(d.Slices, name) })
		index, err := self(g, claim)
		if err != nil {
			return fmt.Errorf("slice %s: %w", name, err)
		}
		if s.closed = index < 0; s.closed {
			s.needed = t.needed(g, claim, none)
			continue
		}
		tested++
		sure := claim
		sure.Delta /= margin
		if index, err = self(g, sure); err != nil {
			return fmt.Errorf("slice %s: %w", name, err)
		}
		s.safe = index >= whole
	}
	t.delta = t.claim().Delta / float64(max(tested, 1))
	for _, draws := range [][]draw{t.fit, t.fresh} {
		for i := range draws {
			if slices.ContainsFunc(draws[i].Slices, t.closed) {
				for k := range draws[i].effective {
					draws[i].effective[k] = never
				}
				draws[i].pattern = ""
			}
		}
	}
	return nil
}

// margin is how much below its error level a slice must be on the fit part to be
// called safe.
const margin = 100

func (t *tester) closed(name string) bool { s := t.slicing[name]; return s == nil || s.closed }

// under gives the cases of draws under a candidate.
func (t *tester) under(draws []draw, capped func(*draw) bool) func(int) []certify.Case {
	var out []certify.Case
	return func(k int) []certify.Case {
		out = t.cases(out, draws, &t.path, k, capped)
		return out
	}
}

// atRisk says that a request's slice may yet have a stricter threshold than the
// whole, and that there are too many such slices to test what may become of each.
func (t *tester) atRisk(d *draw) bool {
	return len(t.risky) == 0 && slices.ContainsFunc(d.Slices, func(name string) bool {
		s := t.slicing[name]
		return s != nil && !s.closed && !s.safe
	})
}

// agree holds the whole to what the safe slices show, so that none of them has a
// stricter threshold than the whole.
func (t *tester) agree(groups []*group) error {
	if len(groups) > 1 {
		return nil
	}
	claim := t.claim()
	claim.Delta = t.delta
	for _, name := range t.Slices {
		if s := t.slicing[name]; !s.safe || groups[0].index < 0 {
			continue
		}
		g := t.group(name, func(d *draw) bool { return slices.Contains(d.Slices, name) })
		if err := t.test(g, claim, t.atRisk); err != nil {
			return fmt.Errorf("slice %s: %w", name, err)
		}
		if err := t.settle(groups[0], t.claim(), g.index, t.atRisk); err != nil {
			return err
		}
		if groups[0].from = max(groups[0].from, g.from); groups[0].index < groups[0].from {
			groups[0].index = -1 // the slice was not tested so strictly
		}
	}
	return nil
}

// patterns tests every pattern of missing signals of which the fit part has
// enough. Requests of which no answer can be accepted, and combinations over
// several tiers that are too rare, count with the most frequent pattern.
func (t *tester) patterns() ([]*group, error) {
	counts := map[string]int{}
	for i := range t.fit {
		if name := t.fit[i].pattern; name != "" {
			counts[name]++
		}
	}
	var names []string
	for name, n := range counts {
		if n >= enough {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	if len(names) == 0 {
		names = []string{""}
	}
	c := t.claim()
	c.Delta /= float64(len(names))
	if len(names) > 1 { // a slice is then not held to one threshold
		for _, s := range t.slicing {
			s.safe = false
		}
	}
	t.rare(names)
	t.weigh(len(names))
	var out []*group
	for k, name := range names {
		g := t.group(name, func(d *draw) bool {
			return d.pattern == name || k == 0 && !slices.Contains(names, d.pattern)
		})
		if err := t.test(g, c, t.atRisk); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	// With several stages one candidate holds for all: a mixture of several was
	// not tested.
	if len(t.path.thresholds) > 1 {
		least, from := out[0].index, 0
		for _, g := range out {
			least, from = min(least, g.index), max(from, g.from)
		}
		if least < from { // some group was not tested at it
			least = -1
		}
		for _, g := range out {
			if err := t.settle(g, c, least, t.atRisk); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// rare takes back what has, at some tier, a pattern of missing signals that no
// tested combination has: it is not accepted live either.
func (t *tester) rare(names []string) {
	tested := make([]map[string]bool, len(t.path.thresholds))
	for k := range tested {
		tested[k] = map[string]bool{}
	}
	for _, name := range names {
		for k, part := range strings.Split(name, "\n") {
			tested[k][part] = true
		}
	}
	for _, draws := range [][]draw{t.fit, t.fresh} {
		for i := range draws {
			d := &draws[i]
			if d.pattern == "" {
				continue
			}
			for k, part := range strings.Split(d.pattern, "\n") {
				if !tested[k][part] {
					d.effective[k] = never
				}
			}
		}
	}
}

// accept sets the thresholds of the patterns and of the whole.
func (t *tester) accept(groups []*group) {
	for k := range t.policy.Stages {
		s := &t.policy.Stages[k]
		whole := &s.Thresholds[0]
		for j := range s.Patterns {
			p := &s.Patterns[j]
			p.Why = "too few fresh answers like these"
			for _, g := range groups {
				part := strings.Split(g.name, "\n")
				if k >= len(part) || part[k] != missingNames(p.Missing) {
					continue
				}
				if g.index < 0 {
					p.Why = fmt.Sprintf("not shown by %d fresh requests", g.verdict.N)
					continue
				}
				value := t.path.thresholds[k][g.index]
				p.Threshold, p.Why = &value, fmt.Sprintf("the loosest that passed: level %.3g on %d fresh requests", g.verdict.Evidence, g.verdict.N)
				break
			}
			if p.Threshold != nil && (whole.Threshold == nil || *p.Threshold > *whole.Threshold) {
				value := *p.Threshold
				*whole = policy.Threshold{Threshold: &value, Certified: true, Why: p.Why}
			}
		}
	}
}

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

// slices tests each slice of which the fit part has enough, by the candidates up
// to the loosest that a pattern has. What has not earned a threshold has none.
func (t *tester) slices(groups []*group) ([]policy.SliceCertificate, error) {
	var out []policy.SliceCertificate
	loosest := -1
	for _, g := range groups {
		loosest = max(loosest, g.index)
	}
	claim := t.claim()
	claim.Delta = t.delta
	for _, slice := range t.Slices {
		// Another slice of a request, or its pattern, may have a stricter threshold.
		capped := func(d *draw) bool {
			return len(groups) > 1 || len(t.risky) == 0 && slices.ContainsFunc(d.Slices, func(name string) bool {
				s := t.slicing[name]
				return name != slice && s != nil && !s.closed && !s.safe
			})
		}
		c := policy.SliceCertificate{Slice: slice, Delta: claim.Delta, Seen: t.slicing[slice].seen}
		g := t.group(slice, func(d *draw) bool { return slices.Contains(d.Slices, slice) })
		why := ""
		switch {
		case loosest < 0:
			why = "the whole task has no certified threshold"
		case c.Seen < enough:
			why = fmt.Sprintf("%d examples to fit are too few to test it", c.Seen)
		case t.slicing[slice].closed:
			c.ExamplesNeeded = t.slicing[slice].needed
			why = fmt.Sprintf("by the %d examples to fit it could not be shown, so that it was not tested; %s", c.Seen, wouldDo(c.ExamplesNeeded, c.Seen))
		default:
			err := t.test(g, claim, capped)
			if err == nil && g.index < loosest && len(t.risky) > 0 {
				g.index = -1 // it has the threshold of the whole, or none
			} else if err == nil {
				err = t.settle(g, claim, loosest, capped)
			}
			if err != nil {
				return nil, fmt.Errorf("slice %s: %w", slice, err)
			}
			c.Certified, c.Evidence = g.index >= 0, evidence(g.verdict)
			if !c.Certified {
				c.ExamplesNeeded = t.needed(g, claim, capped)
				why = fmt.Sprintf("%d fresh requests do not show it; %s", len(g.fresh), wouldDo(c.ExamplesNeeded, len(g.s.Units)))
			}
		}
		if c.Certified {
			c.Claim = t.meant(sentence(claim, c.Evidence, slice))
			why = fmt.Sprintf("certified for %s by itself: level %.3g on %d fresh requests", slice, g.verdict.Evidence, g.verdict.N)
		} else {
			c.Claim = fmt.Sprintf("Nothing is promised for %s, and all of it goes to the largest tier: %s.", slice, why)
		}
		for k := range t.policy.Stages {
			one := policy.Threshold{Slice: slice, Certified: c.Certified, Why: why}
			if c.Certified {
				value := t.path.thresholds[k][g.index]
				one.Threshold = &value
			}
			t.policy.Stages[k].Thresholds = append(t.policy.Stages[k].Thresholds, one)
		}
		out = append(out, c)
	}
	return out, nil
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
