package journal

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
)

func TestAppendAndRead(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	for n := range 20 {
		if err := j.AppendDecision(testDecision(n), testPayload(n)); err != nil {
			t.Fatal(err)
		}
		if err := j.AppendOutcome(testOutcome(n)); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		all := readAll(t, dir)
		if len(all) != 40 {
			t.Fatalf("%d entries, want 40", len(all))
		}
		for i := range all {
			e := &all[i]
			if e.Seq != uint64(i+1) {
				t.Errorf("entry %d has sequence number %d", i, e.Seq)
			}
			if e.Kind == KindOutcome {
				o, err := e.Outcome()
				if err != nil || cmp.Diff(testOutcome(i/2), o) != "" {
					t.Fatal(err, o)
				}
				continue
			}
			d, ref, err := e.Decision()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(testDecision(i/2), d); diff != "" {
				t.Fatal(diff)
			}
			p, err := ReadPayload(dir, *ref)
			if err != nil || cmp.Diff(testPayload(i/2), p) != "" {
				t.Fatal(err, p)
			}
			again, err := ReadAt(dir, e.Locator())
			if err != nil || again.Seq != e.Seq || string(again.Body) != string(e.Body) {
				t.Fatal(err)
			}
		}
	}
	check()
	mustClose(t, j)
	j = mustOpen(t, dir, testOptions())
	check()
	if err := j.AppendDecision(&pointsman.Decision{ID: testID(99)}, nil); err != nil {
		t.Fatal(err)
	}
	if got := len(readAll(t, dir)); got != 41 {
		t.Fatalf("%d entries after reopening, want 41", got)
	}
}
