package cascade_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// faulty panics when it is asked.
type faulty struct{ scripted }

func (faulty) Complete(context.Context, upstream.Call) (*pointsman.Answer, error) { panic("a fault") }

func (faulty) Stream(context.Context, upstream.Call) (upstream.Stream, error) { panic("a fault") }

// unending gives one event, and then nothing until its context ends.
type unending struct{ scripted }

func (u unending) Stream(ctx context.Context, call upstream.Call) (upstream.Stream, error) {
	s, err := u.scripted.Stream(ctx, call)
	return &waiting{Stream: s, ctx: ctx}, err
}

type waiting struct {
	upstream.Stream
	ctx   context.Context
	given bool
}

func (w *waiting) Next() (dialect.Event, error) {
	if w.given {
		<-w.ctx.Done()
		return dialect.Event{}, upstream.FromContext(w.ctx, w.ctx.Err())
	}
	w.given = true
	return w.Stream.Next()
}

// However a request ends early, the record says how, the client is told what it
// can do, no further tier is asked, and a replay agrees.
func TestEndings(t *testing.T) {
	deadline := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, 500*time.Millisecond)
	}
	drained := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		stop := context.AfterFunc(ctx, func() {})
		timer := time.AfterFunc(500*time.Millisecond, func() { cancel(cascade.ErrDrained) })
		return ctx, func() { timer.Stop(); stop(); cancel(nil) }
	}
	gone := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(500*time.Millisecond, cancel)
		return ctx, func() { timer.Stop(); cancel() }
	}
	forever := func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }
	slowly := scripted{label: "yes", p: 0.99, after: 800 * time.Millisecond} // within its tier's second
	for _, c := range []struct {
		name   string
		setup  setup
		ends   func(context.Context) (context.Context, context.CancelFunc)
		stream bool
		fail   error // of the client's connection
		want   string
		code   pointsman.ErrorCode // empty: an answer
		begun  bool
	}{
		{
			"time is over in the first tier",
			setup{small: slowly, large: sure, policy: true},
			deadline, false, nil,
			"small:request_timeout =>  (request_timeout) cost unknown of unknown", pointsman.CodeTimeout, false,
		},
		{
			"time is over in a stream that is held",
			setup{small: slowly, large: sure, policy: true},
			deadline, true, nil,
			"small:request_timeout =>  (request_timeout) cost unknown of unknown", pointsman.CodeTimeout, false,
		},
		{
			"time is over in the last tier",
			setup{small: unsure, large: slowly, policy: true},
			deadline, false, nil,
			"small:uncertain large:request_timeout =>  (request_timeout) cost unknown of $0.0011", pointsman.CodeTimeout, false,
		},
		{
			"and the best answer is given",
			setup{small: unsure, large: slowly, policy: true, fallback: true},
			deadline, false, nil,
			"small:uncertain large:request_timeout => small (fallback) cost unknown of $0.0011", "", false,
		},
		{
			"and streamed",
			setup{small: unsure, large: slowly, policy: true, fallback: true},
			deadline, true, nil,
			"small:uncertain large:request_timeout => small (fallback) cost unknown of $0.0011", "", true,
		},
		{
			"but a broken contract is no better than none",
			setup{small: slowly, large: sure, policy: true, fallback: true},
			deadline, false, nil,
			"small:request_timeout =>  (request_timeout) cost unknown of unknown", pointsman.CodeTimeout, false,
		},
		{
			"time is over in a stream that has begun",
			setup{small: unending{sure}},
			deadline, true, nil,
			"small:request_timeout => small (request_timeout) cost unknown of unknown", pointsman.CodeTimeout, true,
		},
		{
			"the server stops",
			setup{small: unsure, large: slowly, policy: true},
			drained, false, nil,
			"small:uncertain large:drained =>  (drained) cost unknown of $0.0011", pointsman.CodeUnavailable, false,
		},
		{
			"the server stops, and no untrusted answer is given",
			setup{small: unsure, large: slowly, policy: true, fallback: true},
			drained, false, nil,
			"small:uncertain large:drained =>  (drained) cost unknown of $0.0011", pointsman.CodeUnavailable, false,
		},
		{
			"the server stops in a stream",
			setup{small: unending{sure}},
			drained, true, nil,
			"small:drained => small (drained) cost unknown of unknown", pointsman.CodeUnavailable, true,
		},
		{
			"the client goes",
			setup{small: unsure, large: slowly, policy: true},
			gone, false, nil,
			"small:uncertain large:client_aborted =>  (client_aborted) cost unknown of $0.0011", "gone", false,
		},
		{
			"the client goes in a stream",
			setup{small: unending{sure}},
			gone, true, nil,
			"small:client_aborted => small (client_aborted) cost unknown of unknown", "gone", true,
		},
		{
			"the client does not take an answer",
			setup{small: sure, large: sure, policy: true},
			forever, true, io.ErrClosedPipe,
			"small:accepted => small (client_aborted) cost $0.00011 of $0.0011", "gone", true,
		},
		{
			"a fault of ours",
			setup{small: faulty{}, large: sure, policy: true},
			forever, false, nil,
			"small:internal =>  (internal) cost unknown of unknown", pointsman.CodeInternal, false,
		},
		{
			"a fault of ours in the last tier",
			setup{small: unsure, large: faulty{}, policy: true},
			forever, true, nil,
			"small:uncertain large:internal =>  (internal) cost unknown of $0.0011", pointsman.CodeInternal, false,
		},
		{
			"a fault of ours in the witness",
			setup{small: sure, large: sure, policy: true, witness: faulty{}},
			forever, false, nil,
			"small:internal =>  (internal) cost unknown of $0.0011", pointsman.CodeInternal, false,
		},
		{
			"a fault of ours beside the witness",
			setup{small: faulty{}, large: sure, policy: true, witness: slow},
			forever, false, nil,
			"small:internal =>  (internal) cost unknown of unknown", pointsman.CodeInternal, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				task := c.setup.task()
				ctx, cancel := c.ends(t.Context())
				defer cancel()
				var sink cascade.Sink
				if c.stream {
					sink = &events{fail: c.fail}
				}
				var d pointsman.Decision
				result, err := task.Run(ctx, time.Now, request(t, c.stream, nil), &d, sink)
				if got := trace(&d); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
				switch {
				case c.code == "" && (err != nil || result.Answer == nil):
					t.Errorf("%v, answer %v", err, result.Answer)
				case c.code == "gone" && !errors.Is(err, context.Canceled):
					t.Errorf("%v, want the end of the client", err)
				case c.code != "" && c.code != "gone" && pointsman.CodeOf(err) != c.code:
					t.Errorf("%v (%s), want %s", err, pointsman.CodeOf(err), c.code)
				}
				if result.Begun != c.begun || len(result.Answers) != len(d.Attempts) {
					t.Errorf("begun %v, %d answers of %d attempts", result.Begun, len(result.Answers), len(d.Attempts))
				}
				if differences := task.Replay(reread(t, &d)); len(differences) > 0 {
					t.Errorf("replay differs: %q", differences)
				}
				var fault *cascade.Fault
				if errors.As(err, &fault) != (c.code == pointsman.CodeInternal) {
					t.Errorf("fault %v", fault)
				}
			})
		})
	}
}

// A record that goes on after an end, or ends otherwise than its last attempt,
// is not what was decided.
func TestReplayNoticesAnEndThatWasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := setup{small: unsure, large: slow, policy: true}.task()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var d pointsman.Decision
		if _, err := task.Run(ctx, time.Now, request(t, false, nil), &d, nil); pointsman.CodeOf(err) != pointsman.CodeTimeout {
			t.Fatal(err)
		}
		for name, change := range map[string]func(d *pointsman.Decision){
			"another cause":           func(d *pointsman.Decision) { d.Cause = pointsman.CauseLast },
			"another attempt's cause": func(d *pointsman.Decision) { d.Attempts[1].Cause = pointsman.CauseDrained },
			"an answer that was not":  func(d *pointsman.Decision) { d.Cause, d.Tier = pointsman.CauseFallback, "small" },
			"a tier after it":         func(d *pointsman.Decision) { d.Attempts = append(d.Attempts, d.Attempts[1]) },
		} {
			back := reread(t, &d)
			change(back)
			if len(task.Replay(back)) == 0 {
				t.Errorf("%s: the change was not noticed", name)
			}
		}
	})
}

// Records that were written before the ends of requests were told apart replay
// as they did.
func TestRecordsOfEarlierVersionsReplay(t *testing.T) {
	run := func(w setup, stream bool) (*cascade.Task, *pointsman.Decision) {
		task := w.task()
		var d pointsman.Decision
		var sink cascade.Sink
		if stream {
			sink = &events{}
		}
		_, err := task.Run(t.Context(), time.Now, request(t, stream, nil), &d, sink)
		if err != nil && !strings.Contains(err.Error(), "broke off") && !strings.Contains(err.Error(), "no tier") {
			t.Fatal(err)
		}
		return task, reread(t, &d)
	}
	broken := scripted{label: "yes", p: 0.9, broken: true}
	for name, c := range map[string]struct {
		setup  setup
		stream bool
		change func(d *pointsman.Decision)
	}{
		"broken off": {setup{small: broken}, true, func(d *pointsman.Decision) {
			d.Attempts[0].Cause, d.Cause, d.Streamed, d.Lifecycle = pointsman.CauseError, pointsman.CauseError, true, pointsman.Failed
		}},
		"drained": {setup{small: down}, false, func(d *pointsman.Decision) {
			d.Attempts[0].Cause, d.Cause = pointsman.CauseAborted, pointsman.CauseDrained
		}},
		"out of time": {setup{small: down, large: down, policy: true}, false, func(d *pointsman.Decision) {
			d.Attempts[0].Cause, d.Attempts[1].Cause = pointsman.CauseTimeout, pointsman.CauseTimeout
		}},
	} {
		task, d := run(c.setup, c.stream)
		c.change(d)
		if differences := task.Replay(d); len(differences) > 0 {
			t.Errorf("%s: replay differs: %q", name, differences)
		}
	}
}
