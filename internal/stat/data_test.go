package stat_test

import (
	"math"
	"slices"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/stat"
	"github.com/pointsman-ai/pointsman/internal/testenv"
)

// records reads columns of a recorded data set.
func records(t *testing.T, name string, columns ...string) [][]string {
	t.Helper()
	rows := testenv.Table(t, name)
	out := make([][]string, len(columns))
	for i, column := range columns {
		at := slices.Index(rows[0], column)
		if at < 0 {
			t.Fatalf("%s has no column %s: %v", name, column, rows[0])
		}
		for _, row := range rows[1:] {
			out[i] = append(out[i], row[at])
		}
	}
	return out
}

func numbers(column []string) []float64 {
	out := make([]float64, len(column))
	for i, text := range column {
		if text == "1" {
			out[i] = 1
		}
	}
	return out
}

// The published oracle ranks by what the strong model adds, with ties broken so
// that the ten bins are equal; which of the tied comes first does not matter,
// because they add the same.
func TestRouteOracleOnRealData(t *testing.T) {
	for _, c := range []struct {
		file string
		n    int
		apgr float64
	}{
		{"routellm/mmlu_mixtral_vs_gpt4.csv.gz", 14037, 1.268},
		{"routellm/gsm8k_mixtral_vs_gpt4.csv.gz", 1307, 1.115},
	} {
		columns := records(t, c.file, "weak_correct", "strong_correct")
		weak, strong := numbers(columns[0]), numbers(columns[1])
		if len(weak) != c.n {
			t.Fatalf("%s: %d rows, want %d", c.file, len(weak), c.n)
		}
		score := make([]float64, len(weak))
		for i := range score {
			score[i] = strong[i] - weak[i] + float64(i)*1e-9
		}
		r, err := stat.Route(score, weak, strong)
		if err != nil {
			t.Fatal(err)
		}
		apgr, err := r.APGR()
		if err != nil || math.Abs(apgr-c.apgr) > 0.0005 {
			t.Errorf("%s: the oracle's APGR is %.4f (%v), want %.3f", c.file, apgr, err, c.apgr)
		}
		crossing, err := r.CPT(0.5)
		want := 0.5 * (r.Strong - r.Weak) // the oracle's first calls all gain
		if err != nil || math.Abs(crossing.Share-want) > 1e-3 || crossing.Monotone {
			t.Errorf("%s: the oracle's CPT(50%%) is %+v (%v), want %.4f and a fall at the end", c.file, crossing, err, want)
		}
	}
}
