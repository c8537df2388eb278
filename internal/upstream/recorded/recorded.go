package recorded

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// Pace says how fast recorded answers come.
type Pace int

const (
	// PaceNone answers at once. The answer's latency is the recorded one all
	// the same.
	PaceNone Pace = iota
	// PaceRecorded takes the time that the recorded call took, and for streams
	// the recorded time to the first token.
	PaceRecorded
)

// Options of a recorded upstream.
type Options struct {
	Pace Pace
}

// Upstream answers from a recording as it was when it was opened. It holds
// 32 bytes an entry in memory and reads the rest from the file.
type Upstream struct {
	file   *os.File
	index  []location // sorted by key
	pace   Pace
	report Report
	close  func() error
}

var _ upstream.Upstream = (*Upstream)(nil)

// location is where the line of a key is.
type location struct {
	key    [16]byte // the first half; the line holds the whole
	offset int64
	length uint32
}

func (p location) compare(q location) int { return bytes.Compare(p.key[:], q.key[:]) }

// half is the half of a digest by which locations are found.
func half(d pointsman.Digest) (key [16]byte) {
	// A digest that was checked, or that chat.Key made, is hexadecimal.
	_, _ = hex.Decode(key[:], []byte(d.Hex()[:2*len(key)]))
	return key
}

// Open reads and checks the whole recording. The file's time and size are not
// trusted for anything. The caller closes the upstream.
func Open(path string, o Options) (*Upstream, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open a recording: %w", err)
	}
	u := &Upstream{file: file, pace: o.Pace, close: sync.OnceValue(file.Close)}
	if u.index, u.report, err = readIndex(file); err != nil {
		_ = file.Close() // it was only read
		return nil, fmt.Errorf("open the recording %s: %w", path, err)
	}
	return u, nil
}

// readIndex finds the lines that count.
func readIndex(file *os.File) ([]location, Report, error) {
	var all []location
	var report Report
	var err error
	report.Tail, report.Bytes, err = scan(file, func(e *entry, offset int64, length int) {
		if length > math.MaxUint32 {
			panic("recorded: a line beyond maxLine")
		}
		all = append(all, location{half(e.Key), offset, uint32(length)})
	})
	if err != nil {
		return nil, Report{}, err
	}
	slices.SortFunc(all, func(a, b location) int { return cmp.Or(a.compare(b), cmp.Compare(a.offset, b.offset)) })
	index := slices.CompactFunc(all, func(a, b location) bool { return a.key == b.key })
	report.Entries, report.Duplicates = len(index), len(all)-len(index)
	return slices.Clip(slices.Clone(index)), report, nil
}

// Inspect reads and checks a recording and says what it holds.
func Inspect(path string) (Report, error) {
	u, err := Open(path, Options{})
	if err != nil {
		return Report{}, err
	}
	return u.report, u.Close()
}

// Report says what the recording held when it was opened.
func (u *Upstream) Report() Report { return u.report }

// Close closes the file.
func (u *Upstream) Close() error { return u.close() }

// Dialect implements upstream.Upstream.
func (u *Upstream) Dialect() pointsman.Dialect { return pointsman.DialectChat }

// Complete gives the recorded answer, or an [upstream.ErrNoRecording].
func (u *Upstream) Complete(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	begun := time.Now()
	a, err := u.find(ctx, call)
	if err != nil {
		return nil, err
	}
	if u.pace == PaceRecorded {
		if err := wait(ctx, time.Until(begun.Add(a.Latency))); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// find looks the answer to a call up.
func (u *Upstream) find(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, upstream.FromContext(ctx, err)
	}
	key, err := chat.Key(call.Body)
	if err != nil {
		return nil, upstream.Fail(upstream.ErrRejected, "%v", err)
	}
	i, found := slices.BinarySearchFunc(u.index, location{key: half(key)}, location.compare)
	if !found {
		return nil, upstream.Fail(upstream.ErrNoRecording, "key %s, model %.100q", key.Short(), call.Model)
	}
	line := make([]byte, u.index[i].length)
	if _, err := u.file.ReadAt(line, u.index[i].offset); err != nil {
		return nil, upstream.Fail(upstream.ErrUnavailable, "read the recording: %v", err)
	}
	e, err := parseLine(line)
	if err != nil || e.Key != key {
		return nil, upstream.Fail(upstream.ErrMalformed, "the recording was changed after it was opened")
	}
	return e.answer()
}

// wait takes its time, unless the context ends before.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return upstream.FromContext(ctx, ctx.Err())
	}
}

// Stream gives the recorded answer in chunks.
func (u *Upstream) Stream(ctx context.Context, call upstream.Call) (upstream.Stream, error) {
	begun := time.Now()
	a, err := u.find(ctx, call)
	if err != nil {
		return nil, err
	}
	whole, err := chat.NewWholeStream(a, func() error { return upstream.FromContext(ctx, ctx.Err()) })
	if err != nil {
		return nil, upstream.Fail(upstream.ErrMalformed, "the recording: %v", err)
	}
	if u.pace == PaceNone {
		return whole, nil
	}
	first := a.FirstToken
	if first == 0 {
		first = a.Latency
	}
	p := &paced{WholeStream: whole, due: begun.Add(first)}
	p.wait = func(until time.Time) error { return wait(ctx, time.Until(until)) }
	if n := whole.Len(); n > 1 {
		p.step = (a.Latency - first) / time.Duration(n-1)
	}
	return p, nil
}

// paced is a stream with the recorded time to its first chunk and to its last,
// and equal times between.
type paced struct {
	*chat.WholeStream
	due  time.Time
	step time.Duration
	wait func(until time.Time) error
}

// Next returns the next chunk when its time has come.
func (p *paced) Next() (dialect.Event, error) {
	event, err := p.WholeStream.Next()
	if err != nil {
		return dialect.Event{}, err
	}
	if err := p.wait(p.due); err != nil {
		return dialect.Event{}, err
	}
	p.due = p.due.Add(p.step)
	return event, nil
}
