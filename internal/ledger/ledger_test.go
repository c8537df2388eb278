package ledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/redact"
	"github.com/pointsman-ai/pointsman/internal/store/sqlite"
)

// newLedger is a ledger whose tasks are named after their recordings.
func newLedger(t *testing.T) *ledger.Ledger {
	t.Helper()
	dir := t.TempDir()
	j, err := journal.Open(filepath.Join(dir, "journal"), journal.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	x, err := sqlite.Open(filepath.Join(dir, "index.sqlite"), sqlite.Options{Journal: j.Dir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(x.Close(), j.Close()); err != nil {
			t.Error(err)
		}
	})
	return ledger.New(ledger.Options{Journal: j, Index: x, Recording: func(id pointsman.TaskID) pointsman.Recording { return pointsman.Recording(id) }})
}

var ids = pointsman.NewIDSource(nil, nil)

const (
	secret = "mail me at ada@example.org, IBAN DE89370400440532013000"
	mail   = "ada@example.org"
)

// decision is one of a task that is named after its recording, with two tiers
// of which the second answered, and the texts behind it.
func decision(recording pointsman.Recording) (*pointsman.Decision, *journal.Payload) {
	id := ids.Next()
	d := &pointsman.Decision{
		ID: id, Time: time.Unix(1e9, 0).UTC(), Task: pointsman.TaskID(recording), Principal: "web", Cause: pointsman.CauseUncertain, Tier: "large",
		Attempts:  []pointsman.Attempt{{Tier: "small", Cause: pointsman.CauseUncertain}, {Tier: "large", Cause: pointsman.CauseLast}},
		Lifecycle: pointsman.Completed, Status: 200, Propensity: 1, Rules: pointsman.RuleEffect{Stakes: 1},
	}
	return d, &journal.Payload{
		Decision: id, Request: fmt.Sprintf(`{"messages":[{"role":"user","content":%q}]}`, secret), Input: secret,
		Attempts: []journal.AttemptText{{Tier: "small", Answer: "parcel"}, {Tier: "large", Answer: "refund " + mail}},
	}
}

func record(t *testing.T, l *ledger.Ledger, recording pointsman.Recording) *pointsman.Decision {
	t.Helper()
	d, p := decision(recording)
	if err := l.Record(d, recording, p); err != nil {
		t.Fatal(err)
	}
	return d
}

// written is everything in the journal's files, as whoever takes the disk sees
// it, and the outcomes in it.
func written(t *testing.T, l *ledger.Ledger) (all string, outcomes []pointsman.Outcome) {
	t.Helper()
	err := filepath.WalkDir(l.Journal.Dir(), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all += string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for entry, err := range journal.Read(l.Journal.Dir(), journal.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Kind == journal.KindOutcome {
			var o pointsman.Outcome
			if err := json.Unmarshal(entry.Body, &o); err != nil {
				t.Fatal(err)
			}
			outcomes = append(outcomes, o)
		}
	}
	return all, outcomes
}

// Under every recording, a decision names texts by keyed digests: equal texts
// are seen to be equal, and nobody can try texts against them.
func TestDecisionsNameTextsByKeyedDigests(t *testing.T) {
	seen := map[pointsman.Digest]pointsman.Recording{}
	for _, recording := range pointsman.Recordings {
		t.Run(string(recording), func(t *testing.T) {
			l := newLedger(t)
			a, b := record(t, l, recording), record(t, l, recording)
			if recording == pointsman.RecordNone {
				if a.Input != "" || a.Answer != "" || a.Attempts[0].Answer != "" {
					t.Errorf("nothing is to be recorded: %+v", a)
				}
				return
			}
			if a.Input == "" || a.Input != b.Input || a.Answer != b.Answer || a.Attempts[0].Answer != b.Attempts[0].Answer {
				t.Errorf("equal texts have the names %s and %s", a.Input, b.Input)
			}
			if a.Answer != a.Attempts[1].Answer || a.Answer == a.Attempts[0].Answer {
				t.Errorf("the answer is %s, the attempts' are %s and %s", a.Answer, a.Attempts[0].Answer, a.Attempts[1].Answer)
			}
			for _, d := range []pointsman.Digest{a.Input, a.Attempts[0].Answer, a.Attempts[1].Answer} {
				if _, err := pointsman.ParseDigest(string(d)); err != nil {
					t.Error(err)
				}
				for _, text := range []string{secret, redact.Text(secret), "parcel", "refund " + mail, redact.Text("refund " + mail)} {
					if d == pointsman.DigestOf([]byte(text)) {
						t.Errorf("%q can be tried against the record", text)
					}
				}
			}
			if a.Attempts[0].Answer == pointsman.DigestOf([]byte("parcel")) || seen[a.Input] != "" {
				t.Error("another journal gives the same text the same name: it is not keyed")
			}
			seen[a.Input] = recording
		})
	}
}

func TestAnEmptyAnswerHasNoName(t *testing.T) {
	l := newLedger(t)
	for _, recording := range []pointsman.Recording{pointsman.RecordFull, pointsman.RecordRedacted, pointsman.RecordHashed} {
		d, p := decision(recording)
		p.Input, p.Attempts[1].Answer = "", ""
		if err := l.Record(d, recording, p); err != nil {
			t.Fatal(err)
		}
		if d.Input != "" || d.Answer != "" || d.Attempts[1].Answer != "" || d.Attempts[0].Answer == "" {
			t.Errorf("%s: %+v", recording, d)
		}
	}
	// A request that was refused before any rule has no texts at all.
	d, _ := decision(pointsman.RecordNone)
	if err := l.Record(d, pointsman.RecordNone, nil); err != nil || d.Input != "" {
		t.Errorf("%v %+v", err, d)
	}
	if err := l.Ready(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrittenOfTexts(t *testing.T) {
	for recording, readable := range map[pointsman.Recording]bool{
		pointsman.RecordFull: true, pointsman.RecordRedacted: false, pointsman.RecordHashed: false, pointsman.RecordNone: false,
	} {
		l := newLedger(t)
		d := record(t, l, recording)
		giveFeedback(t, l, d, &pointsman.Outcome{Label: "refund", Comment: secret, Correction: "write to " + mail})
		all, outcomes := written(t, l)
		if strings.Contains(all, mail) != readable || strings.Contains(all, "DE8937") != readable {
			t.Errorf("%s: personal data can be read: %v", recording, !readable)
		}
		if len(outcomes) != 1 || outcomes[0].Label != "refund" {
			t.Fatalf("%s: %+v", recording, outcomes)
		}
		o := outcomes[0]
		want := map[pointsman.Recording][2]string{
			pointsman.RecordFull:     {secret, "write to " + mail},
			pointsman.RecordRedacted: {redact.Text(secret), redact.Text("write to " + mail)},
		}[recording]
		if o.Comment != want[0] || o.Correction != want[1] {
			t.Errorf("%s: comment %q, correction %q", recording, o.Comment, o.Correction)
		}
	}
}

// giveFeedback sends an outcome of a decision, which is to be new.
func giveFeedback(t *testing.T, l *ledger.Ledger, d *pointsman.Decision, o *pointsman.Outcome) {
	t.Helper()
	o.Decision, o.Source, o.Time = d.ID, "web", time.Unix(1e9, 0).UTC()
	if o.ID == "" {
		o.ID = pointsman.DigestOf(fmt.Append(nil, d.ID, o.Label, o.Comment, o.Correction))
	}
	if existed, err := l.RecordOutcome(t.Context(), o); err != nil || existed {
		t.Fatalf("existed %v, %v", existed, err)
	}
}

// An outcome is named by its content, texts included. Where the texts are not
// to be readable, neither may that name let anybody try texts against it: it is
// to be keyed as the names of a decision's texts are.
func TestAnOutcomesNameCannotBeTried(t *testing.T) {
	l := newLedger(t)
	for _, recording := range []pointsman.Recording{pointsman.RecordRedacted, pointsman.RecordHashed, pointsman.RecordNone} {
		plain := pointsman.DigestOf([]byte(string(recording) + secret)) // as the gateway names it: with no key
		giveFeedback(t, l, record(t, l, recording), &pointsman.Outcome{ID: plain, Label: "refund", Comment: secret})
		if all, _ := written(t, l); strings.Contains(all, string(plain)) {
			t.Errorf("%s: the plain digest of the comment is on record for as long as the decision", recording)
		}
	}
}

// Feedback that is nothing but text says nothing where no text is kept.
func TestNothingButText(t *testing.T) {
	yes, score := true, 0.0
	l := newLedger(t)
	for _, c := range []struct {
		name string
		o    pointsman.Outcome
		ok   bool
	}{
		{"a comment", pointsman.Outcome{Comment: "wrong"}, false},
		{"a correction", pointsman.Outcome{Correction: "refund"}, false},
		{"a comment and a label", pointsman.Outcome{Comment: "wrong", Label: "refund"}, true},
		{"a comment and a yes", pointsman.Outcome{Comment: "fine", Correct: &yes}, true},
		{"a comment and a score of nought", pointsman.Outcome{Comment: "bad", Score: &score}, true},
	} {
		for _, recording := range pointsman.Recordings {
			o := c.o
			d := record(t, l, recording)
			o.Decision, o.ID, o.Source = d.ID, pointsman.DigestOf([]byte(c.name+string(recording))), "web"
			_, err := l.RecordOutcome(t.Context(), &o)
			text := recording == pointsman.RecordFull || recording == pointsman.RecordRedacted
			var e *pointsman.Error
			switch {
			case c.ok || text:
				if err != nil {
					t.Errorf("%s, %s: %v", c.name, recording, err)
				}
			case !errors.As(err, &e) || e.Code != pointsman.CodeInvalid || e.Hint == "":
				t.Errorf("%s, %s: %v", c.name, recording, err)
			}
			_, outcomes := written(t, l)
			if there := slices.ContainsFunc(outcomes, func(o pointsman.Outcome) bool { return o.Decision == d.ID }); there != (c.ok || text) {
				t.Errorf("%s, %s: written %v", c.name, recording, there)
			}
		}
	}
}

// The same outcome sent by many at once is recorded once, and all but one of them
// learn that it was there; other outcomes are not held up by it.
func TestTheSameFeedbackAtOnceIsRecordedOnce(t *testing.T) {
	const senders = 20
	l := newLedger(t)
	d := record(t, l, pointsman.RecordRedacted)
	var wait sync.WaitGroup
	created := make(chan pointsman.Digest, 2*senders)
	for n := range senders {
		wait.Go(func() {
			for _, id := range []string{"the same", fmt.Sprint("its own ", n)} {
				o := &pointsman.Outcome{ID: pointsman.DigestOf([]byte(id)), Decision: d.ID, Source: "web", Label: "refund", Comment: mail}
				existed, err := l.RecordOutcome(t.Context(), o)
				if err != nil {
					t.Error(err)
				} else if !existed {
					created <- o.ID
				}
			}
		})
	}
	wait.Wait()
	close(created)
	count := map[pointsman.Digest]int{}
	for id := range created {
		count[id]++
	}
	_, outcomes := written(t, l)
	if len(count) != senders+1 || len(outcomes) != senders+1 {
		t.Errorf("%d outcomes were new, %d are written, want %d", len(count), len(outcomes), senders+1)
	}
	for id, n := range count {
		if n != 1 {
			t.Errorf("%s was new %d times", id, n)
		}
	}
	// And again after the index was brought up to date by someone else.
	if err := l.Index.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := &pointsman.Outcome{ID: pointsman.DigestOf([]byte("the same")), Decision: d.ID, Source: "web", Label: "refund"}
	if existed, err := l.RecordOutcome(t.Context(), o); err != nil || !existed {
		t.Errorf("existed %v, %v", existed, err)
	}
}

func TestFeedbackOnNoDecision(t *testing.T) {
	l := newLedger(t)
	record(t, l, pointsman.RecordFull)
	o := &pointsman.Outcome{ID: pointsman.DigestOf(nil), Decision: ids.Next(), Source: "web", Label: "refund"}
	_, err := l.RecordOutcome(t.Context(), o)
	var e *pointsman.Error
	if !errors.As(err, &e) || e.Code != pointsman.CodeNotFound || e.Param != "decision_id" || !strings.Contains(e.Message, string(o.Decision)) {
		t.Errorf("%v", err)
	}
	if _, outcomes := written(t, l); len(outcomes) != 0 {
		t.Errorf("%+v", outcomes)
	}
}

// A decision is found however little time has passed: the index follows the
// journal before it is asked.
func TestFeedbackRightAfterTheAnswer(t *testing.T) {
	l := newLedger(t)
	for range 20 {
		giveFeedback(t, l, record(t, l, pointsman.RecordRedacted), &pointsman.Outcome{Label: "refund"})
	}
}

// What a journal that is closed cannot write is an error, and not an outcome that
// was there.
func TestAJournalThatCannotWrite(t *testing.T) {
	l := newLedger(t)
	d := record(t, l, pointsman.RecordFull)
	if err := l.Journal.Close(); err != nil {
		t.Fatal(err)
	}
	o := &pointsman.Outcome{ID: pointsman.DigestOf(nil), Decision: d.ID, Source: "web", Label: "refund"}
	if existed, err := l.RecordOutcome(t.Context(), o); !errors.Is(err, journal.ErrClosed) || existed {
		t.Errorf("existed %v, %v", existed, err)
	}
	other, p := decision(pointsman.RecordFull)
	if err := l.Record(other, pointsman.RecordFull, p); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("%v", err)
	}
}
