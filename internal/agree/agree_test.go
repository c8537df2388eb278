package agree_test

import (
	"math"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/agree"
	"github.com/pointsman-ai/pointsman/internal/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func form(t testing.TB, kind pointsman.Kind, c pointsman.Contract, text string) agree.Form {
	t.Helper()
	reader, err := contract.Compile(kind, c)
	if err != nil {
		t.Fatal(err)
	}
	return agree.Of(&pointsman.Answer{Text: text}, reader.Read(text, ""))
}

func TestAgreement(t *testing.T) {
	labels := pointsman.Contract{Labels: []string{"A", "B"}, Pattern: `is \(?(\w)`}
	final := pointsman.Contract{Pattern: `#### (.*)`}
	for _, c := range []struct {
		name string
		kind pointsman.Kind
		c    pointsman.Contract
		a, b string
		want float64
	}{
		{"labels, in other words", pointsman.KindClassify, labels, "I am sure it is (A).", "is A", 1},
		{"other labels", pointsman.KindClassify, labels, "it is A", "it is B", 0},
		{"a broken contract agrees with nothing", pointsman.KindClassify, labels, "it is C", "it is C", 0},
		{"the group, not the way there", pointsman.KindOpen, final, "one way\n#### 1,000", "a quite other way\n#### $1000.0", 1},
		{"another number, much the same text", pointsman.KindOpen, final, "so they have\n#### 12", "so they have\n#### 13", 0},
		{"a group of words", pointsman.KindOpen, final, "#### Paris, France.", "#### france paris", 1},
		{"units", pointsman.KindOpen, final, "#### 5 km", "#### 5 miles", 0},
		{"currencies", pointsman.KindOpen, final, "#### €5", "#### 5 $", 0},
		{"a unit that one leaves out", pointsman.KindOpen, final, "#### 16 minutes", "#### 16", 1},
		{"a scale is no unit", pointsman.KindOpen, final, "#### 5 million", "#### 5", 0},
		{"dates are not numbers", pointsman.KindOpen, final, "#### 2024-01-05", "#### 2024-01-06", 0},
		{"ids are not numbers", pointsman.KindOpen, final, "#### 007", "#### 7", 0},
		{"long numbers are exact", pointsman.KindOpen, final, "#### 12345678901234567890", "#### 12345678901234567891", 0},
		{"a decimal comma is no thousand", pointsman.KindOpen, final, "#### 1,5", "#### 15", 0},
		{"signs", pointsman.KindOpen, final, "#### -3", "#### 3", 0},
		{"free text", pointsman.KindOpen, pointsman.Contract{}, "The cat sat.", "the dog sat", 2.0 / 3},
		{"fields", pointsman.KindExtract, pointsman.Contract{}, `{"total":"1,000.00","to":{"name":"Ann  B"},"x":null}`, "```json\n{\"to\":{\"name\":\"ann b\"},\"total\":1000}\n```", 1},
		{"half of the fields", pointsman.KindExtract, pointsman.Contract{}, `{"a":1,"b":2}`, `{"a":1,"b":3}`, 0.5},
		{"a field that one lacks", pointsman.KindExtract, pointsman.Contract{}, `{"a":1,"b":2}`, `{"a":1}`, 2.0 / 3},
		{"spans are a set of whole ones", pointsman.KindExtract, pointsman.Contract{}, `{"s":[{"from":1,"to":2},{"from":5,"to":9}]}`, `{"s":[{"to":9,"from":5},{"from":1,"to":3}]}`, 0.5},
		{"exponents", pointsman.KindExtract, pointsman.Contract{}, `{"a":1e3}`, `{"a":1000.0}`, 1},
		{"two empty objects", pointsman.KindExtract, pointsman.Contract{}, `{}`, `{"a":""}`, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := form(t, c.kind, c.c, c.a), form(t, c.kind, c.c, c.b)
			if got := a.With(b); math.Abs(got-c.want) > 1e-12 || b.With(a) != got {
				t.Errorf("%v, and the other way %v, want %v", got, b.With(a), c.want)
			}
		})
	}
}

func TestToolCalls(t *testing.T) {
	calls := func(list ...pointsman.ToolCall) agree.Form {
		return agree.Of(&pointsman.Answer{ToolCalls: list}, pointsman.Reading{Valid: true})
	}
	weather := pointsman.ToolCall{ID: "1", Name: "weather", Arguments: `{"city":"Paris","days":2}`}
	same := pointsman.ToolCall{ID: "x", Name: "weather", Arguments: `{ "days": 2.0, "city": "Paris" }`}
	other := pointsman.ToolCall{Name: "weather", Arguments: `{"city":"Rome","days":2}`}
	mail := pointsman.ToolCall{Name: "mail", Arguments: `not JSON`}
	for _, c := range []struct {
		name string
		a, b agree.Form
		want float64
	}{
		{"the same tree", calls(weather), calls(same), 1},
		{"parallel calls in any order", calls(weather, mail), calls(mail, same), 1},
		{"another argument", calls(weather), calls(other), 4.0 / 6},
		{"another tool", calls(weather), calls(mail), 0},
		{"one call too many", calls(weather), calls(same, mail), 2.0 / 3},
		{"each is matched once", calls(weather, weather), calls(same, other), (1 + 4.0/6) / 2},
		{"a call and a text", calls(weather), agree.Of(&pointsman.Answer{Text: "It rains."}, pointsman.Reading{Valid: true}), 0},
	} {
		if got := c.a.With(c.b); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestVotes(t *testing.T) {
	list := func(labels ...string) (out []agree.Form) {
		for _, l := range labels {
			out = append(out, agree.Of(&pointsman.Answer{}, pointsman.Reading{Valid: l != "", Label: l}))
		}
		return out
	}
	own := list("A")[0]
	for _, c := range []struct {
		others                  []agree.Form
		share, against, entropy float64
	}{
		{list("A", "A"), 1, 0, 0},
		{list("B", "A", "B"), 1.0 / 3, 2.0 / 3, -(1.0/3*math.Log(1.0/3) + 2.0/3*math.Log(2.0/3))},
		{list("B", "C"), 0, 0.5, math.Log(2)},
		{list("", ""), 0, 0, math.Log(2)}, // what broke its contract says nothing together
	} {
		if s, a, e := agree.Share(own, c.others), agree.Against(own, c.others), agree.Entropy(c.others); math.Abs(s-c.share)+math.Abs(a-c.against)+math.Abs(e-c.entropy) > 1e-12 {
			t.Errorf("%+v: share %v, against %v, entropy %v", c, s, a, e)
		}
	}
}

// Agreement is a share, the same both ways, and whole with itself.
func TestAgreementIsSound(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"1", "1,000", "$", "a", " ", "\n", "{", "}", "[", "]", `"a"`, ":", ",", "é", "-", ".", "%", "km", "\xff", "null"})
	texts := rapid.Custom(func(t *rapid.T) string {
		out := ""
		for _, p := range rapid.SliceOfN(pieces, 1, 12).Draw(t, "pieces") {
			out += p
		}
		return out
	})
	rapid.Check(t, func(t *rapid.T) {
		a := agree.Of(&pointsman.Answer{Text: texts.Draw(t, "a")}, pointsman.Reading{Valid: true})
		b := agree.Of(&pointsman.Answer{Text: texts.Draw(t, "b")}, pointsman.Reading{Valid: true})
		if v := a.With(b); v != b.With(a) || !(v >= 0 && v <= 1) || a.With(a) != 1 {
			t.Fatalf("%v, %v, %v", v, b.With(a), a.With(a))
		}
	})
}

func FuzzOf(f *testing.F) {
	f.Add(`{"a":[1,{"b":1e5}]}`, "$1,000.50 km")
	f.Add("-", "[[[[")
	f.Fuzz(func(t *testing.T, one, other string) {
		a := agree.Of(&pointsman.Answer{Text: one, ToolCalls: []pointsman.ToolCall{{Name: "f", Arguments: other}}}, pointsman.Reading{Valid: true})
		b := agree.Of(&pointsman.Answer{Text: other}, pointsman.Reading{Valid: true})
		for _, v := range []float64{a.With(a), b.With(b)} {
			if v != 1 {
				t.Fatalf("an answer does not agree with itself: %v", v)
			}
		}
	})
}
