package student

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/testenv"
	"github.com/pointsman-ai/pointsman/internal/vectors"
)

// toyTable has words of two topics, each topic in a direction of its own.
func toyTable(t testing.TB) *vectors.Table {
	t.Helper()
	var b strings.Builder
	b.WriteString("the 1 1 1\nsome 1 0.9 1\nnot 0 0 1\n")
	for i, w := range []string{"jazz", "rock", "song", "blues", "opera"} {
		fmt.Fprintf(&b, "%s 1 %.2f 0\n", w, 0.05*float64(i))
	}
	for i, w := range []string{"rain", "snow", "storm", "hail", "fog"} {
		fmt.Fprintf(&b, "%s %.2f 1 0\n", w, 0.05*float64(i))
	}
	table, _, err := vectors.ReadText(strings.NewReader(b.String()), vectors.DefaultWords)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// topicExamples name three words of each topic; two stay unseen.
func topicExamples(foreign int) []Example {
	var out []Example
	for _, frame := range []string{"some %s", "the %s", "%s again", "more %s now"} {
		for _, w := range []string{"jazz", "rock", "song"} {
			out = append(out, Example{Text: fmt.Sprintf(frame, w), Label: "music"})
		}
		for _, w := range []string{"rain", "snow", "storm"} {
			out = append(out, Example{Text: fmt.Sprintf(frame, w), Label: "weather"})
		}
	}
	for i := range foreign {
		out = append(out, Example{Text: fmt.Sprintf("who wrote book %d", i)})
	}
	return out
}

func found(table *vectors.Table) FindVectors {
	return func(d pointsman.Digest) (*vectors.Table, error) {
		if d != table.Digest() {
			return nil, errors.New("another one is wanted")
		}
		return table, nil
	}
}

// A word that no example had is understood by its vector.
func TestVectorsUnderstandUnseenWords(t *testing.T) {
	m, err := Train(t.Context(), topicExamples(0), toyOptions().WithVectors(toyTable(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"some opera": "music", "the blues": "music", "hail": "weather", "fog": "weather"} {
		if got := m.Predict(text, 1).Top(); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// A model with word vectors is what it was when it is loaded with the same
// table, and is not loaded without it.
func TestVectorsRoundTrip(t *testing.T) {
	table := toyTable(t)
	for _, foreign := range []int{0, 8} {
		m, err := Train(t.Context(), topicExamples(foreign), toyOptions().WithVectors(table), nil)
		if err != nil {
			t.Fatal(err)
		}
		data := marshal(t, m)
		loaded, err := UnmarshalWith(data, found(table))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(m, loaded) || !bytes.Equal(marshal(t, loaded), data) {
			t.Error("the loaded model differs")
		}
		if m.Vectors() != table.Digest() {
			t.Errorf("vectors %s, want %s", m.Vectors(), table.Digest())
		}
		for _, find := range []FindVectors{nil, func(pointsman.Digest) (*vectors.Table, error) { return nil, errors.New("the disk is gone") }} {
			_, err := UnmarshalWith(data, find)
			var told *pointsman.Error
			if !errors.Is(err, ErrVectors) || !errors.As(err, &told) || !strings.Contains(told.Message, table.Digest().Short()) || told.Hint == "" {
				t.Errorf("without its vectors: %v", err)
			}
		}
		for n := range data {
			if _, err := UnmarshalWith(data[:n], found(table)); err == nil {
				t.Fatalf("%d of %d bytes were taken for all", n, len(data))
			}
		}
	}
}

// What needs no extension is written as it always was, and its vectors are "".
func TestPlainArtefactStaysPlain(t *testing.T) {
	m := toyModel(t)
	if data := marshal(t, m); data[len(artefactMagic)] != versionPlain || m.Vectors() != "" {
		t.Errorf("version %d, vectors %q", data[len(artefactMagic)], m.Vectors())
	}
}

func FuzzUnmarshalWith(f *testing.F) {
	table := toyTable(f)
	for _, foreign := range []int{0, 8} {
		opts := Small().WithVectors(table)
		opts.Bits, opts.LabelNames, opts.Workers = 8, true, 1
		m, err := Train(f.Context(), topicExamples(foreign), opts, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(marshal(f, m))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = reseal(data)
		m, err := UnmarshalWith(data, found(table))
		if err != nil {
			if !errors.Is(err, ErrArtefact) && !errors.Is(err, ErrVectors) {
				t.Errorf("unexpected kind of error: %v", err)
			}
			return
		}
		if got := marshal(t, m); !bytes.Equal(got, data) {
			t.Errorf("another artefact comes out of an accepted one")
		}
		if p := m.Predict("some opera in the rain", AllLabels); !(p.OOS >= 0 && p.OOS <= 1) {
			t.Errorf("%+v", p)
		}
	})
}

// Words with an apostrophe are found as tables split them.
func TestVectorsOfContractions(t *testing.T) {
	table := toyTable(t)
	a := newAnalyser(toyOptions().WithVectors(table))
	rows := func(text string) []string {
		a.analyse(text)
		var out []string
		for _, row := range a.rows {
			for _, w := range []string{"the", "not", "jazz", "rain"} {
				if r, ok := table.Lookup([]byte(w)); ok && r == row {
					out = append(out, w)
				}
			}
		}
		return out
	}
	for text, want := range map[string][]string{
		"JAZZ": {"jazz"}, "rain's": {"rain"}, "rainn't": {"not", "rain"}, "who's": nil, "'": nil, "n't the": {"not", "the"},
	} {
		if got := rows(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestLabelText(t *testing.T) {
	for label, want := range map[string]string{
		"change_ai_name": "change ai name", "changeAiName": "change Ai Name", "alarm-set": "alarm set", "Größe": "Größe", "FAQ": "FAQ", "": "",
	} {
		if got := labelText(label); got != want {
			t.Errorf("%q is %q, want %q", label, got, want)
		}
	}
}

// Texts without a label teach words that no example has, and labels' names do.
func TestColdStart(t *testing.T) {
	examples := []Example{
		{"play the radio", "music"}, {"play some jazz", "music"}, {"will it rain", "weather"}, {"is it going to rain", "weather"},
	}
	unlabelled := []string{
		"play the radio louder", "play some jazz louder please", "play it louder", "will it rain umbrella", "is it going to rain, umbrella", "will it need an umbrella",
		"play some jazz", // an example: not learned from twice
	}
	opts := toyOptions()
	opts.Folds = 2
	plain, err := Train(t.Context(), examples, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	self, err := SelfTrain(t.Context(), examples, unlabelled, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := self.Report().SelfTrained; n < 2 || n > 6 || self.Report().Examples != len(examples) || self.Report().HeldOut > len(examples) {
		t.Errorf("report %+v", self.Report())
	}
	if self.Digest() == plain.Digest() {
		t.Error("the digest does not tell that other texts were learned from")
	}
	for _, text := range []string{"louder", "umbrella"} {
		if plain.Predict(text, 1).OOS != 1 {
			t.Fatalf("%q is known already", text)
		}
	}
	if self.Predict("louder", 1).Top() != "music" || self.Predict("umbrella", 1).Top() != "weather" {
		t.Error("the texts without a label taught nothing")
	}
	opts.LabelNames = true
	named, err := SelfTrain(t.Context(), examples, nil, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	if named.Predict("music", 1).Top() != "music" || named.Predict("weather", 1).Top() != "weather" {
		t.Error("the labels' names taught nothing")
	}
	for _, m := range []*Model{self, named} {
		loaded, err := Unmarshal(marshal(t, m))
		if err != nil || !reflect.DeepEqual(loaded, m) {
			t.Errorf("loaded, it differs: %v", err)
		}
	}
}

// The order of texts without a label makes no difference, nor does a repetition.
func TestSelfTrainIsDeterministic(t *testing.T) {
	texts := []string{"some opera", "the blues", "hail", "some fog", "fog and hail", "blues and opera"}
	shuffled := []string{"fog and hail", "the blues", "hail", "blues and opera", "some opera", "hail", "some fog"}
	var artefacts [][]byte
	for i, unlabelled := range [][]string{texts, shuffled} {
		opts := toyOptions().WithVectors(toyTable(t))
		opts.Workers = i + 1
		m, err := SelfTrain(t.Context(), topicExamples(4), unlabelled, opts, nil)
		if err != nil {
			t.Fatal(err)
		}
		artefacts = append(artefacts, marshal(t, m))
	}
	if !bytes.Equal(artefacts[0], artefacts[1]) {
		t.Error("the artefacts differ")
	}
}

// Clusters stand for their members: every member has a centre nearer than the
// mean of all.
func TestCluster(t *testing.T) {
	var members [][]float64
	for i := range 90 {
		angle := float64(i%3)*2 + float64(i)/300
		members = append(members, []float64{math.Cos(angle), math.Sin(angle)})
	}
	centres := cluster(members, 3)
	for _, m := range members {
		nearest := math.Inf(-1)
		for _, c := range centres {
			nearest = max(nearest, product(c, m))
		}
		if nearest < 0.9 {
			t.Errorf("%v is at %.2f from every centre", m, nearest)
		}
	}
	if got := cluster(members[:2], 3); len(got) != 2 {
		t.Errorf("%d clusters of two", len(got))
	}
}

func TestLargest(t *testing.T) {
	for _, tt := range []struct {
		scores []float64
		n      int
		want   []int
	}{
		{[]float64{1, 3, 2}, 2, []int{1, 2}}, {[]float64{1, 1, 1}, 2, []int{0, 1}}, {[]float64{-1}, 3, []int{0}}, {[]float64{5, 4, 3, 9}, 3, []int{3, 0, 1}},
	} {
		if got := largest(tt.scores, make([]int, 0, tt.n)); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.scores, got, tt.want)
		}
	}
}

func publishedTable(t testing.TB) *vectors.Table {
	t.Helper()
	table, err := vectors.ReadQuantised(testenv.Gzip(t, "embeddings/glove40k.vocab.txt.gz"), testenv.Gzip(t, "embeddings/glove40k.scale.f32.gz"), testenv.Gzip(t, "embeddings/glove40k.int8.gz"))
	if err != nil {
		t.Fatal(err)
	}
	return table
}
