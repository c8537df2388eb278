package student

import (
	"bufio"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman/internal/testenv"
)

// receipts reads the SROIE receipts. OCR and key often disagree on a comma or
// a line break; such values cannot stand verbatim in the text and are left out.
func receipts(t testing.TB) (examples []TaggedExample, dropped int) {
	t.Helper()
	lines := bufio.NewScanner(testenv.Gzip(t, "sroie/sroie_ocr_and_keys.jsonl.gz"))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row struct {
			Lines []string
			Key   map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		e := TaggedExample{Text: strings.Join(row.Lines, "\n"), Fields: map[string]string{}}
		for _, name := range []string{"company", "date", "total"} {
			e.Fields[name] = row.Key[name]
			if e.Validate() != nil {
				delete(e.Fields, name)
				dropped++
			}
		}
		examples = append(examples, e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return examples, dropped
}

// A sanity check on real receipts: three quarters to train, a quarter to test.
func TestRealTagger(t *testing.T) {
	if testing.Short() {
		t.Skip("the big fits are skipped with -short")
	}
	examples, dropped := receipts(t)
	cut := len(examples) * 3 / 4
	start := time.Now()
	tagger, err := TrainTagger(t.Context(), examples[:cut], DefaultTaggerOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	fit := time.Since(start)
	var fields, found, exact, sure float64
	for _, e := range examples[cut:] {
		got := tagger.Extract(e.Text).Fields
		for name, want := range e.Fields {
			fields++
			v, ok := got[name]
			if !ok {
				continue
			}
			found++
			sure += v.Prob
			if v.Value == want {
				exact++
			}
		}
	}
	t.Logf("%d receipts, %d values dropped as not verbatim; fit %.1fs, artefact %.2f MB", len(examples), dropped,
		fit.Seconds(), float64(len(marshal(t, tagger)))/1e6)
	t.Logf("found %.3f, exact %.3f, exact of found %.3f, mean probability %.3f; held out %+v",
		found/fields, exact/fields, exact/found, sure/found, tagger.Report())
	if exact/fields < .65 {
		t.Errorf("%.3f of the values are exact, want .65", exact/fields)
	}
	if gap := math.Abs(sure-exact) / found; gap > .1 {
		t.Errorf("probabilities are off by %.3f on average, want .1", gap)
	}
}
