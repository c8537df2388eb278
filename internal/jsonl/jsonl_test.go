package jsonl_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman/internal/jsonl"
)

// line is what a test compares: a copy of the data, because a reader's own is
// valid until the next line only.
type line struct {
	Data   string
	Number int
	Offset int64
	Size   int
	Ended  bool
}

func all(t *testing.T, content string, most int) ([]line, error) {
	t.Helper()
	r := jsonl.NewReader(iotest.OneByteReader(strings.NewReader(content)), most)
	var out []line
	for {
		l, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, line{string(l.Data), l.Number, l.Offset, l.Size, l.Ended})
	}
}

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    []line
	}{
		"empty":         {"", nil},
		"one":           {"{}\n", []line{{"{}", 1, 0, 3, true}}},
		"without end":   {"{}\n[1", []line{{"{}", 1, 0, 3, true}, {"[1", 2, 3, 2, false}}},
		"blank between": {"a\n\n b\n", []line{{"a", 1, 0, 2, true}, {"", 2, 2, 1, true}, {" b", 3, 3, 3, true}}},
		"long":          {strings.Repeat("x", 200_000) + "\ny\n", []line{{strings.Repeat("x", 200_000), 1, 0, 200_001, true}, {"y", 2, 200_001, 2, true}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := all(t, c.content, 200_000)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestALineAtTheBoundIsReadAndALongerOneIsNot(t *testing.T) {
	if got, err := all(t, "12345\n1234\n", 5); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	got, err := all(t, "12345\n123456\n1\n", 5)
	var long *jsonl.TooLongError
	if !errors.As(err, &long) || long.Number != 2 || long.Max != 5 || len(got) != 1 || err.Error() != "line 2 is longer than 5 bytes" {
		t.Errorf("%v, %v", got, err)
	}
}

// endless is a line that never ends.
type endless struct{ given int }

func (e *endless) Read(p []byte) (int, error) {
	e.given += len(p)
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestAnEndlessLineEndsAtTheBound(t *testing.T) {
	source := &endless{}
	_, err := jsonl.NewReader(source, 1<<20).Next()
	var long *jsonl.TooLongError
	if !errors.As(err, &long) || source.given > 2<<20 {
		t.Errorf("%v after %d bytes", err, source.given)
	}
}

func TestTheStreamsErrorIsReturned(t *testing.T) {
	r := jsonl.NewReader(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(io.ErrClosedPipe)), 10)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, io.ErrClosedPipe) || r.Number() != 2 {
		t.Errorf("%v at line %d", err, r.Number())
	}
}
