package student

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func toyTagger(t testing.TB) *Tagger {
	t.Helper()
	tagger, err := TrainTagger(t.Context(), toyOrders(100), DefaultTaggerOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tagger
}

func TestTaggerLearns(t *testing.T) {
	tagger := toyTagger(t)
	if diff := cmp.Diff([]string{"amount", "name"}, tagger.Fields()); diff != "" {
		t.Errorf("fields: %s", diff)
	}
	if r := tagger.Report(); r.Examples != 100 || r.HeldOut < 20 || r.Exact < .9 || r.Found < r.Exact {
		t.Errorf("report: %+v", r)
	}
	for _, tt := range []struct {
		text string
		want map[string]string
	}{
		{
			"Dear Rosa Luxemburg,\nthe total of $31.07 is due in 3 days.",
			map[string]string{"name": "Rosa Luxemburg", "amount": "31.07"},
		},
		{
			"Invoice for Kurt Gödel: please pay $5.00 by Monday.",
			map[string]string{"name": "Kurt Gödel", "amount": "5.00"},
		},
		{"Grace Hopper has not paid yet.", map[string]string{"name": "Grace Hopper"}},
	} {
		got := tagger.Extract(tt.text)
		values := map[string]string{}
		for name, v := range got.Fields {
			values[name] = v.Value
			if v.Value != tt.text[v.Start:v.End] || !(v.Prob > .3 && v.Prob <= 1) {
				t.Errorf("%q: %s is %+v", tt.text, name, v)
			}
		}
		if diff := cmp.Diff(tt.want, values); diff != "" {
			t.Errorf("%q: %s", tt.text, diff)
		}
		if !(got.MeanLogProb <= 0 && got.MeanLogProb > -1) {
			t.Errorf("%q: mean log-probability %v", tt.text, got.MeanLogProb)
		}
	}
	if got := tagger.Extract(" \n"); len(got.Fields) != 0 || got.MeanLogProb != 0 {
		t.Errorf("an empty text: %+v", got)
	}
}

func TestTaggerRoundTripAndDeterminism(t *testing.T) {
	tagger := toyTagger(t)
	data := marshal(t, tagger)
	loaded, err := UnmarshalTagger(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(tagger, loaded) || !bytes.Equal(marshal(t, loaded), data) {
		t.Error("the loaded tagger differs")
	}
	shuffled := toyOrders(100)
	shuffle(&random{state: 1}, shuffled)
	again, err := TrainTagger(t.Context(), shuffled, DefaultTaggerOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(marshal(t, again), data) {
		t.Error("the order of the examples shows")
	}
	for n := range data {
		if _, err := UnmarshalTagger(data[:n]); !errors.Is(err, ErrArtefact) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	if _, err := Unmarshal(data); !errors.Is(err, ErrArtefact) {
		t.Errorf("a tagger was taken for a classifier: %v", err)
	}
}

func TestTrainTaggerErrors(t *testing.T) {
	many := TaggedExample{Text: "x", Fields: map[string]string{}}
	for i := range maxFields + 1 {
		many.Fields[fmt.Sprint("f", i)] = "x"
	}
	for _, tt := range []struct {
		name     string
		examples []TaggedExample
		is       error
		want     string
	}{
		{"none", nil, ErrNoExamples, ""},
		{"no fields", []TaggedExample{{Text: "a"}}, ErrNoExamples, "no example has a field"},
		{"too many fields", []TaggedExample{many}, ErrTooLarge, "1025 fields"},
		{"absent", []TaggedExample{{Text: "a b", Fields: map[string]string{"f": "c"}}}, nil, `example 0: field "f"`},
		{"inside a token", []TaggedExample{{Text: "abc", Fields: map[string]string{"f": "b"}}}, nil, "whole tokens"},
		{"twice taken", []TaggedExample{{Text: "a b", Fields: map[string]string{"f": "a b", "g": "b"}}}, nil, `field "g"`},
		{"nameless", []TaggedExample{{Text: "a", Fields: map[string]string{"f": "a", "": "a"}}}, nil, "field name"},
		{"long", []TaggedExample{{Text: strings.Repeat("a ", 1<<14), Fields: map[string]string{"f": "a"}}}, ErrTooLarge, "bytes"},
	} {
		_, err := TrainTagger(t.Context(), tt.examples, DefaultTaggerOptions(), nil)
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := TrainTagger(ctx, toyOrders(20), DefaultTaggerOptions(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTokenise(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
		gaps []uint8
	}{
		{"", nil, nil},
		{
			"Total: 9.00\nDr. Gödel",
			[]string{"Total", ":", "9", ".", "00", "Dr", ".", "Gödel"},
			[]uint8{gapLine, gapNone, gapSpace, gapNone, gapNone, gapLine, gapNone, gapSpace},
		},
		{"a1b--\xff", []string{"a", "1", "b", "-", "-", "\xff"}, []uint8{gapLine, 0, 0, 0, 0, 0}},
		{"x \n\r y", []string{"x", "y"}, []uint8{gapLine, gapLine}},
	} {
		var got []string
		var gaps []uint8
		for _, tok := range tokenise(nil, tt.text) {
			got = append(got, tt.text[tok.start:tok.end])
			gaps = append(gaps, tok.gap)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q: %s", tt.text, diff)
		}
		if diff := cmp.Diff(tt.gaps, gaps); diff != "" {
			t.Errorf("%q: gaps %s", tt.text, diff)
		}
	}
}

func TestLocate(t *testing.T) {
	e := TaggedExample{Text: "9 plus 9.00 is 18.00, not 9.00", Fields: map[string]string{"a": "9.00", "b": "9", "c": ""}}
	tokens := tokenise(nil, e.Text)
	for _, first := range []bool{false, true} {
		opts := DefaultTaggerOptions()
		opts.FirstOnly = first
		spans, err := e.locate(tokens, opts)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range spans {
			got = append(got, p.field+"="+e.Text[tokens[p.from].start:tokens[p.to-1].end])
		}
		want := []string{"a=9.00", "a=9.00", "b=9"}
		if first {
			want = want[1:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("first only %v: %s", first, diff)
		}
	}
}

// Offsets are ascending, within the text, and leave out nothing but spaces.
func FuzzTokenise(f *testing.F) {
	f.Add("Total: 9.00\nDr. Gödel\xff\xe2\x80")
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		tokens := tokenise(nil, text)
		for i, tok := range tokens {
			if tok.start < end || tok.end <= tok.start || tok.end > len(text) {
				t.Fatalf("token %d is %d-%d after %d of %d", i, tok.start, tok.end, end, len(text))
			}
			if strings.TrimSpace(text[end:tok.start]) != "" {
				t.Fatalf("%q was left out", text[end:tok.start])
			}
			end = tok.end
			tokenFeatures(tokens, text, i, func(uint64) {})
		}
		if strings.TrimSpace(text[end:]) != "" {
			t.Fatalf("%q was left out", text[end:])
		}
	})
}

func FuzzUnmarshalTagger(f *testing.F) {
	opts := SmallTagger()
	opts.Bits, opts.Epochs = 8, 1
	tagger, err := TrainTagger(f.Context(), toyOrders(12), opts, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(marshal(f, tagger))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = reseal(data)
		tagger, err := UnmarshalTagger(data)
		if err != nil {
			if !errors.Is(err, ErrArtefact) {
				t.Errorf("unexpected kind of error: %v", err)
			}
			return
		}
		if got := marshal(t, tagger); !bytes.Equal(got, data) {
			t.Errorf("another artefact comes out of an accepted one")
		}
		got := tagger.Extract("Dear Ada, the total of $3.00 is due.")
		if !(got.MeanLogProb <= 0) {
			t.Errorf("mean log-probability %v", got.MeanLogProb)
		}
		for name, v := range got.Fields {
			if !(v.Prob >= 0 && v.Prob <= 1) {
				t.Errorf("%s: %+v", name, v)
			}
		}
	})
}

// On short texts, everything that the lattice computes can be had by going
// through all sequences of tags.
func TestLatticeAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "tokens")
		const tags = 7 // three fields.
		c := newCRF(DefaultTaggerOptions(), tags/2)
		c.shared, c.known, c.beta = rapid.Bool().Draw(t, "shared"), newBuckets(8), rapid.Float64Range(.1, 3).Draw(t, "beta")
		weight := rapid.Float32Range(-3, 3)
		for range c.transitionCount() {
			c.transitions = append(c.transitions, weight.Draw(t, "transition"))
		}
		rows := make([][]int32, n)
		for i := range rows {
			rows[i] = []int32{int32(i)}
			for range tags {
				c.exact = append(c.exact, weight.Draw(t, "weight"))
			}
		}
		l := newLattice(c)
		l.load(rows)
		l.forward()
		l.backward()

		var z, best float64
		sums := map[[2]int]float64{}
		var paths [][]uint16
		var walk func(path []uint16)
		walk = func(path []uint16) {
			if len(path) == n {
				p := math.Exp(l.pathScore(path))
				z += p
				for i, tag := range path {
					sums[[2]int{i, int(tag)}] += p
				}
				best = max(best, p)
				paths = append(paths, append([]uint16(nil), path...))
				return
			}
			prev := uint16(outsideTag)
			if len(path) > 0 {
				prev = path[len(path)-1]
			}
			for tag := range uint16(tags) {
				if mayFollow(prev, tag) {
					walk(append(path, tag))
				}
			}
		}
		walk(nil)

		near := func(what string, got, want float64) {
			if math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
				t.Fatalf("%s: %v, want %v", what, got, want)
			}
		}
		near("partition function", l.logSum, math.Log(z))
		for i := range n {
			for tag := range tags {
				near("marginal", l.marginal(i, tag), sums[[2]int{i, tag}]/z)
			}
		}
		// The gradient is what the first path has less what all have on average.
		expected := make([]float64, len(c.transitions))
		for _, p := range paths {
			for i := 1; i < n; i++ {
				expected[c.at(p[i-1], p[i])] += math.Exp(l.pathScore(p)) / z
			}
		}
		for i := 1; i < n; i++ {
			expected[c.at(paths[0][i-1], paths[0][i])]--
		}
		for k, g := range l.transitionGradient(paths[0]) {
			near("gradient", g, -expected[k])
		}
		path, logProb := l.viterbi()
		near("best path", logProb, math.Log(best/z))
		near("its score", l.pathScore(path), math.Log(best)) // there may be equals.
		for from := range n {
			field := fieldOf(path[from])
			if field < 0 || path[from] != beginTag(field) {
				continue
			}
			to := from + 1
			for to < n && path[to] == insideTag(field) {
				to++
			}
			want := 0.0
			for _, p := range paths {
				if slices.Equal(p[from:to], path[from:to]) && (to == n || p[to] != insideTag(field)) {
					want += math.Exp(l.pathScore(p)) / z
				}
			}
			near("span", l.spanProb(path, from, to), want)
		}
	})
}
