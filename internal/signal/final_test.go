package signal_test

import (
	"math"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// numberTask reads "#### n", as the answers to GSM8K end.
var numberTask = pointsman.Contract{Pattern: `####\s*\$?(-?[0-9][0-9,]*(?:\.[0-9]+)?)`}

// choiceTask reads "the answer is (X)".
var choiceTask = pointsman.Contract{Labels: []string{"A", "B", "C", "D"}, Pattern: `answer is \(?([A-D])\)?`}

// ofFinal measures an answer through a contract with a pattern.
func ofFinal(t *testing.T, c pointsman.Contract, request, text, finish string) pointsman.Signals {
	t.Helper()
	kind := pointsman.KindOpen
	if len(c.Labels) > 0 {
		kind = pointsman.KindClassify
	}
	reader, err := contract.Compile(kind, c)
	if err != nil {
		t.Fatal(err)
	}
	return signal.OfAnswer(&pointsman.Request{Input: request}, &pointsman.Answer{Text: text, FinishReason: finish}, reader.Read(text, request), nil, nil)
}

func TestFinalNumber(t *testing.T) {
	const request = "A pen costs $3 and 25 % less by the dozen. What do 24 pens cost?"
	s := ofFinal(t, numberTask, request, "24 pens are 24 * 3 = $72. Less 25% that is 72 * 0.75 = 54.\n#### 54\n", "stop")
	for name, value := range map[pointsman.SignalName]float64{
		signal.FinalWhole: 1, signal.FinalOthers: 0, signal.FinalStands: 1, signal.FinalSupport: 1, signal.FinalConcludes: 1,
		signal.FinalEquations: 0, signal.FinalUnused: 0, signal.FinalFraction: 0, signal.FinalMagnitude: math.Log1p(54),
	} {
		want(t, s, name, value)
	}
	s = ofFinal(t, numberTask, request, "So 24 * 3 = 70. #### 70\nOr: 70 - 1 = 68.\n#### 68.5 dollars, and so", "stop")
	for name, value := range map[pointsman.SignalName]float64{
		signal.FinalWhole: 0, signal.FinalOthers: math.Log1p(1), signal.FinalStands: 0, signal.FinalSupport: 0, signal.FinalConcludes: 0,
		signal.FinalEquations: math.Log1p(2), signal.FinalUnused: math.Log1p(1), signal.FinalFraction: 1, signal.FinalMagnitude: math.Log1p(68.5),
	} {
		want(t, s, name, value)
	}
	want(t, ofFinal(t, numberTask, request, "#### 5", "length"), signal.FinalWhole, 0)
	want(t, ofFinal(t, numberTask, request, "It is 1,000 in all.\n#### 1000.00", ""), signal.FinalConcludes, 1)
	want(t, ofFinal(t, numberTask, request, "#### "+strings.Repeat("9", 400), ""), signal.FinalMagnitude, 50)
}

func TestFinalText(t *testing.T) {
	word := pointsman.Contract{Pattern: `(?i)answer: (.+)`}
	s := ofFinal(t, word, "Which city?", "The Eiffel Tower stands in Paris, France.\nAnswer: paris france", "stop")
	want(t, s, signal.FinalStands, 1)
	want(t, s, signal.FinalConcludes, 1)
	missing(t, s, signal.FinalFraction, "no number")
	missing(t, s, signal.FinalMagnitude, "no number")
	s = ofFinal(t, word, "Which city?", "It stands in France, in Paris.\nAnswer: Paris in France", "stop")
	want(t, s, signal.FinalStands, 0) // the order counts
	want(t, s, signal.FinalSupport, 1)
	want(t, ofFinal(t, word, "", "Answer: ...", "stop"), signal.FinalStands, 0)
}

const question = "Which gas do plants take in?\n(A) oxygen 21 %\n(B) carbon dioxide\n(C) nitrogen gas\n(D) carbon monoxide"

func TestChoice(t *testing.T) {
	s := ofFinal(t, choiceTask, question, "Leaves take carbon dioxide from the air. The answer is (B).", "stop")
	for name, value := range map[pointsman.SignalName]float64{
		signal.FinalStands: 1, signal.FinalConcludes: 1, signal.FinalSupport: 1, signal.ChoiceOthers: 0,
		signal.ChoiceMargin: 1 - 0.75/1.75, // of D there is "carbon", which two of four options have
		signal.ChoicePlace:  1, signal.ChoiceOptions: 4, signal.ChoiceNearest: 0,
	} {
		want(t, s, name, value)
	}
	s = ofFinal(t, choiceTask, question, "Leaves take nitrogen gas and not carbon monoxide. The answer is (A).", "stop")
	want(t, s, signal.FinalStands, 0)
	want(t, s, signal.ChoiceMargin, -1)
	want(t, s, signal.ChoiceOthers, math.Log1p(2))
	want(t, s, signal.ChoicePlace, 0)
	if _, ok := s.Get(signal.FinalFraction); ok {
		t.Error("a label was measured as a number")
	}
}

func TestChoiceOfNumbers(t *testing.T) {
	const efficiency = "How efficient is it?\nA. 10 %\nB. 17.4 %\nC. 20 %\nD. none of these"
	s := ofFinal(t, choiceTask, efficiency, "1 - 308/373 = 0.174, which is 17.3 %. The answer is (B).", "stop")
	want(t, s, signal.ChoiceNearest, (20-17.3)/20-(17.4-17.3)/17.4)
	want(t, s, signal.FinalEquations, 0)
	want(t, ofFinal(t, choiceTask, efficiency, "It is 17.3. The answer is D", "stop"), signal.ChoiceNearest, 0)
	want(t, ofFinal(t, choiceTask, efficiency, "Not much. The answer is A", "stop"), signal.ChoiceNearest, 0)
}

// What the request does not list has no words that could stand anywhere; a
// request that lists nothing is no multiple choice.
func TestChoiceThatIsNotListed(t *testing.T) {
	s := ofFinal(t, choiceTask, "Is it?\nA) yes\nB) no", "Yes. The answer is (D).", "stop")
	want(t, s, signal.ChoicePlace, 2)
	want(t, s, signal.ChoiceMargin, -1)
	s = ofFinal(t, choiceTask, "Is it? A or B?", "Yes. The answer is (A).", "stop")
	if _, ok := s.Get(signal.ChoiceMargin); ok {
		t.Errorf("%+v", s)
	}
	want(t, s, signal.FinalWhole, 1)
}

// An answer in which the pattern finds nothing, and a task without one, have no
// final answer to measure.
func TestNoFinalAnswer(t *testing.T) {
	for _, s := range []pointsman.Signals{ofText("540"), ofFinal(t, numberTask, "", "540", "stop")} {
		if _, ok := s.Get(signal.FinalWhole); ok {
			t.Errorf("%+v", s)
		}
	}
}

func TestEquations(t *testing.T) {
	for text, wrong := range map[string]float64{
		"3 x 60 = 180, and <<180*3=540>>540":             0,
		"3 x 60 = 190":                                   1,
		"17 / (1/4) = 17 \\* 4 = <<17*(1/4)=68>>68":      1, // 17 · ¼ is not 68
		"1. 8 x 24 = 192":                                0, // the number of a list
		"- 3 + 4 = 7":                                    0, // a dash that begins a line
		"12,000 + 500 = 12,500 and 2/3 = 0.67":           0,
		"2/3 = 0.5":                                      1,
		"20 / 3 = 7 people":                              0, // rounded
		"(12 / 20) x 100 = 60% and 12/20 = 60%":          0,
		"(12 / 20) x 100 = 55%":                          1,
		"50% × 80 = 40; 10 ÷ 4 − 1 = 1.5":                0,
		"x = 5, y=x+1=6, n == 3, 7 = 7":                  0,
		"5/0 = 3, 4 = 2 + 2 = 5 ":                        1,
		"((((((((((((((((( = 1, )))) + + 1 = 2, 5 + = 9": 0,
		"2 + 2 = ":                    0,
		"10 - 20 = -10, 10 - 20 = 10": 1,
		"\xff\xfe 1+1=3 \xff":         1,
		strings.Repeat("9", 400) + " + 1 = 1, 1e9 + .5 = 3": 2,
	} {
		want(t, ofFinal(t, numberTask, "", text+"\n#### 1", "stop"), signal.FinalEquations, math.Log1p(wrong))
	}
}

// FuzzFinal reads foreign bytes as numbers, words and equations.
func FuzzFinal(f *testing.F) {
	f.Add(question, "Leaves take carbon dioxide. 1+1=3 The answer is (B).")
	f.Add("A. 1,234.5\nB. .5", "(((1/0=1 answer is A\xff")
	f.Fuzz(func(t *testing.T, request, text string) {
		for _, c := range []pointsman.Contract{choiceTask, {Pattern: `is (.*)`}} {
			s := ofFinal(t, c, request, text, "")
			if why := sound(s); why != "" {
				t.Fatalf("%s: %+v", why, s)
			}
			for _, one := range s {
				switch one.Name {
				case signal.FinalWhole, signal.FinalStands, signal.FinalConcludes, signal.FinalSupport, signal.FinalFraction:
					if one.Value < 0 || one.Value > 1 {
						t.Fatalf("%s is %v", one.Name, one.Value)
					}
				case signal.ChoiceMargin, signal.ChoiceClosing, signal.ChoiceNearest:
					if one.Value < -1 || one.Value > 1 {
						t.Fatalf("%s is %v", one.Name, one.Value)
					}
				}
			}
		}
	})
}
