package signal_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/student"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// requestOrder and answerOrder are the signals in the order in which they are
// on record. Policies find signals by name, but records and digests of
// observations hold them in this order: a change here is a change of format.
var (
	requestOrder = []pointsman.SignalName{
		"request.chars", "request.words", "request.turns", "request.digits", "request.non_ascii", "request.questions", "request.oos",
	}
	answerOrder = []pointsman.SignalName{
		"answer.chars", "answer.words", "answer.finished", "answer.refusal", "answer.hedging", "answer.repetition", "answer.digits",
		"answer.valid", "answer.logprob_mean", "answer.logprob_min", "answer.logprob_p10", "answer.first_entropy", "answer.label_margin",
		"answer.logprob_mean_odds", "answer.logprob_min_odds", "answer.label_odds",
		"student.oos", "witness.agreement", "student.agreement", "student.agreement_odds", "judge.acceptable", "judge.uplift",
	}
)

func ofRequest(text string, turns int) pointsman.Signals {
	r := &pointsman.Request{Input: text, Messages: make([]pointsman.Message, turns)}
	return signal.OfRequest(r, nil)
}

// ofText measures an answer that says a text and stopped by itself.
func ofText(text string) pointsman.Signals {
	return ofAnswer(&pointsman.Answer{Text: text, FinishReason: "stop"})
}

func ofAnswer(a *pointsman.Answer) pointsman.Signals {
	return signal.OfAnswer(&pointsman.Request{}, a, pointsman.Reading{Valid: true}, nil, nil)
}

// text is the reading of an answer that has no labels.
var text = pointsman.Reading{Valid: true}

func said(content string, reading pointsman.Reading) *signal.Witness {
	return &signal.Witness{Answer: &pointsman.Answer{Text: content}, Reading: reading}
}

func beside(witnesses ...*signal.Witness) *signal.Beside { return &signal.Beside{Witnesses: witnesses} }

// want checks one signal against a value.
func want(t *testing.T, s pointsman.Signals, name pointsman.SignalName, value float64) {
	t.Helper()
	one, ok := s.Get(name)
	if !ok || !one.Present() || math.Abs(one.Value-value) > 1e-12 {
		t.Errorf("%s is %+v, want %v", name, one, value)
	}
}

// missing checks that a signal has a reason in place of a value.
func missing(t *testing.T, s pointsman.Signals, name pointsman.SignalName, why string) {
	t.Helper()
	one, ok := s.Get(name)
	if !ok || one.Present() || one.Value != 0 || !strings.Contains(one.Missing, why) {
		t.Errorf("%s is %+v, want none because %q", name, one, why)
	}
}

func names(s pointsman.Signals) []pointsman.SignalName {
	out := make([]pointsman.SignalName, len(s))
	for i := range s {
		out[i] = s[i].Name
	}
	return out
}

// sound says what is wrong with signals as such: a value that is not finite, a
// missing one with a value, a range that is left.
func sound(s pointsman.Signals) string {
	shares := []pointsman.SignalName{
		signal.RequestDigits, signal.RequestNonASCII, signal.RequestOOS, signal.AnswerFinished, signal.AnswerRefusal,
		signal.AnswerRepetition, signal.AnswerDigits, signal.AnswerValid, signal.WitnessAgreement, signal.StudentAgreement, signal.JudgeAcceptable,
	}
	for _, one := range s {
		switch {
		case math.IsNaN(one.Value) || math.IsInf(one.Value, 0):
			return string(one.Name) + " is not finite"
		case !one.Present() && one.Value != 0:
			return string(one.Name) + " is missing and has a value"
		case slices.Contains(shares, one.Name) && (one.Value < 0 || one.Value > 1+1e-12):
			return string(one.Name) + " is no share"
		case one.Name == signal.AnswerLogprobMin && one.Value < -100:
			return "a logprob is not bounded"
		}
	}
	return ""
}

func TestRequestSignals(t *testing.T) {
	s := ofRequest("Where is order 1234?", 3)
	want(t, s, signal.RequestChars, math.Log1p(20))
	want(t, s, signal.RequestWords, math.Log1p(4))
	want(t, s, signal.RequestTurns, 3)
	want(t, s, signal.RequestDigits, 4.0/16)
	want(t, s, signal.RequestNonASCII, 0)
	want(t, s, signal.RequestMarks, 1)
	missing(t, s, signal.RequestOOS, "no such student")
}

func TestNonASCII(t *testing.T) {
	s := ofRequest("ça\u00a0va 7\u3000日本", 1)
	want(t, s, signal.RequestChars, math.Log1p(float64(len("ça\u00a0va 7\u3000日本"))))
	want(t, s, signal.RequestWords, math.Log1p(4)) // a no-break and an ideographic space are spaces
	want(t, s, signal.RequestDigits, 1.0/7)        // ç, a, v, a, 日 and 本 are letters
	want(t, s, signal.RequestNonASCII, 5.0/10)
	// Bytes that are no UTF-8 are something beyond ASCII, and no crash.
	want(t, ofRequest("a\xff\xfe", 1), signal.RequestNonASCII, 2.0/3)
}

// What cannot be measured of nothing says so: a share of nothing is not zero.
func TestEmptyTexts(t *testing.T) {
	s := ofRequest("", 0)
	want(t, s, signal.RequestChars, 0)
	want(t, s, signal.RequestWords, 0)
	missing(t, s, signal.RequestDigits, "no letters or digits")
	missing(t, s, signal.RequestNonASCII, "empty")
	s = ofAnswer(&pointsman.Answer{})
	want(t, s, signal.AnswerChars, 0)
	want(t, s, signal.AnswerRefusal, 0)
	want(t, s, signal.AnswerHedging, 0)
	missing(t, s, signal.AnswerFinished, "no finish reason")
	missing(t, s, signal.AnswerRepetition, "fewer than three words")
	missing(t, s, signal.AnswerDigits, "no letters or digits")
	for _, name := range []pointsman.SignalName{
		signal.AnswerLogprobMean, signal.AnswerLogprobMin, signal.AnswerLogprobP10, signal.AnswerEntropy, signal.AnswerMargin,
	} {
		missing(t, s, name, "no logprobs")
	}
	missing(t, s, signal.StudentOOS, "the upstream gives none")
	missing(t, s, signal.WitnessAgreement, "no witness was asked")
	for _, name := range []pointsman.SignalName{signal.StudentAgreement, signal.JudgeAcceptable, signal.JudgeUplift} {
		missing(t, s, name, "no such student")
	}
	missing(t, ofText("..., ... !!!"), signal.AnswerDigits, "no letters or digits")
}

func TestFinishedAndValid(t *testing.T) {
	for reason, value := range map[string]float64{"stop": 1, "tool_calls": 1, "length": 0, "content_filter": 0} {
		want(t, ofAnswer(&pointsman.Answer{FinishReason: reason}), signal.AnswerFinished, value)
	}
	want(t, signal.OfAnswer(&pointsman.Request{}, &pointsman.Answer{}, pointsman.Reading{}, nil, nil), signal.AnswerValid, 0)
	want(t, ofText(""), signal.AnswerValid, 1)
}

func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer pointsman.Answer
		want   float64
	}{
		{"an opening", pointsman.Answer{Text: "I'm sorry, but that is not possible."}, 1},
		{"a typographic apostrophe", pointsman.Answer{Text: "I’m sorry, I can’t help."}, 1},
		{"capitals and space", pointsman.Answer{Text: "\n  I CANNOT say."}, 1},
		{"as an AI", pointsman.Answer{Text: "As an AI, I have no opinion."}, 1},
		{"long after the opening", pointsman.Answer{Text: "I can't do it: " + strings.Repeat("é", 100)}, 1},
		{"a rune cut at the bound", pointsman.Answer{Text: "Unfortunately, I cannot tell you what it is, é" + strings.Repeat("é", 20)}, 1},
		{"the upstream's own field", pointsman.Answer{Refusal: "no"}, 1},
		{"the content filter", pointsman.Answer{Text: "Well,", FinishReason: "content_filter"}, 1},
		{"an apology later on", pointsman.Answer{Text: "The refund is due. I'm sorry for the delay."}, 0},
		{"a word that begins alike", pointsman.Answer{Text: "Sorrow is a noun."}, 0},
		{"nothing", pointsman.Answer{Text: "   "}, 0},
	} {
		t.Run(c.name, func(t *testing.T) { want(t, ofAnswer(&c.answer), signal.AnswerRefusal, c.want) })
	}
}

func TestHedging(t *testing.T) {
	for text, n := range map[string]float64{
		"Paris.": 0, "Perhaps Paris, MAYBE Rome.": 2, "I think it is probably Paris.": 2, "hm": 0, "Not sure.": 1,
	} {
		want(t, ofText(text), signal.AnswerHedging, math.Log1p(n))
	}
}

func TestRepetition(t *testing.T) {
	want(t, ofText("one two three four"), signal.AnswerRepetition, 0)
	want(t, ofText("a b c a b c a b c"), signal.AnswerRepetition, 4.0/7)
	want(t, ofText(strings.Repeat("no ", 100)), signal.AnswerRepetition, 97.0/98)
	want(t, ofText("a b c b a c"), signal.AnswerRepetition, 0) // the order counts
	missing(t, ofText("no no"), signal.AnswerRepetition, "fewer than three words")
}

// Words are told apart alike by whoever counts them: a vertical tab and a form
// feed, as PDF extraction leaves them, are spaces.
func TestRepetitionStaysAShareAcrossAllSpaces(t *testing.T) {
	for _, space := range []string{" ", "\n", "\t", "\r", "\v", "\f", "\u0085", "\u00a0", "\u2028", "\u3000"} {
		text := "a b c" + strings.Repeat(space+"a"+space+"b"+space+"c", 2)
		s := ofText(text)
		want(t, s, signal.AnswerWords, math.Log1p(9))
		want(t, s, signal.AnswerRepetition, 4.0/7)
	}
}

// A text of any size is read to a bound, and its length is known all the same.
func TestHugeTextIsBounded(t *testing.T) {
	const most = 64 << 10
	head := strings.Repeat("ab ", most/3) + "a"
	tail := strings.Repeat("? 7 é maybe ", 1<<20)
	short, long := ofText(head), ofText(head+tail)
	request, whole := ofRequest(head, 1), ofRequest(head+tail, 1)
	for i := range short {
		if short[i].Name != signal.AnswerChars && short[i] != long[i] {
			t.Errorf("%s depends on what lies beyond the bound: %+v and %+v", short[i].Name, short[i], long[i])
		}
	}
	for i := range request {
		if request[i].Name != signal.RequestChars && request[i] != whole[i] {
			t.Errorf("%s depends on what lies beyond the bound: %+v and %+v", request[i].Name, request[i], whole[i])
		}
	}
	want(t, long, signal.AnswerChars, math.Log1p(float64(len(head)+len(tail))))
	// The witness's overlap is bounded too.
	want(t, signal.OfAnswer(&pointsman.Request{}, &pointsman.Answer{Text: head}, text, beside(said(head+tail, text)), nil), signal.WitnessAgreement, 1)
}

func tokens(logprobs ...float64) []pointsman.TokenLogprob {
	out := make([]pointsman.TokenLogprob, len(logprobs))
	for i, v := range logprobs {
		out[i] = pointsman.TokenLogprob{Token: "x", Logprob: v}
	}
	return out
}

func TestLogprobs(t *testing.T) {
	s := ofAnswer(&pointsman.Answer{Logprobs: tokens(-1, -2, -0.5, -0.5)})
	want(t, s, signal.AnswerLogprobMean, -1)
	want(t, s, signal.AnswerLogprobMin, -2)
	want(t, s, signal.AnswerLogprobP10, -2)
	missing(t, s, signal.AnswerEntropy, "no alternatives")
	want(t, s, signal.AnswerMargin, 2*math.Exp(-2)-1) // p − (1 − p) of the least sure token
	eleven := tokens(-11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1)
	want(t, ofAnswer(&pointsman.Answer{Logprobs: eleven}), signal.AnswerLogprobP10, -10)
	if eleven[0].Logprob != -11 {
		t.Error("the answer's own logprobs were sorted")
	}
	// More tokens than the buffer on the stack.
	many := make([]float64, 200)
	for i := range many {
		many[i] = -float64(i)
	}
	s = ofAnswer(&pointsman.Answer{Logprobs: tokens(many...)})
	want(t, s, signal.AnswerLogprobMin, -100)
	want(t, s, signal.AnswerLogprobP10, -100)
}

// Vendors write −9999 for a token that is beyond their bound. It counts as
// very unlikely and does not drown the others.
func TestLogprobBeyondTheVendorsBound(t *testing.T) {
	for _, beyond := range []float64{-9999, math.Inf(-1), -1e300} {
		s := ofAnswer(&pointsman.Answer{Logprobs: tokens(0, beyond)})
		want(t, s, signal.AnswerLogprobMean, -50)
		want(t, s, signal.AnswerLogprobMin, -100)
		want(t, s, signal.AnswerMargin, -1)
	}
}

func top(pairs ...any) []pointsman.TopLogprob {
	var out []pointsman.TopLogprob
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pointsman.TopLogprob{Token: pairs[i].(string), Logprob: pairs[i+1].(float64)})
	}
	return out
}

func TestEntropyAndMargin(t *testing.T) {
	half, tenth := math.Log(0.5), math.Log(0.1)
	for _, c := range []struct {
		name            string
		tokens          []pointsman.TokenLogprob
		entropy, margin float64
	}{
		{"two alike", []pointsman.TokenLogprob{{Token: "a", Logprob: half, Top: top("a", half, "b", half)}}, math.Ln2, 0},
		{"the rest is one outcome", []pointsman.TokenLogprob{{Token: "a", Logprob: half, Top: top("a", half)}}, math.Ln2, 0},
		{"sure", []pointsman.TokenLogprob{{Token: "a", Logprob: 0, Top: top("a", 0.0, "b", -9999.0)}}, 0, 1},
		{"rounded above one", []pointsman.TokenLogprob{{Token: "a", Logprob: 1e-7, Top: top("a", 1e-7, "b", -30.0)}}, 30 * math.Exp(-30), 1 - math.Exp(-30)},
		{"chosen is not the best", []pointsman.TokenLogprob{{Token: "b", Logprob: tenth, Top: top("a", math.Log(0.9), "b", tenth)}}, -0.9*math.Log(0.9) - 0.1*tenth, -0.8},
		{"the least sure choice counts", []pointsman.TokenLogprob{
			{Token: "a", Logprob: 0, Top: top("a", 0.0)}, {Token: "b", Logprob: half, Top: top("b", half, "c", tenth)},
		}, 0, 0.4},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := ofAnswer(&pointsman.Answer{Logprobs: c.tokens})
			want(t, s, signal.AnswerEntropy, c.entropy)
			want(t, s, signal.AnswerMargin, c.margin)
		})
	}
}

func TestUpstreamsOwnSignal(t *testing.T) {
	a := &pointsman.Answer{Signals: []pointsman.Signal{pointsman.Measured("other", 1), pointsman.Measured(signal.StudentOOS, 0.25)}}
	want(t, ofAnswer(a), signal.StudentOOS, 0.25)
	a.Signals = []pointsman.Signal{pointsman.Unmeasured(signal.StudentOOS, "cold")}
	missing(t, ofAnswer(a), signal.StudentOOS, "cold")
}

func TestWitness(t *testing.T) {
	label := func(l string) pointsman.Reading { return pointsman.Reading{Valid: true, Label: l} }
	for _, c := range []struct {
		name, answer string
		reading      pointsman.Reading
		witness      *signal.Witness
		want         float64
	}{
		{"the same label", "A", label("A"), said("it is A", label("A")), 1},
		{"another label", "A", label("A"), said("A", label("B")), 0},
		{"a label and none", "A", label("A"), said("A", pointsman.Reading{}), 0},
		{"the same words", "The cat SAT", text, said("sat the cat", text), 1},
		{"half of the words", "a b", text, said("b c", text), 0.5},
		{"words count as often as they stand", "a a a", text, said("a", text), 0.5},
		{"both say nothing", " ", text, said("", text), 1},
		{"one says nothing", "a", text, said("", text), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := signal.OfAnswer(&pointsman.Request{}, &pointsman.Answer{Text: c.answer}, c.reading, beside(c.witness), nil)
			want(t, s, signal.WitnessAgreement, c.want)
		})
	}
	s := signal.OfAnswer(&pointsman.Request{}, &pointsman.Answer{}, label("A"), beside(&signal.Witness{Missing: "it was too slow", Reading: label("A")}), nil)
	missing(t, s, signal.WitnessAgreement, "too slow")
}

func TestSeveralWitnesses(t *testing.T) {
	label := func(l string) pointsman.Reading { return pointsman.Reading{Valid: l != "", Label: l} }
	of := func(b *signal.Beside) pointsman.Signals {
		return signal.OfAnswer(&pointsman.Request{}, &pointsman.Answer{}, label("A"), b, nil)
	}
	s := of(beside(said("", label("B")), said("", label("A")), said("", label("B"))))
	for name, value := range map[pointsman.SignalName]float64{
		signal.WitnessAgreement: 0, "witness.2.agreement": 1, "witness.3.agreement": 0, signal.WitnessShare: 1.0 / 3, signal.WitnessAgainst: 2.0 / 3,
	} {
		want(t, s, name, value)
	}
	// What all say together is known when all have spoken.
	s = of(beside(said("", label("B")), nil, &signal.Witness{Missing: "it failed"}))
	want(t, s, signal.WitnessAgreement, 0)
	missing(t, s, "witness.2.agreement", "not asked")
	missing(t, s, "witness.3.agreement", "failed")
	missing(t, s, signal.WitnessShare, "not all")
	missing(t, s, signal.WitnessAgainst, "not all")
	if _, ok := of(beside(said("", label("A")))).Get(signal.WitnessShare); ok {
		t.Error("of one witness, the share says nothing more")
	}
}

func TestSamples(t *testing.T) {
	label := func(l string) pointsman.Reading { return pointsman.Reading{Valid: true, Label: l} }
	of := func(samples ...signal.Witness) pointsman.Signals {
		return signal.OfAnswer(&pointsman.Request{}, &pointsman.Answer{}, label("A"), &signal.Beside{Samples: samples, Sampled: true}, nil)
	}
	s := of(*said("", label("A")), *said("", label("B")), *said("", label("A")))
	want(t, s, signal.SamplesShare, 2.0/3)
	want(t, s, signal.SamplesEntropy, -(0.75*math.Log(0.75) + 0.25*math.Log(0.25)))
	missing(t, s, signal.WitnessAgreement, "no witness")
	missing(t, of(), signal.SamplesShare, "no further answers")
	missing(t, of(*said("", label("A")), signal.Witness{Missing: "it failed"}), signal.SamplesEntropy, "failed")
}

// trained makes a student of two classes that a word tells apart.
func trained(t testing.TB, a, b string) *student.Model {
	t.Helper()
	o := student.Small()
	o.Bits, o.Workers, o.Folds = 10, 1, 2
	var examples []student.Example
	for i := range 20 {
		text := strings.Repeat("x", i%5+1)
		examples = append(examples, student.Example{Text: "parcel " + text, Label: a}, student.Example{Text: "refund " + text, Label: b})
	}
	m, err := student.Train(t.Context(), examples, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestStudents(t *testing.T) {
	label := trained(t, "parcel", "refund")
	judge := trained(t, signal.JudgeOnlyThis, signal.JudgeOnlyLargest)
	s := &signal.Students{Label: label, Judge: judge}
	r := &pointsman.Request{Input: "my parcel"}
	answer := func(l string) pointsman.Signals {
		return signal.OfAnswer(r, &pointsman.Answer{Text: "refund"}, pointsman.Reading{Valid: l != "", Label: l}, nil, s)
	}
	oos, _ := signal.OfRequest(r, s).Get(signal.RequestOOS)
	if !oos.Present() || oos.Value != label.Predict("my parcel", 1).OOS {
		t.Errorf("%+v", oos)
	}
	same, _ := answer("parcel").Get(signal.StudentAgreement)
	other, _ := answer("refund").Get(signal.StudentAgreement)
	if !(same.Value > 0.5) || math.Abs(same.Value+other.Value-1) > 1e-9 {
		t.Errorf("agreement %v with its own label, %v with the other", same, other)
	}
	want(t, answer("unheard-of"), signal.StudentAgreement, 0) // it would never give it
	missing(t, answer(""), signal.StudentAgreement, "no label")
	// A judge of two classes: acceptable is the one, uplift the other less it.
	acceptable, uplift := signal.Judged(judge, signal.JudgeText("my parcel", "x"))
	want(t, signal.OfAnswer(r, &pointsman.Answer{Text: "x"}, pointsman.Reading{}, nil, s), signal.JudgeAcceptable, acceptable)
	if math.Abs(uplift-(1-2*acceptable)) > 1e-9 || !(acceptable > 0.5) {
		t.Errorf("acceptable %v, uplift %v", acceptable, uplift)
	}
	if both, up := signal.Judged(trained(t, signal.JudgeBoth, signal.JudgeNeither), "parcel"); !(both > 0.5) || up != 0 {
		t.Errorf("acceptable %v, uplift %v of a judge of both and neither", both, up)
	}
	// Students without one of the two.
	missing(t, signal.OfRequest(r, &signal.Students{Judge: judge}), signal.RequestOOS, "no such student")
	missing(t, signal.OfAnswer(r, &pointsman.Answer{}, pointsman.Reading{Label: "parcel"}, nil, &signal.Students{Judge: judge}), signal.StudentAgreement, "no such student")
	missing(t, signal.OfAnswer(r, &pointsman.Answer{}, pointsman.Reading{}, nil, &signal.Students{Label: label}), signal.JudgeUplift, "no such student")
	if got := signal.JudgeStudent("small"); got != "judge:small" {
		t.Errorf("the judge of tier small is called %q: stored policies name it so", got)
	}
}

// anyText is a text as models and clients give them, and sometimes bytes that
// are no text.
func anyText() *rapid.Generator[string] {
	words := rapid.SliceOf(rapid.SampledFrom([]string{
		"a", "b", "perhaps", "I'm sorry", "I’m sorry", "?", "42", " ", "\n", "\t", "\r", "\v", "\f", "\u00a0", "\u0085", "\u2028", "日本", "é", "\xff", "\x00",
	}))
	return rapid.OneOf(rapid.String(), rapid.Map(words, func(w []string) string { return strings.Join(w, "") }),
		rapid.Map(words, func(w []string) string { return strings.Join(w, " ") }),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
}

func anyLogprob() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64Range(-30, 0), rapid.Float64(),
		rapid.SampledFrom([]float64{0, -9999, 1e-9, math.Inf(-1), math.Inf(1), math.NaN(), -math.MaxFloat64, math.MaxFloat64}))
}

func anyTokens() *rapid.Generator[[]pointsman.TokenLogprob] {
	word := rapid.SampledFrom([]string{"a", "b", "c"})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pointsman.TokenLogprob {
		one := pointsman.TokenLogprob{Token: word.Draw(t, "token"), Logprob: anyLogprob().Draw(t, "logprob")}
		for range rapid.IntRange(0, 3).Draw(t, "alternatives") {
			one.Top = append(one.Top, pointsman.TopLogprob{Token: word.Draw(t, "alternative"), Logprob: anyLogprob().Draw(t, "its logprob")})
		}
		return one
	}), 0, 80)
}

func anyReading() *rapid.Generator[pointsman.Reading] {
	return rapid.Custom(func(t *rapid.T) pointsman.Reading {
		return pointsman.Reading{Valid: rapid.Bool().Draw(t, "valid"), Label: rapid.SampledFrom([]string{"", "parcel", "z"}).Draw(t, "label")}
	})
}

// Whatever is asked and answered: the same signals in the same order, all of
// them finite and within their ranges, the same each time, and nothing of the
// arguments changed.
func TestSignalsAreFiniteAndInOrder(t *testing.T) {
	students := []*signal.Students{nil, {}, {Label: trained(t, "parcel", "refund")}, {Judge: trained(t, signal.JudgeBoth, signal.JudgeNeither)}}
	rapid.Check(t, func(t *rapid.T) {
		r := &pointsman.Request{Input: anyText().Draw(t, "input"), Messages: make([]pointsman.Message, rapid.IntRange(0, 5).Draw(t, "turns"))}
		a := &pointsman.Answer{
			Text: anyText().Draw(t, "answer"), Refusal: rapid.SampledFrom([]string{"", "no"}).Draw(t, "refusal"),
			FinishReason: rapid.SampledFrom([]string{"", "stop", "length", "tool_calls", "content_filter", "?"}).Draw(t, "finish"),
			Logprobs:     anyTokens().Draw(t, "logprobs"),
		}
		if rapid.Bool().Draw(t, "own") {
			a.Signals = []pointsman.Signal{pointsman.Measured(signal.StudentOOS, anyLogprob().Draw(t, "oos"))}
		}
		reading := anyReading().Draw(t, "reading")
		var witness *signal.Beside
		if rapid.Bool().Draw(t, "witness") {
			witness = beside(said(anyText().Draw(t, "testimony"), anyReading().Draw(t, "its reading")))
		}
		s := rapid.SampledFrom(students).Draw(t, "students")
		before := slices.Clone(a.Logprobs)
		request, answer := signal.OfRequest(r, s), signal.OfAnswer(r, a, reading, witness, s)
		if !slices.Equal(names(request), requestOrder) || !slices.Equal(names(answer), answerOrder) {
			t.Fatalf("order: %v %v", names(request), names(answer))
		}
		if why := sound(request) + sound(answer); why != "" {
			t.Fatalf("%s: %+v %+v", why, request, answer)
		}
		if !slices.Equal(request, signal.OfRequest(r, s)) || !slices.Equal(answer, signal.OfAnswer(r, a, reading, witness, s)) {
			t.Fatal("measured twice, another result")
		}
		for i := range before {
			if before[i].Token != a.Logprobs[i].Token || math.Float64bits(before[i].Logprob) != math.Float64bits(a.Logprobs[i].Logprob) {
				t.Fatal("the answer was changed")
			}
		}
		// On record they are one JSON object, and come back as they were.
		content, err := answer.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var back pointsman.Signals
		if err := back.UnmarshalJSON(content); err != nil || !cmp.Equal(back, answer) {
			t.Fatalf("%v: %s", err, content)
		}
	})
}

func FuzzSignals(f *testing.F) {
	for _, seed := range []struct {
		input, answer, witness string
		logprob, other         float64
	}{
		{"", "", "", 0, 0},
		{"Where is my parcel?", "perhaps in the post", "in the post", -0.1, -3},
		{"日本 7\xff", "a b c\va\vb\vc", "\u00a0", -9999, math.Inf(-1)},
		{"x", "I’m sorry", "\x00", math.NaN(), math.Inf(1)},
	} {
		f.Add(seed.input, seed.answer, seed.witness, seed.logprob, seed.other)
	}
	f.Fuzz(func(t *testing.T, input, answer, witness string, logprob, other float64) {
		r := &pointsman.Request{Input: input}
		a := &pointsman.Answer{Text: answer, Logprobs: []pointsman.TokenLogprob{{Token: "a", Logprob: logprob, Top: top("a", logprob, "b", other)}}}
		request := signal.OfRequest(r, nil)
		s := signal.OfAnswer(r, a, pointsman.Reading{Valid: true}, beside(said(witness, text)), nil)
		if why := sound(request) + sound(s); why != "" {
			t.Fatalf("%s: %+v %+v", why, request, s)
		}
		if !slices.Equal(names(request), requestOrder) || !slices.Equal(names(s), answerOrder) {
			t.Fatalf("order: %v %v", names(request), names(s))
		}
		if utf8.ValidString(answer) { // a text agrees with itself
			want(t, signal.OfAnswer(r, a, text, beside(said(answer, text)), nil), signal.WitnessAgreement, 1)
		}
	})
}

// TestSignalsAllocLittle bounds what measuring one short answer allocates:
// it is on the way of every request.
func TestSignalsAllocLittle(t *testing.T) {
	r := &pointsman.Request{Input: "Where is my parcel? It has not come.", Messages: make([]pointsman.Message, 2)}
	half := math.Log(0.5)
	for _, c := range []struct {
		name, text string
		most       float64
	}{
		{"a label", "Parcel", 5},
		{"a sentence", "The parcel is with the carrier and Will come on Monday, I think.", 8},
	} {
		a := &pointsman.Answer{Text: c.text, FinishReason: "stop", Logprobs: []pointsman.TokenLogprob{{Token: "p", Logprob: half, Top: top("p", half, "r", half)}}}
		reading := pointsman.Reading{Valid: true, Label: "parcel"}
		if n := testing.AllocsPerRun(200, func() {
			signal.OfRequest(r, nil)
			signal.OfAnswer(r, a, reading, nil, nil)
		}); n > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, n, c.most)
		}
	}
}

func BenchmarkSignals(b *testing.B) {
	r := &pointsman.Request{Input: "Where is my parcel? It has not come.", Messages: make([]pointsman.Message, 2)}
	a := &pointsman.Answer{Text: "parcel", FinishReason: "stop", Logprobs: tokens(-0.1)}
	b.ReportAllocs()
	for b.Loop() {
		signal.OfRequest(r, nil)
		signal.OfAnswer(r, a, pointsman.Reading{Valid: true, Label: "parcel"}, nil, nil)
	}
}
