package shadow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/memory"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func TestBudgetIsNeverSpentTwice(t *testing.T) {
	var b Budget
	var mu sync.Mutex
	var granted pointsman.Money
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for range 50 {
				if b.Reserve(noon, 1000, 70) {
					mu.Lock()
					granted += 40
					mu.Unlock()
					b.Settle(noon, 70, 40)
				}
			}
		})
	}
	group.Wait()
	if b.Spent(noon) != granted || granted > 1000 || granted < 1000-70 {
		t.Errorf("spent %d, granted %d, of 1000", b.Spent(noon), granted)
	}
	if b.Reserve(noon, 1000, 71) {
		t.Error("more is granted than is left")
	}
	tomorrow := noon.Add(24 * time.Hour)
	if !b.Reserve(tomorrow, 1000, 1000) || b.Reserve(tomorrow, 1000, 1) {
		t.Error("a new day has a budget of its own")
	}
}

func TestDrawnIsAShare(t *testing.T) {
	n, ids := 0, pointsman.NewIDSource(nil, nil)
	for range 20000 {
		id := ids.Next()
		if Drawn(id, 0.05) {
			n++
			if !Drawn(id, 0.5) {
				t.Error("a larger share draws what a smaller one does")
			}
		}
	}
	if n < 880 || n > 1120 { // 1,000 and four standard deviations of 31
		t.Errorf("%d of 20,000 drawn at a share of 0.05", n)
	}
}

func TestDisagreement(t *testing.T) {
	valid := func(text, label string) answer { return answer{text, pointsman.Reading{Valid: true, Label: label}} }
	for _, c := range []struct {
		kind          pointsman.Kind
		kept, largest answer
		want          float64 // −1: no verdict
	}{
		{pointsman.KindClassify, valid("a", "a"), valid("A", "a"), 0},
		{pointsman.KindClassify, valid("a", "a"), valid("b", "b"), 1},
		{pointsman.KindModerate, valid("a", "a"), answer{text: "?"}, -1},
		{pointsman.KindExtract, valid(`{"x":"1","y":"2"}`, ""), valid(`{"y":"2","x":"1"}`, ""), 0},
		{pointsman.KindExtract, valid(`{"x":"1","y":"3"}`, ""), valid(`{"x":"1","y":"2"}`, ""), 0.5},
		{pointsman.KindOpen, valid("the same words", ""), valid("The same words.", ""), 0},
		{pointsman.KindRewrite, valid("nothing alike", ""), valid("other words", ""), 1},
		{pointsman.KindOpen, valid("x", ""), valid(" ", ""), -1},
	} {
		harm, why := disagreement(c.kind, c.kept, c.largest)
		if c.want < 0 && (harm != nil || why == "") || c.want >= 0 && (harm == nil || *harm != c.want) {
			t.Errorf("%s %q %q: %v, %q; want %v", c.kind, c.kept.text, c.largest.text, harm, why, c.want)
		}
	}
}

func TestAllowed(t *testing.T) {
	certificate := func(promise pointsman.Promise) *policy.Policy {
		return &policy.Policy{Kind: pointsman.KindClassify, Certificate: &policy.Certificate{
			Certified: true, Promise: promise, Retain: 0.95,
			Evidence: policy.Evidence{N: 1000, Local: 500, LargestRight: 900, Harms: 20, Quality: 0.89, Largest: 0.9},
		}}
	}
	near := func(p *policy.Policy, own *float64, want float64) {
		t.Helper()
		if got, ok := Allowed(p, own); !ok || got < want-1e-12 || got > want+1e-12 {
			t.Errorf("%v, %v; want %v", got, ok, want)
		}
	}
	near(certificate(pointsman.PromiseHarm), nil, 0.05*900/500)
	// 10 answers of 1,000 are better.
	near(certificate(pointsman.PromiseQuality), nil, (0.05*0.9+2*0.01)*2)
	own := 0.2
	near(certificate(pointsman.PromiseHarm), &own, 0.2)
	none := certificate(pointsman.PromiseHarm)
	none.Certificate.Certified = false
	free := certificate(pointsman.PromiseQuality)
	free.Kind = pointsman.KindOpen
	for _, p := range []*policy.Policy{none, free, {}} {
		if got, ok := Allowed(p, nil); ok {
			t.Errorf("%v is allowed without a word on it", got)
		}
	}
}

func audit(n int, harm float64) *pointsman.Audit {
	return &pointsman.Audit{Decision: pointsman.DecisionID(fmt.Sprint(n)), Time: noon.Add(time.Duration(n) * time.Second), Probability: 0.1, Harm: &harm, Kept: "a", Label: "a"}
}

func newWatch(t *testing.T, since time.Time) *Watch {
	t.Helper()
	w, err := NewWatch(0.02, 0.1, since)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWatchCounts(t *testing.T) {
	w := newWatch(t, noon.Add(5*time.Second))
	for n := range 5 { // before the last reset
		w.Add(audit(n+1, 1), nil)
	}
	unjudged := audit(6, 0)
	unjudged.Harm = nil
	w.Add(unjudged, nil)
	for n := 7; n < 10; n++ { // of one conversation
		one := audit(n, 1)
		one.Unit = "sha256:1"
		w.Add(one, nil)
	}
	right, low := true, 0.75
	said := audit(10, 1)
	w.Add(said, &pointsman.Outcome{Correct: &right})
	w.Add(audit(11, 1), &pointsman.Outcome{Score: &low})
	differ := audit(12, 1)
	differ.Label = "b"
	w.Add(differ, &pointsman.Outcome{Label: "c"}) // both are wrong
	w.Add(differ, &pointsman.Outcome{Label: "b"})
	s := w.Status()
	if s.Audits != 5 || s.Repeated != 2 || s.Unjudged != 1 || s.Alarm || s.Harm == nil || *s.Harm != (1+0+0.25+0+1)/5 {
		t.Errorf("%+v, harm %v", s, *s.Harm)
	}
}

// past is a record of audits.
type past struct{ audits []*pointsman.Audit }

func (p *past) Judged(_ context.Context, _ pointsman.TaskID, _ pointsman.Digest, f func(*pointsman.Audit, *pointsman.Outcome)) error {
	for _, a := range p.audits {
		f(a, nil)
	}
	return nil
}

func (p *past) Charged(context.Context, pointsman.TaskID, time.Time) (pointsman.Money, error) {
	return 0, nil
}

// A watch that is rebuilt from the record is the one that saw the audits come, at
// each point at which the process may be killed.
func TestRebuildIsExact(t *testing.T) {
	live, record := newWatch(t, time.Time{}), &past{}
	for n := range 60 {
		one := audit(n+1, float64(n%7)/20)
		if n%5 == 0 {
			one.Unit = pointsman.Digest(fmt.Sprint("unit", n%15))
		}
		record.audits = append(record.audits, one)
		live.Add(one, nil)
		again, err := Rebuild(t.Context(), record, "t", "p", 0.02, 0.1, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(live, again) {
			t.Fatalf("after %d audits: %+v, want %+v", n+1, again.Status(), live.Status())
		}
	}
}

// fixed is an instance whose only task is audited.
type fixed struct{ settings *Settings }

func (fixed) Task(pointsman.TaskID) (*cascade.Task, error) { return nil, errors.New("gone") }
func (f fixed) Audits(pointsman.TaskID) *Settings          { return f.settings }
func (f fixed) acquire() (Instance, func())                { return f, func() {} }

// What does not fit is dropped and counted, nothing waits, and what is held is
// given back.
func TestQueueIsBounded(t *testing.T) {
	var mu sync.Mutex
	results, budget := map[Result]int{}, memory.NewBudget(1<<30)
	a := New(Options{
		Acquire: fixed{&Settings{Share: 1}}.acquire, Now: func() time.Time { return noon }, Logger: slog.New(slog.DiscardHandler), Memory: budget,
		Observe: func(_ pointsman.TaskID, r Result, _ pointsman.Money, _ *Status) {
			mu.Lock()
			defer mu.Unlock()
			results[r]++
		},
	})
	kept := &pointsman.Decision{ID: "d", Task: "t", Cause: pointsman.CauseAccepted, Lifecycle: pointsman.Completed, Attempts: make([]pointsman.Attempt, 1)}
	request := &pointsman.Request{Payload: pointsman.Payload{Body: make([]byte, 100)}}
	for range queueLength + 10 {
		a.Kept(kept, request, "text")
	}
	pinned := *kept
	pinned.Rules.Pin = "small"
	a.Kept(&pinned, request, "text")
	if results[Full] != 10 || budget.Used() != queueLength*104*memory.PerBodyByte {
		t.Errorf("%v, %d bytes are held", results, budget.Used())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the process ends, and its patience is over
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	a.Kept(kept, request, "text")
	if results[Dropped] != queueLength+1 || budget.Used() != 0 {
		t.Errorf("%v, %d bytes are held", results, budget.Used())
	}
}
