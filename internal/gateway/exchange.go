package gateway

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/memory"
)

// maxConversation bounds a conversation's name, in bytes.
const maxConversation = 256

// exchange is one request for an answer, from its first byte to its last. It is
// served in one way: decode, run, finish. Whatever happens on the way, it is
// finished in one place.
type exchange struct {
	g        *Gateway
	w        http.ResponseWriter
	ctx      context.Context //nolint:containedctx // of the request, as the connection has it
	client   dialect.Client
	instance Instance
	who      *admit.Principal
	started  time.Time
	deadline time.Time // of the request, by the machine's own clock
	decision *pointsman.Decision

	task    *cascade.Task      // nil until it is known
	request *pointsman.Request // nil until it is understood
	result  *cascade.Result    // nil until it was run
	stream  *eventWriter       // nil where no stream was asked for
}

// answer serves requests for answers in a client's dialect.
func (g *Gateway) answer(client dialect.Client) handler {
	return func(w http.ResponseWriter, r *http.Request, instance Instance, who *admit.Principal) {
		x := &exchange{g: g, w: w, ctx: r.Context(), client: client, instance: instance, who: who, started: g.Now()}
		x.decision = &pointsman.Decision{
			ID: g.IDs.Next(), Time: x.started.UTC(), Config: instance.Snapshot(), Principal: who.Name,
			Cost: pointsman.KnownCost(0), // until something is asked
		}
		w.Header().Set(HeaderDecision, string(x.decision.ID))
		if err := g.Log.Ready(); err != nil {
			g.fail(w, x.decision.ID, unavailable(err))
			return
		}
		lease := g.Memory.Lease()
		defer lease.Release()
		x.finish(x.serve(memory.With(r.Context(), lease), r))
	}
}

// serve decodes the request and runs it. The decision has the cause of its error.
func (x *exchange) serve(ctx context.Context, r *http.Request) (err error) {
	d := x.decision
	defer func() {
		if value := recover(); value != nil {
			err = cascade.Recovered(value)
			d.Cause, d.Detail = pointsman.CauseInternal, ""
		}
	}()
	if err := x.decode(ctx, r); err != nil {
		d.Cause, d.Detail = pointsman.CauseInvalid, public(err).Message
		return err
	}
	d.Conversation, d.Streamed = x.request.Conversation, x.request.Stream
	limit := x.instance.RequestTimeout()
	x.deadline = time.Now().Add(limit)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var sink cascade.Sink // nil, and not a nil *eventWriter
	if x.request.Stream {
		x.stream = newEventWriter(x)
		sink = x.stream
	}
	x.result, err = x.task.Run(ctx, x.g.Now, x.request, d, sink)
	return err
}

// decode reads, bounds and understands a request, and finds its task.
func (x *exchange) decode(ctx context.Context, r *http.Request) error {
	body, err := readBody(r, memory.From(ctx), x.instance.MaxBody())
	if err != nil {
		return err
	}
	model, request, err := x.client.Decode(body)
	if err != nil {
		return err
	}
	task, err := find(x.instance, x.who, model)
	if err != nil {
		return err
	}
	request.Principal = x.who.Name
	request.Pin = pointsman.TierID(r.Header.Get(HeaderPin))
	if len(x.who.Metadata) > 0 {
		if request.Metadata == nil {
			request.Metadata = make(map[string]string, len(x.who.Metadata))
		}
		maps.Copy(request.Metadata, x.who.Metadata)
	}
	request.Conversation = r.Header.Get(HeaderConversation)
	if request.Conversation == "" {
		request.Conversation = request.Metadata["conversation"]
	}
	x.task, x.request = task, request
	switch {
	case len(request.Conversation) > maxConversation:
		request.Conversation = ""
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "the conversation's name is longer than 256 bytes", Param: HeaderConversation,
		}
	case request.Choices > 1 && !task.Direct:
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "a task gives one answer, and n asks for more",
			Hint: "leave n out and send the request as often as you want answers, or name provider/model", Param: "n",
		}
	}
	return x.g.Log.Fits(task.Record, int64(len(body)))
}

// finish ends the exchange: it settles how the request ended, puts that on
// record, and only then gives the last of the answer, or says what went wrong.
func (x *exchange) finish(err error) {
	x.settle(err)
	if recordErr := x.record(); recordErr != nil && x.decision.Lifecycle != pointsman.Aborted {
		err = recordErr
	}
	x.writable(false) // from here on: recording may have taken its time
	if err != nil {
		x.fail(err)
		return
	}
	if x.stream != nil {
		err = x.stream.Write(x.result.End)
	} else {
		explain(x.w.Header(), x.decision)
		err = x.g.write(x.w, http.StatusOK, x.result.Body)
	}
	if err != nil {
		x.g.Logger.Debug("client went away", "decision", x.decision.ID, "error", err)
		return
	}
	if x.g.Kept != nil && x.decision.Cause == pointsman.CauseAccepted {
		x.g.Kept(x.decision, x.request, x.result.Answer.Text)
	}
}

// settle says how the request ended.
func (x *exchange) settle(err error) {
	d := x.decision
	switch {
	case err == nil:
		d.Lifecycle, d.Status = pointsman.Completed, http.StatusOK
	case errors.Is(err, context.Canceled):
		d.Lifecycle, d.Status, d.Cause = pointsman.Aborted, statusClientGone, pointsman.CauseAborted
	case x.begun():
		d.Lifecycle, d.Status = pointsman.Failed, http.StatusOK
	default:
		d.Lifecycle, d.Status = pointsman.Failed, refusalOf(x.client, err, d.ID).status
	}
}

// begun says that the client has some of a stream.
func (x *exchange) begun() bool { return x.result != nil && x.result.Begun }

// record puts the decision on record, with the texts under the recording that
// its task asks for.
func (x *exchange) record() error {
	d := x.decision
	d.Latency = x.g.Now().Sub(x.started)
	if d.Overhead == 0 || d.Overhead > d.Latency {
		d.Overhead = d.Latency
	}
	recording := pointsman.RecordRedacted
	var texts *journal.Payload
	if x.task != nil {
		recording = x.task.Record
	}
	if x.result != nil {
		texts = &journal.Payload{Decision: d.ID, Request: string(x.request.Payload.Body), Input: x.request.Input}
		for i, a := range x.result.Answers {
			text := journal.AttemptText{Tier: d.Attempts[i].Tier}
			if a != nil {
				text.Answer, text.ToolCalls = a.Text, a.ToolCalls
			}
			texts.Attempts = append(texts.Attempts, text)
		}
	}
	err := x.g.Log.Record(d, recording, texts)
	x.g.Observe(d)
	switch {
	case err == nil:
		return nil
	case d.Lifecycle == pointsman.Aborted:
		x.g.Logger.Error("an aborted request could not be recorded", "decision", d.ID, "error", err)
	}
	return unavailable(err)
}

// fail tells the client what went wrong: by a status, or by what ends a stream
// that has begun.
func (x *exchange) fail(err error) {
	x.log(err)
	if x.begun() {
		err = x.stream.Write(x.client.StreamError(public(err), x.decision.ID))
	} else {
		explain(x.w.Header(), x.decision)
		err = x.g.refuse(x.w, refusalOf(x.client, err, x.decision.ID))
	}
	if err != nil {
		x.g.Logger.Debug("client went away", "decision", x.decision.ID, "error", err)
	}
}
