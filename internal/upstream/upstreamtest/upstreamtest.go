// Package upstreamtest is the conformance suite of upstreams: what the cascade
// relies on, whichever family answers.
package upstreamtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// prompt is how soon a call whose context has ended must be over. It is
// generous, for machines under load; a call that hangs misses it by far.
const prompt = 5 * time.Second

// Run checks an upstream. open makes a fresh one and registers with t whatever
// is to be cleaned up; call must be one that it answers, always in the same
// way.
func Run(t *testing.T, open func(t *testing.T) upstream.Upstream, call upstream.Call) {
	t.Helper()
	for _, c := range []struct {
		name  string
		check func(t *testing.T, u upstream.Upstream, call upstream.Call)
	}{
		{"Complete", complete},
		{"StreamAgrees", streamAgrees},
		{"ContextHasEnded", contextHasEnded},
		{"StreamEndsWithItsContext", streamEndsWithItsContext},
		{"CloseTwice", closeTwice},
		{"Concurrent", concurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			// Cleanups run last in, first out: this one comes after open's.
			t.Cleanup(func() {
				if !t.Failed() {
					goleak.VerifyNone(t, before)
				}
			})
			u := open(t)
			mine := call
			mine.Body = bytes.Clone(call.Body)
			c.check(t, u, mine)
			if !bytes.Equal(mine.Body, call.Body) {
				t.Error("the call's body was changed")
			}
			if closer, ok := u.(io.Closer); ok {
				for range 2 {
					if err := closer.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				}
			}
		})
	}
}

func complete(t *testing.T, u upstream.Upstream, call upstream.Call) {
	if u.Dialect() != pointsman.DialectChat {
		t.Errorf("dialect %q", u.Dialect())
	}
	a, err := u.Complete(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	if !isObject(a.Body, "chat.completion") {
		t.Errorf("the body is no chat.completion: %s", a.Body)
	}
	if a.Text == "" && a.Refusal == "" && len(a.ToolCalls) == 0 {
		t.Error("the answer is empty")
	}
	if a.Latency < 0 || a.FirstToken < 0 || a.FirstToken > a.Latency {
		t.Errorf("latency %v, first token %v", a.Latency, a.FirstToken)
	}
}

// isObject says whether body is a JSON object of that kind.
func isObject(body []byte, kind string) bool {
	var v struct{ Object string }
	return json.Unmarshal(body, &v) == nil && v.Object == kind
}

// read reads a stream to its end.
func read(s upstream.Stream) (*pointsman.Answer, int, error) {
	for n := 0; ; n++ {
		event, err := s.Next()
		if errors.Is(err, io.EOF) {
			return s.Answer(), n, s.Close()
		}
		if err != nil {
			return nil, n, errors.Join(err, s.Close())
		}
		if len(event.Data) > 0 && !isObject(event.Data, "chat.completion.chunk") {
			return nil, n, errors.Join(errors.New("not a chunk: "+string(event.Data)), s.Close())
		}
	}
}

// same compares what two ways to the same answer must agree on.
func same(a, b *pointsman.Answer) string {
	return cmp.Diff(a, b, cmpopts.IgnoreFields(pointsman.Answer{}, "Body", "Latency", "FirstToken"), cmpopts.EquateEmpty())
}

func streamAgrees(t *testing.T, u upstream.Upstream, call upstream.Call) {
	whole, err := u.Complete(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	s, err := u.Stream(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Answer(); a == nil {
		t.Error("no answer before the first event")
	}
	streamed, n, err := read(s)
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Error("no events")
	}
	if diff := same(whole, streamed); diff != "" {
		t.Errorf("Complete and Stream differ: %s", diff)
	}
	if !isObject(streamed.Body, "chat.completion") {
		t.Errorf("the body is no chat.completion: %s", streamed.Body)
	}
	if _, err := s.Next(); err == nil {
		t.Error("an event after the end")
	}
}

func contextHasEnded(t *testing.T, u upstream.Upstream, call upstream.Call) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer stop()
	for _, c := range []struct {
		name string
		ctx  context.Context
		want error
	}{{"canceled", canceled, context.Canceled}, {"deadline", late, upstream.ErrTimeout}} {
		begun := time.Now()
		if _, err := u.Complete(c.ctx, call); !errors.Is(err, c.want) {
			t.Errorf("%s: Complete: %v", c.name, err)
		}
		s, err := u.Stream(c.ctx, call)
		if err == nil {
			_, _, err = read(s)
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Stream: %v", c.name, err)
		}
		if took := time.Since(begun); took > prompt {
			t.Errorf("%s: took %v", c.name, took)
		}
	}
}

// streamEndsWithItsContext reads a stream on after its context was canceled:
// what was under way may still come, but it must not go on for ever, and what
// stops it is the cancellation.
func streamEndsWithItsContext(t *testing.T, u upstream.Upstream, call upstream.Call) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := u.Stream(ctx, call)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	cancel()
	begun := time.Now()
	if _, _, err := read(s); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("after the cancellation: %v", err)
	}
	if took := time.Since(begun); took > prompt {
		t.Errorf("took %v", took)
	}
}

func closeTwice(t *testing.T, u upstream.Upstream, call upstream.Call) {
	s, err := u.Stream(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := s.Next(); err == nil {
		t.Error("an event after Close")
	}
	if s.Answer() == nil {
		t.Error("no answer after Close")
	}
}

func concurrent(t *testing.T, u upstream.Upstream, call upstream.Call) {
	want, err := u.Complete(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 4 {
				got, err := (*pointsman.Answer)(nil), error(nil)
				if i%2 == 0 {
					got, err = u.Complete(t.Context(), call)
				} else {
					var s upstream.Stream
					if s, err = u.Stream(t.Context(), call); err == nil {
						got, _, err = read(s)
					}
				}
				if err != nil {
					t.Errorf("call %d: %v", i, err)
				} else if diff := same(want, got); diff != "" {
					t.Errorf("call %d: %s", i, diff)
				}
			}
		})
	}
	group.Wait()
}
