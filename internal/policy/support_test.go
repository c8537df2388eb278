package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// present is a policy of the version that is made now: with a support, two
// patterns of missing signals, and a slice.
func present() *policy.Policy {
	p := example()
	p.Version = policy.Version
	p.Target.Promise = pointsman.PromiseQuality
	s := &p.Stages[0]
	s.Certificate = nil
	s.Features = append(s.Features, policy.Feature{Signal: "witness.agreement", Mean: 0.5, Scale: 0.5, Low: 0, High: 1, MayMiss: true})
	for _, h := range []*policy.Head{&s.Acceptable, &s.OnlyLargest, &s.OnlyThis} {
		h.Weights, h.Missing = append(h.Weights, 0.1), append(h.Missing, 0)
	}
	s.Thresholds = []policy.Threshold{
		{Threshold: ptr(0.1), Certified: true, Why: "certified"},
		{Slice: "channel=chat", Threshold: ptr(0.05), Certified: true, Why: "certified"},
		{Slice: "channel=fax", Why: "too few"},
	}
	s.Patterns = []policy.Pattern{
		{Missing: []pointsman.SignalName{}, Threshold: ptr(0.1), Seen: 500, Why: "passed"},
		{Missing: []pointsman.SignalName{"answer.label_margin"}, Threshold: ptr(0.02), Seen: 100, Why: "passed"},
		{Missing: []pointsman.SignalName{"answer.label_margin", "witness.agreement"}, Seen: 60, Why: "not shown"},
	}
	p.Support = &policy.Support{
		Turns: 3, Roles: []string{"system", "user"}, Scripts: []string{"latin"}, Settings: []string{"stop"},
		Sets: [][]string{{"temperature"}}, SliceKeys: []string{"channel"},
		Ranges: []policy.Range{{Signal: "request.words", Low: 1, High: 100}},
	}
	p.SliceKeys = []string{"channel"}
	d := pointsman.DigestOf([]byte("x"))
	p.Certificate = &policy.Certificate{
		Claim: "kept", Certified: true, Promise: pointsman.PromiseQuality, Retain: 0.98, Delta: 0.05,
		Evidence: policy.Evidence{Units: 900, Most: 1, N: 900, Local: 600, LargestRight: 810, Harms: 5, Quality: 0.9, Largest: 0.9, Level: 0.03, Method: "betting"},
		Covers:   []string{"requests"}, Data: d, Fresh: d, Test: "test", Issued: time.Unix(1e9, 0).UTC(), VoidedBy: []string{"another variant at any tier"},
	}
	return p
}

func TestPresentRoundTrip(t *testing.T) {
	p := present()
	content, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := policy.Unmarshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct{ old, new, message string }{
		"no support":        {`"support":{`, `"_":{`, "unknown field"},
		"vacuous":           {`"local":600`, `"local":0`, "certified though nothing is accepted"},
		"level above delta": {`"level":0.03`, `"level":0.06`, "above 0.05"},
		"more harms":        {`"harms":5`, `"harms":900`, "900 harms among"},
		"unknown promise":   {`"claim":"kept","certified":true,"promise":"quality"`, `"claim":"kept","certified":true,"promise":"luck"`, `promise "luck" is not known`},
		"pattern":           {`"missing":["answer.label_margin"]`, `"missing":["request.words"]`, "no feature that may miss"},
		"pattern twice":     {`"missing":["answer.label_margin","witness.agreement"]`, `"missing":["answer.label_margin"]`, "is there twice"},
		"range":             {`"low":1,"high":100`, `"low":101,"high":100`, "range of"},
	} {
		bad := strings.Replace(string(content), c.old, c.new, 1)
		if bad == string(content) {
			t.Fatalf("%s: %q is not in it", name, c.old)
		}
		if _, err := policy.Unmarshal([]byte(bad)); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v, want %q", name, err, c.message)
		}
	}
}

// measured are signals of which those in missing have no value.
func measured(margin float64, missing ...pointsman.SignalName) pointsman.Signals {
	out := pointsman.Signals{pointsman.Measured("answer.label_margin", margin), pointsman.Measured("witness.agreement", 1)}
	for i := range out {
		for _, name := range missing {
			if out[i].Name == name {
				out[i] = pointsman.Unmeasured(name, "none")
			}
		}
	}
	return out
}

// TestPatterns: each combination of missing signals has its own threshold, and
// one that was not certified, or never seen, has none.
func TestPatterns(t *testing.T) {
	p := present()
	for _, c := range []struct {
		name    string
		missing []pointsman.SignalName
		slices  []string
		uplift  float64
		cause   pointsman.Cause
		bound   *float64
	}{
		{"all there", nil, nil, 0.1, pointsman.CauseAccepted, ptr(0.1)},
		{"one missing", []pointsman.SignalName{"answer.label_margin"}, nil, 0.02, pointsman.CauseAccepted, ptr(0.02)},
		{"one missing, above its threshold", []pointsman.SignalName{"answer.label_margin"}, nil, 0.05, pointsman.CauseUncertain, ptr(0.02)},
		{"not certified", []pointsman.SignalName{"answer.label_margin", "witness.agreement"}, nil, -1, pointsman.CauseUnsupported, nil},
		{"never seen", []pointsman.SignalName{"witness.agreement"}, nil, -1, pointsman.CauseUnsupported, nil},
		{"slice", nil, []string{"channel=chat"}, 0.07, pointsman.CauseUncertain, ptr(0.05)},
		{"slice and pattern", []pointsman.SignalName{"answer.label_margin"}, []string{"channel=chat"}, 0.03, pointsman.CauseUncertain, ptr(0.02)},
		{"slice that has earned nothing", nil, []string{"channel=fax"}, -1, pointsman.CauseUncertified, nil},
		{"slice that nobody has seen", nil, []string{"channel=pigeon"}, -1, pointsman.CauseUncertified, nil},
	} {
		confidence := p.Assess(0, request, measured(4, c.missing...))
		confidence.Uplift = ptr(c.uplift)
		accept, cause, _ := p.Decide(0, c.slices, 1, pointsman.Reading{Valid: true}, confidence)
		if cause != c.cause || accept != (cause == pointsman.CauseAccepted) {
			t.Errorf("%s: %v %s, want %s", c.name, accept, cause, c.cause)
		}
		if bound := p.Bound(0, c.slices, confidence); (bound == nil) != (c.bound == nil) || bound != nil && *bound != *c.bound {
			t.Errorf("%s: bound %v, want %v", c.name, bound, c.bound)
		}
	}
}

// TestStakesActOnHarm: also where asking on does not pay on the whole.
func TestStakesActOnHarm(t *testing.T) {
	p := present()
	for _, c := range []struct {
		uplift, harm, stakes float64
		accept               bool
	}{
		{-0.1, 0.05, 1, true},
		{-0.1, 0.05, 4, true},  // −0.1 + 3 × 0.05 = 0.05
		{-0.1, 0.05, 6, false}, // 0.15
		{-0.1, 0.05, 0, true},
		{0.05, 0.06, 2, false},
	} {
		confidence := pointsman.Confidence{Uplift: ptr(c.uplift), Harm: ptr(c.harm), Threshold: ptr(0.1)}
		if accept, cause, _ := p.Decide(0, nil, c.stakes, pointsman.Reading{Valid: true}, confidence); accept != c.accept {
			t.Errorf("%+v: %v, %s", c, accept, cause)
		}
	}
}

// TestSupport: what calibration did not see enough of is not asked, and each
// check says so by itself.
func TestSupport(t *testing.T) {
	chat := []string{"channel=chat"}
	words := func(n float64) pointsman.Signals { return pointsman.Signals{pointsman.Measured("request.words", n)} }
	usual := func(change func(*pointsman.Shape)) *pointsman.Shape {
		s := &pointsman.Shape{Turns: 2, Roles: []string{"system", "user"}, Scripts: []string{"latin"}, Settings: []string{"stop", "temperature"}}
		change(s)
		return s
	}
	for _, c := range []struct {
		name   string
		before policy.Before
		cause  pointsman.Cause
		detail string
	}{
		{"usual", policy.Before{Slices: chat, Request: words(20), Shape: usual(func(*pointsman.Shape) {})}, "", ""},
		{"turns", policy.Before{Slices: chat, Request: words(20), Shape: usual(func(s *pointsman.Shape) { s.Turns = 4 })}, pointsman.CauseUnsupported, "4 messages"},
		{"picture", policy.Before{Slices: chat, Request: words(20), Shape: usual(func(s *pointsman.Shape) { s.NonText = 1 })}, pointsman.CauseUnsupported, "not text"},
		{"role", policy.Before{Slices: chat, Request: words(20), Shape: usual(func(s *pointsman.Shape) { s.Roles = []string{"tool"} })}, pointsman.CauseUnsupported, "role tool"},
		{"script", policy.Before{Slices: chat, Request: words(20), Shape: usual(func(s *pointsman.Shape) { s.Scripts = []string{"greek"} })}, pointsman.CauseUnsupported, "written in greek"},
		{"setting", policy.Before{Slices: chat, Request: words(20), Shape: usual(func(s *pointsman.Shape) { s.Settings = []string{"tools"} })}, pointsman.CauseUnsupported, "the client sets tools"},
		{"range", policy.Before{Slices: chat, Request: words(200), Shape: usual(func(*pointsman.Shape) {})}, pointsman.CauseUnsupported, "request.words is 200"},
		{"metadata", policy.Before{Request: words(20), Shape: usual(func(*pointsman.Shape) {})}, pointsman.CauseUnsupported, "no channel in its metadata"},
		{"unknown slice", policy.Before{Slices: []string{"channel=pigeon"}, Request: words(20)}, pointsman.CauseUncertified, "channel=pigeon"},
		{"slice without a threshold", policy.Before{Slices: []string{"channel=fax"}, Request: words(20)}, pointsman.CauseUncertified, "too few"},
		{"no witness, which only an uncertified pattern lacks", policy.Before{Slices: chat, Request: words(20), NoWitness: true}, pointsman.CauseUnsupported, "combination"},
	} {
		if cause, detail := present().Unusable(0, &c.before); cause != c.cause || !strings.Contains(detail, c.detail) {
			t.Errorf("%s: %s %q, want %s %q", c.name, cause, detail, c.cause, c.detail)
		}
	}
	if cause, _ := example().Unusable(0, &policy.Before{Slices: []string{"channel=pigeon"}, Request: words(2000)}); cause != "" {
		t.Errorf("a policy of the first version has no support: %s", cause)
	}
}

// TestTerms: a policy is void when anything that it was certified for is another.
func TestTerms(t *testing.T) {
	p := present()
	p.Endpoints = []pointsman.Digest{pointsman.DigestOf([]byte("a")), pointsman.DigestOf([]byte("b"))}
	same := func() policy.Terms {
		return policy.Terms{
			Tiers: slices.Clone(p.Tiers), Endpoints: slices.Clone(p.Endpoints), SliceKeys: slices.Clone(p.SliceKeys),
			Target: pointsman.Target{Retain: p.Target.Retain, Confidence: p.Target.Confidence},
		}
	}
	if err := p.Matches(same()); err != nil {
		t.Error(err)
	}
	for message, change := range map[string]func(*policy.Terms){
		"tier 2 was fitted as variant":                 func(t *policy.Terms) { t.Tiers[1] = pointsman.DigestOf([]byte("x")) },
		"tier 1 is asked at another endpoint":          func(t *policy.Terms) { t.Endpoints[0] = pointsman.DigestOf([]byte("x")) },
		"the target is now quality of 0.5":             func(t *policy.Terms) { t.Target.Retain = 0.5 },
		"the target is now harm of 0.98":               func(t *policy.Terms) { t.Target.Promise = pointsman.PromiseHarm },
		"with confidence 0.99":                         func(t *policy.Terms) { t.Target.Confidence = 0.99 },
		"the task has now [channel lang]":              func(t *policy.Terms) { t.SliceKeys = append(t.SliceKeys, "lang") },
		"it was fitted for 2 tiers, the cascade has 1": func(t *policy.Terms) { t.Tiers = t.Tiers[:1] },
	} {
		terms := same()
		change(&terms)
		if err := p.Matches(terms); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%v, want %q", err, message)
		}
	}
}
