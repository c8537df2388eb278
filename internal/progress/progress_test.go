package progress

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vbauerster/mpb/v8"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// manualClock is a clock that a test sets.
type manualClock struct{ at time.Time }

func newClock() *manualClock { return &manualClock{time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *manualClock) now() time.Time       { return c.at }
func (c *manualClock) pass(d time.Duration) { c.at = c.at.Add(d) }

// A task is spoken of once it has taken a second, every five seconds at most,
// and at its end, however many steps it has.
func TestLinesSpeakNowAndThen(t *testing.T) {
	var out bytes.Buffer
	clock := newClock()
	l := NewLines(&out, clock.now)
	l.Start("asking", 1000)
	for range 1000 {
		clock.pass(12 * time.Millisecond)
		l.Add(1)
	}
	l.Note("one row\nfailed \x1b[31m")
	l.Done()
	l.Done()
	want := `asking: 84 of 1000 (8 %), about 11s left
asking: 501 of 1000 (50 %), about 6s left
asking: 918 of 1000 (91 %), about 1s left
one row failed [31m
asking: 1000 of 1000 (100 %) in 12s
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// Work that is done at once is not spoken of; what there is to note is.
func TestLinesAreSilentOnShortWork(t *testing.T) {
	var out bytes.Buffer
	clock := newClock()
	l := NewLines(&out, clock.now)
	l.Start("asking", 20)
	for range 20 {
		clock.pass(300 * time.Microsecond)
		l.Add(1)
	}
	l.Note("a note")
	l.Done()
	if out.String() != "a note\n" {
		t.Errorf("6 ms of work: %q", out.String())
	}
}

func TestLinesOfAnUnknownTotal(t *testing.T) {
	var out bytes.Buffer
	clock := newClock()
	l := NewLines(&out, clock.now)
	l.Start("reading", 0)
	for range 11 {
		clock.pass(time.Second)
		l.Add(1)
	}
	l.Done()
	want := "reading: 1\nreading: 6\nreading: 11\nreading: 11 in 11s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTaskThatWasBrokenOffSaysHowFarItCame(t *testing.T) {
	var out bytes.Buffer
	clock := newClock()
	l := NewLines(&out, clock.now)
	l.Start("asking", 1000)
	l.Add(7)
	clock.pass(2 * time.Minute)
	l.Done()
	l.Add(5) // outside of a task: nothing
	if want := "asking: 7 of 1000 (0 %) in 2m0s\n"; out.String() != want {
		t.Errorf("got %q", out.String())
	}
}

func TestBar(t *testing.T) {
	for name, total := range map[string]int{"bar": 8, "spinner": 0} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer // mpb writes it from one goroutine, which Done waits for
			b := NewBar(&out)
			b.options, b.after = []mpb.ContainerOption{mpb.WithAutoRefresh()}, time.Hour
			b.Note("before")
			b.Start("asking", total)
			b.mu.Lock()
			b.draw() // as its timer does
			b.mu.Unlock()
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() { b.Add(2); b.Note("on the way") })
			}
			all.Wait()
			b.Done()
			b.Done()
			b.Add(1)
			for _, want := range []string{"before\n", "asking", "on the way\n"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in %q", want, out.String())
				}
			}
			if total > 0 && !strings.Contains(out.String(), "8 of 8") {
				t.Errorf("the end is missing in %q", out.String())
			}
		})
	}
}

// A task that is done before its time comes is not drawn, nor later.
func TestBarIsNotDrawnForShortWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := NewBar(&out)
		b.options = []mpb.ContainerOption{mpb.WithAutoRefresh()}
		b.Start("asking", 8)
		b.Add(8)
		b.Done()
		time.Sleep(2 * patience) // of the bubble's clock
		if out.Len() > 0 {
			t.Errorf("it drew %q", out.String())
		}
		b.Start("asking", 8)
		b.Add(2)
		time.Sleep(2 * patience) // of the bubble's clock
		b.Add(6)
		b.Done()
		if !strings.Contains(out.String(), "8 of 8") {
			t.Errorf("long work is not drawn: %q", out.String())
		}
	})
}

func TestBarThatIsBrokenOffEnds(t *testing.T) {
	var out bytes.Buffer
	b := NewBar(&out)
	b.Start("first", 10)
	b.Add(1)
	b.Start("second", 10) // ends the first
	b.Done()
}

func TestNewChoosesByFile(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, ok := New(file, nil).(*Lines); !ok {
		t.Error("a file is no terminal: want lines")
	}
	silent := Silent{}
	silent.Start("x", 1)
	silent.Add(1)
	silent.Note("x")
	silent.Done()
	if info, err := file.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("silence wrote %d bytes (%v)", info.Size(), err)
	}
}
