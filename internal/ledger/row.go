package ledger

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// Row is what an index knows of one decision without reading the record. A
// field that has the JSON name of a decision's member is filled from it, and
// each is a column of an index: to index another member, add it here.
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

	// Locator is where the whole record lies in the journal.
	Locator journal.Locator `json:"locator"`
}

// Kind is what a column holds.
type Kind int

// The kinds of column, with the Go type that [Column.Value] gives.
const (
	KindText     Kind = iota // string
	KindInteger              // int64
	KindBool                 // bool
	KindReal                 // float64
	KindTime                 // int64, Unix nanoseconds
	KindMoney                // int64, as pointsman.Money
	KindTextList             // []string
)

// Column is one field of a row, as a table has it.
type Column struct {
	Name  string // the JSON name
	Kind  Kind
	field int
}

// Columns are the fields of a row in their order.
var Columns = columnsOf(reflect.TypeFor[Row]())

func columnsOf(row reflect.Type) []Column {
	list := make([]Column, row.NumField())
	for i := range list {
		f := row.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		list[i] = Column{Name: name, Kind: kindOf(f.Type), field: i}
	}
	return list
}

func kindOf(t reflect.Type) Kind {
	switch t {
	case reflect.TypeFor[time.Time]():
		return KindTime
	case reflect.TypeFor[pointsman.Cost]():
		return KindMoney
	case reflect.TypeFor[[]string]():
		return KindTextList
	case reflect.TypeFor[*float64]():
		return KindReal
	}
	switch t.Kind() { //nolint:exhaustive // the others are no columns
	case reflect.String:
		return KindText
	case reflect.Int, reflect.Int64:
		return KindInteger
	case reflect.Bool:
		return KindBool
	}
	panic("ledger: a row cannot hold a " + t.String())
}

// Value is what a row holds in the column: nil for an empty text or list, a
// cost that is not known, a number that is not there.
func (c Column) Value(r *Row) any {
	v := reflect.ValueOf(r).Elem().Field(c.field)
	switch c.Kind {
	case KindText:
		if v.Len() > 0 {
			return v.String()
		}
	case KindInteger:
		return v.Int()
	case KindBool:
		return v.Bool()
	case KindReal:
		if !v.IsNil() {
			return v.Elem().Float()
		}
	case KindTime:
		return v.Addr().Interface().(*time.Time).UnixNano()
	case KindMoney:
		if cost := v.Addr().Interface().(*pointsman.Cost); cost.Known {
			return int64(cost.Amount)
		}
	case KindTextList:
		if v.Len() > 0 {
			return v.Interface()
		}
	}
	return nil
}

// Set puts what [Column.Value] gave back into a row.
func (c Column) Set(r *Row, value any) error {
	if value == nil {
		return nil
	}
	v := reflect.ValueOf(r).Elem().Field(c.field)
	ok := false
	switch value := value.(type) {
	case string:
		if ok = c.Kind == KindText; ok {
			v.SetString(value)
		}
	case bool:
		if ok = c.Kind == KindBool; ok {
			v.SetBool(value)
		}
	case float64:
		if ok = c.Kind == KindReal; ok {
			v.Set(reflect.ValueOf(&value))
		}
	case []string:
		if ok = c.Kind == KindTextList; ok {
			v.Set(reflect.ValueOf(value))
		}
	case int64:
		switch c.Kind { //nolint:exhaustive // the others are no int64
		case KindInteger:
			v.SetInt(value)
			ok = true
		case KindTime:
			v.Set(reflect.ValueOf(time.Unix(0, value).UTC()))
			ok = true
		case KindMoney:
			v.Set(reflect.ValueOf(pointsman.KnownCost(pointsman.Money(value))))
			ok = true
		}
	}
	if !ok {
		return fmt.Errorf("column %s holds a %T", c.Name, value)
	}
	return nil
}

// memberColumns are the columns that a decision's members of the same name
// fill.
var memberColumns = func() map[string]Column {
	decision, m := reflect.TypeFor[pointsman.Decision](), map[string]Column{}
	members := make([]string, decision.NumField())
	for i := range members {
		members[i], _, _ = strings.Cut(decision.Field(i).Tag.Get("json"), ",")
	}
	for _, c := range Columns {
		if slices.Contains(members, c.Name) && c.Name != "attempts" {
			m[c.Name] = c
		}
	}
	return m
}()

// RowOf makes the row of a decision's entry. It reads the few members that a
// row has and steps over the rest. The row shares no memory with the entry.
func RowOf(e *journal.Entry) (Row, error) {
	row := Row{Locator: e.Locator()}
	if e.Kind != journal.KindDecision {
		return row, fmt.Errorf("%s: %w", e.Position, journal.ErrKind)
	}
	decision := gjson.GetBytes(e.Body, "decision")
	err := error(nil)
	if !decision.IsObject() {
		err = fmt.Errorf("%w: no decision", journal.ErrCorrupt)
	}
	var attempts []gjson.Result
	decision.ForEach(func(key, value gjson.Result) bool {
		if key.Str == "attempts" {
			attempts = value.Array()
		} else if c, ok := memberColumns[key.Str]; ok && value.Type != gjson.Null {
			err = c.read(&row, value)
		}
		return err == nil
	})
	if err != nil {
		return row, fmt.Errorf("%s: %w", e.Position, err)
	}
	row.Cause = row.Cause.Current()
	row.Attempts = len(attempts)
	for _, attempt := range slices.Backward(attempts) {
		if attempt.Get("tier").Str == string(row.Tier) {
			confidence := attempt.Get("confidence")
			row.Acceptable, row.Uplift = number(confidence.Get("acceptable")), number(confidence.Get("uplift"))
			break
		}
	}
	return row, nil
}

// read puts a member's value into a row.
func (c Column) read(row *Row, value gjson.Result) error {
	want, got := gjson.String, any(nil)
	switch c.Kind {
	case KindText:
		got = strings.Clone(value.Str)
	case KindTime:
		at, err := time.Parse(time.RFC3339Nano, value.Str)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", journal.ErrCorrupt, c.Name, err)
		}
		got = at.UnixNano()
	case KindInteger, KindMoney:
		want, got = gjson.Number, value.Int()
		if value.Num != math.Trunc(value.Num) {
			want = gjson.Null
		}
	case KindReal:
		want, got = gjson.Number, value.Num
	case KindBool:
		want, got = value.Type, value.Bool()
	case KindTextList:
		want = gjson.JSON
		var list []string
		for _, one := range value.Array() {
			list = append(list, strings.Clone(one.Str))
		}
		got = list
	}
	if value.Type != want {
		return fmt.Errorf("%w: %s is %s", journal.ErrCorrupt, c.Name, value.Type)
	}
	return c.Set(row, got)
}

func number(v gjson.Result) *float64 {
	if v.Type != gjson.Number {
		return nil
	}
	return &v.Num
}
