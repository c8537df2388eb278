package cascade

import (
	"context"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// witnessReply is what a witness gave.
type witnessReply struct {
	text   string
	err    error
	record pointsman.WitnessAnswer
	fault  any // a panic, to go on with where it can be caught
}

// hasWitness says whether the task's witness is asked beside a tier: one that
// will be judged. A witness is bound by the rules like a tier: it is asked only
// where they do not forbid its place.
func (r *run) hasWitness(s step) bool {
	return r.task.Witness != nil && !s.final && !r.task.Direct && !r.decision.Rules.NoWitness
}

// noWitness is what there is to wait for where none is asked.
func noWitness(*pointsman.Attempt, bool) *signal.Witness { return nil }

// askWitness asks the task's witness beside a tier, and returns the function
// that waits for its answer. Where the tier failed, the witness is given up,
// since there is nothing to agree with; either way nothing of it is left running
// once that function has returned. cancel ends ctx.
func (r *run) askWitness(ctx context.Context, cancel context.CancelFunc) func(a *pointsman.Attempt, answered bool) *signal.Witness {
	w := r.task.Witness
	done := make(chan witnessReply, 1)
	go func() {
		var reply witnessReply
		defer func() {
			reply.fault = recover()
			done <- reply
		}()
		reply = r.witness(ctx, w)
	}()
	return func(a *pointsman.Attempt, answered bool) *signal.Witness {
		if !answered {
			cancel()
		}
		reply := <-done
		if reply.fault != nil {
			panic(reply.fault)
		}
		if !answered && reply.err != nil {
			return nil
		}
		out := &signal.Witness{}
		if reply.err != nil {
			f := upstream.FailureOf(reply.err)
			out.Missing = "the witness failed: " + string(causeOf(f))
			reply.record.Detail = detail(f)
		} else {
			out.Text = reply.text
			out.Reading = r.task.Reader.Read(reply.text, r.request.Input)
			reply.record.Label = out.Reading.Label
		}
		a.Witness = &reply.record
		return out
	}
}

// witness asks the witness.
func (r *run) witness(ctx context.Context, w *Tier) witnessReply {
	out := witnessReply{record: pointsman.WitnessAnswer{Model: w.Variant.Model, Variant: w.Digest}}
	started := r.now()
	answer, _, err := w.Complete(ctx, r.now, r.request)
	out.record.Latency = r.now().Sub(started)
	switch {
	case err == nil:
		out.text = answer.Text
		out.record.Usage, out.record.Cost = answer.Usage, w.Price.Cost(answer.Usage)
	case upstream.FailureOf(err).Unbilled():
		out.record.Cost = pointsman.KnownCost(0)
	}
	out.err = err
	return out
}
