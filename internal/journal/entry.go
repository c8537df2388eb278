package journal

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// Kind says what a frame holds. The numbers are on disk and never change.
type Kind uint8

// The kinds of entry.
const (
	KindDecision Kind = 1 // one request
	KindOutcome  Kind = 2 // a later judgement of an answer
	KindGap      Kind = 3 // records that could not be written
	KindExpired  Kind = 4 // a file that retention deletes next
	KindTorn     Kind = 5 // bytes that a killed writer left, and where they are now
	KindAudit    Kind = 6 // what the largest tier said to a request that a smaller one answered
)

func (k Kind) known() bool { return k >= KindDecision && k <= KindAudit }

// String is the kind as people read it.
func (k Kind) String() string {
	switch k {
	case KindDecision:
		return "decision"
	case KindOutcome:
		return "outcome"
	case KindGap:
		return "gap"
	case KindExpired:
		return "expired"
	case KindTorn:
		return "torn"
	case KindAudit:
		return "audit"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Position is a point between frames. The zero Position is the start of the
// oldest record that there is.
type Position struct {
	Segment uint32 `json:"segment"`
	Offset  int64  `json:"offset"`
}

// Before says whether p lies before q.
func (p Position) Before(q Position) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}

// String prints the position as file:byte.
func (p Position) String() string { return fmt.Sprintf("%s:%d", segmentFile(p.Segment), p.Offset) }

// Head is a state of the chain: all up to and with frame number Count, which
// ends at the position. Kept outside the machine, it is an anchor against which
// [Verify] finds even a journal that was rewritten as a whole.
type Head struct {
	Position
	Count uint64           `json:"count"`
	Hash  pointsman.Digest `json:"hash"`
}

// Ref says where the payload of a decision lies and what its digest is.
type Ref struct {
	Segment uint32           `json:"segment"`
	Offset  int64            `json:"offset"`
	Length  int64            `json:"length"`
	Digest  pointsman.Digest `json:"digest"`
}

// Gap tells of records that were not written because writing failed.
type Gap struct {
	From  time.Time `json:"from"` // the first failure
	To    time.Time `json:"to"`   // when writing worked again
	Count uint64    `json:"count"`
	Cause string    `json:"cause"`
}

// Expired announces that retention deletes a file. Exactly one of Segment and
// Payload is set.
type Expired struct {
	Time      time.Time     `json:"time"`
	Segment   uint32        `json:"segment,omitempty"`
	Payload   uint32        `json:"payload,omitempty"`
	Newest    time.Time     `json:"newest"` // no content is younger
	Retention time.Duration `json:"retention_ns"`
	// Last and Hash are the sequence number and the chain hash with which the
	// next segment goes on.
	Last uint64           `json:"last,omitempty"`
	Hash pointsman.Digest `json:"hash,omitempty"`
}

// Torn tells of bytes that are no record: what a killed writer left of its last
// one. A segment's are moved to a file beside it; a payload file's stay where
// they are, and the next payload file is begun.
type Torn struct {
	File   string           `json:"file"`   // where the bytes were, relative to the journal
	Offset int64            `json:"offset"` // where they began
	Moved  string           `json:"moved,omitempty"`
	Bytes  int64            `json:"bytes"`
	Frames int              `json:"frames,omitempty"` // whole records among them, behind a hole that a power cut left
	Digest pointsman.Digest `json:"digest"`
}

// Entry is one record as it is read from a segment.
type Entry struct {
	Position // where it begins
	Next     Position
	Kind     Kind
	Seq      uint64 // counts all records of the journal from 1
	// Body is the record in JSON. It is valid until the next entry is read.
	Body []byte
	// Chain is the chain hash that ends the record.
	Chain [32]byte
}

// decisionBody is the body of a decision's frame.
type decisionBody struct {
	Decision *pointsman.Decision `json:"decision"`
	Payload  *Ref                `json:"payload,omitempty"`
}

// Decision decodes a decision, with the reference of its payload if it has one.
func (e *Entry) Decision() (*pointsman.Decision, *Ref, error) {
	var body decisionBody
	if err := e.decode(KindDecision, &body); err != nil {
		return nil, nil, err
	}
	if body.Decision == nil {
		return nil, nil, fmt.Errorf("%s: %w: no decision in a decision's record", e.Position, ErrCorrupt)
	}
	return body.Decision, body.Payload, nil
}

// Outcome decodes an outcome.
func (e *Entry) Outcome() (*pointsman.Outcome, error) {
	return decode[pointsman.Outcome](e, KindOutcome)
}

// Audit decodes an audit.
func (e *Entry) Audit() (*pointsman.Audit, error) { return decode[pointsman.Audit](e, KindAudit) }

// Gap decodes a gap.
func (e *Entry) Gap() (*Gap, error) { return decode[Gap](e, KindGap) }

// Expired decodes a notice of retention.
func (e *Entry) Expired() (*Expired, error) { return decode[Expired](e, KindExpired) }

// Torn decodes a notice of torn bytes.
func (e *Entry) Torn() (*Torn, error) { return decode[Torn](e, KindTorn) }

func decode[T any](e *Entry, kind Kind) (*T, error) {
	v := new(T)
	return v, e.decode(kind, v)
}

func (e *Entry) decode(kind Kind, v any) error {
	if e.Kind != kind {
		return fmt.Errorf("%s: %w: %s, not %s", e.Position, ErrKind, e.Kind, kind)
	}
	if err := json.Unmarshal(e.Body, v); err != nil {
		return fmt.Errorf("%s: %w: %w", e.Position, ErrCorrupt, err)
	}
	return nil
}
