package ledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// reader reads what a ledger writes.
func reader(l *ledger.Ledger) *ledger.Reader {
	return &ledger.Reader{Journal: l.Journal.Dir(), Index: l.Index}
}

func recordOf(t *testing.T, l *ledger.Ledger, id pointsman.DecisionID) *ledger.Record {
	t.Helper()
	r, err := reader(l).Record(t.Context(), string(id))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A key sees and touches its own decisions only: another's is answered as one
// that there is not, to the letter. The key's own feedback passes.
func TestFeedbackOnAnotherKeysDecision(t *testing.T) {
	l := newLedger(t)
	d, p := decision(pointsman.RecordFull) // of the key "web"
	if err := l.Record(d, pointsman.RecordFull, p); err != nil {
		t.Fatal(err)
	}
	none, _ := decision(pointsman.RecordFull)
	send := func(id pointsman.DecisionID, source string) error {
		_, err := l.RecordOutcome(t.Context(), &pointsman.Outcome{ID: pointsman.DigestOf([]byte(source)), Decision: id, Source: source, Label: "refund"})
		return err
	}
	unknown := send(none.ID, "app")
	for _, source := range []string{"app", pointsman.Anonymous, ""} {
		err := send(d.ID, source)
		if pointsman.CodeOf(err) != pointsman.CodeNotFound {
			t.Errorf("%q: %v, want not found", source, err)
			continue
		}
		if got, want := shownOf(t, err), strings.ReplaceAll(shownOf(t, unknown), string(none.ID), string(d.ID)); got != want {
			t.Errorf("%q sees %q, and of an unknown id %q", source, got, want)
		}
	}
	if err := send(d.ID, "web"); err != nil {
		t.Errorf("its own key: %v", err)
	}
	open, _ := decision(pointsman.RecordFull)
	open.Principal = ""
	if err := l.Record(open, pointsman.RecordFull, nil); err != nil {
		t.Fatal(err)
	}
	if err := send(open.ID, pointsman.Anonymous); err != nil {
		t.Errorf("without keys: %v", err)
	}
	if _, outcomes := written(t, l); len(outcomes) != 2 {
		t.Errorf("%d outcomes are on record, want 2", len(outcomes))
	}
}

// shownOf is all that a client sees of an error.
func shownOf(t *testing.T, err error) string {
	t.Helper()
	var e *pointsman.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no error for a client", err)
	}
	return fmt.Sprint(e.Code, e.Message, e.Hint, e.Param)
}

// full is a decision that has the client's or an upstream's text in every
// place that can hold some.
func full(recording pointsman.Recording, task pointsman.TaskID) (*pointsman.Decision, *journal.Payload) {
	d, p := decision(recording)
	if task != "" {
		d.Task, d.Tier, d.Model = task, pointsman.TierID(task), pointsman.ModelID(task)
		d.Rules.Pin, d.Rules.Permitted = d.Tier, []pointsman.TierID{d.Tier}
		d.Attempts = []pointsman.Attempt{{Tier: d.Tier, Model: d.Model, Variant: pointsman.DigestOf([]byte(task)), Cause: pointsman.CauseDirect}}
		p.Attempts = p.Attempts[:1]
		p.Attempts[0].Tier = d.Tier
	}
	d.Conversation = "chat with " + mail
	d.Metadata = map[string]string{"customer": mail, "lang": "en", "password": "hunter2"}
	d.Slices = []string{"lang=en", "customer=" + mail}
	d.Detail = "the upstream said " + mail
	a := &d.Attempts[0]
	a.Detail, a.Reading.Problem = "echoed "+mail, "the answer is "+mail
	a.ServedBy, a.FinishReason = mail, "stopped at "+mail
	a.Witnesses = []pointsman.WitnessAnswer{{Model: "other", Detail: "failed on " + mail}}
	a.Samples = []pointsman.WitnessAnswer{{Model: "small", Detail: "failed on " + mail}}
	p.Attempts[0].ToolCalls = []pointsman.ToolCall{{ID: "call_1", Name: "send", Arguments: `{"to":"` + mail + `","password":"hunter2"}`}}
	return d, p
}

// Everything that a client or an upstream wrote follows the recording setting,
// wherever in the record it stands; what was decided is as it was in memory.
func TestAllTextsFollowTheRecording(t *testing.T) {
	for _, task := range []pointsman.TaskID{"", pointsman.TaskID("openai/model of " + mail)} {
		for _, recording := range pointsman.Recordings {
			t.Run(string(recording)+" "+string(task), func(t *testing.T) {
				l := newLedger(t)
				d, p := full(recording, task)
				before, err := json.Marshal(d)
				if err != nil {
					t.Fatal(err)
				}
				if err := l.Record(d, recording, p); err != nil {
					t.Fatal(err)
				}
				all, _ := written(t, l)
				if readable := recording == pointsman.RecordFull; strings.Contains(all, mail) != readable || strings.Contains(all, "hunter2") != readable {
					t.Errorf("the texts can be read: %v, want %v", !readable, readable)
				}
				d.Input, d.Answer = "", ""
				for i := range d.Attempts {
					d.Attempts[i].Answer = ""
				}
				if after, err := json.Marshal(d); err != nil || string(after) != string(before) {
					t.Errorf("the decision was changed for its client:\n%s\n%s", before, after)
				}
				if recording == pointsman.RecordFull {
					got := recordOf(t, l, d.ID)
					if diff := cmp.Diff(p.Attempts, got.Payload.Attempts); diff != "" || got.Decision.Conversation != d.Conversation {
						t.Errorf("not as it was: %s", diff)
					}
				}
			})
		}
	}
}

// What is left of a text says what the setting permits: equal ones are seen to
// be equal where they are hashed, keys of metadata stay readable, and nothing is
// left under none.
func TestWhatIsLeftOfTexts(t *testing.T) {
	l := newLedger(t)
	store := func(recording pointsman.Recording, task pointsman.TaskID) *pointsman.Decision {
		d, p := full(recording, task)
		if err := l.Record(d, recording, p); err != nil {
			t.Fatal(err)
		}
		return recordOf(t, l, d.ID).Decision
	}
	a, b := store(pointsman.RecordHashed, ""), store(pointsman.RecordHashed, "openai/"+mail)
	if a.Metadata["customer"] != string(l.Journal.KeyedDigest(mail)) || a.Metadata["customer"] != b.Metadata["customer"] || a.Conversation != b.Conversation || a.Detail != b.Detail {
		t.Errorf("hashed: %+v", a)
	}
	if want := "openai/" + string(l.Journal.KeyedDigest(mail)); string(b.Task) != want || string(b.Tier) != want || string(b.Attempts[0].Tier) != want || string(b.Model) != want || b.Attempts[0].Variant != "" {
		t.Errorf("hashed: a direct request's names are %s, %s, %s", b.Task, b.Tier, b.Attempts[0].Variant)
	}
	for _, recording := range pointsman.Recordings {
		d, p := decision(recording)
		d.Attempts[0].ServedBy, d.Attempts[0].FinishReason = "gpt-4o-mini-2024-07-18", "tool_calls"
		if err := l.Record(d, recording, p); err != nil {
			t.Fatal(err)
		}
		if got := recordOf(t, l, d.ID).Decision.Attempts[0]; got.ServedBy != "gpt-4o-mini-2024-07-18" || got.FinishReason != "tool_calls" {
			t.Errorf("%s: the names that a vendor has are %q and %q", recording, got.ServedBy, got.FinishReason)
		}
	}
	r := store(pointsman.RecordRedacted, "")
	want := map[string]string{"customer": "[EMAIL]", "lang": "en", "password": "[SECRET]"}
	if diff := cmp.Diff(want, r.Metadata); diff != "" {
		t.Error(diff)
	}
	if r.Attempts[0].Detail != "echoed [EMAIL]" || r.Attempts[0].Witnesses[0].Detail != "failed on [EMAIL]" || r.Attempts[0].Samples[0].Detail != "failed on [EMAIL]" || r.Slices[1] != "customer=[EMAIL]" || r.Slices[0] != "lang=en" {
		t.Errorf("redacted: %+v", r)
	}
	if !strings.HasPrefix(r.Conversation, "chat with [EMAIL] ") || r.Conversation != store(pointsman.RecordRedacted, "").Conversation {
		t.Errorf("redacted conversation %q", r.Conversation)
	}
	named := store(pointsman.RecordRedacted, "openai/gpt-4o-2024-08-06")
	if named.Task != "openai/gpt-4o-2024-08-06" || named.Attempts[0].Variant == "" {
		t.Errorf("a model's name is redacted: %s", named.Task)
	}
	n := store(pointsman.RecordNone, "")
	if n.Metadata != nil || !slices.Equal(n.Slices, []string{"lang=(not kept)", "customer=(not kept)"}) || n.Conversation != "" || n.Detail != "" || n.Attempts[0].Detail != "" || n.Attempts[0].Witnesses[0].Detail != "" || n.Attempts[0].Samples[0].Detail != "" {
		t.Errorf("none: %+v", n)
	}
}

// A slice that the policy in force has a threshold for is what replay decides
// by: it keeps its name under every recording, and no other does.
func TestCertifiedSlicesKeepTheirNames(t *testing.T) {
	l := newLedger(t)
	l.Policy = func(pointsman.Digest) *policy.Policy {
		return &policy.Policy{Stages: []policy.Stage{{Thresholds: []policy.Threshold{{}, {Slice: "lang=en"}}}}}
	}
	for _, recording := range pointsman.Recordings {
		d, p := full(recording, "")
		d.Policy = pointsman.DigestOf([]byte("policy"))
		if err := l.Record(d, recording, p); err != nil {
			t.Fatal(err)
		}
		got := recordOf(t, l, d.ID).Decision.Slices
		if len(got) == 0 || got[0] != "lang=en" {
			t.Errorf("%s: %q", recording, got)
		}
		if last := got[len(got)-1]; strings.Contains(last, mail) != (recording == pointsman.RecordFull) {
			t.Errorf("%s: %q", recording, got)
		}
	}
}

// The idempotency key of an outcome is the client's text as well.
func TestAnOutcomesKeyFollowsTheRecording(t *testing.T) {
	for _, recording := range pointsman.Recordings {
		l := newLedger(t)
		giveFeedback(t, l, record(t, l, recording), &pointsman.Outcome{Label: "refund", Key: "order of " + mail})
		all, _ := written(t, l)
		if readable := recording == pointsman.RecordFull; strings.Contains(all, mail) != readable {
			t.Errorf("%s: the key can be read: %v", recording, !readable)
		}
	}
}

// Calls of tools are on record as far as texts are, and the decision names them
// as it names texts: equal calls have one digest, whatever their ids.
func TestToolCallsAreOnRecord(t *testing.T) {
	l := newLedger(t)
	store := func(recording pointsman.Recording, id, arguments string) *ledger.Record {
		d, p := decision(recording)
		p.Attempts[1] = journal.AttemptText{Tier: "large", ToolCalls: []pointsman.ToolCall{{ID: id, Name: "refund", Arguments: arguments}}}
		if err := l.Record(d, recording, p); err != nil {
			t.Fatal(err)
		}
		return recordOf(t, l, d.ID)
	}
	mailed := `{"to":"` + mail + `"}`
	for recording, want := range map[pointsman.Recording]pointsman.ToolCall{
		pointsman.RecordFull:     {ID: "call_1", Name: "refund", Arguments: mailed},
		pointsman.RecordRedacted: {ID: "call_1", Name: "refund", Arguments: `{"to":"[EMAIL]"}`},
		pointsman.RecordHashed: {
			ID: string(l.Journal.KeyedDigest("call_1")), Name: string(l.Journal.KeyedDigest("refund")), Arguments: string(l.Journal.KeyedDigest(mailed)),
		},
	} {
		a, b, c := store(recording, "call_1", mailed), store(recording, "call_2", mailed), store(recording, "call_1", `{}`)
		if diff := cmp.Diff([]pointsman.ToolCall{want}, a.Payload.Attempts[1].ToolCalls); diff != "" {
			t.Errorf("%s: %s", recording, diff)
		}
		if a.Decision.Answer == "" || a.Decision.Answer != b.Decision.Answer || a.Decision.Answer == c.Decision.Answer {
			t.Errorf("%s: digests %s, %s, %s", recording, a.Decision.Answer, b.Decision.Answer, c.Decision.Answer)
		}
	}
}

// A request that could not be recorded is refused before anything is paid; one
// that can is not, and its decision is recorded whatever the answers are.
func TestFits(t *testing.T) {
	l := newLedger(t)
	const most = journal.MaxPayload - 1<<20
	for _, c := range []struct {
		recording pointsman.Recording
		bytes     int64
		fits      bool
	}{
		{pointsman.RecordFull, most, true},
		{pointsman.RecordFull, most + 1, false},
		{pointsman.RecordRedacted, 40 << 20, false},
		{pointsman.RecordHashed, 40 << 20, true},
		{pointsman.RecordNone, 40 << 20, true},
	} {
		err := l.Fits(c.recording, c.bytes)
		var e *pointsman.Error
		if (err == nil) != c.fits || err != nil && (!errors.As(err, &e) || e.Code != pointsman.CodeTooLarge || e.Hint == "") {
			t.Errorf("%s, %d bytes: %v", c.recording, c.bytes, err)
		}
	}
}

func TestTextsThatAreTooLargeTogether(t *testing.T) {
	l := newLedger(t)
	for _, c := range []struct {
		request, input, answer int
		omitted                []string
	}{
		{20 << 20, 20 << 20, 10, []string{"input"}},
		{31 << 20, 31 << 20, 31 << 20, []string{"input", "request"}},
		{1, 1, 33 << 20, []string{"input", "request", "attempts"}},
	} {
		d, p := decision(pointsman.RecordFull)
		p.Request, p.Input = strings.Repeat("a", c.request), strings.Repeat("a", c.input)
		p.Attempts[1].Answer = strings.Repeat("b", c.answer)
		if err := l.Record(d, pointsman.RecordFull, p); err != nil {
			t.Fatal(err)
		}
		got := recordOf(t, l, d.ID)
		if diff := cmp.Diff(c.omitted, got.Payload.Omitted); diff != "" || got.Decision.Input == "" || got.Decision.Answer == "" {
			t.Error(diff)
		}
	}
}
