package journal

import (
	"errors"
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// The errors of this package. They are wrapped with where it happened.
var (
	// ErrFull is returned while the disk has no room (or the quota or the file
	// size limit is reached) and the owner chose to refuse.
	ErrFull = errors.New("no space for the journal")
	// ErrWrite is returned while writing fails for another reason than space.
	ErrWrite = errors.New("the journal cannot be written")
	// ErrGone is returned while a file that is written to was deleted, and the
	// journal could not be mended yet.
	ErrGone = errors.New("files of the journal were deleted")
	// ErrClosed is returned by a journal after Close.
	ErrClosed = errors.New("the journal is closed")
	// ErrLocked is returned by Open while another process writes the journal.
	ErrLocked = errors.New("the journal is in use")
	// ErrCorrupt is returned where stored bytes are not what was written.
	ErrCorrupt = errors.New("the journal is damaged")
	// ErrTooLarge is returned for a record or a payload above its bound.
	ErrTooLarge = errors.New("too large for the journal")
	// ErrRecording is returned for a payload to which no recording setting was
	// applied: it would store what the owner may not want stored.
	ErrRecording = errors.New("no recording setting was applied to the payload")
	// ErrOther is returned for a payload that belongs to another decision than
	// the one it is appended with.
	ErrOther = errors.New("the payload is another decision's")
	// ErrExpired is returned where a record or payload was there and its
	// retention has ended.
	ErrExpired = errors.New("deleted by retention")
	// ErrOptions is returned by Open for options that make no sense.
	ErrOptions = errors.New("invalid journal options")
	// ErrKind is returned where an entry is asked for what it does not hold.
	ErrKind = errors.New("the entry is of another kind")
)

// corrupt is the error for a person whose journal is damaged.
func corrupt(file string, offset int64, format string, args ...any) error {
	return &pointsman.Error{
		Code:    pointsman.CodeIntegrity,
		Message: fmt.Sprintf("the decision journal is damaged: %s at byte %d", file, offset),
		Hint:    "run `pointsman audit verify` to see every damaged place; restore the files from a backup, or move the journal directory aside to start a new one",
		Err:     fmt.Errorf("%w: %s: byte %d: %s", ErrCorrupt, file, offset, fmt.Sprintf(format, args...)),
	}
}

// unavailable is the error for a client while the journal cannot be written.
func unavailable(cause error) error {
	hint := "see the log for the cause; requests are taken again as soon as a write succeeds"
	kind := ErrWrite
	if durable.IsFull(cause) {
		kind, hint = ErrFull, "free disk space, shorten the retention, or let requests be answered without a record"
	}
	return &pointsman.Error{
		Code:    pointsman.CodeUnavailable,
		Message: "decisions cannot be recorded now",
		Hint:    hint,
		Err:     fmt.Errorf("%w: %w", kind, cause),
	}
}
