package cascade

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// Measured is what [Task.Measure] gives.
type Measured struct {
	Request pointsman.Signals
	Attempt pointsman.Attempt
	Text    string
	// ToolCalls are the calls of tools that the answer asks for.
	ToolCalls []pointsman.ToolCall
	// Beside is what was said beside it; nil where nothing was.
	Beside *BesideText
}

// Measure asks one tier, and all witnesses beside it where it is not the largest,
// and measures the answer as the cascade would, under the rules and without
// deciding anything: what calibration learns from. A failed tier is an attempt
// with that cause. The error is the context's, or has [pointsman.CodeForbidden]
// where the rules forbid the tier; then nothing was asked.
func (t *Task) Measure(ctx context.Context, now func() time.Time, r *pointsman.Request, id pointsman.TierID) (*Measured, error) {
	i := t.index(id)
	if i < 0 {
		return nil, fmt.Errorf("task %s has no tier %q", t.ID, id)
	}
	effect := t.Rules.Apply(r)
	if !slices.Contains(effect.Permitted, id) {
		return nil, &pointsman.Error{
			Code: pointsman.CodeForbidden, Message: fmt.Sprintf("tier %s of %s may not be asked under the rules %v", id, t.ID, effect.Fired),
			Hint: "leave the example out, or change its metadata",
		}
	}
	run := &run{task: t, now: now, request: r, decision: &pointsman.Decision{Rules: effect}, result: &Result{}, all: true}
	a, reply, err := run.ask(ctx, &walk{task: t}, step{tier: i, final: i == len(t.Tiers)-1})
	if err != nil {
		return nil, ctx.Err() // nothing else ends a call without a client
	}
	m := &Measured{Request: signal.OfRequest(r, t.Tiers[0].Students), Attempt: *a}
	if reply != nil {
		m.Text, m.ToolCalls, m.Beside = reply.answer.Text, reply.answer.ToolCalls, run.beside.texts()
	}
	return m, nil
}

// BesideText is what was said beside an answer.
type BesideText struct {
	// Witnesses are the texts of the task's witnesses, in their order; nil for one
	// that said nothing.
	Witnesses []*string `json:"witnesses,omitempty"`
	// Samples are the tier's own further answers.
	Samples []string `json:"samples,omitempty"`
}

// MeasureGiven measures an answer that exists already as Measure would have, had
// the tier given it now. Nothing is asked and no rule is applied.
func (t *Task) MeasureGiven(r *pointsman.Request, id pointsman.TierID, answer *pointsman.Answer, beside BesideText) (*Measured, error) {
	i := t.index(id)
	if i < 0 {
		return nil, fmt.Errorf("task %s has no tier %q", t.ID, id)
	}
	tier := &t.Tiers[i]
	a := pointsman.Attempt{Tier: tier.ID, Model: tier.Variant.Model, Variant: tier.Digest, Latency: answer.Latency}
	run := &run{task: t, request: r, decision: &pointsman.Decision{}}
	others := run.besides(step{tier: i, final: i == len(t.Tiers)-1}, tier)
	others.given(beside)
	run.measure(tier, &a, answer, others.settle(&a, true))
	return &Measured{
		Request: signal.OfRequest(r, t.Tiers[0].Students), Attempt: a, Text: answer.Text, ToolCalls: answer.ToolCalls, Beside: others.texts(),
	}, nil
}
