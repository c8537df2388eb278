package contract_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/contract"
)

const invoice = `{"type":"object","required":["total"],"properties":{"total":{"type":"string"},"lines":{"type":"array","items":{"type":"integer"}}},"additionalProperties":false}`

func TestRead(t *testing.T) {
	classes := pointsman.Contract{Labels: []string{"refund", "Order Status", "A", "a"}}
	choice := pointsman.Contract{Labels: []string{"A", "B", "C"}, Pattern: `answer is \(?([A-Z])\)?`}
	fields := pointsman.Contract{Schema: []byte(invoice), Verbatim: true}
	numbers := pointsman.Contract{Schema: []byte(`{"properties":{"n":{"maximum":10}}}`)}
	for _, c := range []struct {
		name     string
		kind     pointsman.Kind
		contract pointsman.Contract
		answer   string
		label    string
		problem  string // part of it; empty where the contract is kept
	}{
		{"exact", pointsman.KindClassify, classes, "refund", "refund", ""},
		{"space around it", pointsman.KindClassify, classes, "  refund\n", "refund", ""},
		{"case, quotes and full stop", pointsman.KindClassify, classes, "**\"order status\".**", "Order Status", ""},
		{"an object with a label", pointsman.KindModerate, classes, `{"label": "Refund", "why": "x"}`, "refund", ""},
		{"labels that differ in case only", pointsman.KindClassify, classes, "a", "a", ""},
		{"ambiguous when folded", pointsman.KindClassify, classes, "'A'", "", "not one of the 4 labels"},
		{"another word", pointsman.KindClassify, classes, "refunds please", "", "not one of"},
		{"empty", pointsman.KindClassify, classes, "", "", "not one of"},
		{"the last match counts", pointsman.KindClassify, choice, "I thought the answer is (A), but no: the answer is B.", "B", ""},
		{"no match", pointsman.KindClassify, choice, "I cannot tell.", "", "matches the pattern"},
		{"a match that is no label", pointsman.KindClassify, choice, "the answer is (Z)", "", "not one of"},
		{"an object", pointsman.KindExtract, fields, `{"total":"9.30"}`, "", ""},
		{"fenced", pointsman.KindExtract, fields, "```json\n{\"total\":\"9.30\"}\n```", "", ""},
		{"missing member", pointsman.KindExtract, fields, `{}`, "", "/required"},
		{"unknown member", pointsman.KindExtract, fields, `{"total":"9.30","x":1}`, "", "additionalProperties"},
		{"wrong type below", pointsman.KindExtract, fields, `{"total":"9.30","lines":["a"]}`, "", "/properties/lines/items/type"},
		{"a number without end", pointsman.KindExtract, numbers, `{"n":1e99999999999}`, "", "nothing can compute with"},
		{"a number with too many digits", pointsman.KindExtract, numbers, `{"n":` + strings.Repeat("9", 900_000) + `}`, "", "nothing can compute with"},
		{"a number beyond the schema", pointsman.KindExtract, numbers, `{"n":11}`, "", "maximum"},
		{"not in the source", pointsman.KindExtract, fields, `{"total":"9.31"}`, "", "does not stand in the request"},
		{"not JSON", pointsman.KindExtract, fields, `total: 9.30`, "", "not JSON"},
		{"more than one value", pointsman.KindExtract, fields, `{"total":"9.30"} {"total":"9.30"}`, "", "more follows"},
		{"extract without schema", pointsman.KindExtract, pointsman.Contract{}, `[1]`, "", "not a JSON object"},
		{"free text", pointsman.KindOpen, pointsman.Contract{}, "hello", "", ""},
		{"no text", pointsman.KindRewrite, pointsman.Contract{}, " ", "", "empty"},
		{"endless", pointsman.KindOpen, pointsman.Contract{}, strings.Repeat("a", 2<<20), "", "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			compiled, err := contract.Compile(c.kind, c.contract)
			if err != nil {
				t.Fatal(err)
			}
			got := compiled.Read(c.answer, "the total is 9.30 euros")
			if secret := "9.31"; strings.Contains(got.Problem, secret) || strings.Contains(got.Problem, "refunds") {
				t.Errorf("the problem tells the answer's text: %s", got.Problem)
			}
			if got.Valid != (c.problem == "") || got.Label != c.label || !strings.Contains(got.Problem, c.problem) {
				t.Errorf("%+v, want label %q, problem %q", got, c.label, c.problem)
			}
		})
	}
}

func TestReadKeepsTheFinalAnswer(t *testing.T) {
	number, err := contract.Compile(pointsman.KindOpen, pointsman.Contract{Pattern: `#### (\S+)`})
	if err != nil {
		t.Fatal(err)
	}
	got := number.Read("Six. #### 6\nNo: #### 7 \nAgain #### 7 pens\n", "")
	want := pointsman.Reading{Valid: true, Final: pointsman.Final{Text: "7", Before: "Six. #### 6\nNo: #### 7 \nAgain ", After: " pens", Others: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if content, err := json.Marshal(got); err != nil || strings.Contains(string(content), "pens") {
		t.Errorf("the model's words go on record: %s, %v", content, err)
	}
	if got := number.Read("no marker", ""); got.Valid || got.Final.Text != "" {
		t.Errorf("%+v", got)
	}
}

func TestReadFindsTheOptions(t *testing.T) {
	choice, err := contract.Compile(pointsman.KindClassify, pointsman.Contract{Labels: []string{"A", "B", "C", "none"}, Pattern: `is \(?(\w+)`})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		input, answer string
		options       []string
		own           int
		content       string
	}{
		{"Which?\nA. one\n B) two \n(C) three: 3", "It is (C)", []string{"one", "two", "three: 3"}, 2, "three: 3"},
		{"An example:\nA. x\nB. y\nWhich?\nB: two\nA: one", "is B", []string{"one", "two"}, 1, "two"},
		{"Which?\nA. one\nB. two", "is none", []string{"one", "two"}, -1, "none"},
		{"Which?\r\n(A) one\r\n(A\nB.\n\n: x\nD. four", "is A", []string{"one"}, 0, "one"},
		{"A or B?", "is A", nil, -1, "A"},
	} {
		f := choice.Read(c.answer, c.input).Final
		if diff := cmp.Diff(c.options, f.Options); diff != "" || f.Option != c.own || f.Content() != c.content {
			t.Errorf("%q: %+v, content %q: %s", c.input, f, f.Content(), diff)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, c := range map[string]pointsman.Contract{
		"one label":            {Labels: []string{"a"}},
		"empty label":          {Labels: []string{"a", " "}},
		"label twice":          {Labels: []string{"a", "a"}},
		"bad pattern":          {Pattern: "("},
		"pattern, no group":    {Pattern: "a"},
		"schema is not JSON":   {Schema: []byte("{")},
		"schema is no schema":  {Schema: []byte(`{"type":"wish"}`)},
		"schema from the net":  {Schema: []byte(`{"$ref":"https://example.com/s.json"}`)},
		"schema from the disk": {Schema: []byte(`{"$ref":"file:///etc/passwd"}`)},
	} {
		if _, err := contract.Compile(pointsman.KindClassify, c); !errors.Is(err, contract.ErrContract) {
			t.Errorf("%s: %v, want ErrContract", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"refund", `{"label":"refund"}`, "```json\n{}\n```", "```", `{"total":"x"}`, "\xff", "the answer is (A)"} {
		f.Add(seed)
	}
	var all []*contract.Contract
	for _, c := range []pointsman.Contract{
		{Labels: []string{"refund", "A"}}, {Labels: []string{"A", "B"}, Pattern: `is \(?([A-Z])`}, {Schema: []byte(invoice), Verbatim: true},
	} {
		compiled, err := contract.Compile(pointsman.KindExtract, c)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, compiled)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		for _, c := range all {
			if r := c.Read(answer, "source\nA. "+answer); r.Valid == (r.Problem != "") {
				t.Errorf("%q: %+v is neither valid nor explained", answer, r)
			}
		}
	})
}

func BenchmarkReadLabel(b *testing.B) {
	c, err := contract.Compile(pointsman.KindClassify, pointsman.Contract{Labels: []string{"refund", "status"}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Read("refund", "")
	}
}
