// Package recorded answers from a recording: the same answer to the same
// request, with the usage, the logprobs and the latency that it had, and never
// one that was not recorded. It also makes recordings, as a writer for
// importers and as a proxy between a client and its vendor.
//
// A recording (.pmrec) is a file of JSON Lines to which entries are appended:
//
//	{"key":"sha256:…","model":"…","latency_ns":N,"first_token_ns":N,"request":{…},"response":{…}}
//
// key is [chat.Key] of the request, which may itself be left out; model is the
// name that was asked for, for people who search the file; response is the
// chat.completion as it was received, byte for byte, but for line breaks
// between its tokens, which become spaces. first_token_ns is 0 where the answer
// was not streamed. No other members are allowed, and no header of the request
// is ever recorded.
//
// Of several entries with one key the first counts. A last line that was only
// half written is reported and otherwise ignored; any other line that is not an
// entry is an error.
package recorded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/jsonl"
)

// ErrFormat is returned for a file that is not a recording, with the number of
// the first line that is wrong.
var ErrFormat = errors.New("not a valid recording")

// maxLine bounds a line: an answer and a request as large as they may be.
const maxLine = 2*chat.MaxAnswer + 64<<10

// entry is a line that was read.
type entry struct {
	Key        pointsman.Digest `json:"key"`
	Model      string           `json:"model"`
	Latency    int64            `json:"latency_ns"`
	FirstToken int64            `json:"first_token_ns"`
	Request    json.RawMessage  `json:"request"`
	Response   json.RawMessage  `json:"response"`
}

// parseLine reads a line without its end and checks the form of its parts; the
// response itself is checked by answer.
func parseLine(line []byte) (*entry, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var e entry
	if err := decoder.Decode(&e); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	if _, err := pointsman.ParseDigest(string(e.Key)); err != nil {
		return nil, err
	}
	if e.Latency < 0 || e.FirstToken < 0 || e.FirstToken > e.Latency {
		return nil, fmt.Errorf("latency of %d ns, %d ns to the first token", e.Latency, e.FirstToken)
	}
	if len(e.Response) == 0 {
		return nil, errors.New("no response")
	}
	return &e, nil
}

// answer is the entry's answer.
func (e *entry) answer() (*pointsman.Answer, error) {
	a, err := chat.ParseAnswer(e.Response)
	if err != nil {
		return nil, err
	}
	a.Latency, a.FirstToken = time.Duration(e.Latency), time.Duration(e.FirstToken)
	return a, nil
}

// check reads a line and everything in it.
func check(line []byte) (*entry, error) {
	e, err := parseLine(line)
	if err != nil {
		return nil, err
	}
	if len(e.Request) > 0 {
		if key, err := chat.Key(e.Request); err != nil {
			return nil, err
		} else if key != e.Key {
			return nil, errors.New("the key is not that of the request")
		}
	}
	_, err = e.answer()
	return e, err
}

// appendLine appends an entry with its line end.
func appendLine(dst []byte, e *entry) ([]byte, error) {
	model, err := json.Marshal(e.Model)
	if err != nil {
		return nil, err
	}
	dst = fmt.Appendf(dst, `{"key":%q,"model":%s,"latency_ns":%d,"first_token_ns":%d`, e.Key, model, e.Latency, e.FirstToken)
	if len(e.Request) > 0 {
		dst = appendFlat(append(dst, `,"request":`...), e.Request)
	}
	dst = appendFlat(append(dst, `,"response":`...), e.Response)
	return append(dst, "}\n"...), nil
}

// appendFlat appends JSON on one line: line breaks can only stand between its
// tokens, where a space means the same.
func appendFlat(dst, raw []byte) []byte {
	from := len(dst)
	dst = append(dst, raw...)
	for i := from; i < len(dst); i++ {
		if dst[i] == '\n' || dst[i] == '\r' {
			dst[i] = ' '
		}
	}
	return dst
}

// Report is what a recording holds.
type Report struct {
	// Entries counts the requests that have an answer.
	Entries int
	// Duplicates counts the entries that do not count, because an earlier one
	// has the same key.
	Duplicates int
	// Tail is the number of bytes of a half-written last line.
	Tail int64
	// Bytes is the size of the file.
	Bytes int64
}

// scan reads a whole recording and calls each for every entry, with the place
// of its line.
func scan(r io.Reader, each func(e *entry, offset int64, length int)) (tail, size int64, err error) {
	lines := jsonl.NewReader(r, maxLine)
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return 0, size, nil
		}
		var long *jsonl.TooLongError
		if errors.As(err, &long) {
			return 0, 0, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if err != nil {
			return 0, 0, err
		}
		size = line.Offset + int64(line.Size)
		e, err := check(line.Data)
		if err != nil {
			if !line.Ended {
				return int64(line.Size), size, nil
			}
			return 0, 0, fmt.Errorf("%w: line %d: %w", ErrFormat, line.Number, err)
		}
		each(e, line.Offset, len(line.Data))
	}
}
