package dataset

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Writer writes examples as JSON Lines. It is not safe for concurrent use.
type Writer struct {
	out *bufio.Writer
	n   int
}

// NewWriter writes to w, buffered: call Flush at the end.
func NewWriter(w io.Writer) *Writer { return &Writer{out: bufio.NewWriter(w)} }

// Write writes one example, checked as it is on reading.
func (w *Writer) Write(e Example) error {
	w.n++
	line, err := Encode(e)
	if err != nil {
		return fmt.Errorf("example %d: %w", w.n, err)
	}
	if _, err := w.out.Write(line); err != nil {
		return fmt.Errorf("write example %d: %w", w.n, err)
	}
	return nil
}

// Flush writes what is buffered.
func (w *Writer) Flush() error { return w.out.Flush() }

// Encode is an example as one line with its end.
func Encode(e Example) ([]byte, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return nil, err
	}
	if line.Len() > MaxLine {
		return nil, invalid("split the example", "the line is longer than %d bytes", MaxLine)
	}
	return line.Bytes(), nil
}
