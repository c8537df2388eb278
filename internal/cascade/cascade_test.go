package cascade_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/call/calltest"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted answers with what its script says for the request's input, after
// the time that it says.
type scripted struct {
	label  string
	p      float64 // probability of the label
	err    error
	after  time.Duration
	broken bool // the stream breaks off after its first event
	calls  *int
}

func (scripted) Dialect() pointsman.Dialect { return pointsman.DialectChat }

func (s scripted) Complete(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	if s.calls != nil {
		*s.calls++
	}
	if s.after > 0 {
		select {
		case <-time.After(s.after):
		case <-ctx.Done():
			return nil, upstream.FromContext(ctx, ctx.Err())
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	usage := pointsman.Usage{Known: true, Input: 100, Output: 10}
	logprobs := []pointsman.TokenLogprob{{Token: s.label, Logprob: math.Log(s.p), Top: []pointsman.TopLogprob{
		{Token: s.label, Logprob: math.Log(s.p)}, {Token: "other", Logprob: math.Log(1 - s.p)},
	}}}
	body := chat.Build(chat.Completion{ID: "x", Model: call.Model, Text: s.label, FinishReason: "stop", Usage: usage, Logprobs: logprobs})
	return chat.ParseAnswer(body)
}

func (s scripted) Stream(ctx context.Context, call upstream.Call) (upstream.Stream, error) {
	answer, err := s.Complete(ctx, call)
	if err != nil {
		return nil, err
	}
	whole, err := chat.NewWholeStream(answer, ctx.Err)
	if err != nil {
		return nil, err
	}
	return &stream{WholeStream: whole, broken: s.broken}, nil
}

// stream is an answer in events.
type stream struct {
	*chat.WholeStream
	broken bool
	given  int
}

func (s *stream) Next() (dialect.Event, error) {
	if s.broken && s.given == 1 {
		return dialect.Event{}, upstream.ErrMalformed
	}
	s.given++
	return s.WholeStream.Next()
}

// labels is a contract of a closed set.
type labels []string

func (l labels) Read(answer, _ string) pointsman.Reading {
	for _, label := range l {
		if answer == label {
			return pointsman.Reading{Valid: true, Label: label}
		}
	}
	return pointsman.Reading{Problem: fmt.Sprintf("%q is no label", answer)}
}

// effect is a fixed effect of rules.
type effect pointsman.RuleEffect

func (e effect) Apply(*pointsman.Request) pointsman.RuleEffect { return pointsman.RuleEffect(e) }

// byMargin is a policy whose uplift falls linearly from 1 to −1 over the label
// margin, and which accepts up to an uplift of −0.6: a margin of 0.8.
func byMargin(tiers ...pointsman.Digest) *policy.Policy {
	threshold := -0.6
	stage := policy.Stage{
		Scorer: policy.Scorer{
			Features:    []policy.Feature{{Signal: signal.AnswerMargin, Mean: 0, Scale: 1, Low: -1, High: 1}},
			Acceptable:  policy.Head{Intercept: 0, Weights: []float64{4}, Missing: []float64{0}},
			OnlyLargest: policy.Head{Intercept: 0, Weights: []float64{-3}, Missing: []float64{0}},
			OnlyThis:    policy.Head{Intercept: 0, Weights: []float64{0}, Missing: []float64{0}},
			Calibration: policy.Map{Method: policy.MethodPlatt, Coefficients: []float64{1, 0}},
			Rank:        policy.RankUplift,
			Uplift:      policy.Map{Method: policy.MethodLinear, Coefficients: []float64{1, 0}},
		},
		Thresholds: []policy.Threshold{{Threshold: &threshold, Certified: true, Why: "test"}, {Slice: "channel=fax", Why: "too few"}},
	}
	threshold = 1/(1+math.Exp(3*0.8)) - 0.5 // the uplift at a margin of 0.8
	p := &policy.Policy{Version: 1, Task: "t", Tiers: tiers, Students: nil}
	for range len(tiers) - 1 {
		p.Stages = append(p.Stages, stage)
	}
	return p
}

// reading makes a policy read signals that may miss, without going by them.
func reading(p *policy.Policy, names ...pointsman.SignalName) {
	for i := range p.Stages {
		s := &p.Stages[i]
		for _, name := range names {
			s.Features = append(slices.Clone(s.Features), policy.Feature{Signal: name, Scale: 1, High: 1, MayMiss: true})
			for _, head := range []*policy.Head{&s.Acceptable, &s.OnlyLargest, &s.OnlyThis} {
				head.Weights, head.Missing = append(slices.Clone(head.Weights), 0), append(slices.Clone(head.Missing), 0)
			}
		}
	}
}

type setup struct {
	small, large, middle upstream.Upstream
	witness              upstream.Upstream
	rules                *effect
	policy               bool
	void                 error
	fallback             bool
}

func (w setup) task() *cascade.Task {
	tier := func(id pointsman.TierID, u upstream.Upstream, dollars pointsman.Money) cascade.Tier {
		return cascade.Tier{
			Tier: calltest.Tier(pointsman.Tier{
				ID: id, Variant: pointsman.Variant{Model: pointsman.ModelID(id)}, Timeout: time.Second,
				Price: pointsman.Price{Known: true, Input: dollars * pointsman.Dollar, Output: dollars * pointsman.Dollar},
			}, u),
			Digest: pointsman.DigestOf([]byte(id)),
		}
	}
	t := &cascade.Task{
		ID: "t", Kind: pointsman.KindClassify, Slices: []string{"channel"}, Fallback: w.fallback,
		Reader: labels{"yes", "no"}, PolicyProblem: w.void,
	}
	t.Tiers = []cascade.Tier{tier("small", w.small, 1)}
	if w.middle != nil {
		t.Tiers = append(t.Tiers, tier("middle", w.middle, 3))
	}
	if w.large != nil {
		t.Tiers = append(t.Tiers, tier("large", w.large, 10))
	}
	if w.witness != nil {
		t.Witnesses = []cascade.Tier{tier("witness", w.witness, 2)}
	}
	rules := effect{Stakes: 1}
	var digests []pointsman.Digest
	for i := range t.Tiers {
		rules.Permitted = append(rules.Permitted, t.Tiers[i].ID)
		digests = append(digests, t.Tiers[i].Digest)
	}
	if w.rules != nil {
		rules = *w.rules
	}
	t.Rules = rules
	if w.policy {
		t.Policy = byMargin(digests...)
		if w.witness != nil {
			reading(t.Policy, signal.WitnessAgreement)
		}
		t.PolicyDigest = pointsman.DigestOf([]byte("policy"))
	}
	return t
}

func request(t testing.TB, streamed bool, metadata map[string]string) *pointsman.Request {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"model": "t", "messages": []map[string]string{{"role": "user", "content": "is it?"}}, "stream": streamed, "metadata": metadata,
	})
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := chat.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return &decoded.Request
}

// trace tells a decision in a line: the attempts with their causes, then the
// tier that answered and why.
func trace(d *pointsman.Decision) string {
	var b strings.Builder
	for _, a := range d.Attempts {
		fmt.Fprintf(&b, "%s:%s ", a.Tier, a.Cause)
	}
	fmt.Fprintf(&b, "=> %s (%s) cost %s of %s", d.Tier, d.Cause, d.Cost, d.Baseline)
	return b.String()
}

var (
	sure   = scripted{label: "yes", p: 0.99}
	unsure = scripted{label: "yes", p: 0.6}
	wrong  = scripted{label: "maybe", p: 0.99}
	down   = scripted{err: upstream.Fail(upstream.ErrUnavailable, "refused")}
	slow   = scripted{label: "yes", p: 0.99, after: time.Hour}
)

var cases = []struct {
	name     string
	setup    setup
	metadata map[string]string
	want     string
	code     pointsman.ErrorCode
}{
	{
		"a sure answer is accepted",
		setup{small: sure, large: sure, policy: true},
		nil,
		"small:accepted => small (accepted) cost $0.00011 of $0.0011", "",
	},
	{
		"an unsure answer is escalated",
		setup{small: unsure, large: sure, policy: true},
		nil,
		"small:uncertain large:last_tier => large (uncertain) cost $0.00121 of $0.0011", "",
	},
	{
		"a broken contract is never accepted",
		setup{small: wrong, large: sure, policy: true},
		nil,
		"small:contract large:last_tier => large (contract) cost $0.00121 of $0.0011", "",
	},
	{
		"a failed tier is a cause to move on",
		setup{small: down, large: sure, policy: true},
		nil,
		"small:tier_error large:last_tier => large (tier_error) cost $0.0011 of $0.0011", "",
	},
	{
		"a slow tier is a cause to move on, at an unknown cost",
		setup{small: slow, large: sure, policy: true},
		nil,
		"small:tier_timeout large:last_tier => large (tier_timeout) cost unknown of $0.0011", "",
	},
	{
		"without a policy the largest tier answers",
		setup{small: sure, large: sure},
		nil,
		"large:last_tier => large (uncalibrated) cost $0.0011 of $0.0011", "",
	},
	{
		"a void policy escalates",
		setup{small: sure, large: sure, policy: true, void: errors.New("policy is void")},
		nil,
		"large:last_tier => large (policy_void) cost $0.0011 of $0.0011", "",
	},
	{
		"a slice without a threshold escalates",
		setup{small: sure, large: sure, policy: true},
		map[string]string{"channel": "fax"},
		"large:last_tier => large (uncertified) cost $0.0011 of $0.0011", "",
	},
	{
		"three tiers",
		setup{small: unsure, middle: sure, large: sure, policy: true},
		nil,
		"small:uncertain middle:accepted => middle (accepted) cost $0.00044 of $0.0011", "",
	},
	{
		"a single tier",
		setup{small: unsure},
		nil,
		"small:last_tier => small (last_tier) cost $0.00011 of $0.00011", "",
	},
	{
		"a forbidden largest tier leaves the others",
		setup{small: unsure, large: sure, policy: true, rules: &effect{Permitted: []pointsman.TierID{"small"}, Stakes: 1}},
		nil,
		"small:last_tier => small (last_tier) cost $0.00011 of $0.0011", "",
	},
	{
		"no permitted tier is a clear error",
		setup{small: sure, large: sure, policy: true, rules: &effect{Fired: []string{"r"}, Stakes: 1}},
		nil,
		"=>  (no_permitted_tier) cost $0.00 of unknown", pointsman.CodeForbidden,
	},
	{
		"a pin goes straight there",
		setup{small: sure, large: sure, policy: true, rules: &effect{Permitted: []pointsman.TierID{"small", "large"}, Pin: "large", Stakes: 1}},
		nil,
		"large:pinned => large (pinned) cost $0.0011 of $0.0011", "",
	},
	{
		"stakes do not lift a negative uplift",
		setup{small: sure, large: sure, policy: true, rules: &effect{Permitted: []pointsman.TierID{"small", "large"}, Stakes: 50}},
		nil,
		"small:accepted => small (accepted) cost $0.00011 of $0.0011", "",
	},
	{
		"everything fails",
		setup{small: down, large: down, policy: true},
		nil,
		"small:tier_error large:tier_error =>  (all_tiers_failed) cost $0.00 of unknown", pointsman.CodeUpstream,
	},
	{
		"everything is slow",
		setup{small: slow, large: slow, policy: true},
		nil,
		"small:tier_timeout large:tier_timeout =>  (all_tiers_failed) cost unknown of unknown", pointsman.CodeTimeout,
	},
	{
		"an untrusted answer is not given by default",
		setup{small: unsure, large: down, policy: true},
		nil,
		"small:uncertain large:tier_error =>  (all_tiers_failed) cost $0.00011 of $0.0011", pointsman.CodeUpstream,
	},
	{
		"an untrusted answer is given where the owner says so",
		setup{small: unsure, large: down, policy: true, fallback: true},
		nil,
		"small:uncertain large:tier_error => small (fallback) cost $0.00011 of $0.0011", "",
	},
	{
		"a witness is asked beside a judged tier",
		setup{small: sure, large: sure, policy: true, witness: unsure},
		nil,
		"small:accepted => small (accepted) cost $0.00033 of $0.0011", "",
	},
	{
		"a failing witness is a missing signal",
		setup{small: sure, large: sure, policy: true, witness: down},
		nil,
		"small:accepted => small (accepted) cost $0.00011 of $0.0011", "",
	},
}

// events is a sink that remembers, and checks that the tier was decided before
// the first byte.
type events struct {
	begun    bool
	tier     pointsman.TierID
	received [][]byte
	fail     error
}

func (e *events) Begin(d *pointsman.Decision) error {
	e.begun, e.tier = true, d.Tier
	return e.fail
}

func (e *events) Write(piece []byte) error {
	e.received = append(e.received, append([]byte(nil), piece...))
	return nil
}

func TestCascade(t *testing.T) {
	for _, c := range cases {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stream=%v", c.name, streamed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					task := c.setup.task()
					var d pointsman.Decision
					sink := &events{}
					var out cascade.Sink
					if streamed {
						out = sink
					}
					result, err := task.Run(t.Context(), time.Now, request(t, streamed, c.metadata), &d, out)
					if got := trace(&d); got != c.want {
						t.Errorf("got  %s\nwant %s", got, c.want)
					}
					if c.code != "" {
						if pointsman.CodeOf(err) != c.code || result.Answer != nil || sink.begun {
							t.Errorf("error %v (%s), want %s and no answer", err, pointsman.CodeOf(err), c.code)
						}
					} else if err != nil {
						t.Fatal(err)
					} else if !streamed && (result.Body == nil || len(result.Answers) != len(d.Attempts)) {
						t.Errorf("body %s, %d answers of %d attempts", result.Body, len(result.Answers), len(d.Attempts))
					}
					if streamed && c.code == "" {
						checkStream(t, sink, &d, result)
					}
					if differences := task.Replay(reread(t, &d)); len(differences) > 0 {
						t.Errorf("replay differs: %q", differences)
					}
				})
			})
		}
	}
}

// checkStream checks that the events add up to the answer, and that the usage
// that we asked for ourselves did not leak to a client who had not.
func checkStream(t *testing.T, sink *events, d *pointsman.Decision, result *cascade.Result) {
	t.Helper()
	if !sink.begun || sink.tier != d.Tier {
		t.Errorf("begun %v at tier %q, decided %q", sink.begun, sink.tier, d.Tier)
	}
	var sum chat.Accumulator
	for _, e := range sink.received {
		data := bytes.TrimSuffix(bytes.TrimPrefix(e, []byte("data: ")), []byte("\n\n"))
		if bytes.Contains(data, []byte(`"usage":{`)) || bytes.Contains(data, []byte(`"logprobs":{`)) {
			t.Errorf("what a tier asked for was shown: %s", e)
		}
		if err := sum.Add(data); err != nil {
			t.Fatal(err)
		}
	}
	if sum.Answer().Text != result.Answer.Text || sum.Answer().FinishReason != "stop" {
		t.Errorf("stream adds up to %q", sum.Answer().Text)
	}
	if string(result.End) != "data: [DONE]\n\n" {
		t.Errorf("the stream ends with %q", result.End)
	}
}

// reread gives a decision the way through JSON that the journal gives it.
func reread(t *testing.T, d *pointsman.Decision) *pointsman.Decision {
	t.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back pointsman.Decision
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return &back
}

func TestWitnessIsOnRecord(t *testing.T) {
	task := setup{small: sure, large: sure, policy: true, witness: scripted{label: "no", p: 0.9}}.task()
	var d pointsman.Decision
	if _, err := task.Run(t.Context(), time.Now, request(t, false, nil), &d, nil); err != nil {
		t.Fatal(err)
	}
	a := d.Attempts[0]
	if len(a.Witnesses) != 1 || a.Witnesses[0].Name != "witness" || a.Witnesses[0].Label != "no" || !a.Witnesses[0].Cost.Known {
		t.Fatalf("witness %+v", a.Witnesses)
	}
	if d.Cost != a.Cost.Add(a.Witnesses[0].Cost) {
		t.Errorf("cost %v, of the tier %v and the witness %v", d.Cost, a.Cost, a.Witnesses[0].Cost)
	}
	if s, _ := a.Signals.Get(signal.WitnessAgreement); !s.Present() || s.Value != 0 {
		t.Errorf("agreement %+v, want 0", s)
	}
}

// What rules see stays in the house: a tier is not sent the request's metadata.
func TestMetadataIsNotSentOn(t *testing.T) {
	var sent []byte
	task := setup{small: listener{scripted: sure, heard: &sent}}.task()
	var d pointsman.Decision
	if _, err := task.Run(t.Context(), time.Now, request(t, false, map[string]string{"class": "health"}), &d, nil); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sent), "health") || !strings.Contains(string(sent), "is it?") {
		t.Errorf("sent: %s", sent)
	}
	if d.Metadata["class"] != "health" {
		t.Errorf("on record: %v", d.Metadata)
	}
}

// listener keeps what it was sent.
type listener struct {
	scripted
	heard *[]byte
}

func (l listener) Complete(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	*l.heard = call.Body
	return l.scripted.Complete(ctx, call)
}

func TestAClientThatGoesAwayEndsTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		task := setup{small: slow, large: scripted{label: "yes", p: 1, calls: &calls}, policy: true}.task()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		var d pointsman.Decision
		_, err := task.Run(ctx, time.Now, request(t, false, nil), &d, nil)
		if !errors.Is(err, context.Canceled) || d.Cause != pointsman.CauseAborted || len(d.Attempts) != 1 || calls != 0 {
			t.Errorf("%v, %s, %d calls of the large tier", err, trace(&d), calls)
		}
		if differences := task.Replay(&d); len(differences) > 0 {
			t.Errorf("replay differs: %q", differences)
		}
	})
}

func TestAStreamThatBreaksOffIsSaid(t *testing.T) {
	task := setup{small: scripted{label: "yes", p: 0.9, broken: true}, large: scripted{label: "yes", p: 0.9, broken: true}, policy: true}.task()
	var d pointsman.Decision
	sink := &events{}
	result, err := task.Run(t.Context(), time.Now, request(t, true, nil), &d, sink)
	if pointsman.CodeOf(err) != pointsman.CodeUpstream || !result.Begun || len(sink.received) != 1 {
		t.Fatalf("error %v, begun %v, %d events", err, result.Begun, len(sink.received))
	}
	if got := trace(&d); got != "small:tier_error large:broken_off => large (broken_off) cost unknown of unknown" {
		t.Error(got)
	}
}

func TestAClientThatDoesNotReadIsAborted(t *testing.T) {
	for name, small := range map[string]scripted{"held": sure, "forwarded": unsure} {
		task := setup{small: small, large: sure, policy: true}.task()
		var d pointsman.Decision
		_, err := task.Run(t.Context(), time.Now, request(t, true, nil), &d, &events{fail: io.ErrClosedPipe})
		if !errors.Is(err, context.Canceled) || d.Cause != pointsman.CauseAborted {
			t.Errorf("%s: %v, %s", name, err, trace(&d))
		}
		d.Lifecycle = pointsman.Aborted
		if differences := task.Replay(&d); len(differences) > 0 {
			t.Errorf("%s: replay differs: %q", name, differences)
		}
	}
}

// Whatever number of a record is changed, replay notices.
func TestReplayNoticesAChangedRecord(t *testing.T) {
	task := setup{small: unsure, large: sure, policy: true}.task()
	for name, change := range map[string]func(d *pointsman.Decision){
		"signal":    func(d *pointsman.Decision) { change(d.Attempts[0].Signals, signal.AnswerMargin, 0.99) },
		"uplift":    func(d *pointsman.Decision) { *d.Attempts[0].Confidence.Uplift += 1e-15 },
		"threshold": func(d *pointsman.Decision) { d.Attempts[0].Confidence.Threshold = nil },
		"cause":     func(d *pointsman.Decision) { d.Cause = pointsman.CauseContract },
		"tier":      func(d *pointsman.Decision) { d.Tier = "small" },
		"variant":   func(d *pointsman.Decision) { d.Attempts[1].Variant = pointsman.DigestOf(nil) },
		"policy":    func(d *pointsman.Decision) { d.Policy = pointsman.DigestOf(nil) },
		"attempt":   func(d *pointsman.Decision) { d.Attempts = d.Attempts[:1] },
		"pin":       func(d *pointsman.Decision) { d.Rules.Pin = "large" },
		"reading":   func(d *pointsman.Decision) { d.Attempts[0].Reading.Valid = false },
	} {
		var d pointsman.Decision
		if _, err := task.Run(t.Context(), time.Now, request(t, false, nil), &d, nil); err != nil {
			t.Fatal(err)
		}
		back := reread(t, &d)
		change(back)
		if len(task.Replay(back)) == 0 {
			t.Errorf("%s: the change was not noticed", name)
		}
	}
}

func change(s pointsman.Signals, name pointsman.SignalName, value float64) {
	for i := range s {
		if s[i].Name == name {
			s[i].Value = value
		}
	}
}

// TestStakesOfAnswers: an answer that may be a costly mistake has higher stakes
// than one that may not.
func TestStakesOfAnswers(t *testing.T) {
	task := &cascade.Task{Costs: []pointsman.LabelCost{{Truth: "block", Answer: "allow", Cost: 5}, {Truth: "review", Answer: "allow", Cost: 2}}}
	for label, want := range map[string]float64{"allow": 5, "block": 1, "": 1} {
		if got := task.Stakes(label); got != want {
			t.Errorf("%q: %v, want %v", label, got, want)
		}
	}
	staked := &cascade.Task{StakesRules: pointsman.DigestOf([]byte("a rule"))}
	if terms, without := task.Terms(), (&cascade.Task{}).Terms(); terms.Costs == without.Costs || staked.Terms().Costs == without.Costs {
		t.Error("other costs, and other rules of stakes, are other terms")
	}
}
