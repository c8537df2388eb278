// Package jsonl reads JSON Lines: one value a line, each of bounded length, so
// that memory is bounded whatever is read. It finds lines and says where they
// are; what a line must hold is for its caller.
//
// A last line without an end was either written by hand or only half written.
// [Line.Ended] tells the caller, who knows which of the two it is.
package jsonl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Line is one line of a file.
type Line struct {
	// Data is the line without its end; it is valid until the next one is read.
	Data []byte
	// Number counts lines from 1.
	Number int
	// Offset is where the line begins in the stream, in bytes, and Size its
	// length with its end.
	Offset int64
	Size   int
	// Ended says that the line had an end. Only the last one may have none.
	Ended bool
}

// Blank says that nothing but white space is on the line.
func (l Line) Blank() bool { return len(bytes.TrimSpace(l.Data)) == 0 }

// TooLongError is a line that is longer than its reader permits.
type TooLongError struct {
	Number int
	Max    int
}

// Error says which line is too long.
func (e *TooLongError) Error() string {
	return fmt.Sprintf("line %d is longer than %d bytes", e.Number, e.Max)
}

// Reader reads lines. It is not safe for concurrent use.
type Reader struct {
	in     *bufio.Reader
	most   int
	buffer []byte
	number int
	offset int64
}

// NewReader reads lines of at most the given number of bytes, their ends not counted.
func NewReader(r io.Reader, most int) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 64<<10), most: most}
}

// Number is the line that was read last, or that reading failed at.
func (r *Reader) Number() int { return r.number }

// Next reads the next line. At the end of the stream the error is [io.EOF], for
// a line that is too long a *[TooLongError]; a too long line is not read to its
// end, so nothing can be read after it. Other errors are the stream's.
func (r *Reader) Next() (Line, error) {
	r.number++
	r.buffer = r.buffer[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		r.buffer = append(r.buffer, part...)
		line := Line{Data: r.buffer, Number: r.number, Offset: r.offset, Size: len(r.buffer)}
		if err == nil {
			line.Data, line.Ended = r.buffer[:len(r.buffer)-1], true
		}
		switch {
		case len(line.Data) > r.most:
			return Line{}, &TooLongError{r.number, r.most}
		case err == nil, errors.Is(err, io.EOF) && len(line.Data) > 0:
			r.offset += int64(line.Size)
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return Line{}, err
		}
	}
}
