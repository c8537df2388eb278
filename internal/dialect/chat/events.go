package chat

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// EventReader reads server-sent events as the HTML standard defines them
// (https://html.spec.whatwg.org/multipage/server-sent-events.html): lines end
// with CR, LF or both, a byte order mark is skipped, a line that begins with a
// colon is a comment, several data lines make one event, and an event that the
// end of the stream cuts off is dropped. The fields event, id and retry are
// ignored, and so is an event without data.
type EventReader struct {
	in    *bufio.Reader
	limit int
	line  []byte
	data  []byte
	read  bool // something of the stream was read
	skip  bool // the last line ended with CR: a LF that follows belongs to it
	err   error
}

// done is the data of the event that ends a stream of chat completions.
const done = "[DONE]"

// NewEventReader returns a reader that refuses lines and events of more than
// maxEvent bytes.
func NewEventReader(r io.Reader, maxEvent int) *EventReader {
	return &EventReader{in: bufio.NewReader(r), limit: maxEvent}
}

// Next returns the data of the next event, valid until the next call. It
// returns io.EOF after "[DONE]", also where that is not followed by the empty
// line that should be, and io.ErrUnexpectedEOF where the stream ends without
// it, which a caller that has seen a finish reason may let pass. An event that
// is too large is an [upstream.ErrMalformed].
func (e *EventReader) Next() ([]byte, error) {
	if e.err != nil {
		return nil, e.err
	}
	e.data = e.data[:0]
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
			return nil, err
		}
		if len(line) == 0 {
			switch {
			case string(e.data) == done:
				e.err = io.EOF
				return nil, e.err
			case len(e.data) > 0:
				return e.data, nil
			}
			lines = 0
			continue
		}
		value, ok := dataOf(line)
		if !ok {
			continue
		}
		if lines++; lines > 1 {
			e.data = append(e.data, '\n')
		}
		if len(e.data)+len(value) > e.limit {
			e.err = malformed("an event has more than %d bytes", e.limit)
			return nil, e.err
		}
		e.data = append(e.data, value...)
	}
}

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
			return nil, malformed("a line of the stream has more than %d bytes", e.limit)
		}
		e.line = append(e.line, piece...)
		if end < 0 {
			_, _ = e.in.Discard(len(have))
			continue
		}
		e.skip = have[end] == '\r'
		_, _ = e.in.Discard(end + 1)
		if !e.read {
			e.read = true
			e.line = bytes.TrimPrefix(e.line, []byte("\uFEFF"))
		}
		return e.line, nil
	}
}
