package main

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/stat"
	"github.com/pointsman-ai/pointsman/internal/student"
)

type studentOptions struct {
	data     exampleFiles
	oosLabel string
	size     string
	out      string
	model    string
	seed     uint64
	learn    string
	errors   int
	// What helps a classifier that has few examples.
	vectors    string
	labelNames bool
	selfTrain  exampleFiles
}

// What a student learns of the examples.
const (
	learnLabel  = "label"  // a classifier of their labels
	learnFields = "fields" // an extractor of their fields
)

func newStudent(o *options) *cobra.Command {
	var s studentOptions
	train := &cobra.Command{
		Use: "train", Short: "Train an embedded student from labelled examples", Args: cobra.NoArgs,
		Long: `Train a small linear model over hashed word and character n-grams, which answers
in microseconds without a network. The artefact is deterministic: the same
examples and seed give the same bytes.

Where there are few examples, three things help a classifier: word vectors
(--vectors, see pointsman vectors import), the labels' own names as examples
(--label-names), and texts that nobody has labelled (--self-train). A student
with word vectors is answered with where the data directory holds the same table.`,
		Example: `  pointsman student train --data train.jsonl --out models/support.student
  pointsman student train --data few.jsonl --vectors models/glove.vectors --label-names --self-train unlabelled.jsonl --out models/support.student`,
		RunE: func(c *cobra.Command, _ []string) error { return runStudentTrain(c.Context(), o, s) },
	}
	flags := train.Flags()
	s.data.register(flags)
	flags.StringVar(&s.oosLabel, "oos-label", "", "label of out-of-scope examples, which teach the out-of-scope score and are no class")
	flags.StringVar(&s.size, "size", "large", "small: words only, for the edge; large: words and characters")
	flags.StringVar(&s.out, "out", "", "file to write")
	flags.Uint64Var(&s.seed, "seed", 1, "seed")
	flags.StringVar(&s.learn, "learn", learnLabel, "label: classify by the examples' labels; fields: extract their fields, which stand in the text word for word; a field whose value is a list in want is extracted as one")
	flags.StringVar(&s.vectors, "vectors", "", vectorsUsage)
	flags.BoolVar(&s.labelNames, "label-names", false, "take each label's own name as an example of it: change_order as \"change order\"")
	flags.StringArrayVar(&s.selfTrain.paths, "self-train", nil, "texts without a label, in the format of --data: a first student labels them, and the final one learns from those of which it is surest too; may be given several times")
	require(train, "data", "out")

	test := &cobra.Command{
		Use: "test", Short: "Measure an embedded student on labelled examples", Args: cobra.NoArgs,
		Long: `Measure a student on labelled examples. Of an extractor: precision, recall and F1 of
each field and of all, the share of examples with all fields right, how well the
probabilities of values are calibrated, and fields that are wrong. Intervals
resample whole groups, where examples have one.`,
		Example: "  pointsman student test --model models/support.student --data test.jsonl --json",
		RunE:    func(*cobra.Command, []string) error { return runStudentTest(o, s) },
	}
	flags = test.Flags()
	flags.IntVar(&s.errors, "errors", 10, "how many fields that an extractor got wrong are shown")
	flags.StringVar(&s.model, "model", "", "the student")
	s.data.register(flags)
	flags.StringVar(&s.oosLabel, "oos-label", "", "label of out-of-scope examples, which count for the out-of-scope AUROC only")
	flags.StringVar(&s.vectors, "vectors", "", "the file of the word vectors, where the data directory does not hold them")
	require(test, "model", "data")
	return group("student", "Embedded students: small models trained in process", train, test)
}

// require marks flags that have no default.
func require(c *cobra.Command, names ...string) {
	check := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		for _, name := range names {
			if !c.Flags().Changed(name) {
				return usageError{fmt.Errorf("--%s is missing\nrun %s --help", name, c.CommandPath())}
			}
		}
		if check != nil {
			return check(c, args)
		}
		return nil
	}
}

type trained struct {
	Out        string           `json:"out"`
	Digest     pointsman.Digest `json:"digest"`
	Labels     int              `json:"labels"`
	Examples   int              `json:"examples"`
	OutOfScope int              `json:"out_of_scope"`
	// SelfTrained counts texts without a label that were learned from, and
	// Vectors names the word vectors that texts are read with.
	SelfTrained int              `json:"self_trained,omitempty"`
	Vectors     pointsman.Digest `json:"vectors,omitempty"`
	// Unusable counts examples whose field values do not stand in the text as
	// whole words.
	Unusable   int     `json:"unusable"`
	FitSeconds float64 `json:"fit_seconds"`
	ModelBytes int     `json:"model_bytes"`
}

func runStudentTrain(ctx context.Context, o *options, s studentOptions) error {
	small := s.size == "small"
	if !small && s.size != "large" {
		return usageError{fmt.Errorf("--size %q: want small or large", s.size)}
	}
	if s.learn != learnLabel && s.learn != learnFields {
		return usageError{fmt.Errorf("--learn %q: want label or fields", s.learn)}
	}
	if s.learn == learnFields && (s.vectors != "" || s.labelNames || len(s.selfTrain.paths) > 0) {
		return usageError{fmt.Errorf("--vectors, --label-names and --self-train are for students of labels, not of fields")}
	}
	examples, err := s.data.load(nil)
	if err != nil {
		return err
	}
	r := trained{Out: s.out, Examples: len(examples)}
	bar, last := o.progress(), 0
	bar.Start("train "+s.size+" student of "+s.learn, 0)
	began := time.Now()
	progress := func(done, total int) {
		if last == 0 {
			bar.Start("train "+s.size+" student of "+s.learn, total)
		}
		bar.Add(done - last)
		last = done
	}
	var m encoding.BinaryMarshaler
	if s.learn == learnFields {
		m, err = trainExtractor(ctx, s, small, examples, &r, progress)
	} else {
		m, err = trainClassifier(ctx, o, s, small, examples, &r, progress)
	}
	bar.Done()
	if err != nil {
		return err
	}
	r.FitSeconds = time.Since(began).Seconds()
	content, err := m.MarshalBinary()
	if err != nil {
		return err
	}
	r.ModelBytes, r.Digest = len(content), pointsman.DigestOf(content)
	if err := makeParents(s.out); err != nil {
		return err
	}
	if err := durable.WriteFile(s.out, content); err != nil {
		return err
	}
	return o.print(r, func(w *bytes.Buffer) {
		fmt.Fprintf(w, "%s: %d %ss from %d examples (%d unusable) in %.1f s, %d bytes, %s\n", r.Out, r.Labels, strings.TrimSuffix(s.learn, "s"), r.Examples, r.Unusable, r.FitSeconds, r.ModelBytes, r.Digest.Short())
	})
}

// trainClassifier trains a student of the examples' labels.
func trainClassifier(ctx context.Context, o *options, s studentOptions, small bool, examples []dataset.Example, r *trained, progress func(done, total int)) (encoding.BinaryMarshaler, error) {
	opts := student.Large()
	if small {
		opts = student.Small()
	}
	opts.Seed = s.seed
	rows := make([]student.Example, len(examples))
	for i, e := range examples {
		rows[i] = student.Example{Text: e.Text(), Label: e.Label}
		if e.Label == "" {
			return nil, &pointsman.Error{
				Code: pointsman.CodeInvalid, Message: fmt.Sprintf("example %s has no label", e.ID), Hint: "name the label of out-of-scope examples with --oos-label",
			}
		}
		if e.Label == s.oosLabel {
			rows[i].Label = student.OutOfScope
			r.OutOfScope++
		}
	}
	if err := s.coldStart(o, &opts); err != nil {
		return nil, err
	}
	unlabelled, err := s.unlabelled()
	if err != nil {
		return nil, err
	}
	m, err := student.SelfTrain(ctx, rows, unlabelled, opts, progress)
	if err != nil {
		return nil, err
	}
	r.Labels, r.SelfTrained, r.Vectors = len(m.Labels()), m.Report().SelfTrained, m.Vectors()
	return m, nil
}

// coldStart opens what helps where there are few examples.
func (s *studentOptions) coldStart(o *options, opts *student.Options) error {
	opts.LabelNames = s.labelNames
	if s.vectors == "" {
		return nil
	}
	store, err := o.store()
	if err != nil {
		return err
	}
	table, err := openVectors(store, s.vectors)
	if err != nil {
		return err
	}
	*opts = opts.WithVectors(table)
	return nil
}

// unlabelled reads the texts of --self-train. Labels that they have are not
// looked at.
func (s *studentOptions) unlabelled() ([]string, error) {
	if len(s.selfTrain.paths) == 0 {
		return nil, nil
	}
	examples, err := s.selfTrain.load(nil)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(examples))
	for i, e := range examples {
		texts[i] = e.Text()
	}
	return texts, nil
}

// trainExtractor trains a student of the examples' fields. An example without
// fields teaches what is none.
func trainExtractor(ctx context.Context, s studentOptions, small bool, examples []dataset.Example, r *trained, progress func(done, total int)) (encoding.BinaryMarshaler, error) {
	opts := student.DefaultTaggerOptions()
	if small {
		opts = student.SmallTagger()
	}
	opts.Seed = s.seed
	rows := make([]student.TaggedExample, 0, len(examples))
	for _, e := range examples {
		row, err := taggedOf(&e)
		if err == nil {
			err = row.Validate()
		}
		if err != nil {
			r.Unusable++ // a value that is part of a word cannot be tagged
			continue
		}
		rows = append(rows, row)
	}
	m, err := student.TrainTagger(ctx, rows, opts, progress)
	if err != nil {
		return nil, err
	}
	r.Labels = len(m.Fields())
	return m, nil
}

// taggedOf is an example as a tagger learns it: from its fields, or from the texts
// and lists of texts of the object that it wants.
func taggedOf(e *dataset.Example) (student.TaggedExample, error) {
	out := student.TaggedExample{Text: e.Text(), Fields: e.Fields}
	if len(e.Want) == 0 {
		return out, nil
	}
	var object map[string]any
	if err := json.Unmarshal(e.Want, &object); err != nil {
		return out, err
	}
	out.Fields, out.Several = map[string]string{}, map[string][]string{}
	for name, value := range object {
		switch v := value.(type) {
		case nil:
		case string:
			out.Fields[name] = v
		case []any:
			texts := make([]string, len(v))
			for i := range v {
				text, ok := v[i].(string)
				if !ok {
					return out, fmt.Errorf("field %q has a value that is no text", name)
				}
				texts[i] = text
			}
			out.Several[name] = texts
		default:
			return out, fmt.Errorf("field %q has a value that is no text", name)
		}
	}
	return out, nil
}

type tested struct {
	N          int            `json:"n"`
	Accuracy   float64        `json:"accuracy"`
	Interval   stat.Interval  `json:"accuracy_interval"`
	ECE        *float64       `json:"ece"`
	OOSAUROC   *float64       `json:"oos_auroc"`
	OOSBounds  *stat.Interval `json:"oos_auroc_interval"`
	ModelBytes int            `json:"model_bytes"`
	P50Micros  float64        `json:"p50_micros"`
}

func runStudentTest(o *options, s studentOptions) error {
	content, err := os.ReadFile(s.model)
	if err != nil {
		return err
	}
	if s.errors < 0 {
		return usageError{fmt.Errorf("--errors %d: want 0 or more", s.errors)}
	}
	examples, err := s.data.load(nil)
	if err != nil {
		return err
	}
	if student.IsTagger(content) {
		return runExtractorTest(o, s, content, examples)
	}
	if !slices.ContainsFunc(examples, func(e dataset.Example) bool { return e.Label != "" }) {
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("%s is a classifier, and none of the %d examples has a label", s.model, len(examples)),
			Hint: "give examples with their label",
		}
	}
	m, err := o.readStudent(content, s.vectors)
	if err != nil {
		return fmt.Errorf("%s: %w", s.model, err)
	}
	var (
		predictor = m.NewPredictor()
		p         student.Prediction
		top       []float64
		right     []bool
		foreign   []float64
		isForeign []bool
		times     []time.Duration
		correct   int
	)
	for _, e := range examples {
		began := time.Now()
		predictor.PredictInto(&p, e.Input, 1)
		times = append(times, time.Since(began))
		foreign = append(foreign, p.OOS)
		out := s.oosLabel != "" && e.Label == s.oosLabel
		isForeign = append(isForeign, out)
		if out {
			continue
		}
		ok := p.Top() == e.Label
		if ok {
			correct++
		}
		top, right = append(top, p.Labels[0].Prob), append(right, ok)
	}
	r := tested{N: len(right), ModelBytes: len(content)}
	rate, err := stat.Rate(correct, len(right), 0.95)
	if err != nil {
		return fmt.Errorf("no in-scope examples: %w", err)
	}
	r.Accuracy, r.Interval = rate.Value, rate.Interval
	const bins = 15
	if ece, err := stat.ECE(top, right, bins); err == nil {
		r.ECE = &ece
	}
	if auroc, err := stat.AUROC(foreign, isForeign, 0.95); err == nil {
		r.OOSAUROC, r.OOSBounds = &auroc.Value, &auroc.Interval
	}
	slices.Sort(times)
	r.P50Micros = float64(times[len(times)/2].Nanoseconds()) / 1e3
	return o.print(r, func(w *bytes.Buffer) {
		fmt.Fprintf(w, "accuracy   %.4f [%.4f, %.4f] on %d examples\n", r.Accuracy, r.Interval.Low, r.Interval.High, r.N)
		if r.ECE != nil {
			fmt.Fprintf(w, "ECE        %.4f (%d bins)\n", *r.ECE, bins)
		}
		if r.OOSAUROC != nil {
			fmt.Fprintf(w, "OOS AUROC  %.4f [%.4f, %.4f]\n", *r.OOSAUROC, r.OOSBounds.Low, r.OOSBounds.High)
		}
		fmt.Fprintf(w, "size       %d bytes\np50        %.1f µs\n", r.ModelBytes, r.P50Micros)
	})
}
