package watch

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// counted draws a calibration of n requests and counts those that are so.
func counted(random *rand.Rand, n int, p float64) policy.Tally {
	t := policy.Tally{Of: n}
	for range n {
		if random.Float64() < p {
			t.Count++
		}
	}
	return t
}

// calibrated are the tests of a drawn calibration.
func calibrated(random *rand.Rand, n int, p float64) []*test {
	r := &policy.Reference{Requests: n, Units: n, Escalated: counted(random, n, p), Unsupported: counted(random, n, p)}
	var out []*test
	for _, b := range Of(r) {
		out = append(out, newTest(b))
	}
	return out
}

// Over calibrations and traffic that are alike, at most 1 % of runs of 10,000
// requests warn, on either side.
func TestFalseWarnings(t *testing.T) {
	runs, most := 1000, 16
	if testing.Short() {
		runs, most = 200, 6
	}
	for _, n := range []int{150, 3000} {
		for _, p := range []float64{0.01, 0.1, 0.6} {
			var warned [2]int
			for seed := range runs {
				random := rand.New(rand.NewPCG(uint64(seed), 21))
				tests := calibrated(random, n, p)
				for range Horizon {
					yes := random.Float64() < p
					for _, one := range tests {
						one.warned = one.warned || one.add(yes) != nil
					}
				}
				for i, one := range tests[:2] {
					if one.warned {
						warned[i]++
					}
				}
			}
			t.Logf("%d examples, share %v: %v of %d runs warn", n, p, warned, runs)
			if max(warned[0], warned[1]) > most {
				t.Errorf("%d examples, share %v: %v of %d runs warn", n, p, warned, runs)
			}
		}
	}
}

// Where a share doubles, or halves where that is watched for, there is a warning
// before long.
func TestDelay(t *testing.T) {
	for _, one := range []struct {
		p, changed float64
		watch, n   int
		most       int
	}{{0.02, 0.04, 1, 3000, 3500}, {0.1, 0.2, 1, 3000, 400}, {0.3, 0.6, 0, 3000, 100}, {0.4, 0.2, 0, 3000, 250}, {0.1, 0.2, 1, 500, 1200}} {
		var delays []int
		for seed := range 200 {
			random := rand.New(rand.NewPCG(uint64(seed), 22))
			watching := calibrated(random, one.n, one.p)[one.watch]
			for range 3000 {
				watching.add(random.Float64() < one.p)
			}
			n := 1
			for watching.add(random.Float64() < one.changed) == nil && n < 50_000 {
				n++
			}
			delays = append(delays, n)
		}
		slices.Sort(delays)
		t.Logf("%v to %v after %d examples: median %d requests, 90 %% by %d", one.p, one.changed, one.n, delays[100], delays[180])
		if delays[100] > one.most {
			t.Errorf("%v to %v: the median delay is %d requests", one.p, one.changed, delays[100])
		}
	}
}

func low(x float64) *float64 { return &x }

var reference = policy.Reference{
	Requests: 1000, Units: 1000, Escalated: policy.Tally{Count: 300, Of: 1000}, Unsupported: policy.Tally{Count: 20, Of: 1000},
	Broken: policy.Tally{Count: 10, Of: 980}, LowLogprob: &policy.Tally{Count: 98, Of: 980}, LogprobLow: []*float64{low(-1)},
}

func watches(keep func(pointsman.TaskID, Warning) error) (*Watches, Task) {
	w := New(Options{Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Unix(1e9, 0) }, Keep: keep})
	task := Task{ID: "t", Policy: pointsman.DigestOf([]byte("p")), Reference: &reference, Tiers: []pointsman.TierID{"small", "large"}}
	w.Follow([]Task{task})
	return w, task
}

func decision(t *Task) *pointsman.Decision {
	return &pointsman.Decision{
		Task: t.ID, Policy: t.Policy, Lifecycle: pointsman.Completed, Cause: pointsman.CauseAccepted, Rules: pointsman.RuleEffect{Permitted: t.Tiers},
		Attempts: []pointsman.Attempt{{
			Tier: "small", Cause: pointsman.CauseAccepted, Reading: pointsman.Reading{Valid: true},
			Signals: pointsman.Signals{pointsman.Measured(policy.LogprobSignal, -0.1)},
		}},
	}
}

// warned are the watches that warn of traffic of which a third is changed: what
// escalates there is not more than calibration saw.
func warned(t *testing.T, change func(*pointsman.Decision)) []Name {
	t.Helper()
	var got []Name
	w, task := watches(func(_ pointsman.TaskID, one Warning) error {
		got = append(got, one.Watch)
		return errors.New("a full disk hinders nobody")
	})
	for i := range 3000 {
		d := decision(&task)
		if i%3 == 0 {
			d.Cause = pointsman.CauseUncertain
			change(d)
		}
		w.Finished(d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if int(w.Warnings()) != len(got) {
		t.Errorf("%v warn, and %v is counted", got, w.Warnings())
	}
	return got
}

func TestEachWatchWarnsOfItsOwn(t *testing.T) {
	for name, one := range map[string]struct {
		change func(*pointsman.Decision)
		want   []Name
	}{
		"as calibration saw it": {func(*pointsman.Decision) {}, nil},
		"unsupported": {func(d *pointsman.Decision) {
			d.Cause, d.Attempts = pointsman.CauseUnsupported, nil
		}, []Name{Unsupported}},
		"broken": {func(d *pointsman.Decision) { d.Attempts[0].Reading.Valid = false }, []Name{Broken}},
		"improbable": {func(d *pointsman.Decision) {
			d.Attempts[0].Signals = pointsman.Signals{pointsman.Measured(policy.LogprobSignal, -3)}
		}, []Name{LowLogprob}},
		"less escalates": {func(d *pointsman.Decision) { d.Cause = pointsman.CauseAccepted }, []Name{Escalated}},
		// What says nothing about traffic is not counted: then all the rest is kept.
		"pinned":    {func(d *pointsman.Decision) { d.Rules.Pin = "small" }, []Name{Escalated}},
		"forbidden": {func(d *pointsman.Decision) { d.Rules.Permitted = d.Rules.Permitted[1:] }, []Name{Escalated}},
		"aborted":   {func(d *pointsman.Decision) { d.Lifecycle = pointsman.Aborted }, []Name{Escalated}},
		"failed":    {func(d *pointsman.Decision) { d.Attempts[0].Cause = pointsman.CauseTimeout }, []Name{Escalated}},
		"withdrawn": {func(d *pointsman.Decision) { d.Withdrawn = true }, []Name{Escalated}},
		"of old":    {func(d *pointsman.Decision) { d.Policy = pointsman.DigestOf([]byte("another")) }, []Name{Escalated}},
	} {
		if got := warned(t, one.change); !slices.Equal(got, one.want) {
			t.Errorf("%s: %v warn, want %v", name, got, one.want)
		}
	}
}

func TestWarningsEnd(t *testing.T) {
	dir := datadir.Dir(t.TempDir())
	w, task := watches(func(id pointsman.TaskID, one Warning) error { return Keep(dir, id, one) })
	for range 200 {
		w.Finished(decision(&task))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	kept, err := InForce(dir, task.ID, task.Policy, time.Time{})
	if err != nil || len(kept) != 1 || kept[0].Watch != Escalated || kept[0].Recent != 0 || w.Warnings() != 1 {
		t.Fatalf("%+v, %v", kept, err)
	}
	if w.Follow([]Task{task}); w.Warnings() != 1 {
		t.Error("another configuration ends a warning")
	}
	again, _ := watches(nil)
	task.Warned = []Name{Escalated}
	if again.Follow(nil); again.Warnings() != 0 {
		t.Error("a task that is gone warns")
	}
	if again.Follow([]Task{task}); again.Warnings() != 1 {
		t.Error("a warning does not survive the process")
	}
	task.Since, task.Warned = kept[0].Time, nil
	if w.Follow([]Task{task}); w.Warnings() != 0 {
		t.Error("a reset does not end a warning")
	}
	if kept, err = InForce(dir, task.ID, task.Policy, task.Since); err != nil || len(kept) != 0 {
		t.Errorf("%+v, %v", kept, err)
	}
	if kept, err = InForce(dir, task.ID, pointsman.DigestOf([]byte("another")), time.Time{}); err != nil || len(kept) != 0 {
		t.Errorf("%+v, %v", kept, err)
	}
}

// Conversations are counted by their number.
func TestLikeRequestsCountForLess(t *testing.T) {
	r := reference
	r.Units = 100
	for i, wide := range Of(&r) {
		if narrow := Of(&reference)[i]; wide.High <= narrow.High || wide.Reference != narrow.Reference {
			t.Errorf("%+v is not wider than %+v", wide, narrow)
		}
	}
	if Of(nil) != nil {
		t.Error("no reference gives bounds")
	}
}

func TestFinishedAllocatesNothing(t *testing.T) {
	w, task := watches(nil)
	d := decision(&task)
	if n := testing.AllocsPerRun(100, func() { w.Finished(d) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFinished(b *testing.B) {
	w, task := watches(nil)
	kept, escalated := decision(&task), decision(&task)
	escalated.Cause = pointsman.CauseUncertain
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%10 < 3 {
			w.Finished(escalated)
		} else {
			w.Finished(kept)
		}
	}
}
