package memory

import (
	"errors"
	"io"
)

// ErrTooLarge is returned by [Read] for more than is permitted.
var ErrTooLarge = errors.New("more bytes than are permitted")

const (
	firstRead   = 4 << 10 // bytes of a buffer whose content's length is not known
	maxFirst    = 8 << 10
	maxIncrease = 4 << 20
)

// ReadOptions say how a body is read.
type ReadOptions struct {
	// Most is the most bytes that may come.
	Most int64
	// Length is how many are said to come, or 0. It is not trusted: memory is
	// taken for what has come.
	Length int64
	// PerByte is how many bytes of memory each of them takes while it is
	// handled, the growing buffer included; at least 1.
	PerByte int64
}

// Read reads to the end, and takes the memory from a lease before it allocates
// it. Its errors are [ErrExhausted], [ErrTooLarge], or the reader's.
func Read(r io.Reader, l *Lease, o ReadOptions) ([]byte, error) {
	size := int64(firstRead)
	if o.Length > 0 {
		size = min(o.Length+1, maxFirst) // one more, so that the end is found without growing
	}
	if err := l.Grow(size * o.PerByte); err != nil {
		return nil, err
	}
	buffer := make([]byte, 0, size)
	for {
		if len(buffer) == cap(buffer) {
			increase := min(int64(cap(buffer)), maxIncrease)
			if rest := o.Length + 1 - int64(cap(buffer)); rest > 0 {
				increase = min(increase, rest) // no more than is said to come
			}
			if err := l.Grow(increase * o.PerByte); err != nil {
				return nil, err
			}
			larger := make([]byte, len(buffer), int64(cap(buffer))+increase)
			copy(larger, buffer)
			buffer = larger
		}
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		switch {
		case int64(len(buffer)) > o.Most:
			return nil, ErrTooLarge
		case errors.Is(err, io.EOF):
			l.Shrink(int64(cap(buffer)-len(buffer)) * o.PerByte)
			return buffer, nil
		case err != nil:
			return nil, err
		}
	}
}
