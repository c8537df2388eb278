package cascade

import (
	"context"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// testimony is what a witness gave.
type testimony struct {
	answer *pointsman.Answer
	err    error
	said   pointsman.WitnessAnswer
}

// witness asks the task's witness beside a tier that will be judged, and
// returns the function that waits for what it says. Where the tier failed, the
// witness is given up, since there is nothing to agree with; either way nothing
// of it is left running once that function has returned.
//
// A witness is bound by the rules like a tier: it is asked only where they do
// not forbid its place.
func (r *run) witness(ctx context.Context, s step) func(a *pointsman.Attempt, answered bool) *signal.Witness {
	w := r.task.Witness
	if w == nil || s.final || r.task.Direct || r.decision.Rules.NoWitness {
		return func(*pointsman.Attempt, bool) *signal.Witness { return nil }
	}
	timed, cancel := context.WithTimeoutCause(ctx, w.Timeout, upstream.ErrTimeout)
	done := make(chan testimony, 1)
	go func() { done <- r.testify(timed, w) }()
	return func(a *pointsman.Attempt, answered bool) *signal.Witness {
		if !answered {
			cancel()
		}
		t := <-done
		cancel()
		if !answered && t.err != nil {
			return nil
		}
		out := &signal.Witness{}
		if t.err != nil {
			out.Missing = "the witness failed: " + string(failure(t.err))
			t.said.Detail = clip(t.err.Error())
		} else {
			out.Text = t.answer.Text
			out.Reading = r.task.Contract.Read(t.answer.Text, r.request.Input)
			t.said.Label = out.Reading.Label
		}
		a.Witness = &t.said
		return out
	}
}

// testify asks the witness.
func (r *run) testify(ctx context.Context, w *Tier) testimony {
	variant := w.Tier.Variant
	t := testimony{said: pointsman.WitnessAnswer{Model: variant.Model, Variant: w.Digest}}
	body, err := chat.Rewrite(r.request.Body, chat.Outgoing{Model: w.Name, System: variant.Prompt.System, Params: variant.Params, DropMetadata: true})
	if err != nil {
		t.err = err
		return t
	}
	started := r.now()
	t.answer, t.err = w.Upstream.Complete(ctx, upstream.Call{Body: body, Model: w.Name, Input: r.request.Input})
	t.said.Latency = r.now().Sub(started)
	switch {
	case t.err == nil:
		t.said.Usage, t.said.Cost = t.answer.Usage, w.Price.Cost(t.answer.Usage)
	case unbilled(t.err):
		t.said.Cost = pointsman.KnownCost(0)
	}
	return t
}
