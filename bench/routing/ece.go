package main

import (
	"math"
	"math/rand/v2"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// undefined is a target that nobody has set.
var undefined = math.NaN()

// calibrated is a set on which the confidence itself is measured.
type calibrated struct {
	name  string
	load  func(root string) (*population, error)
	fit   int // rows, in whole units
	draws int
	// plain says that the plain ECE is the figure, since there are 3,000 test rows
	// or more; else it is the debiased one.
	plain bool
	// raw is the figure against which the ranking is held; empty: none.
	raw pointsman.SignalName
}

func fromItems(kind pointsman.Kind, judge bool, load func(string) ([]item, error)) func(string) (*population, error) {
	return func(root string) (*population, error) {
		items, err := load(root)
		if err != nil {
			return nil, err
		}
		p := of(kind, items)
		p.judge = judge
		return p, nil
	}
}

// calibratedWorks are all sets. The students that judge answers by their texts are
// trained where there are texts.
func calibratedWorks() []calibrated {
	classify, open := pointsman.KindClassify, pointsman.KindOpen
	mmlu := func(root string) ([]item, error) { return routellm(root, "mmlu_mixtral_vs_gpt4.csv.gz", false) }
	gsm := func(root string) ([]item, error) { return routellm(root, "gsm8k_mixtral_vs_gpt4.csv.gz", true) }
	return []calibrated{
		{"llama13b", llama13b, 10000, 5, false, signal.AnswerLogprobMean},
		{"llama13b 100 questions", llama13b, 1000, 20, false, signal.AnswerLogprobMean},
		{"ece mmlu-pro", fromItems(classify, true, mmluPro(true)), 1000, 5, true, ""},
		{"ece routellm-mmlu", fromItems(classify, true, mmlu), 1000, 5, true, ""},
		{"ece clinc150", fromItems(classify, true, clinc), 1000, 5, true, ""},
		{"ece headlines", headlines, 1000, 5, true, ""},
		{"ece options-mmlu", optionLogits("mmlu_10k_base_icl1_option_logits.csv.gz"), 1000, 10, true, ""},
		{"ece options-hellaswag", optionLogits("hellaswag_10k_base_icl1_option_logits.csv.gz"), 1000, 10, true, ""},
		{"ece gsm8k", fromItems(open, true, gsm), 1000, 10, false, ""},
		{"ece moderation", moderation, 700, 10, false, ""},
		{"ece wnut17", wnut17, 1000, 10, false, ""},
	}
}

// measured is what came of one draw.
type measured struct {
	ece, low, high float64
	auroc, raw     float64
}

// measure fits on so many labels, and measures P(acceptable) on the valid answers
// of all other rows.
func (w *calibrated) measure(root string, draws int) ([]row, error) {
	if draws == 0 {
		draws = w.draws
	}
	p, err := w.load(root)
	if err != nil {
		return nil, err
	}
	results := make([]measured, draws)
	err = atOnce(draws, func(k int) error {
		random := rand.New(rand.NewPCG(uint64(k), 2026))
		d, err := p.split(random, w.fit, uint64(k))
		if err != nil {
			return err
		}
		policy, err := p.policyOf(d.certify(random, 1), pointsman.Target{Retain: 0.9, Confidence: confidence}, uint64(k))
		if err != nil {
			return err
		}
		var forecast, raw []float64
		var right []bool
		var groups []string
		for _, unit := range d.rest {
			for i := range unit {
				small := &unit[i].Tiers[0]
				c := policy.Assess(0, unit[i].Request, small.Signals)
				if !small.Valid || c.Acceptable == nil {
					continue
				}
				forecast, right = append(forecast, *c.Acceptable), append(right, small.Acceptable)
				if unit[i].Group != "" {
					groups = append(groups, unit[i].Group)
				}
				if s, ok := small.Signals.Get(w.raw); ok {
					raw = append(raw, s.Value)
				}
			}
		}
		return results[k].fill(w, forecast, raw, right, groups)
	})
	if err != nil {
		return nil, err
	}
	return w.rows(results), nil
}

func (m *measured) fill(w *calibrated, forecast, raw []float64, right []bool, groups []string) error {
	debiased, err := stat.DebiasedECE(forecast, right, 10, groups, 0.95)
	if err != nil {
		return err
	}
	m.ece, m.low, m.high = debiased.Value, debiased.Low, debiased.High
	if w.plain {
		if m.ece, err = stat.ECE(forecast, right, 10); err != nil {
			return err
		}
	}
	auroc, err := stat.AUROC(forecast, right, 0.95)
	if err != nil {
		return err
	}
	m.auroc = auroc.Value
	if w.raw != "" {
		auroc, err = stat.AUROC(raw, right, 0.95)
		m.raw = auroc.Value
	}
	return err
}

// rows are means over draws. The interval of a plain figure is that of the mean;
// that of a debiased one is the mean of the draws' own intervals, which say what
// the few test rows leave open.
func (w *calibrated) rows(results []measured) []row {
	var ece, auroc, gain []float64
	low, high := 0.0, 0.0
	for _, m := range results {
		ece, auroc, gain = append(ece, m.ece), append(auroc, m.auroc), append(gain, m.auroc-m.raw)
		low, high = low+m.low/float64(len(results)), high+m.high/float64(len(results))
	}
	value, from, to := mean(ece)
	one := row{w.name, "ece", value, from, to, 0.03, "lower", true}
	if !w.plain {
		one.Metric, one.Low, one.High = "debiased_ece", low, high
	}
	rows := []row{one}
	value, from, to = mean(auroc)
	rows = append(rows, row{w.name, "auroc", value, from, to, undefined, "higher", false})
	if w.raw != "" {
		value, from, to = mean(gain)
		rows = append(rows, row{w.name, "auroc_gain", value, from, to, 0, "higher", true})
	}
	return rows
}
