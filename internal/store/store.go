// Package store says what an index of the decision log answers, in types that
// every database behind it shares: the rows, the filters, the summaries, and how
// a row is made from a record of the journal.
//
// An index is derived. The journal is the truth: whatever is lost or damaged
// here is read from it again. The package does no input or output.
package store

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// The errors of an index.
var (
	// ErrNotFound is returned where no decision has the id or prefix.
	ErrNotFound = errors.New("no such decision")
	// ErrAmbiguous is returned where several decisions have the prefix.
	ErrAmbiguous = errors.New("several decisions begin so")
	// ErrPrefix is returned for a prefix that is too short or no id's.
	ErrPrefix = errors.New("not the beginning of a decision's id")
	// ErrFilter is returned for a filter or cursor that makes no sense.
	ErrFilter = errors.New("invalid filter")
)

// MinPrefix is how much of an id must be given, and MaxLimit how many rows one
// page holds at most.
const (
	MinPrefix = 8
	MaxLimit  = 1000
)

// Row is what an index knows of one decision without reading the record.
type Row struct {
	ID           pointsman.DecisionID `json:"id"`
	Time         time.Time            `json:"time"`
	Task         pointsman.TaskID     `json:"task"`
	Conversation string               `json:"conversation,omitempty"`
	Principal    string               `json:"principal,omitempty"`
	Slices       []string             `json:"slices,omitempty"`
	Config       pointsman.Digest     `json:"config"`
	Policy       pointsman.Digest     `json:"policy,omitempty"`

	Tier      pointsman.TierID    `json:"tier,omitempty"`
	Model     pointsman.ModelID   `json:"model,omitempty"`
	Cause     pointsman.Cause     `json:"cause"`
	Lifecycle pointsman.Lifecycle `json:"lifecycle"`
	Status    int                 `json:"status"`
	Streamed  bool                `json:"streamed,omitempty"`
	Attempts  int                 `json:"attempts"` // tiers that were asked

	Cost              pointsman.Cost `json:"cost"`
	Baseline          pointsman.Cost `json:"baseline"`
	BaselineEstimated bool           `json:"baseline_estimated,omitempty"`
	// Acceptable and Uplift are what the policy said of the last attempt of
	// the tier whose answer was given; nil where it said nothing.
	Acceptable *float64      `json:"acceptable,omitempty"`
	Uplift     *float64      `json:"uplift,omitempty"`
	Latency    time.Duration `json:"latency_ns"`
	Overhead   time.Duration `json:"overhead_ns"`

	// Seq counts records in the journal, and Position is where the whole
	// record stands there.
	Seq      uint64           `json:"seq"`
	Position journal.Position `json:"position"`
}

// Record is a decision as it was written, with the place of its payload if it
// has one.
type Record struct {
	Row      Row
	Decision *pointsman.Decision
	Payload  *journal.Ref
}

// Filter selects decisions. What is empty or nil does not restrict.
type Filter struct {
	Task         pointsman.TaskID
	Tier         pointsman.TierID
	Cause        pointsman.Cause
	Lifecycle    pointsman.Lifecycle
	Conversation string
	Principal    string
	// Since and Until bound the decision's time: Since ≤ time < Until.
	Since, Until time.Time
	// MinCost and MaxCost bound the cost; decisions of unknown cost are then
	// left out.
	MinCost, MaxCost *pointsman.Money
}

// Cursor is a place in a list, opaque to who holds it. The empty cursor is the
// start.
type Cursor string

// CursorAt is the place behind a row.
func CursorAt(r *Row) Cursor {
	return Cursor(strconv.FormatInt(r.Time.UnixNano(), 36) + "." + strconv.FormatUint(r.Seq, 36))
}

// Parse reads the time in Unix nanoseconds and the sequence number behind which
// the list goes on.
func (c Cursor) Parse() (nanos int64, seq uint64, err error) {
	left, right, _ := strings.Cut(string(c), ".")
	if nanos, err = strconv.ParseInt(left, 36, 64); err == nil {
		seq, err = strconv.ParseUint(right, 36, 63)
	}
	if err != nil {
		return 0, 0, invalid("the cursor %q is none that a list has given", string(c))
	}
	return nanos, seq, nil
}

// Page is a part of a list. Next is empty on the last page.
type Page struct {
	Rows []Row  `json:"rows"`
	Next Cursor `json:"next,omitempty"`
}

// Group sums the decisions that share task, tier and cause.
type Group struct {
	Task  pointsman.TaskID `json:"task"`
	Tier  pointsman.TierID `json:"tier,omitempty"`
	Cause pointsman.Cause  `json:"cause"`
	Count int              `json:"count"`
	// Cost sums the costs that are known, CostUnknown counts the others.
	Cost        pointsman.Money `json:"cost"`
	CostUnknown int             `json:"cost_unknown,omitempty"`
	// Saved is baseline less cost where both are known, Compared counts those.
	Saved    pointsman.Money `json:"saved"`
	Compared int             `json:"compared"`
	// WithOutcome counts the decisions on which somebody has said a word.
	WithOutcome int `json:"with_outcome"`
}

// CheckLimit checks the size of a page.
func CheckLimit(limit int) error {
	if limit < 1 || limit > MaxLimit {
		return invalid("a page of %d rows; 1 to %d are possible", limit, MaxLimit)
	}
	return nil
}

// PrefixRange turns an id or the beginning of one into the range low ≤ id <
// high.
func PrefixRange(prefix string) (low, high string, err error) {
	if len(prefix) > 36 || strings.Trim(prefix, "0123456789abcdef-") != "" {
		return "", "", badPrefix(prefix, "an id has 36 lower-case hexadecimal digits and dashes")
	}
	if len(prefix) < MinPrefix {
		return "", "", badPrefix(prefix, fmt.Sprintf("at least %d characters are needed", MinPrefix))
	}
	return prefix, prefix + "g", nil // "g" sorts behind every digit
}

func badPrefix(prefix, why string) error {
	return &pointsman.Error{
		Code: pointsman.CodeInvalid, Message: fmt.Sprintf("%q does not name a decision: %s", prefix, why),
		Err: ErrPrefix,
	}
}

func invalid(format string, args ...any) error {
	return &pointsman.Error{Code: pointsman.CodeInvalid, Message: fmt.Sprintf(format, args...), Err: ErrFilter}
}

// NotFound is the error for an id that no decision has.
func NotFound(id string) error {
	return &pointsman.Error{
		Code: pointsman.CodeNotFound, Message: fmt.Sprintf("there is no decision %s", id),
		Hint: "it may never have been recorded, or its retention has ended", Err: ErrNotFound,
	}
}

// Ambiguous is the error for a prefix that several decisions share.
func Ambiguous(prefix string) error {
	return &pointsman.Error{
		Code: pointsman.CodeInvalid, Message: fmt.Sprintf("several decisions begin with %s", prefix),
		Hint: "give more of the id", Err: ErrAmbiguous,
	}
}
