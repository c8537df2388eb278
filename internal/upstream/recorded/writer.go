package recorded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

// Writer appends to a recording. It is safe for concurrent use within one
// process; two processes must not write to one file.
type Writer struct {
	requests bool

	mu   sync.Mutex
	file *os.File
	size int64
	have map[[16]byte]struct{}
	err  error // why nothing more can be written
}

// WriterOption changes what a Writer records.
type WriterOption func(*Writer)

// WithRequests records the requests as well, and not only their keys. They are
// what the clients wrote: whether that may be kept is for the owner to say.
func WithRequests() WriterOption { return func(w *Writer) { w.requests = true } }

// NewWriter opens a recording for appending, and makes it if there is none. A
// half-written last line is moved to the end of a file beside it, of the same
// name and ".broken"; a recording that is broken otherwise is left alone and is
// an error.
func NewWriter(path string, options ...WriterOption) (*Writer, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open a recording: %w", err)
	}
	w := &Writer{file: file, have: make(map[[16]byte]struct{})}
	for _, option := range options {
		option(w)
	}
	if err := w.mend(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open the recording %s: %w", path, err), file.Close())
	}
	return w, nil
}

// mend learns what is there and sees to it that the file ends with a whole line.
func (w *Writer) mend(path string) error {
	tail, size, err := scan(w.file, func(e *entry, _ int64, _ int) { w.have[half(e.Key)] = struct{}{} })
	if err != nil {
		return err
	}
	w.size = size - tail
	if tail > 0 {
		if err := w.moveAside(path+".broken", tail); err != nil {
			return fmt.Errorf("move a half-written line aside: %w", err)
		}
	}
	if w.size == 0 {
		return nil
	}
	var end [1]byte
	if _, err := w.file.ReadAt(end[:], w.size-1); err != nil {
		return err
	}
	if end[0] == '\n' {
		return nil
	}
	return w.append([]byte{'\n'})
}

// moveAside moves what comes after w.size to the end of another file.
func (w *Writer) moveAside(to string, tail int64) error {
	aside, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(aside, io.MultiReader(io.NewSectionReader(w.file, w.size, tail), strings.NewReader("\n")))
	if err := errors.Join(err, aside.Sync(), aside.Close()); err != nil {
		return err
	}
	return w.file.Truncate(w.size)
}

// Put records the answer to a request. A request that has an answer already is
// left as it is: the first one counts. What is written lies safe on disk after
// Close or Sync.
func (w *Writer) Put(body []byte, answer *pointsman.Answer) error {
	key, err := chat.Key(body)
	if err != nil {
		return fmt.Errorf("record an answer: %w", err)
	}
	if _, err := chat.ParseAnswer(answer.Body); err != nil {
		return fmt.Errorf("record an answer: %w", err)
	}
	var asked struct{ Model string }
	if err := json.Unmarshal(body, &asked); err != nil {
		asked.Model = "" // a name that is not a string; it is for people only
	}
	latency := max(answer.Latency, 0)
	e := &entry{
		Key: key, Model: asked.Model, Latency: int64(latency),
		FirstToken: int64(min(max(answer.FirstToken, 0), latency)), Response: answer.Body,
	}
	if w.requests {
		e.Request = body
	}
	line, err := appendLine(nil, e)
	if err != nil {
		return fmt.Errorf("record an answer: %w", err)
	}
	if len(line) > maxLine {
		return fmt.Errorf("record an answer: the entry has more than %d bytes", maxLine)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.have[half(key)]; there && w.err == nil {
		return nil
	}
	if err := w.append(line); err != nil {
		return fmt.Errorf("record an answer: %w", err)
	}
	w.have[half(key)] = struct{}{}
	return nil
}

// append writes bytes as a whole, or takes back what was written of them.
func (w *Writer) append(line []byte) error {
	if w.err != nil {
		return w.err
	}
	_, err := w.file.Write(line)
	if err == nil {
		w.size += int64(len(line))
		return nil
	}
	if undo := w.file.Truncate(w.size); undo != nil {
		w.err = fmt.Errorf("a line was half written and could not be taken back: %w", undo)
		return errors.Join(err, w.err)
	}
	return err
}

// Len is the number of requests that have an answer.
func (w *Writer) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.have)
}

// Sync sees to it that what was recorded so far lies safe on disk.
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	return w.file.Sync()
}

var errClosed = errors.New("the recording is closed")

// Close makes what was recorded safe and closes the file. It may be called
// twice.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(w.err, errClosed) {
		return nil
	}
	broken := w.err
	w.err = errClosed
	return errors.Join(broken, w.file.Sync(), w.file.Close())
}
