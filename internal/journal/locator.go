package journal

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
)

// Locator says where a record lies, as text that only this package reads. It
// is good for as long as the record is there. Locators sort, byte by byte, in
// the order in which their records were written.
type Locator string

// Mark says how far a journal was read, and which journal that was, as text
// that only this package reads. The empty Mark is the start of any journal.
type Mark string

// ErrMark is returned for a mark that is another journal's, or that names
// records which this journal has lost.
var ErrMark = errors.New("the mark is not of this journal")

// The sizes in bytes of what locators and marks are the hexadecimal form of.
const (
	locatorSize = 4 + 8
	markSize    = locatorSize + frameChain
)

func (p Position) bytes() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, markSize), p.Segment)
	return binary.BigEndian.AppendUint64(b, uint64(p.Offset))
}

// Locator says where the entry lies.
func (e *Entry) Locator() Locator { return Locator(hex.EncodeToString(e.bytes())) }

// Mark is behind the entry.
func (e *Entry) Mark() Mark {
	return Mark(hex.EncodeToString(append(e.Next.bytes(), e.Chain[:]...)))
}

// Through is a locator that is greater than those of all records which the
// notice announces to delete, and no greater than any other's. It is empty for
// a notice of payloads.
func (x *Expired) Through() Locator {
	if x.Segment == 0 {
		return ""
	}
	return Locator(hex.EncodeToString(Position{Segment: x.Segment + 1}.bytes()))
}

func parsePosition(text string, size int) (p Position, rest []byte, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != size {
		return Position{}, nil, fmt.Errorf("%w: %q is no place in a journal", ErrCorrupt, text)
	}
	return Position{binary.BigEndian.Uint32(b), int64(binary.BigEndian.Uint64(b[4:]))}, b[locatorSize:], nil
}

// Check says whether the mark is of the journal in a directory, so that reading
// may go on from it: nil, or an error that wraps ErrMark. A mark whose record
// retention has deleted cannot be told from another journal's, and is taken.
func (m Mark) Check(dir string) error {
	if m == "" {
		return nil
	}
	at, chain, err := parsePosition(string(m), markSize)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMark, err)
	}
	oldest, err := Oldest(dir)
	if err != nil {
		return err
	}
	if at.Segment < oldest {
		return nil
	}
	if found, ok := chainAt(dir, at); !ok || hashSum(chain) != found {
		return fmt.Errorf("%w: no record of %s ends at %s with that chain hash", ErrMark, dir, at)
	}
	return nil
}

// ReadFrom is [Read] from a mark on. Whether the mark is this journal's is for
// [Mark.Check].
func ReadFrom(dir string, m Mark) iter.Seq2[Entry, error] {
	if m == "" {
		return Read(dir, Position{})
	}
	at, _, err := parsePosition(string(m), markSize)
	if err != nil {
		return func(yield func(Entry, error) bool) { yield(Entry{}, fmt.Errorf("%w: %w", ErrMark, err)) }
	}
	return Read(dir, at)
}

// ReadAt reads the one record at a locator. The error wraps ErrExpired where
// retention has deleted it.
func ReadAt(dir string, l Locator) (Entry, error) {
	at, _, err := parsePosition(string(l), locatorSize)
	if err != nil {
		return Entry{}, err
	}
	return readAt(dir, at)
}
