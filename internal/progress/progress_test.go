package progress

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vbauerster/mpb/v8"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hands is a clock that a test sets by hand.
type hands struct{ at time.Time }

func newHands() *hands { return &hands{time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (h *hands) now() time.Time       { return h.at }
func (h *hands) pass(d time.Duration) { h.at = h.at.Add(d) }

func TestLinesSpeakAtEveryTenth(t *testing.T) {
	var out bytes.Buffer
	clock := newHands()
	l := NewLines(&out, clock.now)
	l.Start("asking", 20)
	for range 20 {
		clock.pass(100 * time.Millisecond)
		l.Add(1)
	}
	l.Note("one row\nfailed \x1b[31m")
	l.Done()
	l.Done()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 12 {
		t.Fatalf("%d lines:\n%s", len(lines), out.String())
	}
	want := []string{"asking: 20 to do", "asking: 2 of 20 (10 %), about 1.8s left"}
	if diff := cmp.Diff(want, lines[:2]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"one row failed [31m", "asking: 20 of 20 (100 %) in 2s"}, lines[10:]); diff != "" {
		t.Error(diff)
	}
}

func TestLinesSpeakAfterFiveSeconds(t *testing.T) {
	var out bytes.Buffer
	clock := newHands()
	l := NewLines(&out, clock.now)
	l.Start("reading", 0)
	for range 11 {
		clock.pass(time.Second)
		l.Add(1)
	}
	l.Done()
	want := "reading: started\nreading: 5\nreading: 10\nreading: 11 in 11s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTaskThatWasBrokenOffSaysHowFarItCame(t *testing.T) {
	var out bytes.Buffer
	clock := newHands()
	l := NewLines(&out, clock.now)
	l.Start("asking", 1000)
	l.Add(7)
	clock.pass(2 * time.Minute)
	l.Done()
	l.Add(5) // outside of a task: nothing
	if want := "asking: 1000 to do\nasking: 7 of 1000 (0 %) in 2m0s\n"; out.String() != want {
		t.Errorf("got %q", out.String())
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	clock := newHands()
	j := NewJSON(&out, clock.now)
	j.Start("asking", 4)
	j.Add(2)
	j.Note("hm")
	j.Add(2)
	j.Done()
	j.Done()
	var got []Event
	for line := range strings.Lines(out.String()) {
		var e Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	at := clock.at
	want := []Event{
		{Event: "start", Time: at, Name: "asking", Total: 4},
		{Event: "progress", Time: at, Name: "asking", Done: 2, Total: 4},
		{Event: "note", Time: at, Name: "asking", Done: 2, Total: 4, Message: "hm"},
		{Event: "progress", Time: at, Name: "asking", Done: 4, Total: 4},
		{Event: "done", Time: at, Name: "asking", Done: 4, Total: 4},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBar(t *testing.T) {
	for name, total := range map[string]int{"bar": 8, "spinner": 0} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer // mpb writes it from one goroutine, which Done waits for
			b := NewBar(&out)
			b.options = []mpb.ContainerOption{mpb.WithAutoRefresh()}
			b.Note("before")
			b.Start("asking", total)
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

func TestBarThatIsBrokenOffEnds(t *testing.T) {
	var out bytes.Buffer
	b := NewBar(&out)
	b.Start("first", 10)
	b.Add(1)
	b.Start("second", 10) // ends the first
	b.Done()
}

func TestNewChoosesByFormatAndFile(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, ok := New(FormatAuto, file, nil).(*Lines); !ok {
		t.Error("a file is no terminal: want lines")
	}
	if _, ok := New(FormatJSON, file, nil).(*JSON); !ok {
		t.Error("want JSON")
	}
	silent := New(FormatSilent, file, nil)
	silent.Start("x", 1)
	silent.Add(1)
	silent.Note("x")
	silent.Done()
	if info, err := file.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("silence wrote %d bytes (%v)", info.Size(), err)
	}
}
