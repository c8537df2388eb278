package collect

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/jsonl"
)

const (
	// maxRow bounds a line of a store.
	maxRow = 32 << 20
	// syncEvery is how many rows are appended between two flushes to the disk.
	// A killed process loses nothing that was appended; a machine that loses
	// its power loses at most these.
	syncEvery = 64
)

// Store keeps answers in a file, one [Row] a line, to which it appends. One
// process at a time may have it open. One goroutine may append while another
// one reads what was there when it was opened.
type Store struct {
	file    *os.File
	end     int64
	pending int
	// answered are the rows that hold an answer, the last one for each key.
	answered map[key]span

	cut     int64
	damaged int
}

// span is where a row lies in the file.
type span struct {
	offset int64
	length int
}

// Open opens a store, makes it and its folder where there are none, and takes
// its lock. A torn last line is cut off.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the store of answers: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the store of answers: %w", err)
	}
	s := &Store{file: file, answered: make(map[key]span)}
	if err := s.load(); err != nil {
		_ = file.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) load() error {
	taken, err := durable.TryLock(s.file)
	if err != nil {
		return fmt.Errorf("lock %s: %w", s.file.Name(), err)
	}
	if !taken {
		return &pointsman.Error{
			Code: pointsman.CodeUnavailable, Message: fmt.Sprintf("another process is asking for the answers in %s", s.file.Name()),
			Hint: "wait for it; what it has asked is then used again",
		}
	}
	lines := jsonl.NewReader(s.file, maxRow)
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s is no store of answers: %w", s.file.Name(), err)
		}
		if !line.Ended {
			s.cut = int64(line.Size)
			if err := s.file.Truncate(s.end); err != nil {
				return fmt.Errorf("cut the torn last line off %s: %w", s.file.Name(), err)
			}
			return nil
		}
		s.end = line.Offset + int64(line.Size)
		row, err := decodeRow(line.Data)
		switch {
		case err != nil:
			s.damaged++
		case row.Result.Err == "":
			s.answered[keyOf(row)] = span{line.Offset, len(line.Data)}
		}
	}
}

// Cut is the length of a torn last line that was cut off when the store was
// opened.
func (s *Store) Cut() int64 { return s.cut }

// Damaged is the number of other lines that are not what was written.
func (s *Store) Damaged() int { return s.damaged }

// answer is a kept answer, or nil where there is none.
func (s *Store) answer(k key) (*Result, error) {
	if s == nil {
		return nil, nil
	}
	at, there := s.answered[k]
	if !there {
		return nil, nil
	}
	line := make([]byte, at.length)
	if _, err := s.file.ReadAt(line, at.offset); err != nil {
		return nil, fmt.Errorf("read a kept answer: %w", err)
	}
	row, err := decodeRow(line)
	if err != nil {
		return nil, fmt.Errorf("read a kept answer: %w", err)
	}
	return &row.Result, nil
}

// append writes a row at the end.
func (s *Store) append(r *Row) error {
	line, err := encodeRow(r)
	if err != nil {
		return err
	}
	if len(line) > maxRow {
		return fmt.Errorf("an answer of %d bytes is too long to keep", len(line))
	}
	if _, err := s.file.WriteAt(line, s.end); err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	s.end += int64(len(line))
	if s.pending++; s.pending >= syncEvery {
		return s.sync()
	}
	return nil
}

func (s *Store) sync() error {
	s.pending = 0
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("flush the store of answers: %w", err)
	}
	return nil
}

// Close flushes and lets go of the lock. A nil store has nothing to close.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.sync(), s.file.Close())
}

// Read reads the rows of a store in the order in which they were written,
// failures included: of several rows with one key the last one counts. Damaged
// lines are errors that end nothing: ranging on goes on behind them. It takes no
// lock, and may be used while a run is going on.
func Read(path string) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(nil, fmt.Errorf("open the store of answers: %w", err))
			return
		}
		defer file.Close()
		lines := jsonl.NewReader(file, maxRow)
		for {
			line, err := lines.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("%s: %w", path, err))
				return
			}
			var row *Row
			if line.Ended {
				row, err = decodeRow(line.Data)
			} else {
				err = fmt.Errorf("%w: it has no end", errLine)
			}
			if err != nil {
				err = fmt.Errorf("%s:%d: %w", path, line.Number, err)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
