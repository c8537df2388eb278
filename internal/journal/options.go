package journal

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/pointsman-ai/pointsman/internal/durable"
)

// Durability says when a record is safe from the end of the machine. It is
// always safe from the end of the process.
type Durability string

// The durabilities.
const (
	DurabilityInterval Durability = "interval" // fsync every Options.FsyncInterval
	DurabilitySync     Durability = "sync"     // fsync before an append returns; concurrent appends share one
)

// OnFull says what happens to requests while records cannot be written.
type OnFull string

// The policies for a full disk.
const (
	OnFullRefuse OnFull = "refuse" // appends fail, and Healthy says so beforehand
	OnFullAnswer OnFull = "answer" // appends succeed; what was not written is counted, and a gap recorded later
)

// Forever is a retention that never ends.
const Forever time.Duration = math.MaxInt64

// Bounds of what is written at once, in bytes.
const (
	MaxBody    = 4 << 20  // of one record
	MaxPayload = 32 << 20 // of one request's texts
)

// Options are the owner's choices for a journal. Start from [DefaultOptions]:
// a zero is an error and never means a default, except for the last three.
type Options struct {
	Durability Durability
	// FsyncInterval is how often the journal is made safe from a power cut,
	// and how often writing is tried again after it failed.
	FsyncInterval time.Duration
	OnFull        OnFull
	// SegmentSize is the size in bytes at which the next file is begun, for
	// records and for payloads.
	SegmentSize int64
	// Retention is how long records are kept, PayloadRetention how long texts
	// are; a payload never outlives its record. Files are deleted whole: a
	// file goes when its newest content is that old, so content may stay
	// longer by the time that its file was written to, which for payloads is
	// bounded by an eighth of the retention or a day, whichever is shorter.
	Retention        time.Duration
	PayloadRetention time.Duration

	// Clock is the wall clock; nil means time.Now.
	Clock func() time.Time
	// Logger takes what the operator should know; nil discards it.
	Logger *slog.Logger
	// FS is where files are written; nil means the operating system.
	FS durable.FS
}

// DefaultOptions keeps records forever and texts for thirty days, refuses
// requests on a full disk and risks one second on a power cut.
func DefaultOptions() Options {
	return Options{
		Durability:       DurabilityInterval,
		FsyncInterval:    time.Second,
		OnFull:           OnFullRefuse,
		SegmentSize:      64 << 20,
		Retention:        Forever,
		PayloadRetention: 30 * 24 * time.Hour,
	}
}

// complete checks the options and fills in the last three.
func (o Options) complete() (Options, error) {
	switch {
	case o.Durability != DurabilityInterval && o.Durability != DurabilitySync:
		return o, fmt.Errorf("%w: durability %q, want %q or %q", ErrOptions, o.Durability, DurabilityInterval, DurabilitySync)
	case o.OnFull != OnFullRefuse && o.OnFull != OnFullAnswer:
		return o, fmt.Errorf("%w: on full %q, want %q or %q", ErrOptions, o.OnFull, OnFullRefuse, OnFullAnswer)
	case o.FsyncInterval <= 0:
		return o, fmt.Errorf("%w: fsync interval %v, want more than 0", ErrOptions, o.FsyncInterval)
	case o.SegmentSize < headerSize || o.SegmentSize > math.MaxUint32:
		return o, fmt.Errorf("%w: segment size %d, want %d to %d bytes", ErrOptions, o.SegmentSize, headerSize, uint32(math.MaxUint32))
	case o.Retention <= 0:
		return o, fmt.Errorf("%w: retention %v, want more than 0 or Forever", ErrOptions, o.Retention)
	case o.PayloadRetention <= 0:
		return o, fmt.Errorf("%w: payload retention %v, want more than 0 or Forever", ErrOptions, o.PayloadRetention)
	}
	o.PayloadRetention = min(o.PayloadRetention, o.Retention)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = durable.OS{}
	}
	return o, nil
}

// payloadAge is how long one payload file is written to.
func (o *Options) payloadAge() time.Duration {
	return max(min(o.PayloadRetention/8, 24*time.Hour), time.Second)
}
