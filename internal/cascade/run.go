package cascade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// Run takes a request through the task and writes into the decision all that
// was measured, decided and spent. The caller sets the decision's identity
// (ID, Time, Config, …) before and its end (Lifecycle, Status, Latency) after.
//
// A sink asks for the answer as a stream: its events are written to the sink
// once the tier is decided, never before. Without a sink the answer is in the
// result, whole.
//
// The error is a *[pointsman.Error] for the client; the decision then has the
// cause. It is the context's own error where the client went away.
func (t *Task) Run(ctx context.Context, now func() time.Time, r *pointsman.Request, d *pointsman.Decision, sink Sink) (*Result, error) {
	start := now()
	run := &run{task: t, now: now, request: r, decision: d, sink: sink, result: &Result{}}
	err := run.do(ctx)
	run.bill()
	d.Overhead = max(now().Sub(start)-run.waited, 0)
	return run.result, err
}

// run is the state of one Run.
type run struct {
	task     *Task
	now      clock
	request  *pointsman.Request
	decision *pointsman.Decision
	sink     Sink
	result   *Result

	waited time.Duration // within upstream calls and the client's connection
	kept   []*given      // what each attempt gave, for a fallback
	memo   signal.Memo
}

// given is an answer with the events it came in, where it was streamed.
type given struct {
	answer *pointsman.Answer
	events [][]byte
}

func (r *run) do(ctx context.Context) error {
	t, d := r.task, r.decision
	d.Task = t.ID
	d.Metadata = r.request.Metadata
	d.Slices = SlicesOf(t.Slices, r.request.Metadata)
	d.Policy = t.PolicyDigest
	d.Propensity = 1
	if err := r.rule(); err != nil {
		return err
	}
	if !t.Direct {
		d.Request = signal.OfRequest(r.request, t.Tiers[0].Students.Sharing(&r.memo))
	}
	w := newWalk(t, d.Rules, d.Slices)
	for {
		s, ok := w.next()
		if !ok {
			return r.exhausted()
		}
		attempt, g, err := r.ask(ctx, w, s)
		if err != nil {
			return err
		}
		d.Attempts = append(d.Attempts, attempt)
		r.kept = append(r.kept, g)
		r.result.Texts = append(r.result.Texts, text(g))
		if g == nil {
			w.failed(attempt.Cause, attempt.Detail)
			continue
		}
		if !w.judge(d.Request, &d.Attempts[len(d.Attempts)-1]) {
			continue
		}
		if r.result.Begun { // a final tier's stream is already with the client
			r.result.Answer = g.answer
			return nil
		}
		w.decided(d, s)
		return r.give(g)
	}
}

func text(g *given) string {
	if g == nil {
		return ""
	}
	return g.answer.Text
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

// ask asks one tier and measures what it gave. A failure of the upstream is an
// attempt without an answer; the error is for what ends the request.
func (r *run) ask(ctx context.Context, w *walk, s step) (pointsman.Attempt, *given, error) {
	tier := &r.task.Tiers[s.tier]
	a := pointsman.Attempt{Tier: tier.ID, Model: tier.Tier.Variant.Model, Variant: tier.Digest}
	started := r.now()
	testify := r.witness(ctx, s)
	g, err := r.call(ctx, w, s, tier, &a)
	witness := testify(&a, err == nil)
	if !r.result.Begun || a.Latency == 0 {
		a.Latency = r.now().Sub(started)
	}
	r.waited += r.now().Sub(started)
	if err != nil {
		a.Cause, a.Detail = failure(err), clip(err.Error())
		if unbilled(err) {
			a.Cost = pointsman.KnownCost(0)
		}
		if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) || errors.Is(err, errClient) {
			a.Cause = pointsman.CauseAborted
		}
	}
	if g != nil && g.answer != nil {
		r.measure(tier, &a, g.answer, witness)
	}
	switch {
	case err == nil:
		return a, g, nil
	case a.Cause == pointsman.CauseAborted || r.result.Begun:
		// The client is gone, or has half an answer: there is no moving on.
		if a.Cause == pointsman.CauseAborted {
			w.why, w.whyDetail = pointsman.CauseAborted, a.Detail
		}
		r.decision.Attempts = append(r.decision.Attempts, a)
		r.result.Texts = append(r.result.Texts, text(g))
		r.decision.Cause, r.decision.Detail = a.Cause, a.Detail
		if a.Cause == pointsman.CauseAborted {
			return a, nil, context.Canceled
		}
		return a, nil, brokenOff(err)
	}
	return a, nil, nil
}

// measure reads and measures an answer into its attempt.
func (r *run) measure(tier *Tier, a *pointsman.Attempt, answer *pointsman.Answer, witness *signal.Witness) {
	a.ServedBy, a.FinishReason = answer.ServedBy, answer.FinishReason
	a.Usage, a.Cost = answer.Usage, tier.Price.Cost(answer.Usage)
	a.FirstToken = answer.FirstToken
	a.Reading = r.task.Read(answer, r.request.Input)
	if r.task.Direct {
		return
	}
	a.Signals = signal.OfAnswer(r.request, answer, a.Reading, witness, tier.Students.Sharing(&r.memo))
}

// Read reads an answer through the task's contract. A direct request has none,
// and for an open task a tool call is an answer although its text is empty.
func (t *Task) Read(answer *pointsman.Answer, input string) pointsman.Reading {
	if t.Direct || answer.ToolCalls > 0 && t.Kind == pointsman.KindOpen {
		return pointsman.Reading{Valid: true}
	}
	return t.Contract.Read(answer.Text, input)
}

// failure is the cause that a failed call goes on record with.
func failure(err error) pointsman.Cause {
	if errors.Is(err, upstream.ErrTimeout) {
		return pointsman.CauseTimeout
	}
	return pointsman.CauseError
}

// unbilled says that a failed call cost nothing: it was refused, or never
// arrived. What a time-out or a broken answer cost is unknown.
func unbilled(err error) bool {
	return errors.Is(err, upstream.ErrUnavailable) || errors.Is(err, upstream.ErrRejected) || errors.Is(err, upstream.ErrNoRecording)
}

// give hands an accepted answer to the client.
func (r *run) give(g *given) error {
	r.result.Answer = g.answer
	if r.sink == nil {
		return nil
	}
	started := r.now()
	defer func() { r.waited += r.now().Sub(started) }()
	r.result.Begun = true
	err := r.sink.Begin(r.decision)
	for i := 0; err == nil && i < len(g.events); i++ {
		err = r.sink.Event(g.events[i])
	}
	if err != nil {
		r.decision.Cause, r.decision.Detail = pointsman.CauseAborted, clip(err.Error())
		return context.Canceled
	}
	return nil
}

// exhausted ends a request whose permitted tiers all failed: with the best
// answer that was not trusted where the owner permits it, else with an error.
func (r *run) exhausted() error {
	d := r.decision
	if r.task.Fallback {
		if i := fallback(d.Attempts); i >= 0 && r.kept[i] != nil {
			d.Tier, d.Model = d.Attempts[i].Tier, d.Attempts[i].Model
			d.Cause, d.Detail = pointsman.CauseFallback, "every larger tier failed"
			return r.give(r.kept[i])
		}
	}
	d.Cause = pointsman.CauseExhausted
	code, hint := pointsman.CodeUpstream, "try again; the decision's record names what each tier answered"
	if n := len(d.Attempts); n > 0 {
		d.Detail = d.Attempts[n-1].Detail
		if d.Attempts[n-1].Cause == pointsman.CauseTimeout {
			code = pointsman.CodeTimeout
		}
	}
	return &pointsman.Error{
		Code: code, Message: fmt.Sprintf("no tier of %s could answer", r.task.ID), Hint: hint,
		Err: errors.New(d.Detail),
	}
}

func brokenOff(err error) error {
	return &pointsman.Error{
		Code: pointsman.CodeUpstream, Message: "the answer broke off", Hint: "what was sent is incomplete; try again", Err: err,
	}
}

// clip bounds what an upstream's error may add to a record.
func clip(s string) string {
	const most = 500
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// bill sums what the attempts cost and what the largest tier alone would have
// cost: exactly, where it was asked and priced, and otherwise estimated from
// the usage of the answer that was given, priced as the largest tier's.
func (r *run) bill() {
	d := r.decision
	d.Cost = pointsman.KnownCost(0)
	for i := range d.Attempts {
		d.Cost = d.Cost.Add(d.Attempts[i].Cost)
		if w := d.Attempts[i].Witness; w != nil {
			d.Cost = d.Cost.Add(w.Cost)
		}
	}
	if len(r.task.Tiers) == 0 {
		return
	}
	largest := &r.task.Tiers[len(r.task.Tiers)-1]
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

// Measured is what [Task.Measure] gives.
type Measured struct {
	Request pointsman.Signals
	Attempt pointsman.Attempt
	Text    string
}

// Measure asks one tier, and the witness beside it where it is not the largest,
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
	run := &run{task: t, now: now, request: r, decision: &pointsman.Decision{Rules: effect}, result: &Result{}}
	w := &walk{task: t}
	a, g, err := run.ask(ctx, w, step{tier: i, final: i == len(t.Tiers)-1})
	if err != nil {
		return nil, err
	}
	return &Measured{Request: signal.OfRequest(r, t.Tiers[0].Students), Attempt: a, Text: text(g)}, nil
}
