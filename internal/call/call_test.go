package call_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/call"
	"github.com/pointsman-ai/pointsman/internal/call/calltest"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const body = `{"model":"t","messages":[{"role":"user","content":"is it?"}],"metadata":{"class":"health"}}`

func request(t *testing.T) *pointsman.Request {
	t.Helper()
	_, r, err := chat.Client{}.Decode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fake answers after a time, or fails.
type fake struct {
	after time.Duration
	err   error
	sent  *upstream.Call
	// pause comes before each event of a stream but the first.
	pause time.Duration
}

func (fake) Dialect() pointsman.Dialect { return pointsman.DialectChat }

func (f fake) Complete(ctx context.Context, c upstream.Call) (*pointsman.Answer, error) {
	if f.sent != nil {
		*f.sent = c
	}
	select {
	case <-time.After(f.after):
	case <-ctx.Done():
		return nil, upstream.FromContext(ctx, ctx.Err())
	}
	if f.err != nil {
		return nil, f.err
	}
	return chat.ParseAnswer(chat.Build(chat.Completion{ID: "1", Model: c.Model, Text: "yes", FinishReason: "stop"}))
}

func (f fake) Stream(ctx context.Context, c upstream.Call) (upstream.Stream, error) {
	answer, err := f.Complete(ctx, c)
	if err != nil {
		return nil, err
	}
	whole, err := chat.NewWholeStream(answer, ctx.Err)
	return &paced{Stream: whole, ctx: ctx, pause: f.pause}, err
}

type paced struct {
	upstream.Stream
	ctx   context.Context
	pause time.Duration
	begun bool
}

func (p *paced) Next() (dialect.Event, error) {
	if p.begun {
		select {
		case <-time.After(p.pause):
		case <-p.ctx.Done():
			return dialect.Event{}, upstream.FromContext(p.ctx, p.ctx.Err())
		}
	}
	p.begun = true
	return p.Stream.Next()
}

func tier(u upstream.Upstream) call.Tier {
	return calltest.Tier(pointsman.Tier{
		ID: "small", Timeout: time.Second, Place: pointsman.Place{Upstream: "api"},
		Variant: pointsman.Variant{Model: "m", Prompt: pointsman.Prompt{System: "be brief"}, Params: map[string]string{"temperature": "0"}},
	}, u)
}

// A tier is sent what it changes in a request, and every call is on record.
func TestComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent upstream.Call
		small := tier(fake{after: 10 * time.Millisecond, sent: &sent})
		answer, tries, err := small.Complete(t.Context(), time.Now, request(t))
		if err != nil || answer.Text != "yes" {
			t.Fatalf("%+v, %v", answer, err)
		}
		if whole, err := answer.Body(); err != nil || !strings.Contains(string(whole), `"content":"yes"`) {
			t.Errorf("%s, %v", whole, err)
		}
		if len(tries) != 1 || tries[0] != (pointsman.Try{Upstream: "api", Latency: 10 * time.Millisecond}) {
			t.Errorf("tries %+v", tries)
		}
		text := string(sent.Body)
		for _, want := range []string{`"model":"small"`, "be brief", `"temperature":0`, "is it?"} {
			if !strings.Contains(text, want) {
				t.Errorf("sent %s, without %s", text, want)
			}
		}
		if strings.Contains(text, "health") {
			t.Errorf("the client's metadata went on: %s", text)
		}
		small.KeepMetadata = true
		if _, _, err := small.Complete(t.Context(), time.Now, request(t)); err != nil || !strings.Contains(string(sent.Body), "health") {
			t.Errorf("sent %s, %v", sent.Body, err)
		}
	})
}

// The tier's own time and the request's are told apart, and failures keep what
// they say.
func TestFailures(t *testing.T) {
	limited := &upstream.Failure{Kind: pointsman.FailureRateLimited, RetryAfter: 3 * time.Second, Response: &upstream.Response{Status: 429}}
	for name, c := range map[string]struct {
		upstream upstream.Upstream
		limit    time.Duration // of the request; 0 is none
		want     error
		try      pointsman.Try
	}{
		"the tier's time":    {fake{after: time.Hour}, 0, upstream.ErrTimeout, pointsman.Try{Upstream: "api", Failure: pointsman.FailureTimeout, Latency: time.Second}},
		"the request's time": {fake{after: time.Hour}, time.Second / 2, context.DeadlineExceeded, pointsman.Try{Upstream: "api", Latency: time.Second / 2}},
		"a refusal": {
			fake{err: limited},
			0, limited,
			pointsman.Try{Upstream: "api", Failure: pointsman.FailureRateLimited, Status: 429, RetryAfter: 3 * time.Second},
		},
		"an error of no kind": {fake{err: errors.New("?")}, 0, upstream.ErrMalformed, pointsman.Try{Upstream: "api", Failure: pointsman.FailureMalformed}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.limit)
					defer cancel()
				}
				small := tier(c.upstream)
				_, tries, err := small.Complete(ctx, time.Now, request(t))
				if !errors.Is(err, c.want) || len(tries) != 1 || tries[0] != c.try {
					t.Errorf("whole: %v, %+v", err, tries)
				}
				stream, tries, err := small.Open(ctx, time.Now, request(t))
				if stream != nil {
					t.Fatal("a stream was opened")
				}
				if c.limit > 0 { // it was over before
					c.try.Latency = 0
				}
				if !errors.Is(err, c.want) || len(tries) != 1 || tries[0] != c.try {
					t.Errorf("stream: %v, %+v", err, tries)
				}
			})
		})
	}
}

// The tier's time covers a stream until it is lifted, and no longer.
func TestStreamsInTime(t *testing.T) {
	for _, untimed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			small := tier(fake{pause: 700 * time.Millisecond})
			s, tries, err := small.Open(t.Context(), time.Now, request(t))
			if err != nil || tries != nil {
				t.Fatal(err, tries)
			}
			defer s.Close()
			pieces := 0
			for ; err == nil; pieces++ {
				var content bool
				if _, content, err = s.Next(); err == nil && !content {
					t.Error("a piece without content")
				}
				if untimed && pieces == 0 {
					s.Untimed()
				}
			}
			if untimed && (!errors.Is(err, io.EOF) || s.Answer().Text != "yes" || s.Tries()[0].Failure != "") {
				t.Errorf("%v after %d pieces: %+v", err, pieces, s.Tries())
			}
			if !untimed && (!errors.Is(err, upstream.ErrTimeout) || s.Tries()[0].Failure != pointsman.FailureTimeout) {
				t.Errorf("%v after %d pieces: %+v", err, pieces, s.Tries())
			}
			if string(s.End()) != "data: [DONE]\n\n" {
				t.Errorf("it ends with %q", s.End())
			}
		})
	}
}

// What cannot be asked was not: it costs nothing, and there is no try.
func TestWhatCannotBeAsked(t *testing.T) {
	unserved, foreign := tier(fake{}), tier(fake{})
	unserved.Endpoints = nil
	foreign.Conversions = nil
	for name, one := range map[string]call.Tier{"no endpoint": unserved, "no conversion": foreign} {
		_, tries, err := one.Complete(t.Context(), time.Now, request(t))
		if !errors.Is(err, upstream.ErrLocal) || len(tries) != 0 || !upstream.FailureOf(err).Unbilled() {
			t.Errorf("%s: %v, %+v", name, err, tries)
		}
		if _, tries, err := one.Open(t.Context(), time.Now, request(t)); !errors.Is(err, upstream.ErrLocal) || len(tries) != 0 {
			t.Errorf("%s, as a stream: %v, %+v", name, err, tries)
		}
	}
}
