package chat_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
)

func events(r io.Reader, limit int) (out []string, err error) {
	e := chat.NewEventReader(r, limit)
	for {
		event, err := e.Next()
		if err != nil {
			if _, again := e.Next(); !errors.Is(again, err) {
				return out, errors.New("the error did not stay")
			}
			return out, err
		}
		if len(event.Data) > 0 {
			out = append(out, string(event.Data))
		}
	}
}

func TestEventReader(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         []string
		err          error
	}{
		{"as OpenAI sends it", "data: {\"a\":1}\n\ndata: {\"b\":2}\n\ndata: [DONE]\n\n", []string{`{"a":1}`, `{"b":2}`}, io.EOF},
		{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\ndata: [DONE]\r\n\r\n", []string{"a", "b"}, io.EOF},
		{"CR", "data: a\r\rdata: b\r\rdata: [DONE]\r\r", []string{"a", "b"}, io.EOF},
		{"mixed", "data: a\r\n\ndata: b\n\r\ndata: [DONE]\r\n\r", []string{"a", "b"}, io.EOF},
		{"comments and fields", ": OPENROUTER PROCESSING\n\nevent: delta\nid: 1\nretry: 10\nfoo: bar\nbaz\ndata: a\n\ndata: [DONE]\n\n", []string{"a"}, io.EOF},
		{"no space, two spaces", "data:a\n\ndata:  b\n\ndata:[DONE]\n\n", []string{"a", " b"}, io.EOF},
		{"several lines", "data: {\ndata: \"a\":1\ndata\ndata:}\n\ndata: [DONE]\n\n", []string{"{\n\"a\":1\n\n}"}, io.EOF},
		{"byte order mark", "\uFEFFdata: a\n\ndata: [DONE]\n\n", []string{"a"}, io.EOF},
		{"a mark in the middle is none", "data: a\n\n\uFEFFdata: b\n\ndata: [DONE]\n\n", []string{"a"}, io.EOF},
		{"not quite data", "database: x\n\n data: y\n\ndata: [DONE]\n\n", nil, io.EOF},
		{"events without data", "event: ping\n\ndata:\n\ndata: [DONE]\n\n", nil, io.EOF},
		{"nothing after done counts", "data: [DONE]\n\ndata: a\n\n", nil, io.EOF},
		{"done without its empty line", "data: a\n\ndata: [DONE]\n", []string{"a"}, io.EOF},
		{"done without its line end", "data: a\n\ndata: [DONE]", []string{"a"}, io.EOF},
		{"no done", "data: a\n\n", []string{"a"}, io.ErrUnexpectedEOF},
		{"cut in an event", "data: a\n\ndata: b\n", []string{"a"}, io.ErrUnexpectedEOF},
		{"cut in a line", "data: a\n\ndata: {\"b", []string{"a"}, io.ErrUnexpectedEOF},
		{"empty", "", nil, io.ErrUnexpectedEOF},
		{"data too large", "data: " + strings.Repeat("x", 65) + "\n\n", nil, dialect.ErrMalformed},
		{"lines too large together", "data: " + strings.Repeat("x", 60) + "\ndata: 12345\n\n", nil, dialect.ErrMalformed},
		{"line without end", strings.Repeat("x", 1<<20), nil, dialect.ErrMalformed},
		{"as large as may be", "data: " + strings.Repeat("x", 64) + "\n\ndata: [DONE]\n\n", []string{strings.Repeat("x", 64)}, io.EOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole": strings.NewReader(c.stream), "bytewise": iotest.OneByteReader(strings.NewReader(c.stream)),
			} {
				got, err := events(r, 64)
				if !errors.Is(err, c.err) {
					t.Errorf("%s: got %v, want %v", name, err, c.err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		})
	}
}

// raws are the raw bytes of all events, in which nothing is missing: comments,
// fields, and the line ends as they were.
func raws(r io.Reader) (string, error) {
	e := chat.NewEventReader(r, 64)
	var out []byte
	for {
		event, err := e.Next()
		if err != nil {
			return string(out), err
		}
		out = append(out, event.Raw...)
	}
}

func TestEventReaderKeepsTheBytes(t *testing.T) {
	for _, stream := range []string{
		": OPENROUTER PROCESSING\n\nevent: delta\nid: 1\ndata: a\n\n", "\uFEFFdata: a\r\n\r\ndata:b\r\n\r\n",
		"data: a\r\rdata: b\r\r", "data: 1\ndata: 2\n: between\ndata: 3\n\n", "\n\n:\n:\nevent: ping\n\n",
	} {
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(stream + "data: [DONE]\n\n"), "bytewise": iotest.OneByteReader(strings.NewReader(stream + "data: [DONE]\n\n")),
		} {
			// A LF that came apart from its CR belongs to what follows.
			if got, err := raws(r); strings.TrimSuffix(got, "\n") != strings.TrimSuffix(stream, "\n") || !errors.Is(err, io.EOF) {
				t.Errorf("%s: got %q, %v, want %q", name, got, err, stream)
			}
		}
	}
}

// A comment may be all that keeps a connection alive, so it does not wait for
// the event behind it.
func TestEventReaderGivesACommentAtOnce(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	go func() { _, _ = w.Write([]byte(": keep-alive\n")) }()
	if got, err := chat.NewEventReader(r, 64).Next(); err != nil || string(got.Raw) != ": keep-alive\n" || len(got.Data) != 0 {
		t.Errorf("got %q, %v", got.Raw, err)
	}
}

func TestEventReaderPassesErrorsOn(t *testing.T) {
	reset := errors.New("connection reset")
	got, err := events(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(reset)), 64)
	if !errors.Is(err, reset) || len(got) != 1 {
		t.Errorf("got %q, %v", got, err)
	}
}

// An event is given as soon as it is there: a CR that ends it must not wait
// for the LF that may follow.
func TestEventReaderDoesNotWait(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	go func() { _, _ = w.Write([]byte("data: a\r\r")) }()
	if got, err := chat.NewEventReader(r, 64).Next(); err != nil || string(got.Data) != "a" {
		t.Errorf("got %q, %v", got.Data, err)
	}
}

func FuzzEventReader(f *testing.F) {
	f.Add("data: a\n\ndata: [DONE]\n\n")
	f.Add("\uFEFFdata:a\rdata: b\r\n\r\n: c\ndata")
	f.Fuzz(func(t *testing.T, stream string) {
		whole, err := events(strings.NewReader(stream), 64)
		bytewise, other := events(iotest.OneByteReader(strings.NewReader(stream)), 64)
		if diff := cmp.Diff(whole, bytewise); diff != "" || err.Error() != other.Error() {
			t.Fatalf("%v, %v: %s", err, other, diff)
		}
		for _, e := range whole {
			if len(e) > 64 || strings.ContainsRune(e, '\r') {
				t.Fatalf("event %q", e)
			}
		}
	})
}
