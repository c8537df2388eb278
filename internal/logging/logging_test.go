package logging

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a log; the function that it returns ends it.
func start(t *testing.T, l *Log) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestLinesAreWrittenInOrder(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, Options{Level: slog.LevelWarn})
	stop := start(t, l)
	l.Info("too little")
	l.Warn("first", "n", 1)
	l.Error("second")
	stop()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `level=WARN msg=first n=1`) || !strings.Contains(lines[1], "msg=second") {
		t.Errorf("%q", lines)
	}
	if l.Dropped() != 0 {
		t.Errorf("%d dropped", l.Dropped())
	}
}

// A reader that stops reading holds nobody up. When it reads again, it is told
// how many lines it has missed, and none is missing without being counted.
func TestAReaderThatStopsReading(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	l := New(w, Options{JSON: true})
	stop := start(t, l)
	defer stop()
	const sent = 20_000 // some 3 MB: the pipe holds 64 KiB, the queue 1 MiB
	text := strings.Repeat("x", 100)
	for range sent {
		l.Info(text)
	}
	if l.Dropped() == 0 {
		t.Fatal("nothing was dropped, so something without a bound holds it")
	}
	received, missed := uint64(0), uint64(0)
	lines := bufio.NewScanner(r)
	for received+missed < sent && lines.Scan() {
		var line struct {
			Msg   string
			Lines uint64
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		if line.Msg == text {
			received++
		}
		missed += line.Lines
	}
	if received+missed != sent || missed != l.Dropped() {
		t.Errorf("%d lines were received and %d named as dropped, of %d; counted as dropped: %d", received, missed, sent, l.Dropped())
	}
	l.Info("after")
	if !lines.Scan() || !strings.Contains(lines.Text(), "after") {
		t.Errorf("after the reader came back: %q, %v", lines.Text(), lines.Err())
	}
	r.Close() //nolint:errcheck // its end is what counts
}

// The end does not wait for a reader that never comes back.
func TestTheEndDoesNotWaitForAReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	l := New(w, Options{})
	stop := start(t, l)
	for range 2000 {
		l.Info(strings.Repeat("x", 100))
	}
	stop()
}

func TestAReaderThatIsGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close() //nolint:errcheck // its end is what counts
	l := New(w, Options{})
	stop := start(t, l)
	l.Info("nobody reads this")
	l.Info("nor this")
	stop()
	if l.Dropped() != 2 {
		t.Errorf("%d lines are counted as dropped, want 2", l.Dropped())
	}
}

// fullDisk fails after so many bytes, until there is room.
type fullDisk struct {
	mu   sync.Mutex
	room int
	bytes.Buffer
}

func (d *fullDisk) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(d.room, len(b))
	d.room -= n
	d.Buffer.Write(b[:n])
	if n < len(b) {
		return n, &os.PathError{Op: "write", Path: "log", Err: syscall.ENOSPC}
	}
	return n, nil
}

// A disk that is full for a while tears one line and counts it; the next line
// begins on a line of its own.
func TestADiskThatIsFullForAWhile(t *testing.T) {
	d := &fullDisk{room: 20}
	l := New(d, Options{})
	stop := start(t, l)
	l.Info("torn")
	l.Info("dropped")
	stop()
	d.room = 1 << 20
	stop = start(t, l)
	l.Info("whole")
	stop()
	lines := strings.Split(strings.TrimSpace(d.String()), "\n")
	if len(lines) != 3 || len(lines[0]) != 20 || !strings.Contains(lines[1], "msg=whole") || !strings.Contains(lines[2], "lines=2") {
		t.Errorf("%q", lines)
	}
}

func TestWriteNeverFails(t *testing.T) {
	q := newQueue()
	for range 3 {
		if n, err := q.Write(make([]byte, maxQueued)); n != maxQueued || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if q.dropped.Load() != 2 || len(q.take()) != 1 {
		t.Errorf("%d dropped", q.dropped.Load())
	}
}
