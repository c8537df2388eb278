package student

import (
	"encoding/csv"
	"encoding/json"
	"io/fs"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman/internal/testenv"
)

// clinc reads one part of CLINC150; its label "oos" becomes OutOfScope.
func clinc(t testing.TB, parts ...string) []Example {
	t.Helper()
	var raw map[string][][2]string
	if err := json.NewDecoder(testenv.Gzip(t, "clinc150/data_full.json.gz")).Decode(&raw); err != nil {
		t.Fatal(err)
	}
	var out []Example
	for _, part := range parts {
		if len(raw[part]) == 0 {
			t.Fatalf("no part %q: %v", part, fs.ErrNotExist)
		}
		for _, pair := range raw[part] {
			e := Example{Text: pair[0], Label: pair[1]}
			if e.Label == "oos" {
				e.Label = OutOfScope
			}
			out = append(out, e)
		}
	}
	return out
}

// headlines reads one part of the HEADLINES task. Its rows are query, label
// and id, without a header.
func headlines(t testing.TB, part string) []Example {
	t.Helper()
	rows, err := csv.NewReader(testenv.Gzip(t, "frugalgpt_headlines/"+part+".csv.gz")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []Example
	for _, row := range rows {
		out = append(out, Example{Text: row[0], Label: row[1]})
	}
	return out
}

// measured is how a model did on a test set.
type measured struct {
	accuracy, ece, nll, auroc float64
	median                    time.Duration
}

// evaluate predicts every example once, on one goroutine.
func evaluate(m *Model, test []Example) measured {
	var (
		p             = m.NewPredictor()
		out           measured
		n             float64
		known         []float64
		foreign       []float64
		times         []time.Duration
		sums, hits    [eceBins]float64
		proba         []float64
		labels        = m.Labels()
		inScope, best = 0, 0
	)
	for _, e := range test {
		start := time.Now()
		got := p.Predict(e.Text, 1)
		times = append(times, time.Since(start))
		if e.Label == OutOfScope {
			foreign = append(foreign, got.OOS)
			continue
		}
		known = append(known, got.OOS)
		inScope++
		bin := min(int(got.Labels[0].Prob*eceBins), eceBins-1)
		sums[bin] += got.Labels[0].Prob
		if got.Top() == e.Label {
			best++
			hits[bin]++
		}
		proba = p.Proba(proba[:0], e.Text)
		if i, ok := slices.BinarySearch(labels, e.Label); ok {
			out.nll -= math.Log(proba[i])
		}
	}
	n = float64(inScope)
	out.accuracy = float64(best) / n
	out.nll /= n
	for b := range sums {
		out.ece += math.Abs(sums[b]-hits[b]) / n
	}
	out.auroc = auroc(known, foreign)
	slices.Sort(times)
	out.median = times[len(times)/2]
	return out
}

// auroc is the probability that a foreign text scores above a known one, ties
// counting half (Mann-Whitney), and NaN where there are no foreign ones.
func auroc(known, foreign []float64) float64 {
	slices.Sort(known)
	sum := 0.0
	for _, x := range foreign {
		below, _ := slices.BinarySearch(known, x)
		notAbove, _ := slices.BinarySearchFunc(known, x, func(k, x float64) int {
			if k <= x {
				return -1
			}
			return 1
		})
		sum += float64(below) + float64(notAbove-below)/2
	}
	return sum / float64(len(known)) / float64(len(foreign))
}

// The figures to hold. Options were chosen on training and validation parts;
// the test parts are only ever evaluated here.
func TestRealFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("the big fits are skipped with -short")
	}
	atLeast := func(t *testing.T, what string, got, want float64) {
		t.Helper()
		if !(got >= want) {
			t.Errorf("%s %.4f, want at least %.4f", what, got, want)
		}
	}
	atMost := func(t *testing.T, what string, got, want float64) {
		t.Helper()
		if !(got <= want) {
			t.Errorf("%s %.4f, want at most %.4f", what, got, want)
		}
	}
	for _, tt := range []struct {
		name                 string
		opts                 Options
		train, test          []Example
		accuracy, auroc, ece float64
		megabytes            float64
	}{
		{
			name: "CLINC150 large", opts: Large(),
			train:    clinc(t, "train", "oos_train"),
			test:     clinc(t, "test", "oos_test"),
			accuracy: .930, auroc: .955, ece: .03, megabytes: 12,
		},
		{
			name: "CLINC150 large, no foreign examples", opts: Large(),
			train:    clinc(t, "train"),
			test:     clinc(t, "test", "oos_test"),
			accuracy: .930, auroc: .950, ece: .03, megabytes: 12,
		},
		{
			name: "CLINC150 large with word vectors", opts: Large().WithVectors(publishedTable(t)),
			train:    clinc(t, "train", "oos_train"),
			test:     clinc(t, "test", "oos_test"),
			accuracy: .938, auroc: .967, ece: .03, megabytes: 12,
		},
		{
			name: "CLINC150 small", opts: Small(),
			train:    clinc(t, "train", "oos_train"),
			test:     clinc(t, "test", "oos_test"),
			accuracy: .895, auroc: .935, ece: .04, megabytes: 1.5,
		},
		{
			name: "HEADLINES large", opts: Large(),
			train:    headlines(t, "train"),
			test:     headlines(t, "test"),
			accuracy: .895, auroc: math.NaN(), ece: .03, megabytes: 1.5,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			m, err := Train(t.Context(), tt.train, tt.opts, nil)
			if err != nil {
				t.Fatal(err)
			}
			fit := time.Since(start)
			artefact, err := m.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			got := evaluate(m, tt.test)
			size := float64(len(artefact)) / 1e6
			t.Logf("accuracy %.4f, OOS AUROC %.4f, ECE %.4f, NLL %.4f; fit %.1fs, artefact %.2f MB, median prediction %v",
				got.accuracy, got.auroc, got.ece, got.nll, fit.Seconds(), size, got.median)
			t.Logf("held out: %+v", m.Report())
			atLeast(t, "accuracy", got.accuracy, tt.accuracy)
			if !math.IsNaN(tt.auroc) {
				atLeast(t, "AUROC", got.auroc, tt.auroc)
			}
			atMost(t, "ECE", got.ece, tt.ece)
			atMost(t, "megabytes", size, tt.megabytes)
		})
	}
}
