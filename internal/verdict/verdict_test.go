package verdict_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/verdict"
)

var asked = pointsman.DigestOf([]byte("where is my parcel"))

func on(text, by string, right bool) verdict.Verdict {
	return verdict.Verdict{Answer: verdict.Of(asked, text, "", nil), Source: pointsman.LabelsPeople, By: by, Right: right}
}

// Verdicts are read back, the last of each person counts, and a torn end is none.
func TestVerdictsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "verdicts", "desk.jsonl")
	w, err := verdict.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var told *pointsman.Error
	if _, err := verdict.Open(path); !errors.As(err, &told) || told.Code != pointsman.CodeUnavailable {
		t.Errorf("opened twice: %v", err)
	}
	if err := w.Append(on("parcel", "ada", false), on("parcel", "ada", true)); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(on("refund", "", true)); err == nil {
		t.Error("nobody's verdict is kept")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString(`{"answer":`)
	_ = f.Close()
	s, err := verdict.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if g, ok := s.Find(on("parcel", "", true).Answer, pointsman.LabelsPeople); !ok || !g.Right {
		t.Errorf("%+v, %v", g, ok)
	}
	if w, err = verdict.Open(path); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(on("refund", "ada", true)); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if s, err = verdict.Read(path); err != nil || !s.Holds(on("refund", "ada", true)) || s.Holds(on("refund", "ada", false)) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := verdict.Read(path); err == nil || !strings.Contains(err.Error(), "line 1, is no verdict") {
		t.Errorf("%v", err)
	}
}

// The majority counts, an even split is against the answer, and who could not tell
// does not count.
func TestSeveralPeople(t *testing.T) {
	for _, c := range []struct {
		name           string
		verdicts       []verdict.Verdict
		right, skipped bool
	}{
		{"two of three", []verdict.Verdict{on("x", "a", true), on("x", "b", true), on("x", "c", false)}, true, false},
		{"even", []verdict.Verdict{on("x", "a", true), on("x", "b", false)}, false, false},
		{"one could not tell", []verdict.Verdict{on("x", "a", true), {Answer: on("x", "", true).Answer, Source: pointsman.LabelsPeople, By: "b", Skipped: true}}, true, false},
		{"none could tell", []verdict.Verdict{{Answer: on("x", "", true).Answer, Source: pointsman.LabelsPeople, By: "b", Skipped: true}}, false, true},
	} {
		var s verdict.Set
		for _, v := range c.verdicts {
			s.Add(v)
		}
		if g, ok := s.Find(on("x", "", true).Answer, pointsman.LabelsPeople); !ok || g.Right != c.right || g.Skipped != c.skipped {
			t.Errorf("%s: %+v, %v", c.name, g, ok)
		}
		if _, ok := s.Find(on("x", "", true).Answer, pointsman.LabelsJudge); ok {
			t.Errorf("%s: a judge is said to have spoken", c.name)
		}
	}
}

// An answer is named by the question and all of the answer.
func TestNamesOfAnswers(t *testing.T) {
	call := []pointsman.ToolCall{{Name: "track", Arguments: "{}"}}
	names := map[pointsman.Digest]bool{
		verdict.Of(asked, "a", "", nil): true, verdict.Of(asked, "", "", nil): true, verdict.Of(asked, "a", "", call): true,
		verdict.Of(pointsman.DigestOf(nil), "a", "", nil): true, verdict.Of(asked, "a", "", append(call, call...)): true,
		verdict.Of(asked, "", "a", nil): true,
	}
	if len(names) != 6 || verdict.Of(asked, "it is a", "a", nil) != verdict.Of(asked, "a", "a", nil) {
		t.Errorf("%d names", len(names))
	}
}

// A last line that somebody has edited, and left without its end, is a verdict as
// long as it is whole; what is appended begins on a line of its own.
func TestALastLineWithoutItsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "desk.jsonl")
	w, err := verdict.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(on("parcel", "ada", true)); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	if s, err := verdict.Read(path); err != nil || !s.Holds(on("parcel", "ada", true)) {
		t.Fatalf("a whole verdict is lost with the end of its line: %v", err)
	}
	if w, err = verdict.Open(path); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(on("refund", "ada", true)); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if s, err := verdict.Read(path); err != nil || !s.Holds(on("parcel", "ada", true)) || !s.Holds(on("refund", "ada", true)) {
		t.Errorf("after another: %v", err)
	}
}
