package student

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// forms are texts with some of so many fields, each named before its value.
func forms(n, fields int) []TaggedExample {
	rng := &random{state: 5}
	out := make([]TaggedExample, n)
	for i := range out {
		out[i].Fields = map[string]string{}
		var lines []string
		for k := range 6 {
			f := (i*6 + k*(fields/6) + rng.intn(2)) % fields
			name := fmt.Sprintf("key%c%c", 'a'+f/26, 'a'+f%26)
			if _, twice := out[i].Fields[name]; twice {
				continue
			}
			value := fmt.Sprintf("%s %d", []string{"Oslo", "Rome", "Bern"}[rng.intn(3)], 10000*(k+1)+rng.intn(9999))
			out[i].Fields[name] = value
			lines = append(lines, name+" is "+value)
		}
		out[i].Text = strings.Join(lines, "\n")
	}
	return out
}

func manyOptions() TaggerOptions {
	o := SmallTagger()
	o.Bits, o.MinDF, o.Epochs = 12, 1, 5
	return o
}

// With more fields than have transitions of their own, each is found, and the
// artefact gives back the same tagger.
func TestTaggerOfManyFields(t *testing.T) {
	examples := forms(120, 40)
	tagger, err := TrainTagger(t.Context(), examples[:100], manyOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(tagger.Fields()) != 40 || !tagger.crf.shared {
		t.Fatalf("%d fields, shared: %v", len(tagger.Fields()), tagger.crf.shared)
	}
	var n, right float64
	for _, e := range examples[100:] {
		got := tagger.Extract(e.Text).Fields
		for name, want := range e.Fields {
			n++
			if got[name].Value == want {
				right++
			}
		}
	}
	if right < 0.9*n {
		t.Errorf("%g of %g fields were found", right, n)
	}
	data := marshal(t, tagger)
	loaded, err := UnmarshalTagger(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(tagger, loaded) || !bytes.Equal(marshal(t, loaded), data) {
		t.Error("the loaded tagger differs")
	}
}

// A field with several values is a list, and its artefact says so; the same
// examples without lists make the artefact of version 1.
func TestTaggerOfLists(t *testing.T) {
	var examples []TaggedExample
	names := []string{"Ada", "Grace", "Alan", "Emmy", "Kurt", "Rosa"}
	for _, a := range names {
		for _, b := range names {
			examples = append(examples, TaggedExample{Text: "Met " + a + " and then " + b + ".", Several: map[string][]string{"person": {a, b}}})
		}
	}
	tagger, err := TrainTagger(t.Context(), examples, DefaultTaggerOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !tagger.IsList("person") || tagger.IsList("place") {
		t.Error("which fields are lists")
	}
	got := tagger.Extract("Met Kurt and then Ada.")
	var values []string
	for _, v := range got.Values("person") {
		values = append(values, v.Value)
	}
	if diff := cmp.Diff([]string{"Kurt", "Ada"}, values); diff != "" {
		t.Error(diff)
	}
	if again := tagger.Extract("Met Ada and then Ada.").Values("person"); len(again) != 1 || again[0].Value != "Ada" {
		t.Errorf("a value that is there twice: %+v", again)
	}
	data := marshal(t, tagger)
	loaded, err := UnmarshalTagger(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(tagger, loaded) || data[len(artefactMagic)] != versionLists {
		t.Error("the loaded tagger differs")
	}
	if single := marshal(t, toyTagger(t)); single[len(artefactMagic)] != artefactVersion {
		t.Error("a tagger without lists is of another version than before")
	}
	if got := loaded.Report(); got.HeldOut == 0 || got.Exact < 0.8 {
		t.Errorf("%+v", got)
	}
	both := TaggedExample{Text: "Ada", Fields: map[string]string{"person": "Ada"}, Several: map[string][]string{"person": {"Ada"}}}
	if err := both.Validate(); err == nil {
		t.Error("a field with one value and several passed")
	}
	if reflect.DeepEqual(examples[0].canonical(), TaggedExample{Text: examples[0].Text}.canonical()) {
		t.Error("lists do not count in the digest")
	}
}

// Where fields share transitions, extraction takes time in proportion to their number.
func BenchmarkTaggerFields(b *testing.B) {
	for _, fields := range []int{10, 32, 40, 100, 200, 400} {
		b.Run(fmt.Sprint(fields), func(b *testing.B) {
			c := newCRF(DefaultTaggerOptions(), fields)
			c.known = newBuckets(8)
			c.transitions = make([]float32, c.transitionCount())
			c.exact = make([]float32, c.tags)
			l := newLattice(c)
			rows := slices.Repeat([][]int32{{0}}, 100)
			for b.Loop() {
				l.load(rows)
				l.forward()
				l.backward()
				l.viterbi()
			}
			if math.IsNaN(l.logSum) {
				b.Fatal("not a number")
			}
		})
	}
}
