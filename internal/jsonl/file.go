package jsonl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// LineError says which line of a file could not be read, and why.
type LineError struct {
	Path string
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s, line %d: %v", e.Path, e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

// ReadFile reads a whole file of values, of which no line is longer than most
// bytes, and checks each. A file that is not there has none, and blank lines are
// passed over; a line that is no such value is a [LineError].
func ReadFile[T any](path string, most int, check func(*T) error) ([]T, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []T
	for lines := NewReader(f, most); ; {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if line.Blank() {
			continue
		}
		var one T
		if err = json.Unmarshal(line.Data, &one); err == nil {
			err = check(&one)
		}
		if err != nil {
			return nil, &LineError{path, lines.Number(), err}
		}
		out = append(out, one)
	}
}
