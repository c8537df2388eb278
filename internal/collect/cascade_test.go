package collect_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/call/calltest"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What goes out as a body comes back as the same conversation: an example is
// asked in process exactly as a client would ask it.
func TestRequestSaysWhatTheExampleSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringMatching(`[a-zA-Zé日"\\<>&\n\t {}]{1,20}`)
		e := &dataset.Example{ID: "x", Group: rapid.SampledFrom([]string{"", "c1"}).Draw(t, "group")}
		if rapid.Bool().Draw(t, "one message") {
			e.Input = words.Draw(t, "input")
		} else {
			for range rapid.IntRange(1, 4).Draw(t, "turns") {
				role := rapid.SampledFrom([]string{"system", "developer", "user", "assistant"}).Draw(t, "role")
				e.Messages = append(e.Messages, pointsman.Message{Role: role, Text: words.Draw(t, "text")})
			}
			e.Messages = append(e.Messages, pointsman.Message{Role: "user", Text: words.Draw(t, "last")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "metadata") {
			if e.Metadata == nil {
				e.Metadata = map[string]string{}
			}
			e.Metadata[rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "key")] = words.Draw(t, "value")
		}
		r, err := collect.Request("bank", e)
		if err != nil {
			t.Fatal(err)
		}
		if r.Input != e.Text() || !cmp.Equal(r.Messages, e.Conversation()) || r.Conversation != e.Group || r.Stream || r.Pin != "" {
			t.Fatalf("%+v of %+v", r, e)
		}
		if !maps.Equal(r.Metadata, e.Metadata) {
			t.Fatalf("metadata %v, want %v", r.Metadata, e.Metadata)
		}
		var body struct{ Model string }
		if err := json.Unmarshal(r.Payload.Body, &body); err != nil || body.Model != "bank" {
			t.Fatalf("%v: %s", err, r.Payload.Body)
		}
		// The same body as over HTTP: eval and calibration compare like with like.
		over, err := collect.Body("bank", e)
		if err != nil || string(over) != string(r.Payload.Body) {
			t.Fatalf("%v: %s and %s", err, over, r.Payload.Body)
		}
	})
}

func TestWhatCannotBeSent(t *testing.T) {
	for name, m := range map[string]pointsman.Message{
		"an image": {Role: "user", Text: "what is it?", NonText: 1},
		"a tool":   {Role: "tool", Text: "42"},
	} {
		e := &dataset.Example{ID: "e7", Messages: []pointsman.Message{m}}
		if _, err := collect.Request("bank", e); err == nil || !strings.HasPrefix(err.Error(), "example e7") {
			t.Errorf("%s: %v, want an error that names the example", name, err)
		}
	}
}

// fixed answers always alike.
type fixed struct {
	text string
	err  error
}

func (fixed) Dialect() pointsman.Dialect { return pointsman.DialectChat }

func (f fixed) Complete(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, upstream.FromContext(ctx, err)
	}
	if f.err != nil {
		return nil, f.err
	}
	return chat.ParseAnswer(chat.Build(chat.Completion{ID: "x", Model: call.Model, Text: f.text, FinishReason: "stop", Usage: pointsman.Usage{Known: true, Input: 10, Output: 1}}))
}

func (f fixed) Stream(context.Context, upstream.Call) (upstream.Stream, error) {
	return nil, upstream.Fail(upstream.ErrRejected, "nobody streams here")
}

type anything struct{}

func (anything) Read(answer, _ string) pointsman.Reading {
	return pointsman.Reading{Valid: true, Label: answer}
}

type free struct{ permitted []pointsman.TierID }

func (f free) Apply(r *pointsman.Request) pointsman.RuleEffect {
	return pointsman.RuleEffect{Permitted: f.permitted, Stakes: 1, Pin: r.Pin}
}

func tier(id pointsman.TierID, u upstream.Upstream, v pointsman.Variant) cascade.Tier {
	return cascade.Tier{Tier: calltest.Tier(pointsman.Tier{ID: id, Variant: v, Timeout: time.Minute}, u), Digest: v.Digest()}
}

func task(small, large upstream.Upstream) *collect.Cascade {
	return &collect.Cascade{
		Now: time.Now, Config: pointsman.DigestOf([]byte("config")),
		Task: &cascade.Task{
			ID: "bank", Kind: pointsman.KindClassify, Contract: pointsman.Contract{Labels: []string{"yes", "no"}},
			Tiers:  []cascade.Tier{tier("small", small, pointsman.Variant{Model: "s"}), tier("large", large, pointsman.Variant{Model: "l"})},
			Rules:  free{[]pointsman.TierID{"small", "large"}},
			Reader: anything{}, PolicyDigest: pointsman.DigestOf([]byte("policy")),
		},
	}
}

func TestAsk(t *testing.T) {
	e := &dataset.Example{ID: "x", Input: "is it?", Metadata: map[string]string{"channel": "fax"}}
	for _, c := range []struct {
		name   string
		task   *collect.Cascade
		target collect.Target
		text   string
		cause  pointsman.Cause
		err    string
	}{
		{"the cascade", task(fixed{text: "yes"}, fixed{text: "no"}), collect.Target{Name: "cascade"}, "no", pointsman.CauseUncalibrated, ""},
		{"a tier alone is a pin", task(fixed{text: "yes"}, fixed{text: "no"}), collect.Target{Name: "small", Tier: "small"}, "yes", pointsman.CausePinned, ""},
		{"a failure is that example's", task(fixed{text: "yes"}, fixed{err: upstream.ErrUnavailable}), collect.Target{Name: "cascade"}, "", pointsman.CauseExhausted, "no tier of bank could answer"},
		{"a tier that is not there", task(fixed{}, fixed{}), collect.Target{Name: "huge", Tier: "huge"}, "", pointsman.CauseForbidden, `task bank has no tier "huge"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := c.task.Ask(t.Context(), c.target, e)
			if err != nil {
				t.Fatal(err)
			}
			d := r.Decision
			if r.Text != c.text || r.Reading.Label != c.text || d.Cause != c.cause || d.Config != c.task.Config || d.Task != "bank" || d.Metadata["channel"] != "fax" {
				t.Errorf("%+v", r)
			}
			if c.err == "" && r.Err != "" || c.err != "" && !strings.HasPrefix(r.Err, c.err) {
				t.Errorf("error %q, want %q", r.Err, c.err)
			}
			if d.Time.IsZero() || d.Time.Location() != time.UTC || r.Latency != d.Latency {
				t.Errorf("time %v, latency %v and %v", d.Time, r.Latency, d.Latency)
			}
		})
	}
}

func TestAskHonoursTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := task(fixed{}, fixed{}).Ask(ctx, collect.Target{}, &dataset.Example{Input: "x"}); !errors.Is(err, context.Canceled) || r != nil {
		t.Errorf("%+v, %v: what was not asked must not count as a failure", r, err)
	}
	if _, err := task(fixed{}, fixed{}).Ask(t.Context(), collect.Target{}, &dataset.Example{ID: "e1", Messages: []pointsman.Message{{Role: "user", NonText: 1}}}); err == nil {
		t.Error("an example that cannot be sent was asked")
	}
}

// An identity says which earlier results may be used again: it changes with
// everything that a target's answers depend on, and with nothing else.
func TestIdentity(t *testing.T) {
	cascadeTarget, small := collect.Target{Name: "cascade"}, collect.Target{Name: "small", Tier: "small"}
	identity := func(t *testing.T, task *collect.Cascade, target collect.Target) pointsman.Digest {
		t.Helper()
		d, err := task.Identity(target)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	variant := func(at int, change func(v *pointsman.Variant)) func(x *collect.Cascade) {
		return func(x *collect.Cascade) {
			one := &x.Task.Tiers[at]
			change(&one.Variant)
			one.Digest = one.Variant.Digest()
		}
	}
	for _, c := range []struct {
		name           string
		change         func(x *collect.Cascade)
		cascade, small bool // whether it changes
	}{
		{"nothing", func(*collect.Cascade) {}, false, false},
		{"the clock", func(x *collect.Cascade) { x.Now = func() time.Time { return time.Time{} } }, false, false},
		{"another connection", func(x *collect.Cascade) { x.Task.Tiers[0].Endpoints[0].Upstream = fixed{text: "z"} }, false, false},
		{"the configuration", func(x *collect.Cascade) { x.Config = pointsman.DigestOf(nil) }, true, false},
		{"the policy", func(x *collect.Cascade) { x.Task.PolicyDigest = "" }, true, false},
		{"the tier's prompt", variant(0, func(v *pointsman.Variant) { v.Prompt.System = "think" }), true, true},
		{"the tier's parameters", variant(0, func(v *pointsman.Variant) { v.Params = map[string]string{"temperature": "1"} }), true, true},
		{"the tier's weights", variant(0, func(v *pointsman.Variant) { v.Artefact = pointsman.DigestOf(nil) }), true, true},
		{"another tier's model", variant(1, func(v *pointsman.Variant) { v.Model = "m" }), true, false},
		{"the witness", func(x *collect.Cascade) {
			x.Task.Witnesses = []cascade.Tier{tier("witness", fixed{}, pointsman.Variant{Model: "w"})}
		}, true, false},
		{"the contract", func(x *collect.Cascade) {
			x.Task.Contract.Labels = []string{"yes", "no", "maybe"}
			x.Config = pointsman.DigestOf([]byte("2"))
		}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			was, is := task(fixed{}, fixed{}), task(fixed{}, fixed{})
			c.change(is)
			if got := identity(t, was, cascadeTarget) != identity(t, is, cascadeTarget); got != c.cascade {
				t.Errorf("the cascade's identity changes: %v", got)
			}
			if got := identity(t, was, small) != identity(t, is, small); got != c.small {
				t.Errorf("the tier's identity changes: %v", got)
			}
		})
	}
	x := task(fixed{}, fixed{})
	if identity(t, x, cascadeTarget) != identity(t, x, collect.Target{Name: "renamed"}) {
		t.Error("the name of a target is for people and no part of its identity")
	}
	if identity(t, x, cascadeTarget) == identity(t, x, small) || identity(t, x, small) == identity(t, x, collect.Target{Tier: "large"}) {
		t.Error("different targets have one identity")
	}
	_, err := x.Identity(collect.Target{Name: "huge", Tier: "huge"})
	if pointsman.CodeOf(err) != pointsman.CodeInvalid {
		t.Errorf("%v", err)
	}
}
