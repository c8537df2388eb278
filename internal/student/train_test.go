package student

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTrainToy(t *testing.T) {
	m := toyModel(t)
	if diff := cmp.Diff([]string{"alarm", "music", "weather"}, m.Labels()); diff != "" {
		t.Errorf("labels: %s", diff)
	}
	for _, tt := range []struct{ text, want string }{
		{"queue some piano", "music"},
		{"will it storm on friday", "weather"},
		{"wake me after 8:30", "alarm"},
	} {
		got := m.Predict(tt.text, AllLabels)
		if got.Top() != tt.want || got.OOS > .5 || got.Margin <= 0 {
			t.Errorf("%q: %+v, want %s in scope", tt.text, got, tt.want)
		}
	}
	if got := m.Predict("who invented algebra", 1); got.OOS < .5 {
		t.Errorf("a foreign text: %+v", got)
	}
	r := m.Report()
	if r.Examples != 140 || r.OutOfScope != 20 || r.HeldOut != 120 || r.Accuracy < .95 {
		t.Errorf("report: %+v", r)
	}
	if m.Options().Workers != 1 || len(m.Digest()) != 64 || !(m.Temperature() > 0) {
		t.Errorf("metadata: %+v %q %v", m.Options(), m.Digest(), m.Temperature())
	}
}

// Neither the number of workers nor the order of the examples may show.
func TestTrainIsDeterministic(t *testing.T) {
	opts := toyOptions()
	var want []byte
	for _, workers := range []int{1, 2, 7} {
		opts.Workers = workers
		examples := toyExamples(30, 10)
		shuffle(&random{state: uint64(workers)}, examples)
		m, err := Train(t.Context(), examples, opts, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := marshal(t, m)
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d workers give another artefact", workers)
		}
	}
	opts.Seed++
	m, err := Train(t.Context(), toyExamples(30, 10), opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(marshal(t, m), want) {
		t.Error("another seed gives the same artefact")
	}
}

func TestTrainErrors(t *testing.T) {
	var wide []Example // more weights than a gigabyte holds.
	for i := range maxLabels {
		word := strconv.FormatUint(mix(uint64(i)), 36)
		wide = append(wide, Example{word, word}, Example{word + "x", word})
	}
	for _, tt := range []struct {
		name     string
		examples []Example
		want     error
	}{
		{"none", nil, ErrNoExamples},
		{"only foreign", []Example{{"a", OutOfScope}}, ErrNoExamples},
		{"one label", []Example{{"a", "x"}, {"b", "x"}, {"c", OutOfScope}}, ErrOneLabel},
		{"too wide", wide, ErrTooLarge},
		{"too many labels", append(wide, Example{"one more", "one more"}), ErrTooLarge},
		{"endless label", []Example{{"a", "x"}, {"b", strings.Repeat("y", maxLabelBytes+1)}}, ErrTooLarge},
	} {
		opts := toyOptions()
		opts.Bits = 20
		if _, err := Train(t.Context(), tt.examples, opts, nil); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

// Every number that comes out must be one, however poor what goes in.
func TestTrainOnLittle(t *testing.T) {
	big := strings.Repeat("long ", 1<<15)
	for name, examples := range map[string][]Example{
		"two":          {{"yes", "a"}, {"no", "b"}},
		"two twins":    {{"same", "a"}, {"same", "b"}},
		"empty texts":  {{"", "a"}, {"", "b"}, {"", "a"}, {"", "b"}, {"", OutOfScope}},
		"one foreign":  {{"yes", "a"}, {"no", "b"}, {"yes yes", "a"}, {"no no", "b"}, {"\xff\xfe", OutOfScope}},
		"separable":    {{"yes", "a"}, {"no", "b"}, {"yes yes", "a"}, {"no no", "b"}, {"yes sir", "a"}, {"no sir", "b"}},
		"hopeless":     {{"x", "a"}, {"x y", "b"}, {"y", "a"}, {"y x", "b"}, {"x", "b"}, {"y", "b"}},
		"long":         {{big, "a"}, {"short", "b"}, {big + "er", "a"}, {"shorter", "b"}},
		"out of place": {{"\x00", "\x00"}, {"\x01", "\x01"}},
	} {
		for minDF := range 2 {
			opts := toyOptions()
			opts.MinDF = minDF + 1
			m, err := Train(t.Context(), examples, opts, nil)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			r := m.Report()
			for _, x := range []float64{r.Accuracy, r.NLL, r.ECE, m.Temperature()} {
				if !finite(x) {
					t.Errorf("%s: report %+v", name, r)
				}
			}
			for _, text := range []string{"", "yes", "unheard-of", big, "\xff"} {
				got := m.Predict(text, AllLabels)
				sum := 0.0
				for _, l := range got.Labels {
					sum += l.Prob
				}
				if math.Abs(sum-1) > 1e-9 || !(got.OOS >= 0 && got.OOS <= 1) || !(got.Margin >= 0 && got.Margin <= 1) {
					t.Errorf("%s: %.20q: %+v", name, text, got)
				}
			}
			if got := m.Predict("", 1); got.OOS != 1 {
				t.Errorf("%s: an empty text is foreign: %+v", name, got)
			}
		}
	}
}

func TestTrainWithoutForeignExamples(t *testing.T) {
	m, err := Train(t.Context(), toyExamples(60, 0), toyOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	known, foreign := []float64{}, []float64{}
	for _, e := range toyExamples(60, 60) {
		oos := m.Predict(e.Text, 1).OOS
		if e.Label == OutOfScope {
			foreign = append(foreign, oos)
		} else {
			known = append(known, oos)
		}
	}
	if a := auroc(known, foreign); a < .99 {
		t.Errorf("AUROC %.3f", a)
	}
}

func TestTrainProgressAndCancel(t *testing.T) {
	opts := toyOptions()
	var seen []int
	total := 3 * (opts.Folds + 1)
	_, err := Train(t.Context(), toyExamples(10, 5), opts, func(done, all int) {
		if all != total {
			t.Errorf("total %d, want %d", all, total)
		}
		seen = append(seen, done)
	})
	if err != nil || len(seen) != total || !slices.IsSorted(seen) || seen[len(seen)-1] != total {
		t.Errorf("progress %v, %v", seen, err)
	}

	for stop := range total {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := Train(ctx, toyExamples(10, 5), opts, func(done, _ int) {
			if done > stop {
				cancel()
			}
		})
		cancel()
		// The last step may be done before anyone looks.
		if !errors.Is(err, context.Canceled) && stop < total-opts.Workers {
			t.Errorf("cancelled after %d steps: %v", stop, err)
		}
	}
}

func TestFoldsKeepTwinsTogether(t *testing.T) {
	opts := toyOptions()
	set, err := newTrainingSet(append(toyExamples(50, 20), toyExamples(50, 20)...), nil)
	if err != nil {
		t.Fatal(err)
	}
	fold := assignFolds(opts, set)
	byText := map[string]int{}
	sizes := make([]int, opts.Folds)
	for i, e := range set.examples {
		if f, ok := byText[e.Text]; ok && f != fold[i] {
			t.Errorf("%q is in folds %d and %d", e.Text, f, fold[i])
		}
		byText[e.Text] = fold[i]
		sizes[fold[i]]++
	}
	if slices.Min(sizes) < len(fold)/opts.Folds/2 {
		t.Errorf("folds of %v examples", sizes)
	}
}

// Converged weights are where the gradient of the primal vanishes:
// w = 2C sum_i max(0, 1 - y_i w.x_i) y_i x_i (Hsieh et al. 2008, equation 1).
func TestSolverFindsTheOptimum(t *testing.T) {
	opts := toyOptions()
	opts.Tolerance, opts.Epochs = 1e-5, 5000
	set, err := newTrainingSet(toyExamples(30, 10), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := set.analyse(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	p := newProblem(newVocabulary(opts, set.docs), set.docs, set.class)
	s := newSolver(opts, p)
	for class := range int32(len(set.labels)) {
		w, err := s.solve(t.Context(), class)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, len(w))
		for i := range p.class {
			x, y := p.example(int32(i)), -1.0
			if p.class[i] == class {
				y = 1
			}
			z := float64(w[len(w)-1]) * opts.Bias
			for _, e := range x {
				z += float64(w[e.row]) * float64(e.value)
			}
			pull := 2 * opts.C * max(0, 1-y*z) * y
			for _, e := range x {
				want[e.row] += pull * float64(e.value)
			}
			want[len(w)-1] += pull * opts.Bias
		}
		for k := range w {
			if math.Abs(float64(w[k])-want[k]) > 1e-3 {
				t.Fatalf("class %d, weight %d: %v, want %v", class, k, w[k], want[k])
			}
		}
	}
}
