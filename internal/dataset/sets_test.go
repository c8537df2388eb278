package dataset

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
)

func TestDigestIsOfContent(t *testing.T) {
	base := Example{ID: "1", Input: "x", Label: "l", Metadata: map[string]string{"a": "1", "b": "2"}, Want: []byte(`{"a":1,"b":2}`)}
	same := []func(*Example){
		func(e *Example) { e.ID = "2" },
		func(e *Example) { e.Group, e.Tags = "g", []string{"t"} },
		func(e *Example) { e.Want = []byte(` { "b" : 2, "a" : 1 } `) },
		func(e *Example) { e.Input, e.Messages = "", []pointsman.Message{{Role: "user", Text: "x"}} },
	}
	for i, change := range same {
		e := base
		if change(&e); e.Digest() != base.Digest() {
			t.Errorf("change %d counts", i)
		}
	}
	other := []func(*Example){
		func(e *Example) { e.Input = "y" },
		func(e *Example) { e.Metadata = map[string]string{"a": "2", "b": "1"} },
		func(e *Example) { e.Input, e.Messages = "", []pointsman.Message{{Role: "user", Text: "x", NonText: 1}} },
		func(e *Example) { e.Label = "m" },
		func(e *Example) { e.Label, e.Reference = "", "l" },
		func(e *Example) { e.Want = []byte(`{"a":1,"b":3}`) },
		func(e *Example) { e.Want, e.Fields = nil, map[string]string{"a": "1", "b": "2"} },
	}
	seen := map[pointsman.Digest]bool{base.Digest(): true}
	for i, change := range other {
		e := base
		change(&e)
		if seen[e.Digest()] {
			t.Errorf("change %d does not count", i)
		}
		seen[e.Digest()] = true
		if asked := i < 3; asked == (e.AskedDigest() == base.AskedDigest()) {
			t.Errorf("change %d: what is asked", i)
		}
	}
}

func TestDigestOfASetHasNoOrder(t *testing.T) {
	a, b := Example{Input: "a"}, Example{Input: "b"}
	if DigestOf([]Example{a, b}) != DigestOf([]Example{b, a}) {
		t.Error("the order counts")
	}
	different := []pointsman.Digest{DigestOf(nil), DigestOf([]Example{a}), DigestOf([]Example{a, a}), DigestOf([]Example{a, b}), DigestOf([]Example{a, b, b})}
	if slices.Sort(different); len(slices.Compact(different)) != 5 {
		t.Error("different sets have one digest")
	}
}

func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		"  Wake me up,  at 5!": "wake me up at 5", "wake—me": "wake me", "ÄÖ": "äö", "2+2": "2+2", "?!": "?!", " ": "", "5€": "5€", "नमस्ते": "नमस्ते",
	} {
		if got := Fold(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if once := Fold(s); Fold(once) != once {
			t.Fatalf("%q folds to %q and then to %q", s, once, Fold(once))
		}
	})
}

func TestCheckDisjoint(t *testing.T) {
	got := CheckDisjoint(map[string][]Example{
		"train": {{ID: "1", Input: "Wake me up!"}, {ID: "2", Input: "twice"}, {ID: "3", Input: "twice"}},
		"test":  {{ID: "4", Messages: []pointsman.Message{{Role: "user", Text: "wake me  up"}}}, {ID: "5", Input: "else"}},
		"valid": {{ID: "6", Input: "WAKE, me up"}, {ID: "7", Messages: []pointsman.Message{{Role: "system", Text: "s"}, {Role: "user", Text: "else"}}}},
	})
	want := []Overlap{{"wake me  up", []Occurrence{{"test", "4"}, {"train", "1"}, {"valid", "6"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
