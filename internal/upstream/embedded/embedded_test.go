package embedded_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/upstream"
	"github.com/pointsman-ai/pointsman/internal/upstream/embedded"
	"github.com/pointsman-ai/pointsman/internal/upstream/upstreamtest"
)

var classifier = sync.OnceValues(func() (*student.Model, error) {
	var examples []student.Example
	for _, thing := range []string{"jazz", "rock", "a song", "the radio", "my playlist", "something slow"} {
		examples = append(examples,
			student.Example{Text: "play " + thing, Label: "music"},
			student.Example{Text: "will there be " + thing + " tomorrow", Label: "calendar"},
			student.Example{Text: "how much is " + thing, Label: "price"},
			student.Example{Text: "turn off " + thing, Label: "switch"},
			student.Example{Text: "who wrote " + thing, Label: "trivia"},
			student.Example{Text: "delete " + thing, Label: "delete"},
		)
	}
	o := student.Small()
	o.Workers = 1
	return student.Train(context.Background(), examples, o, nil)
})

var tagger = sync.OnceValues(func() (*student.Tagger, error) {
	var examples []student.TaggedExample
	for _, name := range []string{"Ada", "Grace", "Alan", "Emmy", "Kurt", "Rosa"} {
		for _, amount := range []string{"12.50", "7.00", "199.99"} {
			examples = append(examples, student.TaggedExample{
				Text: fmt.Sprintf("Dear %s, please pay $%s soon.", name, amount), Fields: map[string]string{"name": name, "amount": amount},
			})
		}
	}
	return student.TrainTagger(context.Background(), examples, student.SmallTagger(), nil)
})

func newClassifier(t testing.TB, options ...embedded.Option) *embedded.Upstream {
	t.Helper()
	m, err := classifier()
	if err != nil {
		t.Fatal(err)
	}
	return embedded.NewClassifier(m, "intents", options...)
}

func newExtractor(t testing.TB) *embedded.Upstream {
	t.Helper()
	m, err := tagger()
	if err != nil {
		t.Fatal(err)
	}
	return embedded.NewExtractor(m, "invoices")
}

func call(input string) upstream.Call {
	return upstream.Call{Body: []byte(`{"model":"m","messages":[]}`), Model: "m", Input: input}
}

func TestConformance(t *testing.T) {
	t.Run("classifier", func(t *testing.T) {
		upstreamtest.Run(t, func(t *testing.T) upstream.Upstream { return newClassifier(t) }, call("play the blues, please"))
	})
	t.Run("extractor", func(t *testing.T) {
		upstreamtest.Run(t, func(t *testing.T) upstream.Upstream { return newExtractor(t) }, call("Dear Barbara, please pay $31.07 soon."))
	})
}

func TestClassifierSaysWhatTheModelSays(t *testing.T) {
	const input = "play rock, it's 5 o'clock!"
	m, err := classifier()
	if err != nil {
		t.Fatal(err)
	}
	a, err := newClassifier(t).Complete(t.Context(), call(input))
	if err != nil {
		t.Fatal(err)
	}
	want := m.Predict(input, 5)
	if a.Text != "music" || a.Text != want.Top() || a.FinishReason != "stop" || a.ServedBy != "intents" {
		t.Errorf("got %+v", a)
	}
	// play rock , it ' s 5 o ' clock !
	if a.Usage != (pointsman.Usage{Known: true, Input: 11, Output: 1}) {
		t.Errorf("usage %+v", a.Usage)
	}
	if diff := cmp.Diff([]pointsman.Signal{{Name: "student.oos", Value: want.OOS}}, a.Signals); diff != "" {
		t.Error(diff)
	}
	if len(a.Logprobs) != 1 || len(a.Logprobs[0].Top) != 5 {
		t.Fatalf("logprobs %+v", a.Logprobs)
	}
	for i, l := range want.Labels {
		if top := a.Logprobs[0].Top[i]; top.Token != l.Label || math.Abs(math.Exp(top.Logprob)-l.Prob) > 1e-12 {
			t.Errorf("alternative %d: %+v, want %+v", i, top, l)
		}
	}
	read, err := chat.ParseAnswer(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, read, cmpopts.IgnoreFields(pointsman.Answer{}, "Signals", "Latency")); diff != "" {
		t.Errorf("the body says otherwise: %s", diff)
	}
}

func TestAnswersAreTheSameEveryTime(t *testing.T) {
	u := newClassifier(t)
	one, err := u.Complete(t.Context(), call("delete it"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := u.Complete(t.Context(), call("delete it"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := u.Complete(t.Context(), call("delete that"))
	if err != nil {
		t.Fatal(err)
	}
	id := func(a *pointsman.Answer) (v struct {
		ID      string
		Created int64
	},
	) {
		if err := json.Unmarshal(a.Body, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if string(one.Body) != string(two.Body) || id(one) == id(other) || id(one).Created != 0 {
		t.Errorf("%s\n%s\n%s", one.Body, two.Body, other.Body)
	}
	dated, err := newClassifier(t, embedded.WithClock(func() time.Time { return time.Unix(1790000000, 0) })).Complete(t.Context(), call("x"))
	if err != nil || id(dated).Created != 1790000000 {
		t.Errorf("%v: %s", err, dated.Body)
	}
}

func TestForeignInput(t *testing.T) {
	for _, input := range []string{"", "xyzzy", "\xff\x00", "  "} {
		a, err := newClassifier(t).Complete(t.Context(), call(input))
		if err != nil {
			t.Fatal(err)
		}
		if a.Text == "" || len(a.Signals) != 1 || a.Signals[0].Value != 1 {
			t.Errorf("%q: %+v", input, a)
		}
	}
}

func TestExtractorGivesAnObject(t *testing.T) {
	a, err := newExtractor(t).Complete(t.Context(), call("Dear Barbara, please pay $31.07 soon."))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"amount":"31.07","name":"Barbara"}`; a.Text != want {
		t.Errorf("got %s, want %s", a.Text, want)
	}
	if a.Usage.Output != 2 || len(a.Logprobs) != 2 || a.Logprobs[0].Token+a.Logprobs[1].Token != a.Text {
		t.Errorf("usage %+v, logprobs %+v", a.Usage, a.Logprobs)
	}
	none, err := newExtractor(t).Complete(t.Context(), call(""))
	if err != nil || none.Text != `{}` || none.Usage.Output != 1 {
		t.Errorf("%v: %+v", err, none)
	}
}

func TestLoad(t *testing.T) {
	m, err := classifier()
	if err != nil {
		t.Fatal(err)
	}
	x, err := tagger()
	if err != nil {
		t.Fatal(err)
	}
	for want, artefact := range map[string]interface{ MarshalBinary() ([]byte, error) }{"switch": m, `{}`: x} {
		data, err := artefact.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		u, err := embedded.Load(data, "n", nil)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := u.Complete(t.Context(), call("turn off the radio")); err != nil || a.Text != want {
			t.Errorf("%v: %+v", err, a)
		}
		for _, broken := range [][]byte{nil, data[:9], data[:len(data)-1], append([]byte("x"), data...)} {
			if _, err := embedded.Load(broken, "n", nil); !errors.Is(err, embedded.ErrArtefact) || !errors.Is(err, student.ErrArtefact) {
				t.Errorf("broken: %v", err)
			}
		}
	}
}

func TestClassifierAllocatesLittle(t *testing.T) {
	u, c := newClassifier(t), call("play something slow please")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := u.Complete(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}); n > 40 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClassifier(b *testing.B) {
	u, c := newClassifier(b), call("how do i transfer money to my savings account please")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := u.Complete(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}

// A field that has several values in training is a list in answers, also with one
// value; another is not.
func TestExtractorAnswersWithLists(t *testing.T) {
	var examples []student.TaggedExample
	names := []string{"Ada", "Grace", "Alan", "Emmy", "Kurt", "Rosa"}
	for i, a := range names {
		for _, b := range names[i+1:] {
			examples = append(examples, student.TaggedExample{
				Text: fmt.Sprintf("From Oslo: meet %s and %s soon.", a, b), Fields: map[string]string{"place": "Oslo"}, Several: map[string][]string{"person": {a, b}},
			})
		}
	}
	tagger, err := student.TrainTagger(t.Context(), examples, student.SmallTagger(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string]string{
		"From Oslo: meet Kurt and Ada soon.":  `{"person":["Kurt","Ada"],"place":"Oslo"}`,
		"From Oslo: meet Emmy and Emmy soon.": `{"person":["Emmy"],"place":"Oslo"}`,
	} {
		answer, err := embedded.NewExtractor(tagger, "people").Complete(t.Context(), upstream.Call{Input: input})
		if err != nil {
			t.Fatal(err)
		}
		if answer.Text != want {
			t.Errorf("%s: %s, want %s", input, answer.Text, want)
		}
		joined := ""
		for _, token := range answer.Logprobs {
			joined += token.Token
			if token.Logprob > 0 || token.Logprob < -5 {
				t.Errorf("%s: log-probability %v of %s", input, token.Logprob, token.Token)
			}
		}
		if "{"+strings.TrimPrefix(joined, "{") != want {
			t.Errorf("tokens make %s", joined)
		}
	}
}
