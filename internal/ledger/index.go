package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// Index finds decisions and outcomes in the decision log. It is derived: the
// journal is the truth, and whatever is lost or damaged in an index is read from
// it again. An implementation is safe for concurrent use and passes the suite in
// store/storetest.
//
// A decision's key is its time and id. Where its record lies is a
// [journal.Locator], which an index keeps and does not read.
type Index interface {
	// CatchUp reads what the journal holds beyond the index. When it returns
	// nil, everything that was appended before the call is in the index.
	CatchUp(ctx context.Context) error
	// Get finds the decision with an id, or with a beginning of it of at least
	// MinPrefix characters that no other shares: ErrPrefix, ErrNotFound,
	// ErrAmbiguous. What was appended just now is found.
	Get(ctx context.Context, id string) (Row, error)
	// List returns the decisions that a filter selects, newest first and then
	// by id from the greatest: at most limit of them, from the cursor on.
	List(ctx context.Context, f Filter, limit int, after Cursor) (Page, error)
	// Count counts the decisions that a filter selects.
	Count(ctx context.Context, f Filter) (int, error)
	// Summary sums them by task, tier and cause, in that order.
	Summary(ctx context.Context, f Filter) ([]Group, error)
	// Outcomes says where the outcomes of a decision lie, oldest first. What
	// was appended just now is found.
	Outcomes(ctx context.Context, id pointsman.DecisionID) ([]journal.Locator, error)
	// HasOutcome says whether an outcome was recorded. What was appended just
	// now is found.
	HasOutcome(ctx context.Context, id pointsman.Digest) (bool, error)
	// Audits says where the audits that a filter selects lie, in the order of the
	// journal. What was appended just now is found.
	Audits(ctx context.Context, f AuditFilter) ([]journal.Locator, error)
	// Close gives up what the index holds open.
	Close() error
}

// The errors of an index.
var (
	// ErrNotFound is returned where no decision has the id or prefix.
	ErrNotFound = errors.New("no such decision")
	// ErrAmbiguous is returned where several decisions have the prefix.
	ErrAmbiguous = errors.New("several decisions begin so")
	// ErrPrefix is returned for a prefix that is too short or no id's.
	ErrPrefix = errors.New("not the beginning of a decision's id")
	// ErrUnavailable is returned while an index cannot be read.
	ErrUnavailable = errors.New("the index cannot be read now")
	// ErrFilter is returned for a filter or cursor that makes no sense.
	ErrFilter = errors.New("invalid filter")
)

// MinPrefix is how much of an id must be given, and MaxLimit how many rows one
// page holds at most.
const (
	MinPrefix = 8
	MaxLimit  = 1000
)

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

// AuditFilter selects audits. What is empty does not restrict.
type AuditFilter struct {
	Decision pointsman.DecisionID
	Task     pointsman.TaskID
	Policy   pointsman.Digest
	Since    time.Time // Since ≤ time
}

// Cursor is a place in a list, opaque to who holds it. The empty cursor is the
// start.
type Cursor string

// CursorAt is the place behind a row.
func CursorAt(r *Row) Cursor {
	return Cursor(strconv.FormatInt(r.Time.UnixNano(), 36) + "." + string(r.ID))
}

// Parse reads the key behind which the list goes on: a time in Unix nanoseconds
// and an id.
func (c Cursor) Parse() (nanos int64, id string, err error) {
	left, id, found := strings.Cut(string(c), ".")
	nanos, err = strconv.ParseInt(left, 36, 64)
	if err != nil || !found || id == "" {
		return 0, "", invalid("the cursor %q is none that a list has given", string(c))
	}
	return nanos, id, nil
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
	// WithOutcome counts the decisions that have an outcome.
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

// unavailable is the error for who looks something up while the index cannot be
// read. Recording goes on without it.
func unavailable(err error) error {
	var e *pointsman.Error
	if err == nil || errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &pointsman.Error{
		Code: pointsman.CodeUnavailable, Message: "decisions cannot be looked up now",
		Hint: "their index is written anew from the decision log as soon as it can be; try again, and see the server's log for the cause",
		Err:  fmt.Errorf("%w: %w", ErrUnavailable, err),
	}
}
