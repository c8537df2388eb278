package verdict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/jsonl"
)

const maxLine = 1 << 20

// Read reads the verdicts of a file. One that is not there has none. A torn last
// line was never acknowledged and is left out; any other line that is no verdict is
// an error, since verdicts must not get lost.
func Read(path string) (*Set, error) {
	s := &Set{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the verdicts: %w", err)
	}
	defer f.Close()
	_, _, err = read(f, path, s)
	return s, err
}

// read adds the verdicts of an open file, and gives where the last of them ends.
// open says that its line has no end yet.
func read(f io.Reader, path string, s *Set) (end int64, open bool, err error) {
	lines := jsonl.NewReader(f, maxLine)
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return end, open, nil
		}
		var v Verdict
		if err == nil {
			err = json.Unmarshal(line.Data, &v)
		}
		if err == nil {
			err = v.Check()
		}
		if err != nil && !line.Ended && line.Size > 0 {
			return end, false, nil // torn
		}
		if err != nil {
			return end, false, &pointsman.Error{
				Code: pointsman.CodeConfig, Message: fmt.Sprintf("%s, line %d, is no verdict: %v", path, lines.Number(), err),
				Hint: "restore the file from a backup, or delete that line", Err: err,
			}
		}
		s.Add(v)
		end, open = line.Offset+int64(line.Size), !line.Ended
	}
}

// Writer appends verdicts to a file. One process at a time may have it open.
type Writer struct {
	file *os.File
	end  int64
	// Set are the verdicts of the file, with those that were appended.
	Set *Set
}

// Open opens a file of verdicts, makes it and its folder where there are none,
// and takes its lock. A torn last line is cut off.
func Open(path string) (*Writer, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the verdicts: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the verdicts: %w", err)
	}
	w := &Writer{file: f, Set: &Set{}}
	if err := w.load(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

func (w *Writer) load(path string) error {
	taken, err := durable.TryLock(w.file)
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	if !taken {
		return &pointsman.Error{
			Code: pointsman.CodeUnavailable, Message: "another process is writing verdicts to " + path,
			Hint: "wait until it is done",
		}
	}
	var open bool
	if w.end, open, err = read(w.file, path, w.Set); err != nil {
		return err
	}
	if err := w.file.Truncate(w.end); err != nil {
		return fmt.Errorf("cut the torn last line off %s: %w", path, err)
	}
	if open {
		if _, err := w.file.WriteAt([]byte("\n"), w.end); err != nil {
			return fmt.Errorf("end the last line of %s: %w", path, err)
		}
		w.end++
	}
	return nil
}

// Append writes verdicts, all or none, and returns when they are on disk.
func (w *Writer) Append(verdicts ...Verdict) error {
	if len(verdicts) == 0 {
		return nil
	}
	var content bytes.Buffer
	for i := range verdicts {
		if err := verdicts[i].Check(); err != nil {
			return fmt.Errorf("verdict %d: %w", i+1, err)
		}
		line, err := json.Marshal(&verdicts[i])
		if err != nil {
			return fmt.Errorf("verdict %d: %w", i+1, err)
		}
		content.Write(append(line, '\n'))
	}
	_, err := w.file.WriteAt(content.Bytes(), w.end)
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write verdicts: %w", errors.Join(err, w.file.Truncate(w.end)))
	}
	w.end += int64(content.Len())
	for _, v := range verdicts {
		w.Set.Add(v)
	}
	return nil
}

// Close lets go of the lock.
func (w *Writer) Close() error { return w.file.Close() }
