package chat

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/pointsman-ai/pointsman/internal/dialect"
)

// EventReader reads server-sent events as the HTML standard defines them
// (https://html.spec.whatwg.org/multipage/server-sent-events.html): lines end
// with CR, LF or both, a byte order mark is skipped, a line that begins with a
// colon is a comment, several data lines make one event, and an event that the
// end of the stream cuts off is dropped. The fields event, id and retry are
// not read.
//
// What it gives is also whole: the raw bytes of its events, one after the
// other, are the bytes of the stream up to "[DONE]". A comment is given at
// once, as an event without data, because it may be all that keeps a connection
// alive; so is an event without data.
type EventReader struct {
	in     *bufio.Reader
	limit  int
	line   []byte
	data   []byte
	raw    []byte
	fields int  // lines of the event so far that are no comment
	read   bool // something of the stream was read
	skip   bool // the last line ended with CR: a LF that follows belongs to it
	err    error
}

// done is the data of the event that ends a stream of chat completions.
const done = "[DONE]"

// NewEventReader returns a reader that refuses lines and events of more than
// maxEvent bytes.
func NewEventReader(r io.Reader, maxEvent int) *EventReader {
	return &EventReader{in: bufio.NewReader(r), limit: maxEvent}
}

// Next returns the next event, valid until the next call. It returns io.EOF
// after "[DONE]", also where that is not followed by the empty line that should
// be, and io.ErrUnexpectedEOF where the stream ends without it, which a caller
// that has seen a finish reason may let pass. An event that is too large is a
// [dialect.ErrMalformed].
func (e *EventReader) Next() (dialect.Event, error) {
	if e.err != nil {
		return dialect.Event{}, e.err
	}
	e.data, e.raw, e.fields = e.data[:0], e.raw[:0], 0
	lines := 0
	for {
		line, err := e.readLine()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
				if value, ok := dataOf(line); ok && lines == 0 && string(value) == done || string(e.data) == done {
					err = io.EOF
				}
			}
			e.err = err
			return dialect.Event{}, err
		}
		if len(line) == 0 {
			if string(e.data) == done {
				e.err = io.EOF
				return dialect.Event{}, e.err
			}
			return dialect.Event{Data: e.data, Raw: e.raw}, nil
		}
		if line[0] == ':' && e.fields == 0 {
			return dialect.Event{Raw: e.raw}, nil
		}
		e.fields++
		value, ok := dataOf(line)
		if ok {
			if lines++; lines > 1 {
				e.data = append(e.data, '\n')
			}
			e.data = append(e.data, value...)
		}
		if len(e.data) > e.limit || len(e.raw) > e.limit+maxFields {
			e.err = dialect.Malformed("an event has more than %d bytes", e.limit)
			return dialect.Event{}, e.err
		}
	}
}

// maxFields bounds what an event may have beside its data, in bytes.
const maxFields = 64 << 10

// dataOf is the value of a line of the field data.
func dataOf(line []byte) ([]byte, bool) {
	value, ok := bytes.CutPrefix(line, []byte("data"))
	if !ok || len(value) == 0 {
		return nil, ok
	}
	if value[0] != ':' {
		return nil, false
	}
	return bytes.TrimPrefix(value[1:], []byte(" ")), true
}

// readLine returns the next line without its end. With io.EOF comes what is
// left of a line that the end of the stream cut off.
func (e *EventReader) readLine() ([]byte, error) {
	e.line = e.line[:0]
	for {
		if _, err := e.in.Peek(1); err != nil {
			return e.line, err
		}
		have, _ := e.in.Peek(e.in.Buffered())
		if e.skip {
			e.skip = false
			if have[0] == '\n' {
				e.raw = append(e.raw, '\n')
				_, _ = e.in.Discard(1)
				continue
			}
		}
		end := bytes.IndexAny(have, "\r\n")
		piece := have
		if end >= 0 {
			piece = have[:end]
		}
		// The line's field name comes on top of the data.
		if len(e.line)+len(piece) > e.limit+len("data: ") {
			return nil, dialect.Malformed("a line of the stream has more than %d bytes", e.limit)
		}
		e.line = append(e.line, piece...)
		if end < 0 {
			e.raw = append(e.raw, have...)
			_, _ = e.in.Discard(len(have))
			continue
		}
		if e.skip = have[end] == '\r'; e.skip && end+1 < len(have) {
			if e.skip = false; have[end+1] == '\n' {
				end++
			}
		}
		e.raw = append(e.raw, have[:end+1]...)
		_, _ = e.in.Discard(end + 1)
		if !e.read {
			e.read = true
			e.line = bytes.TrimPrefix(e.line, []byte("\uFEFF"))
		}
		return e.line, nil
	}
}
