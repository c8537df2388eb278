package progress

import (
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Bar presents progress as a bar that is drawn over and over, for a terminal.
// A task that is done within a second is not drawn. Drawing runs in goroutines
// of its own from Start to Done.
type Bar struct {
	mu      sync.Mutex
	out     io.Writer
	options []mpb.ContainerOption
	after   time.Duration // when drawing begins
	task    task
	timer   *time.Timer // draws the task that has begun; nil outside of one
	pool    *mpb.Progress
	bar     *mpb.Bar
}

var _ Reporter = (*Bar)(nil)

// NewBar draws on a terminal.
func NewBar(out io.Writer) *Bar { return &Bar{out: out, after: patience} }

// Start begins a task, which is drawn after a while.
func (b *Bar) Start(name string, total int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
	b.task.start(name, total, time.Now())
	var timer *time.Timer
	timer = time.AfterFunc(b.after, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.timer == timer && b.pool == nil {
			b.draw()
		}
	})
	b.timer = timer
}

// draw draws the task as a bar, or a spinner where the total is not known.
func (b *Bar) draw() {
	b.pool = mpb.New(append([]mpb.ContainerOption{mpb.WithOutput(b.out), mpb.WithWidth(40)}, b.options...)...)
	title := mpb.PrependDecorators(decor.Name(printable(b.task.name), decor.WCSyncSpaceR))
	if b.task.total <= 0 {
		b.bar = b.pool.AddSpinner(0, title, mpb.AppendDecorators(decor.CurrentNoUnit("%d")))
	} else {
		b.bar = b.pool.AddBar(int64(b.task.total), title, mpb.AppendDecorators(
			decor.CountersNoUnit("%d of %d"),
			decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace), ""),
		))
		b.bar.DecoratorAverageAdjust(b.task.started)
	}
	b.bar.IncrBy(b.task.done)
}

// Add moves the bar.
func (b *Bar) Add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.task.done += n
	if b.bar != nil {
		b.bar.IncrBy(n)
	}
}

// Note writes the message above the bar.
func (b *Bar) Note(message string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	line := []byte(printable(message) + "\n")
	if b.pool == nil {
		write(b.out, line)
		return
	}
	write(b.pool, line)
}

// Done draws the bar for the last time and leaves it standing.
func (b *Bar) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
}

func (b *Bar) end() {
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	if b.pool == nil {
		return
	}
	if !b.bar.Completed() {
		b.bar.Abort(false)
	}
	b.pool.Wait()
	b.pool, b.bar = nil, nil
}

// printable brings a text to one line without control characters, so that what
// a model or a data set says cannot steer the terminal.
func printable(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}
