package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/jsonl"
)

// MaxLine bounds the bytes of a line.
const MaxLine = 8 << 20

// Read reads the examples of a file one after the other: of JSON Lines, or of a
// table whose name says so ([FormatOf]) and whose header names the members. The
// file is opened anew each time the sequence is ranged over, and closed at its
// end. The first error ends the sequence; it names the file and the line.
func Read(path string) iter.Seq2[Example, error] {
	if format, err := FormatOf(path); err == nil {
		return Import(path, Table{Format: format, Header: true})
	}
	return func(yield func(Example, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(Example{}, missing(path, err))
			return
		}
		defer file.Close()
		for e, err := range ReadFrom(file, path) {
			if !yield(e, err) {
				return
			}
		}
	}
}

func missing(path string, err error) error {
	code := pointsman.CodeInternal
	if errors.Is(err, os.ErrNotExist) {
		code = pointsman.CodeNotFound
	}
	return &pointsman.Error{Code: code, Message: fmt.Sprintf("the dataset %s cannot be opened", path), Err: err}
}

// ReadFrom reads the examples of a stream, once; name stands for the file in
// errors. What begins like gzip is decompressed.
func ReadFrom(r io.Reader, name string) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		plain, err := unzip(r)
		if err != nil {
			yield(Example{}, at(name, 1, broken(err)))
			return
		}
		lines := jsonl.NewReader(plain, MaxLine)
		for {
			line, err := lines.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Example{}, at(name, lines.Number(), unreadable(err)))
				return
			}
			if line.Blank() {
				continue
			}
			e, err := Decode(line.Data)
			if err != nil && !line.Ended && unfinished(line.Data) {
				err = &pointsman.Error{
					Code: pointsman.CodeInvalid, Message: "the last line is cut off: it ends in the middle of an example",
					Hint: "write the file again, or delete its last line", Err: err,
				}
			}
			if err != nil {
				yield(Example{}, at(name, line.Number, err))
				return
			}
			e.Line = line.Number
			if !yield(e, nil) {
				return
			}
		}
	}
}

// unfinished says that a line ends within a JSON value.
func unfinished(line []byte) bool {
	var value json.RawMessage
	return errors.Is(json.NewDecoder(bytes.NewReader(line)).Decode(&value), io.ErrUnexpectedEOF)
}

// Load reads a whole file, as [Read] does, and refuses one in which two examples
// have the same id.
func Load(path string) ([]Example, error) { return load(path, Read(path)) }

// LoadTable is [Load] for a table, from whose columns members are taken as
// [Table.Columns] says.
func LoadTable(path string, columns map[string]string) ([]Example, error) {
	format, err := FormatOf(path)
	if err != nil {
		return nil, err
	}
	return load(path, Import(path, Table{Format: format, Header: true, Columns: columns}))
}

func load(path string, examples iter.Seq2[Example, error]) ([]Example, error) {
	var out []Example
	seen := make(map[string]pointsman.Digest)
	for e, err := range examples {
		if err != nil {
			return nil, err
		}
		digest := e.Digest()
		if e.ID != digest.Short() { // the file's own, not one that we gave
			if _, twice := seen[e.ID]; twice {
				return nil, invalid("give each example an id of its own, or none", "%s:%d: the id %q is there twice", path, e.Line, e.ID)
			}
			seen[e.ID] = digest
		}
		out = append(out, e)
	}
	return out, nil
}

// All is a sequence over examples in memory, in the shape of [Read].
func All(examples []Example) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		for _, e := range examples {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// unzip decompresses what begins like gzip and passes on what does not.
func unzip(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	head, err := buffered.Peek(2)
	if len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		return gzip.NewReader(buffered)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		if _, err := buffered.Discard(3); err != nil { // a byte order mark says nothing
			return nil, err
		}
	}
	return buffered, nil
}

// unreadable is why the next line could not be read, in words.
func unreadable(err error) error {
	if long, ok := errors.AsType[*jsonl.TooLongError](err); ok {
		return invalid("split the example", "the line is longer than %d bytes", long.Max)
	}
	return broken(err)
}

// broken is a stream that cannot be read on, in words.
func broken(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &pointsman.Error{Code: pointsman.CodeInvalid, Message: "the compressed file is cut off", Hint: "write the file again", Err: err}
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return &pointsman.Error{Code: pointsman.CodeInvalid, Message: "the compressed file is damaged", Hint: "write the file again", Err: err}
	default:
		return fmt.Errorf("read: %w", err)
	}
}
