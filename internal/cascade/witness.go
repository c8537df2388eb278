package cascade

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// beside is what is asked beside one tier: the task's witnesses in their order, and
// then the tier itself again. They are asked with a context of their own, which
// ends when nobody waits for them any more.
type beside struct {
	run  *run
	tier *Tier
	// steps are what is asked at once, in order: one witness each, and last all
	// samples. A witness that the rules forbid is an empty step.
	steps []func(ctx context.Context) []witnessReply
	// replies are those of the steps that were asked.
	replies [][]witnessReply
	group   sync.WaitGroup
}

// witnessReply is what a witness gave.
type witnessReply struct {
	answer *pointsman.Answer
	err    error
	record pointsman.WitnessAnswer
	fault  any // a panic, to go on with where it can be caught
}

// besides plans what is asked beside a tier: nothing where its answer is not
// judged. Witnesses are bound by the rules like tiers: each is asked only where they
// do not forbid its place. A sample is asked where the tier is.
func (r *run) besides(s step, tier *Tier) *beside {
	b := &beside{run: r, tier: tier}
	r.beside = b
	if s.final || r.task.Direct {
		return b
	}
	for i := range r.task.Witnesses {
		w := &r.task.Witnesses[i]
		if r.decision.Rules.NoWitness || slices.Contains(r.decision.Rules.Without, w.ID) {
			b.steps = append(b.steps, nil)
			continue
		}
		b.steps = append(b.steps, func(ctx context.Context) []witnessReply { return []witnessReply{r.witness(ctx, w, w.ID)} })
	}
	if tier.Sample != nil {
		b.steps = append(b.steps, func(ctx context.Context) []witnessReply { return r.samples(ctx, tier.Sample, r.task.Samples-1) })
	}
	b.replies = make([][]witnessReply, len(b.steps))
	return b
}

// inTurn says whether witnesses are asked one after the other once the tier has
// answered, as long as they can change the decision, and not all beside it.
func (r *run) inTurn() bool {
	return !r.all && r.task.Policy != nil && r.task.PolicyProblem == nil
}

// askOn asks on in the order of the steps, as long as the next one can change what
// is decided on the answer. An answer that breaks its contract is decided on
// already.
func (r *run) askOn(ctx context.Context, s step, tier *Tier, a *pointsman.Attempt, answer *pointsman.Answer, b *beside) {
	for i, step := range b.steps {
		if !a.Reading.Valid || ctx.Err() != nil || !r.task.Policy.More(s.tier, r.decision.Request, a.Signals, i) {
			return
		}
		if step == nil {
			continue // the rules forbid it
		}
		started := r.now()
		b.replies[i] = step(ctx)
		took := r.now().Sub(started)
		a.Latency += took
		r.waited += took
		r.measure(tier, a, answer, b.settle(a, true))
	}
}

// start asks all steps at once.
func (b *beside) start(ctx context.Context) {
	for i, step := range b.steps {
		if step == nil {
			continue
		}
		b.group.Go(func() { b.replies[i] = step(ctx) })
	}
}

// given takes answers that exist already in place of asking. Those that the task
// has no witness for are left out, and so are samples unless there are as many as
// the tier would be asked for.
func (b *beside) given(g BesideText) {
	for i := range b.steps {
		if i < len(b.run.task.Witnesses) {
			if i < len(g.Witnesses) && g.Witnesses[i] != nil {
				b.replies[i] = []witnessReply{givenReply(&b.run.task.Witnesses[i], b.run.task.Witnesses[i].ID, *g.Witnesses[i])}
			}
			continue
		}
		if len(g.Samples) != b.run.task.Samples-1 {
			continue
		}
		for _, text := range g.Samples {
			b.replies[i] = append(b.replies[i], givenReply(b.tier.Sample, "", text))
		}
	}
}

func givenReply(w *Tier, name pointsman.TierID, text string) witnessReply {
	return witnessReply{
		answer: &pointsman.Answer{Text: text},
		record: pointsman.WitnessAnswer{Name: name, Model: w.Variant.Model, Variant: w.Digest},
	}
}

// wait waits for what was started. Nothing of it is left running then.
func (b *beside) wait() { b.group.Wait() }

// settle puts what was asked on the record of the attempt, and goes on with a
// panic of one that was asked, where it can be caught. Where the tier gave no
// answer there was nothing to agree with, and who was given up for that is not on
// record.
func (b *beside) settle(a *pointsman.Attempt, answered bool) *signal.Beside {
	if len(b.steps) == 0 {
		return nil
	}
	a.Witnesses, a.Samples = nil, nil
	witnesses := len(b.run.task.Witnesses)
	out := &signal.Beside{Witnesses: make([]*signal.Witness, witnesses), Sampled: b.tier.Sample != nil}
	for i, replies := range b.replies {
		for k := range replies {
			reply := &replies[k]
			if reply.fault != nil {
				a.Witnesses = append(a.Witnesses, reply.record) // nobody knows what it cost
				panic(reply.fault)
			}
			if !answered && errors.Is(reply.err, context.Canceled) {
				continue
			}
			w := b.read(reply)
			if i < witnesses {
				out.Witnesses[i] = w
				a.Witnesses = append(a.Witnesses, reply.record)
			} else {
				out.Samples = append(out.Samples, *w)
				a.Samples = append(a.Samples, reply.record)
			}
		}
	}
	return out
}

// texts are what was said; nil where nothing was.
func (b *beside) texts() *BesideText {
	if len(b.steps) == 0 {
		return nil
	}
	witnesses := len(b.run.task.Witnesses)
	out := &BesideText{Witnesses: make([]*string, witnesses)}
	for i, replies := range b.replies {
		for k := range replies {
			switch a := replies[k].answer; {
			case a == nil:
			case i < witnesses:
				out.Witnesses[i] = &a.Text
			default:
				out.Samples = append(out.Samples, a.Text)
			}
		}
	}
	return out
}

// read reads a reply through the task's contract, as the tier's answer is.
func (b *beside) read(reply *witnessReply) *signal.Witness {
	if reply.err != nil {
		f := upstream.FailureOf(reply.err)
		reply.record.Failure, reply.record.Detail = f.Kind, detail(f)
		return &signal.Witness{Missing: "the witness failed: " + string(causeOf(f))}
	}
	out := &signal.Witness{Answer: reply.answer, Reading: b.run.task.Read(reply.answer, b.run.request.Input)}
	reply.record.Label = out.Reading.Label
	return out
}

// samples asks a tier for so many further answers at once.
func (r *run) samples(ctx context.Context, tier *Tier, n int) []witnessReply {
	out := make([]witnessReply, n)
	var group sync.WaitGroup
	for i := range out {
		group.Go(func() { out[i] = r.witness(ctx, tier, "") })
	}
	group.Wait()
	return out
}

// witness asks a witness, or the tier itself again.
func (r *run) witness(ctx context.Context, w *Tier, name pointsman.TierID) (out witnessReply) {
	defer func() {
		if value := recover(); value != nil {
			out.fault = value
		}
	}()
	out.record = pointsman.WitnessAnswer{Name: name, Model: w.Variant.Model, Variant: w.Digest}
	started := r.now()
	answer, _, err := w.Complete(ctx, r.now, r.request)
	out.record.Latency = r.now().Sub(started)
	switch {
	case err == nil:
		out.answer = answer.Answer
		out.record.Usage, out.record.Cost = answer.Usage, w.Price.Cost(answer.Usage)
	case upstream.FailureOf(err).Unbilled():
		out.record.Cost = pointsman.KnownCost(0)
	}
	out.err = err
	return out
}
