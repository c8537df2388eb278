package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/score"
	"github.com/pointsman-ai/pointsman/internal/stat"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/upstream"
	"github.com/pointsman-ai/pointsman/internal/upstream/embedded"
)

// share is an estimate, with an interval where there is one.
type share struct {
	Value    float64        `json:"value"`
	Interval *stat.Interval `json:"interval"`
}

// fieldTested is how a field was extracted; a share of nothing is null.
type fieldTested struct {
	Field     string `json:"field"`
	Wanted    int    `json:"wanted"`
	Given     int    `json:"given"`
	Right     int    `json:"right"`
	Precision *share `json:"precision"`
	Recall    *share `json:"recall"`
	F1        *share `json:"f1"`
}

// extractorTested is what student test says of an extractor.
type extractorTested struct {
	N int `json:"n"`
	// Clusters are the independent ones: groups, and examples without a group.
	Clusters int `json:"clusters"`
	// Skipped examples say nothing of their fields.
	Skipped int           `json:"skipped"`
	Exact   *share        `json:"exact"`
	All     fieldTested   `json:"all"`
	Fields  []fieldTested `json:"fields"`
	// ECE is the debiased calibration error of the probabilities of values.
	ECE        *share       `json:"ece"`
	Errors     []fieldError `json:"errors"`
	ModelBytes int          `json:"model_bytes"`
	P50Micros  float64      `json:"p50_micros"`
}

// fieldError is a field that was extracted wrongly.
type fieldError struct {
	ID     string   `json:"id"`
	Field  string   `json:"field"`
	Wanted []string `json:"wanted"`
	Given  []string `json:"given"`
}

// extractions are the results on all examples.
type extractions struct {
	clusters []string
	found    []score.Comparison
	// Of each value that was given.
	prob         []float64
	right        []bool
	probClusters []string
	errors       []fieldError
	times        []time.Duration
	skipped      int
}

func runExtractorTest(o *options, s studentOptions, content []byte, examples []dataset.Example) error {
	if s.oosLabel != "" {
		return usageError{fmt.Errorf("--oos-label is for students of labels, %s extracts fields", s.model)}
	}
	tagger, err := student.UnmarshalTagger(content)
	if err != nil {
		return fmt.Errorf("%s: %w", s.model, err)
	}
	x, err := extractAll(tagger, examples, s.errors)
	if err != nil {
		return err
	}
	if len(x.found) == 0 {
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("none of %d examples says what its fields are", len(examples)),
			Hint: "an extractor is measured on examples with fields or want",
		}
	}
	r := x.result()
	r.ModelBytes = len(content)
	return o.print(r, func(w *bytes.Buffer) { r.print(w) })
}

// extractAll answers as the upstream does, and compares as calibration does.
func extractAll(tagger *student.Tagger, examples []dataset.Example, errors int) (*extractions, error) {
	answers := embedded.NewExtractor(tagger, "student")
	x := &extractions{errors: []fieldError{}}
	for i := range examples {
		e := &examples[i]
		began := time.Now()
		found := tagger.Extract(e.Text())
		x.times = append(x.times, time.Since(began))
		answer, err := answers.Complete(context.Background(), upstream.Call{Input: e.Text()})
		if err != nil {
			return nil, err
		}
		c, err := score.CompareFields(e, answer.Text)
		if err != nil {
			x.skipped++
			continue
		}
		cluster := "group " + e.Group
		if e.Group == "" {
			cluster = fmt.Sprint("example ", i)
		}
		x.clusters, x.found = append(x.clusters, cluster), append(x.found, c)
		for _, field := range tagger.Fields() {
			for _, v := range found.Values(field) {
				x.prob, x.right, x.probClusters = append(x.prob, v.Prob), append(x.right, !c.Wrong(field, v.Value)), append(x.probClusters, cluster)
			}
		}
		if len(x.errors) < errors {
			x.errors = append(x.errors, errorsOf(e.ID, c)...)
		}
	}
	x.errors = x.errors[:min(len(x.errors), errors)]
	return x, nil
}

// errorsOf are the fields of an example that are not right.
func errorsOf(id string, c score.Comparison) []fieldError {
	byField := map[string]*fieldError{}
	at := func(field string) *fieldError {
		if byField[field] == nil {
			byField[field] = &fieldError{ID: id, Field: field, Wanted: []string{}, Given: []string{}}
		}
		return byField[field]
	}
	for _, v := range c.Missing {
		one := at(v.Field)
		one.Wanted = append(one.Wanted, v.Text)
	}
	for _, v := range c.Extra {
		one := at(v.Field)
		one.Given = append(one.Given, v.Text)
	}
	var out []fieldError
	for _, field := range slices.Sorted(maps.Keys(byField)) {
		out = append(out, *byField[field])
	}
	return out
}

func (x *extractions) result() *extractorTested {
	r := &extractorTested{N: len(x.found), Skipped: x.skipped, Errors: x.errors}
	distinct, names := map[string]bool{}, map[string]bool{}
	exact, one := make([]float64, len(x.found)), make([]float64, len(x.found))
	for i, c := range x.found {
		distinct[x.clusters[i]] = true
		one[i] = 1
		if len(c.Missing)+len(c.Extra) == 0 {
			exact[i] = 1
		}
		for name := range c.Fields {
			names[name] = true
		}
	}
	r.Clusters, r.Exact = len(distinct), x.ratio(exact, one)
	r.All = x.field("", func(c score.Comparison) (sum score.Count) {
		for _, n := range c.Fields {
			sum.Wanted, sum.Given, sum.Right = sum.Wanted+n.Wanted, sum.Given+n.Given, sum.Right+n.Right
		}
		return sum
	})
	for _, name := range slices.Sorted(maps.Keys(names)) {
		r.Fields = append(r.Fields, x.field(name, func(c score.Comparison) score.Count { return c.Fields[name] }))
	}
	if e, err := stat.DebiasedECE(x.prob, x.right, 10, x.probClusters, 0.95); err == nil {
		r.ECE = &share{e.Value, &e.Interval}
	}
	slices.Sort(x.times)
	r.P50Micros = float64(x.times[len(x.times)/2].Nanoseconds()) / 1e3
	return r
}

func (x *extractions) field(name string, of func(score.Comparison) score.Count) fieldTested {
	t := fieldTested{Field: name}
	var right, twice, given, wanted, both []float64
	for _, c := range x.found {
		n := of(c)
		t.Wanted, t.Given, t.Right = t.Wanted+n.Wanted, t.Given+n.Given, t.Right+n.Right
		right, twice = append(right, float64(n.Right)), append(twice, float64(2*n.Right))
		given, wanted, both = append(given, float64(n.Given)), append(wanted, float64(n.Wanted)), append(both, float64(n.Given+n.Wanted))
	}
	t.Precision, t.Recall, t.F1 = x.ratio(right, given), x.ratio(right, wanted), x.ratio(twice, both)
	return t
}

// ratio is the share of a sum in another one, nil where that is 0. Whole clusters are
// resampled for its interval; where all are right, or none, resampling says nothing,
// and it is Wilson's for as many independent ones as have any.
func (x *extractions) ratio(a, b []float64) *share {
	sumA, sumB := 0.0, 0.0
	counted := map[string]bool{}
	for i := range a {
		sumA, sumB = sumA+a[i], sumB+b[i]
		if b[i] > 0 {
			counted[x.clusters[i]] = true
		}
	}
	if sumB == 0 {
		return nil
	}
	out := &share{Value: sumA / sumB}
	if sumA == 0 || sumA == sumB {
		if i, err := stat.Wilson(int(out.Value)*len(counted), len(counted), 0.95); err == nil {
			out.Interval = &i
		}
		return out
	}
	if e, err := (stat.Bootstrap{Seed: 1, Clusters: x.clusters}).Paired(a, b, stat.MeanRatio); err == nil {
		out.Interval = &e.Interval
	}
	return out
}

func (r *extractorTested) print(w *bytes.Buffer) {
	fmt.Fprintf(w, "exact      %s of %d examples, %d independent\n", r.Exact, r.N, r.Clusters)
	if r.Skipped > 0 {
		fmt.Fprintf(w, "skipped    %d examples that do not say what their fields are\n", r.Skipped)
	}
	fmt.Fprintf(w, "precision  %s\nrecall     %s\nF1         %s\n", r.All.Precision, r.All.Recall, r.All.F1)
	fmt.Fprintf(w, "ECE        %s (of values, debiased)\n", r.ECE)
	fmt.Fprintf(w, "size       %d bytes\np50        %.1f µs\n\n", r.ModelBytes, r.P50Micros)
	fmt.Fprintf(w, "%-16s %7s %7s %7s  %-25s %-25s %s\n", "field", "wanted", "given", "right", "precision", "recall", "F1")
	for _, f := range r.Fields {
		fmt.Fprintf(w, "%-16s %7d %7d %7d  %-25s %-25s %s\n", f.Field, f.Wanted, f.Given, f.Right, f.Precision, f.Recall, f.F1)
	}
	if len(r.Errors) > 0 {
		fmt.Fprintf(w, "\nwrong, the first %d:\n", len(r.Errors))
	}
	for _, e := range r.Errors {
		fmt.Fprintf(w, "%s %s: wanted %s, given %s\n", e.ID, e.Field, quoted(e.Wanted), quoted(e.Given))
	}
}

// String implements fmt.Stringer.
func (s *share) String() string {
	switch {
	case s == nil:
		return "-"
	case s.Interval == nil:
		return fmt.Sprintf("%.4f", s.Value)
	}
	return fmt.Sprintf("%.4f [%.4f, %.4f]", s.Value, s.Interval.Low, s.Interval.High)
}

// quoted are texts in quotes, on one line.
func quoted(texts []string) string {
	if len(texts) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%q", strings.Join(texts, `", "`))
}
