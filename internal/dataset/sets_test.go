package dataset

import (
	"fmt"
	"math"
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
	want := []Overlap{{"wake me  up", []Place{{"test", "4"}, {"train", "1"}, {"valid", "6"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSplit(t *testing.T) {
	var examples []Example
	for i := range 6000 {
		examples = append(examples, Example{ID: fmt.Sprint(i), Group: fmt.Sprint(i / 3), Input: "x"})
	}
	shares := []Share{{"train", 0.7}, {"empty", 0}, {"test", 0.3}}
	parts, err := Split(examples, 7, shares)
	if err != nil {
		t.Fatal(err)
	}
	if n := float64(len(parts["train"])) / 6000; math.Abs(n-0.7) > 0.03 || len(parts["train"])+len(parts["test"]) != 6000 {
		t.Errorf("share %v", n)
	}
	if _, there := parts["empty"]; !there || len(parts["empty"]) != 0 {
		t.Error("the empty part")
	}
	where := map[string]string{}
	for name, part := range parts {
		for _, e := range part {
			if before, ok := where[e.Group]; ok && before != name {
				t.Fatalf("group %s is split", e.Group)
			}
			where[e.Group] = name
		}
	}
	fewer, err := Split(examples[3000:], 7, shares)
	if err != nil {
		t.Fatal(err)
	}
	for name, part := range fewer {
		for _, e := range part {
			if where[e.Group] != name {
				t.Fatalf("group %s moved", e.Group)
			}
		}
	}
	if other, _ := Split(examples, 8, shares); cmp.Equal(other, parts) {
		t.Error("the seed does nothing")
	}
	for _, bad := range [][]Share{nil, {{"a", 0.5}}, {{"a", 0.5}, {"a", 0.5}}, {{"", 1}}, {{"a", 1.5}, {"b", -0.5}}, {{"a", math.NaN()}}} {
		if _, err := Split(examples, 1, bad); pointsman.CodeOf(err) != pointsman.CodeInvalid {
			t.Errorf("%v: error %v", bad, err)
		}
	}
}
