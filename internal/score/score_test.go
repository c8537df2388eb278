package score

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

var kept = pointsman.Reading{Valid: true}

func TestLabel(t *testing.T) {
	e := &dataset.Example{Label: "yes"}
	cases := []struct {
		e       *dataset.Example
		reading pointsman.Reading
		want    Score
	}{
		{e, pointsman.Reading{Valid: true, Label: "yes"}, Score{Value: 1, Acceptable: true}},
		{e, pointsman.Reading{Valid: true, Label: "no"}, Score{}},
		{e, pointsman.Reading{Problem: "no label"}, Score{}},
		{&dataset.Example{}, pointsman.Reading{Valid: true, Label: "yes"}, Score{Skipped: "the example has no label"}},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, Label{}.Score(c.e, "", c.reading)); diff != "" {
			t.Error(diff)
		}
	}
}

func parts(s Score) map[string]float64 {
	out := make(map[string]float64)
	for _, p := range s.Parts {
		out[p.Name] = p.Value
	}
	return out
}

func TestExtract(t *testing.T) {
	receipt := &dataset.Example{Fields: map[string]string{"company": "BOOK TA .K", "total": "9.00", "address": "", "date": "25/12/2018"}}
	nested := &dataset.Example{Want: json.RawMessage(`{"who":{"name":"Ada"},"n":[1.50,true,null],"empty":""}`)}
	several := &dataset.Example{Want: []byte(`{"person":["Ada","Bo","Ada"],"place":"Oslo"}`)}
	rows := &dataset.Example{Want: []byte(`{"rows":[{"n":1},{"n":2}]}`)}
	nothing := &dataset.Example{Want: json.RawMessage(`{}`)}
	cases := map[string]struct {
		e       *dataset.Example
		answer  string
		reading pointsman.Reading
		want    Score
		parts   map[string]float64
	}{
		"all right": {
			receipt, "{\"company\":\" BOOK  TA\\n.K\",\"total\":\"9.00\",\"date\":\"25/12/2018\",\"address\":null}", kept,
			Score{Value: 1, Acceptable: true},
			map[string]float64{"precision": 1, "recall": 1, "all_right": 1, "field.company": 1, "field.total": 1, "field.date": 1},
		},
		"one wrong, one too many": {
			receipt, `{"company":"BOOK TA .K","total":"9.0","date":"25/12/2018","phone":"1"}`, kept,
			Score{Value: 4. / 7},
			map[string]float64{"precision": 0.5, "recall": 2. / 3, "all_right": 0, "field.company": 1, "field.total": 0, "field.date": 1},
		},
		"nothing given": {
			receipt, `{}`, kept,
			Score{},
			map[string]float64{"recall": 0, "all_right": 0, "field.company": 0, "field.total": 0, "field.date": 0},
		},
		"contract broken": {
			receipt, `{"company":"BOOK TA .K","total":"9.00","date":"25/12/2018"}`,
			pointsman.Reading{Problem: "schema"},
			Score{},
			map[string]float64{"recall": 0, "all_right": 0, "field.company": 0, "field.total": 0, "field.date": 0},
		},
		"no object": {
			receipt, `[1]`, kept,
			Score{},
			map[string]float64{"recall": 0, "all_right": 0, "field.company": 0, "field.total": 0, "field.date": 0},
		},
		"nested, fenced": {
			nested, "```json\n{\"who\":{\"name\":\"Ada\"},\"n\":[1.5,true]}\n```", kept,
			Score{Value: 1, Acceptable: true},
			map[string]float64{"precision": 1, "recall": 1, "all_right": 1, "field.who.name": 1, "field.n": 1},
		},
		"several values": {
			several, `{"person":["Bo","Ada","Cy"],"place":"Oslo"}`, kept,
			Score{Value: 6. / 8},
			map[string]float64{"precision": 3. / 4, "recall": 3. / 4, "all_right": 0, "field.person": 2. / 3, "field.place": 1},
		},
		"several values in another order": {
			several, `{"place":["Oslo"],"person":["Bo","Ada","Ada"]}`, kept,
			Score{Value: 1, Acceptable: true},
			map[string]float64{"precision": 1, "recall": 1, "all_right": 1, "field.person": 1, "field.place": 1},
		},
		"a list of objects is compared in order": {
			rows, `{"rows":[{"n":2},{"n":1}]}`, kept,
			Score{},
			map[string]float64{"precision": 0, "recall": 0, "all_right": 0, "field.rows[0].n": 0, "field.rows[1].n": 0},
		},
		"nothing wanted, nothing given": {nothing, `{"x":null}`, kept, Score{Value: 1, Acceptable: true}, map[string]float64{"all_right": 1}},
		"nothing wanted, something given": {
			nothing, `{"x":"y"}`, kept, Score{}, map[string]float64{"precision": 0, "all_right": 0},
		},
		"nothing wanted, contract broken": {nothing, `oops`, pointsman.Reading{}, Score{}, map[string]float64{"all_right": 0}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Extract{Accept: 1}.Score(c.e, c.answer, c.reading)
			if diff := cmp.Diff(c.parts, parts(got)); diff != "" {
				t.Error(diff)
			}
			got.Parts = nil
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if s := (Extract{Accept: 1}).Score(&dataset.Example{}, "{}", kept); s.Skipped == "" {
		t.Error("nothing was expected, and yet it was scored")
	}
	if s := (Extract{Accept: 0.5}).Score(receipt, `{"company":"BOOK TA .K","total":"9.0","date":"25/12/2018"}`, kept); !s.Acceptable {
		t.Error("the cut is the owner's")
	}
}

// The figures are those of SQuAD's evaluate-v2.0.py.
func TestTokenF1(t *testing.T) {
	cases := []struct {
		answer, reference string
		want              float64
	}{
		{"the Eiffel Tower!", "Eiffel tower", 1},
		{"in Paris, France", "Paris", 0.5},
		{"a a cat cat", "cat", 2. / 3},
		{"London", "Paris", 0},
		{"", "", 1},
		{"the", "", 1},
		{"Paris", "", 0},
	}
	for _, c := range cases {
		if got := TokenF1(c.answer, c.reference); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%q, %q: %v, want %v", c.answer, c.reference, got, c.want)
		}
	}
}

// The first three are the examples of Lin 2004, section 3.1, with β = 1; the
// last the one of google-research's rouge_score.
func TestROUGEL(t *testing.T) {
	cases := []struct {
		answer, reference string
		want              float64
	}{
		{"police kill the gunman", "police killed the gunman", 0.75},
		{"the gunman kill police", "police killed the gunman", 0.5},
		{"the gunman police killed", "police killed the gunman", 0.5},
		{"testing one two", "testing", 0.5},
		{"", "testing", 0},
		{"Größe 5!", "größe, 5", 1},
	}
	for _, c := range cases {
		if got, ok := ROUGEL(c.answer, c.reference); !ok || math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%q, %q: %v, want %v", c.answer, c.reference, got, c.want)
		}
	}
	if _, ok := ROUGEL(strings.Repeat("a ", maxWords+1), "a"); ok {
		t.Error("the bound was not kept")
	}
}

func TestOverlapIsAGradeAndSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("ab. the")))
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		rouge, _ := ROUGEL(a, b)
		reverse, _ := ROUGEL(b, a)
		for _, v := range []float64{TokenF1(a, b), rouge} {
			if !(v >= 0 && v <= 1) {
				t.Fatal(v)
			}
		}
		if TokenF1(a, b) != TokenF1(b, a) || rouge != reverse || TokenF1(a, a) != 1 {
			t.Fatal("not symmetric, or a text is not itself")
		}
	})
}

func TestText(t *testing.T) {
	e := &dataset.Example{Reference: "What is the capital of France?"}
	s := Text{MeasureROUGEL, 0.8}.Score(e, "what is the capital of france", kept)
	want := Score{Value: 1, Acceptable: true, Parts: []Part{{"exact", 0}, {"normalised", 1}, {"token_f1", 1}, {"rouge_l", 1}}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	if s := (Text{MeasureROUGEL, 0}).Score(e, "what is the capital of france", pointsman.Reading{}); s.Value != 0 || s.Acceptable || parts(s)["token_f1"] != 0 {
		t.Errorf("a broken contract was scored: %+v", s)
	}
	if s := (Text{MeasureROUGEL, 0.8}).Score(&dataset.Example{}, "x", kept); s.Skipped == "" {
		t.Error("no reference, and yet a score")
	}
	long := &dataset.Example{Reference: strings.Repeat("word ", maxWords+1)}
	if s := (Text{MeasureROUGEL, 0.8}).Score(long, "x", kept); s.Skipped == "" || len(s.Parts) != 3 {
		t.Errorf("%+v", s)
	}
}

func TestFor(t *testing.T) {
	half, two := 0.5, 2.0
	cases := []struct {
		kind pointsman.Kind
		o    Options
		want string
	}{
		{pointsman.KindClassify, Options{}, "label"},
		{pointsman.KindModerate, Options{}, "label"},
		{pointsman.KindExtract, Options{}, "extract f1>=1"},
		{pointsman.KindExtract, Options{Accept: &half}, "extract f1>=0.5"},
		{pointsman.KindRewrite, Options{}, "rouge_l>=0.8"},
		{pointsman.KindOpen, Options{}, "token_f1>=0.8"},
		{pointsman.KindOpen, Options{Measure: MeasureNormalised}, "normalised>=1"},
		{pointsman.KindOpen, Options{Measure: MeasureTokenF1, Accept: &half}, "token_f1>=0.5"},
		{pointsman.KindOpen, Options{Measure: "bleu"}, ""},
		{pointsman.KindOpen, Options{Accept: &two}, ""},
		{"paint", Options{}, ""},
	}
	for _, c := range cases {
		s, err := For(c.kind, c.o)
		switch {
		case c.want == "" && pointsman.CodeOf(err) != pointsman.CodeInvalid:
			t.Errorf("%s %+v: error %v", c.kind, c.o, err)
		case c.want != "" && (err != nil || s.Name() != c.want):
			t.Errorf("%s %+v: %v, %v", c.kind, c.o, s, err)
		}
	}
}

func TestCompareFields(t *testing.T) {
	e := &dataset.Example{Want: json.RawMessage(`{"person":["Ada","Bo","Ada"],"place":"Oslo","day":null}`)}
	got, err := CompareFields(e, `{"person":["Ada ","Cy"],"day":"Monday"}`)
	if err != nil {
		t.Fatal(err)
	}
	want := Comparison{
		Fields:  map[string]Count{"person": {3, 2, 1}, "place": {1, 0, 0}, "day": {0, 1, 0}},
		Missing: []Value{{"person", "Ada"}, {"person", "Bo"}, {"place", "Oslo"}},
		Extra:   []Value{{"day", "Monday"}, {"person", "Cy"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Wrong("person", " Ada") || !got.Wrong("person", "Cy") {
		t.Error("which values are wrong")
	}
	if _, err := CompareFields(&dataset.Example{}, `{}`); !errors.Is(err, ErrNoFields) {
		t.Errorf("no expectation: %v", err)
	}
	if _, err := CompareFields(e, "no object"); err == nil {
		t.Error("a text passed for an object")
	}
}
