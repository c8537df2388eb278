package memory_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pointsman-ai/pointsman/internal/memory"
)

// What is read is what was there, whatever length is claimed, and no more is
// held than it takes.
func TestRead(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		reader io.Reader
		length int64
		most   int64
		want   int
		err    error
	}{
		"empty":                    {strings.NewReader(""), 0, 10, 0, nil},
		"as many as permitted":     {strings.NewReader("0123456789"), 10, 10, 10, nil},
		"one too many":             {strings.NewReader("0123456789x"), 10, 10, 0, memory.ErrTooLarge},
		"a lie upwards":            {strings.NewReader("abc"), 1 << 40, 1 << 41, 3, nil},
		"a lie downwards":          {strings.NewReader(strings.Repeat("a", 100_000)), 3, 1 << 20, 100_000, nil},
		"byte by byte":             {iotest.OneByteReader(strings.NewReader(strings.Repeat("a", 9000))), 0, 1 << 20, 9000, nil},
		"an end with the last one": {iotest.DataErrReader(strings.NewReader("abc")), 3, 10, 3, nil},
		"large":                    {bytes.NewReader(make([]byte, 20<<20)), 0, 20 << 20, 20 << 20, nil},
		"more than there is":       {bytes.NewReader(make([]byte, 60<<20)), 0, 60 << 20, 0, memory.ErrExhausted},
		"broken off":               {io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), 9, 10, 0, broken},
	} {
		budget := memory.NewBudget(100 << 20)
		lease := budget.Lease()
		got, err := memory.Read(c.reader, lease, memory.ReadOptions{Most: c.most, Length: c.length, PerByte: 2})
		if !errors.Is(err, c.err) || len(got) != c.want {
			t.Errorf("%s: %d bytes, %v; want %d, %v", name, len(got), err, c.want, c.err)
		}
		if c.err == nil && budget.Used() != int64(2*c.want) {
			t.Errorf("%s: %d bytes are held for %d", name, budget.Used(), c.want)
		}
		lease.Release()
		if budget.Used() != 0 {
			t.Errorf("%s: %d bytes are still held", name, budget.Used())
		}
	}
}

// A claimed length alone takes next to nothing.
func TestReadTakesMemoryForWhatCame(t *testing.T) {
	budget := memory.NewBudget(1 << 30)
	lease := budget.Lease()
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := memory.Read(reader, lease, memory.ReadOptions{Most: 1 << 30, Length: 1 << 29, PerByte: 4})
		done <- err
	}()
	if _, err := writer.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if used := budget.Used(); used > 64<<10 {
		t.Errorf("%d bytes are held for one", used)
	}
	writer.Close() //nolint:errcheck // never fails
	if err := <-done; err != nil {
		t.Error(err)
	}
}
