package cascade

import (
	"context"
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// Run takes a request through the task and writes into the decision all that
// was measured, decided and spent. The caller sets the decision's identity
// (ID, Time, Config, …) before and its end (Lifecycle, Status, Latency) after.
//
// A sink asks for the answer as a stream: its pieces are written to the sink
// once the tier is decided, never before. Without a sink the answer is in the
// result, whole.
//
// The error is a *[pointsman.Error] for the client; the decision then has the
// cause. Where upstreams failed it wraps the *[upstream.Failure] that says most
// about what to do, and where this code did a *[Fault]. It is context.Canceled
// where the client went away. The result is never nil.
func (t *Task) Run(ctx context.Context, now func() time.Time, r *pointsman.Request, d *pointsman.Decision, sink Sink) (result *Result, err error) {
	start := now()
	run := &run{task: t, now: now, request: r, decision: d, sink: sink, result: &Result{}}
	defer func() {
		if value := recover(); value != nil {
			result, err = run.result, Recovered(value)
			d.Cause, d.Detail = pointsman.CauseInternal, ""
		}
		run.bill()
		d.Overhead = max(now().Sub(start)-run.waited, 0)
	}()
	err = run.do(ctx)
	return run.result, err
}

// run is the state of one Run.
type run struct {
	task     *Task
	now      func() time.Time
	request  *pointsman.Request
	decision *pointsman.Decision
	sink     Sink
	result   *Result

	waited   time.Duration       // within upstream calls and the client's connection
	replies  []*reply            // what each attempt gave; nil for nothing
	failures []*upstream.Failure // of the attempts that failed
	chosen   *reply              // for want of a better one
	memo     signal.Memo
	beside   *beside // of the last attempt
	// all asks everything that may be asked beside a tier, whatever a policy would
	// make of it.
	all bool
}

func (r *run) do(ctx context.Context) error {
	t, d := r.task, r.decision
	d.Task = t.ID
	d.Metadata = r.request.Metadata
	d.Slices = SlicesOf(t.Slices, r.request.Metadata)
	d.Policy, d.Withdrawn = t.PolicyDigest, t.Withdrawn != nil
	d.Propensity = 1
	if err := r.rule(); err != nil {
		return err
	}
	if !t.Direct {
		d.Request, d.Shape = signal.OfRequest(r.request, t.Tiers[0].Students.Sharing(&r.memo)), signal.ShapeOf(r.request)
	}
	w := newWalk(t, d.Rules, policy.Before{Slices: d.Slices, Request: d.Request, Shape: d.Shape})
	for {
		s, ok := w.next()
		if !ok {
			return r.exhausted(ctx)
		}
		a, reply, err := r.ask(ctx, w, s)
		switch {
		case err != nil:
			return r.stop(ctx, a, err)
		case reply == nil:
			w.failed(a.Cause, a.Detail)
			continue
		case !w.judge(d.Request, a):
			continue
		case r.result.Begun: // a final tier's stream is already with the client
			r.result.Answer = reply.answer
			return nil
		}
		w.decided(d, s)
		return r.give(ctx, reply)
	}
}

// rule applies the owner's rules, and refuses a request for which no tier is
// left or whose pin is not permitted.
func (r *run) rule() error {
	d := r.decision
	d.Rules = r.task.Rules.Apply(r.request)
	if len(d.Rules.Permitted) > 0 {
		if r.request.Pin != "" && r.task.index(r.request.Pin) < 0 {
			d.Cause = pointsman.CauseForbidden
			return &pointsman.Error{
				Code: pointsman.CodeInvalid, Message: fmt.Sprintf("task %s has no tier %q", r.task.ID, r.request.Pin),
				Hint: "tiers are named in the configuration; leave the pin out to let the cascade decide", Param: "x-pointsman-pin",
			}
		}
		return nil
	}
	d.Cause = pointsman.CauseForbidden
	d.Detail = fmt.Sprintf("rules %v left no tier", d.Rules.Fired)
	return &pointsman.Error{
		Code:    pointsman.CodeForbidden,
		Message: fmt.Sprintf("no tier of %s may answer this request under the rules %v", r.task.ID, d.Rules.Fired),
		Hint:    "the owner's rules on this request's metadata forbid every tier; change the metadata, or ask the owner to permit one",
	}
}

// stop ends a request at an attempt after which there is no moving on. Where
// only its time was over, an answer that was not trusted may do.
func (r *run) stop(ctx context.Context, a *pointsman.Attempt, err error) error {
	if a.Cause == pointsman.CauseDeadline && !r.result.Begun && r.fallback("the request's time was over before a larger tier answered") {
		return r.give(ctx, r.chosen)
	}
	r.decision.Cause, r.decision.Detail = a.Cause, a.Detail
	return err
}

// give hands an accepted answer to the client.
func (r *run) give(ctx context.Context, reply *reply) error {
	r.result.Answer = reply.answer
	if r.sink == nil {
		body, err := reply.whole.Body()
		if err != nil {
			r.result.Answer = nil
			r.decision.Cause, r.decision.Detail = pointsman.CauseInternal, ""
			return &pointsman.Error{Code: pointsman.CodeInternal, Message: "the answer could not be written in the client's format", Err: err}
		}
		r.result.Body = body
		return nil
	}
	started := r.now()
	defer func() { r.waited += r.now().Sub(started) }()
	r.result.Begun, r.result.End = true, reply.end
	err := r.sink.Begin(r.decision)
	for i := 0; err == nil && i < len(reply.pieces); i++ {
		err = r.sink.Write(reply.pieces[i])
	}
	if err != nil {
		r.decision.Cause, err = left(ctx)
		r.decision.Detail = "while the answer was sent"
	}
	return err
}

// bill sums what the attempts cost and what the largest tier alone would have
// cost: exactly, where it was asked and priced, and otherwise estimated from
// the usage of the answer that was given, priced as the largest tier's.
func (r *run) bill() {
	d := r.decision
	d.Cost = pointsman.KnownCost(0)
	for i := range d.Attempts {
		d.Cost = d.Cost.Add(d.Attempts[i].Cost).Add(d.Attempts[i].Beside())
	}
	if len(r.task.Tiers) == 0 {
		return
	}
	largest := r.task.Largest()
	var usage pointsman.Usage
	for i := range d.Attempts {
		a := &d.Attempts[i]
		if a.Tier == largest.ID && a.Usage.Known {
			d.Baseline = a.Cost
			return
		}
		if a.Usage.Known {
			usage = a.Usage
		}
	}
	d.Baseline = largest.Price.Cost(usage)
	d.BaselineEstimated = d.Baseline.Known
}
