package ledger_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/ledger"
)

// Feedback with a label that no answer of the task may have is refused, with
// those that it may; one that is permitted, and one that says something else, is
// recorded.
func TestLabelsOfFeedback(t *testing.T) {
	l := newLedger(t)
	l.Labels = func(id pointsman.TaskID) []string {
		if id == pointsman.TaskID(pointsman.RecordFull) {
			return []string{"parcel", "refund"}
		}
		return nil
	}
	d, open := record(t, l, pointsman.RecordFull), record(t, l, pointsman.RecordRedacted)
	_, err := l.RecordOutcome(t.Context(), &pointsman.Outcome{ID: pointsman.DigestOf(nil), Decision: d.ID, Source: "web", Label: "refnud"})
	var e *pointsman.Error
	if !errors.As(err, &e) || e.Code != pointsman.CodeInvalid || e.Param != "label" || !strings.Contains(e.Hint, "parcel, refund") {
		t.Errorf("%v", err)
	}
	for i, o := range []pointsman.Outcome{
		{Decision: d.ID, Label: "refund"},
		{Decision: d.ID, Comment: "refnud"},
		{Decision: open.ID, Label: "refnud"}, // any label will do there
	} {
		o.ID, o.Source = pointsman.DigestOf([]byte{byte(i)}), "web"
		if _, err := l.RecordOutcome(t.Context(), &o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, outcomes := written(t, l); len(outcomes) != 3 {
		t.Errorf("%d outcomes are written, want 3", len(outcomes))
	}
}

// A harvest takes what can be learned from and counts the rest by reason.
func TestHarvestCountsWhatItLeavesOut(t *testing.T) {
	l := newLedger(t)
	say := func(d *pointsman.Decision, label string) {
		t.Helper()
		giveFeedback(t, l, d, &pointsman.Outcome{Label: label})
	}
	right, foreign := record(t, l, pointsman.RecordFull), record(t, l, pointsman.RecordFull)
	say(right, "parcel")
	say(foreign, "refnud")
	record(t, l, pointsman.RecordFull) // nothing was said of it
	messages := func(string) ([]pointsman.Message, error) { return []pointsman.Message{{Role: "user", Text: "x"}}, nil }
	reader := &ledger.Reader{Journal: l.Journal.Dir()}
	task := pointsman.TaskID(pointsman.RecordFull)
	got, leftOut, err := reader.Harvest(t.Context(), task, []string{"parcel", "refund"}, messages)
	if err != nil || len(got) != 1 || got[0].ID != string(right.ID) || got[0].Label != "parcel" {
		t.Fatalf("%+v, %v", got, err)
	}
	if want := map[string]int{"the feedback has a label that is none of the task's": 1}; !maps.Equal(leftOut, want) {
		t.Errorf("left out %v, want %v", leftOut, want)
	}
	if got, _, err := reader.Harvest(t.Context(), task, nil, messages); err != nil || len(got) != 2 {
		t.Errorf("of any label: %+v, %v", got, err)
	}

	say(record(t, l, pointsman.RecordRedacted), "parcel")
	_, leftOut, err = reader.Harvest(t.Context(), pointsman.TaskID(pointsman.RecordRedacted), nil, messages)
	if pointsman.CodeOf(err) != pointsman.CodeInvalid || !strings.Contains(err.Error(), "of 1 the text is not on record in full") || len(leftOut) != 1 {
		t.Errorf("%v, left out %v", err, leftOut)
	}
}
