package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// completions serves POST /v1/chat/completions.
func (g *Gateway) completions(w http.ResponseWriter, r *http.Request, instance Instance, who *admit.Principal) {
	started := g.Now()
	d := &pointsman.Decision{
		ID: g.IDs.Next(), Time: started.UTC(), Config: instance.Snapshot(), Principal: who.Name,
	}
	w.Header().Set(HeaderDecision, string(d.ID))
	if err := g.Log.Ready(); err != nil {
		g.fail(w, d.ID, unavailable(err))
		return
	}
	task, request, err := g.decode(w, r, instance, who)
	if err != nil {
		d.Cause, d.Detail = pointsman.CauseInvalid, public(err).Message
		g.end(w, d, texts{recording: pointsman.RecordRedacted}, started, err)
		return
	}
	d.Conversation, d.Streamed = request.Conversation, request.Stream
	ctx, cancel := context.WithTimeout(r.Context(), instance.Limits().RequestTimeout)
	defer cancel()

	var sink cascade.Sink
	var events *eventWriter
	if request.Stream {
		events = newEventWriter(w)
		sink = events
	}
	result, err := task.Run(ctx, g.Now, request, d, sink)
	if err = drained(ctx, err); errors.Is(err, ErrDrained) {
		d.Cause = pointsman.CauseDrained
	}
	said := textsOf(task, request, d, result)
	switch {
	case err != nil && events != nil && result.Begun:
		g.endStream(events, d, said, started, err)
	case err != nil:
		g.end(w, d, said, started, err)
	case events != nil:
		g.endStream(events, d, said, started, nil)
	default:
		g.complete(w, d, said, started, result.Answer)
	}
}

// decode reads, bounds and understands a request, and finds its task.
func (g *Gateway) decode(w http.ResponseWriter, r *http.Request, instance Instance, who *admit.Principal) (*cascade.Task, *pointsman.Request, error) {
	body, err := readBody(w, r, instance.Limits().MaxBody)
	if err != nil {
		return nil, nil, err
	}
	decoded, err := chat.Decode(body)
	if err != nil {
		return nil, nil, err
	}
	task, err := find(instance, who, decoded.Model)
	if err != nil {
		return nil, nil, err
	}
	request := &decoded.Request
	request.Principal = who.Name
	request.Pin = pointsman.TierID(r.Header.Get(HeaderPin))
	if len(who.Metadata) > 0 {
		if request.Metadata == nil {
			request.Metadata = make(map[string]string, len(who.Metadata))
		}
		maps.Copy(request.Metadata, who.Metadata)
	}
	request.Conversation = r.Header.Get(HeaderConversation)
	if request.Conversation == "" {
		request.Conversation = request.Metadata["conversation"]
	}
	if len(request.Conversation) > 256 {
		return nil, nil, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "the conversation's name is longer than 256 bytes", Param: HeaderConversation,
		}
	}
	return task, request, nil
}

// readBody reads a body up to its bound.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if r.ContentLength > most {
		return nil, tooLarge(most)
	}
	var buffer bytes.Buffer
	if r.ContentLength > 0 {
		buffer.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, most)); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, tooLarge(most)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the body ended before its Content-Length")
		}
		return nil, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "the request's body could not be read", Hint: "send it again", Err: err,
		}
	}
	return buffer.Bytes(), nil
}

func tooLarge(most int64) error {
	return &pointsman.Error{
		Code: pointsman.CodeTooLarge, Message: "the request's body is larger than " + strconv.FormatInt(most, 10) + " bytes",
		Hint: "send less, or raise server.max_body",
	}
}

func unavailable(err error) error {
	return &pointsman.Error{
		Code: pointsman.CodeUnavailable, Message: "decisions cannot be recorded now, and the owner chose to refuse requests then",
		Hint: "the journal's disk is full or failing; see journal.on_full", Err: err,
	}
}

// texts are what a request and its answers say, under the recording that its
// task asks for.
type texts struct {
	recording pointsman.Recording
	payload   *journal.Payload
}

func textsOf(task *cascade.Task, r *pointsman.Request, d *pointsman.Decision, result *cascade.Result) texts {
	p := &journal.Payload{Decision: d.ID, Request: string(r.Body), Input: r.Input}
	for i, text := range result.Texts {
		p.Attempts = append(p.Attempts, journal.AttemptText{Tier: d.Attempts[i].Tier, Answer: text})
	}
	return texts{recording: task.Record, payload: p}
}

// complete records a finished decision and then gives the answer.
func (g *Gateway) complete(w http.ResponseWriter, d *pointsman.Decision, p texts, started time.Time, a *pointsman.Answer) {
	d.Lifecycle, d.Status = pointsman.Completed, http.StatusOK
	if err := g.record(d, p, started); err != nil {
		g.fail(w, d.ID, err)
		return
	}
	explain(w.Header(), d)
	g.writeJSON(w, http.StatusOK, a.Body)
}

// end records a decision that ended without an answer, and says so.
func (g *Gateway) end(w http.ResponseWriter, d *pointsman.Decision, p texts, started time.Time, err error) {
	if errors.Is(err, context.Canceled) {
		g.abort(d, p, started)
		return
	}
	err = inTime(err)
	d.Lifecycle, d.Status = pointsman.Failed, statusOf(public(err).Code)
	if recordErr := g.record(d, p, started); recordErr != nil {
		err = recordErr
	}
	explain(w.Header(), d)
	g.fail(w, d.ID, err)
}

// endStream records a decision whose stream has begun, and ends the stream:
// with [DONE] only where the record is safe.
func (g *Gateway) endStream(events *eventWriter, d *pointsman.Decision, p texts, started time.Time, err error) {
	if errors.Is(err, context.Canceled) {
		g.abort(d, p, started)
		return
	}
	d.Lifecycle, d.Status = pointsman.Completed, http.StatusOK
	if err != nil {
		err = inTime(err)
		d.Lifecycle = pointsman.Failed
	}
	if recordErr := g.record(d, p, started); recordErr != nil {
		err = recordErr
	}
	if err != nil {
		g.Logger.Error("stream broke off", "decision", d.ID, "error", err)
		err = events.end(chat.ErrorBody(public(err), string(d.ID)))
	} else {
		err = events.done()
	}
	if err != nil {
		g.Logger.Debug("client went away", "decision", d.ID, "error", err)
	}
}

// abort records a decision whose client went away.
func (g *Gateway) abort(d *pointsman.Decision, p texts, started time.Time) {
	d.Lifecycle, d.Status, d.Cause = pointsman.Aborted, statusClientGone, pointsman.CauseAborted
	if err := g.record(d, p, started); err != nil {
		g.Logger.Error("an aborted request could not be recorded", "decision", d.ID, "error", err)
	}
}

// record puts the decision on record.
func (g *Gateway) record(d *pointsman.Decision, p texts, started time.Time) error {
	d.Latency = g.Now().Sub(started)
	if d.Overhead == 0 || d.Overhead > d.Latency {
		d.Overhead = d.Latency
	}
	err := g.Log.Record(d, p.recording, p.payload)
	g.Observe(d)
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// inTime turns the end of the request's own time into an error for people.
func inTime(err error) error {
	if errors.Is(err, context.DeadlineExceeded) && pointsman.CodeOf(err) == pointsman.CodeInternal {
		return &pointsman.Error{
			Code: pointsman.CodeTimeout, Message: "the request took longer than server.request_timeout", Hint: "try again", Err: err,
		}
	}
	return err
}

// explain sets the headers that say what happened.
func explain(h http.Header, d *pointsman.Decision) {
	h.Set(HeaderCause, string(d.Cause))
	if d.Tier == "" {
		return
	}
	h.Set(HeaderTier, string(d.Tier))
	h.Set(HeaderModel, string(d.Model))
	for i := range d.Attempts {
		c := &d.Attempts[i].Confidence
		if c.Uplift != nil && h.Get(HeaderUplift) == "" {
			h.Set(HeaderUplift, strconv.FormatFloat(*c.Uplift, 'g', -1, 64))
		}
		if c.Acceptable != nil && d.Attempts[i].Tier == d.Tier {
			h.Set(HeaderConfidence, strconv.FormatFloat(*c.Acceptable, 'f', 4, 64))
		}
	}
}
