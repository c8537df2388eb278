package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/pointsman-ai/pointsman/internal/stat"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/vectors"
)

// fewDraws is how many draws of a few examples a label are measured, from seed 0,
// and selfDraws of those with self-training, which take longer.
const (
	fewDraws  = 10
	selfDraws = 5
)

// labelled is a set of examples with its parts.
type labelled struct{ train, foreign, test, foreignTest []student.Example }

// withVectors measures students that read texts with word vectors: on all
// examples of CLINC150, and on five and ten a label of it and of HWU64, drawn
// from the training parts. Every setting was chosen on validation parts.
func withVectors(root string) ([]row, error) {
	table, err := publishedVectors(root)
	if err != nil {
		return nil, err
	}
	clinc, err := clincParts(root)
	if err != nil {
		return nil, err
	}
	hwu, err := hwuParts(root)
	if err != nil {
		return nil, err
	}
	options := student.Large().WithVectors(table)
	rows, err := fullClinc(clinc, options)
	if err != nil {
		return nil, err
	}
	// The folds calibrate only; accuracy is the same with two.
	options.Folds = 2
	named := options
	named.LabelNames = true
	for _, m := range []struct {
		metric  string
		set     *labelled
		each    int
		options student.Options
		self    bool
		draws   int
		target  float64
	}{
		{"clinc150_5", clinc, 5, options, false, fewDraws, 0.78},
		{"clinc150_5_names_self", clinc, 5, named, true, selfDraws, 0.82},
		{"hwu64_5", hwu, 5, options, false, fewDraws, 0.66},
		{"hwu64_10", hwu, 10, options, false, fewDraws, 0.735},
		{"hwu64_5_names", hwu, 5, named, false, fewDraws, 0.68},
		{"hwu64_10_names", hwu, 10, named, false, fewDraws, 0.74},
	} {
		var accuracies []float64
		for seed := range m.draws {
			few, rest := drawFew(m.set.train, m.each, uint64(seed))
			if !m.self {
				rest = nil
			}
			model, err := student.SelfTrain(context.Background(), few, rest, m.options, nil)
			if err != nil {
				return nil, err
			}
			right, _ := predictAll(model, m.set.test)
			accuracies = append(accuracies, float64(right)/float64(len(m.set.test)))
		}
		value, low, high := mean(accuracies)
		rows = append(rows, row{"vectors", m.metric, value, low, high, m.target, "higher", true})
	}
	return rows, nil
}

// fullClinc trains on all examples of CLINC150 once.
func fullClinc(set *labelled, options student.Options) ([]row, error) {
	m, err := student.Train(context.Background(), append(set.train, set.foreign...), options, nil)
	if err != nil {
		return nil, err
	}
	right, scores := predictAll(m, set.test)
	accuracy, err := stat.Rate(right, len(set.test), 0.95)
	if err != nil {
		return nil, err
	}
	_, foreign := predictAll(m, set.foreignTest)
	isForeign := make([]bool, len(scores)+len(foreign))
	for i := range foreign {
		isForeign[len(scores)+i] = true
	}
	auroc, err := stat.AUROC(append(scores, foreign...), isForeign, 0.95)
	if err != nil {
		return nil, err
	}
	return []row{
		{"vectors", "clinc150_accuracy", accuracy.Value, accuracy.Low, accuracy.High, 0.938, "higher", true},
		{"vectors", "clinc150_oos_auroc", auroc.Value, auroc.Low, auroc.High, 0.967, "higher", true},
	}, nil
}

// predictAll counts right labels, and returns the out-of-scope scores.
func predictAll(m *student.Model, test []student.Example) (right int, oos []float64) {
	p := m.NewPredictor()
	var got student.Prediction
	for _, e := range test {
		p.PredictInto(&got, e.Text, 1)
		if got.Top() == e.Label {
			right++
		}
		oos = append(oos, got.OOS)
	}
	return right, oos
}

// drawFew draws so many examples of each label, and returns the texts of the
// others.
func drawFew(all []student.Example, each int, seed uint64) (few []student.Example, rest []string) {
	taken := map[string]int{}
	for _, i := range rand.New(rand.NewPCG(seed, 2026)).Perm(len(all)) {
		if e := all[i]; taken[e.Label] < each {
			taken[e.Label]++
			few = append(few, e)
		} else {
			rest = append(rest, e.Text)
		}
	}
	return few, rest
}

func publishedVectors(root string) (*vectors.Table, error) {
	words, err := open(root, "embeddings", "glove40k.vocab.txt.gz")
	if err != nil {
		return nil, err
	}
	defer words.Close()
	scales, err := open(root, "embeddings", "glove40k.scale.f32.gz")
	if err != nil {
		return nil, err
	}
	defer scales.Close()
	values, err := open(root, "embeddings", "glove40k.int8.gz")
	if err != nil {
		return nil, err
	}
	defer values.Close()
	return vectors.ReadQuantised(words, scales, values)
}

func clincParts(root string) (*labelled, error) {
	sets, err := clincSets(root)
	if err != nil {
		return nil, err
	}
	part := func(name string, foreign bool) []student.Example {
		var out []student.Example
		for _, one := range sets[name] {
			e := student.Example{Text: one[0], Label: one[1]}
			if foreign {
				e.Label = student.OutOfScope
			}
			out = append(out, e)
		}
		return out
	}
	return &labelled{part("train", false), part("oos_train", true), part("test", false), part("oos_test", true)}, nil
}

func hwuParts(root string) (*labelled, error) {
	var set labelled
	for name, into := range map[string]*[]student.Example{"train": &set.train, "test": &set.test} {
		r, err := open(root, "hwu64", "HWU64_"+name+".tsv.gz")
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			label, text, ok := strings.Cut(lines.Text(), "\t")
			if !ok {
				return nil, fmt.Errorf("HWU64_%s: a line without a tab", name)
			}
			*into = append(*into, student.Example{Text: text, Label: label})
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
		if err := r.Close(); err != nil {
			return nil, err
		}
	}
	return &set, nil
}
