package eval

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// The files of a run's directory.
const (
	ResultsFile  = "results.jsonl"
	ManifestFile = "manifest.json"
	ReportFile   = "report.json"
	TextFile     = "report.txt"
	HTMLFile     = "report.html"
)

const (
	// maxRow bounds a line of results.jsonl.
	maxRow = 32 << 20
	// syncEvery is how many rows are appended between two flushes to the disk.
	// A killed process loses nothing that was appended; a machine that loses
	// its power loses at most these.
	syncEvery = 64
)

// span is where a row lies in the file.
type span struct {
	offset int64
	length int32
}

// runFile is an open results.jsonl. One goroutine may append while another one
// reads what stood there when the file was opened.
type runFile struct {
	file    *os.File
	end     int64
	pending int
	// answered are the rows that hold an answer, the last one for each key.
	answered map[key]span
	// cut is the length of a torn last line that was cut off, damaged the
	// number of other lines that are not what was written.
	cut     int64
	damaged int
}

// openRunFile locks and reads a run's results, and cuts a torn last line off.
func openRunFile(dir string) (*runFile, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make run directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, ResultsFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open results: %w", err)
	}
	f := &runFile{file: file, answered: make(map[key]span)}
	if err := f.load(dir); err != nil {
		_ = file.Close()
		return nil, err
	}
	return f, nil
}

func (f *runFile) load(dir string) error {
	taken, err := durable.TryLock(f.file)
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.file.Name(), err)
	}
	if !taken {
		return &pointsman.Error{
			Code: pointsman.CodeUnavailable, Message: fmt.Sprintf("another process runs an evaluation in %s", dir),
			Hint: "wait for it, or choose another directory",
		}
	}
	reader := bufio.NewReaderSize(f.file, 256<<10)
	for {
		line, err := readRowLine(reader)
		if errors.Is(err, io.EOF) {
			f.cut = int64(len(line))
			break
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", f.file.Name(), err)
		}
		at := span{f.end, int32(len(line))}
		f.end += int64(len(line))
		row, err := decodeRow(line)
		switch {
		case err != nil:
			f.damaged++
		case row.Result.Err == "":
			f.answered[keyOf(row)] = at
		}
	}
	if f.cut > 0 {
		if err := f.file.Truncate(f.end); err != nil {
			return fmt.Errorf("cut the torn last line off %s: %w", f.file.Name(), err)
		}
	}
	return nil
}

// readRowLine is the next line with its end. At the end of the file the error
// is io.EOF, and line is what stands there without an end.
func readRowLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return line, err
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > maxRow:
			return nil, fmt.Errorf("a line is longer than %d bytes: this is no results file", maxRow)
		}
	}
}

// read reads a row again.
func (f *runFile) read(at span) (*Row, error) {
	line := make([]byte, at.length)
	if _, err := f.file.ReadAt(line, at.offset); err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	row, err := decodeRow(line)
	if err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	return row, nil
}

// append writes a row at the end.
func (f *runFile) append(r *Row) error {
	line, err := encodeRow(r)
	if err != nil {
		return err
	}
	if len(line) > maxRow {
		return fmt.Errorf("a result of %d bytes is too long to keep", len(line))
	}
	if _, err := f.file.WriteAt(line, f.end); err != nil {
		return fmt.Errorf("write a result: %w", err)
	}
	f.end += int64(len(line))
	if f.pending++; f.pending >= syncEvery {
		return f.sync()
	}
	return nil
}

func (f *runFile) sync() error {
	f.pending = 0
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("flush results: %w", err)
	}
	return nil
}

// close flushes and lets go of the lock.
func (f *runFile) close() error { return errors.Join(f.sync(), f.file.Close()) }

// ReadRows reads the rows of a run's directory in the order in which they were
// written, failures included: of several rows with one key the last one counts.
// Damaged lines are errors that wrap no end: ranging on goes on behind them. It
// takes no lock, and may be used while a run is going on.
func ReadRows(dir string) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		file, err := os.Open(filepath.Join(dir, ResultsFile))
		if err != nil {
			yield(nil, fmt.Errorf("open results: %w", err))
			return
		}
		defer file.Close()
		reader := bufio.NewReaderSize(file, 256<<10)
		for number := 1; ; number++ {
			line, err := readRowLine(reader)
			if errors.Is(err, io.EOF) && len(bytes.TrimSpace(line)) == 0 {
				return
			}
			var row *Row
			if err == nil {
				row, err = decodeRow(line)
			} else if errors.Is(err, io.EOF) {
				err = fmt.Errorf("%w: it has no end", errLine)
			}
			if err != nil {
				err = fmt.Errorf("%s:%d: %w", file.Name(), number, err)
			}
			if !yield(row, err) || err != nil && !errors.Is(err, errLine) {
				return
			}
			if errors.Is(err, errLine) && len(line) > 0 && line[len(line)-1] != '\n' {
				return
			}
		}
	}
}
