package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// Save writes a file, compressed where its name ends in ".gz". It appears
// under its name only when it is whole.
func Save(path string, examples []Example) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("save dataset: %w", err)
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
			err = fmt.Errorf("save dataset %s: %w", path, err)
		}
	}()
	var out io.Writer = file
	var zipped *gzip.Writer
	if strings.HasSuffix(path, ".gz") {
		zipped = gzip.NewWriter(file)
		out = zipped
	}
	w := NewWriter(out)
	for _, e := range examples {
		if err := w.Write(e); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if zipped != nil {
		if err := zipped.Close(); err != nil {
			return err
		}
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
