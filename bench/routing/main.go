// Command routing measures routing on published data: how much traffic a
// certified policy keeps below the largest tier, how often its promise is broken,
// and how well it ranks. It prints a table, and as its last line one JSON array.
//
//	go run ./bench/routing [-only WORK] [-draws N] [-data DIR]
//
// In each draw a policy is fitted on rows drawn without replacement, certified on
// rows drawn with replacement from all others, and judged on all of those.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/auxiliary"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// row is one figure.
type row struct {
	Work       string  `json:"work"`
	Metric     string  `json:"metric"`
	Value      float64 `json:"value"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Target     float64 `json:"target"`
	Better     string  `json:"better"`
	Comparable bool    `json:"comparable"`
}

// work is one row of what is to be reached.
type work struct {
	name         string
	load         func(root string) ([]item, error)
	fit, certify int
	draws        int
	promise      pointsman.Promise
	// targets are the shares to keep, with the traffic to be kept at each.
	targets []target
	apgr    float64 // to be reached; 0: not measured
}

type target struct{ retain, kept float64 }

const confidence = 0.95

func works() []work {
	gsm := func(answers bool) func(string) ([]item, error) {
		return func(root string) ([]item, error) { return routellm(root, "gsm8k_mixtral_vs_gpt4.csv.gz", answers) }
	}
	quality, harm := pointsman.PromiseQuality, pointsman.PromiseHarm
	return []work{
		{"mmlu-pro-1w", mmluPro(true), 2000, 2000, 120, quality, []target{{0.9, 0.48}, {0.95, 0.27}}, 0},
		{"mmlu-pro-1w harm", mmluPro(true), 2000, 2000, 60, harm, []target{{0.9, math.NaN()}, {0.95, math.NaN()}}, 0},
		{"mmlu-pro-3w", mmluProWitnesses, 2000, 2000, 60, quality, []target{{0.95, 0.32}}, 0},
		{"mmlu-pro-300", mmluPro(true), 150, 150, 300, quality, []target{{0.9, 0.22}}, 0},
		{"routellm-mmlu", func(root string) ([]item, error) { return routellm(root, "mmlu_mixtral_vs_gpt4.csv.gz", false) }, 1500, 1500, 120, quality, []target{{0.9, 0.65}, {0.95, 0.36}}, 0.65},
		{"gsm8k", gsm(true), 300, 400, 300, quality, []target{{0.9, 0.40}}, 0},
		{"moonshot", clinc, 1500, 3000, 100, quality, []target{{0.99, 0.88}, {0.98, 0.91}}, 0},
		{"apgr-gsm8k prompt", gsm(false), 653, 0, 20, quality, nil, 0.62},
		{"apgr-gsm8k answer", gsm(true), 653, 0, 20, quality, nil, 0.74},
		{"apgr-mmlu-pro own", mmluPro(false), 4000, 0, 10, quality, nil, 0.60},
		{"apgr-mmlu-pro 1w", mmluPro(true), 4000, 0, 6, quality, nil, math.NaN()},
		{"apgr-mmlu-pro 3w", mmluProWitnesses, 4000, 0, 6, quality, nil, 0.68},
	}
}

func main() {
	data := flag.String("data", os.Getenv("POINTSMAN_DATA"), "the folder of the published data; default $POINTSMAN_DATA, or ../shared/data")
	only := flag.String("only", "", "only works whose name begins so")
	draws := flag.Int("draws", 0, "how many draws; 0: as many as each work has")
	flag.Parse()
	if *data == "" {
		*data = "../shared/data"
	}
	if err := run(os.Stdout, *data, *only, *draws); err != nil {
		fmt.Fprintln(os.Stderr, "routing:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, root, only string, draws int) error {
	rows := []row{}
	fmt.Fprintf(out, "%-22s %-12s %8s %20s %8s  draws, seconds\n", "work", "metric", "value", "95 % interval", "target")
	for _, w := range works() {
		if !strings.HasPrefix(w.name, only) {
			continue
		}
		if draws > 0 {
			w.draws = draws
		}
		items, err := w.load(root)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		begun := time.Now()
		results, err := w.measure(items)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		for _, r := range w.rows(results) {
			fmt.Fprintf(out, "%-22s %-12s %8.4f   [%7.4f, %7.4f] %8.4g  %d, %.0f\n", r.Work, r.Metric, r.Value, r.Low, r.High, r.Target, len(results), time.Since(begun).Seconds())
			if math.IsNaN(r.Target) { // JSON has none
				r.Target, r.Comparable = 0, false
			}
			rows = append(rows, r)
		}
	}
	for _, f := range families() {
		if !strings.HasPrefix(f.name, only) {
			continue
		}
		begun := time.Now()
		figures, err := f.measure(root, draws)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		for _, r := range figures {
			fmt.Fprintf(out, "%-22s %-12s %8.4f   [%7.4f, %7.4f] %8.4g  %.0f s\n", r.Work, r.Metric, r.Value, r.Low, r.High, r.Target, time.Since(begun).Seconds())
			if math.IsNaN(r.Target) { // JSON has none
				r.Target, r.Comparable = 0, false
			}
			rows = append(rows, r)
		}
	}
	for _, extra := range []struct {
		name    string
		measure func(root string) ([]row, error)
	}{{"vectors", withVectors}, {"cost", costs}} {
		if !strings.HasPrefix(extra.name, only) {
			continue
		}
		figures, err := extra.measure(root)
		if err != nil {
			return fmt.Errorf("%s: %w", extra.name, err)
		}
		for _, r := range figures {
			fmt.Fprintf(out, "%-22s %-12s %8.4f   [%7.4f, %7.4f] %8.4g\n", r.Work, r.Metric, r.Value, r.Low, r.High, r.Target)
			rows = append(rows, r)
		}
	}
	if name := "off-policy"; strings.HasPrefix(name, only) {
		figures, err := offPolicy()
		if err != nil {
			return err
		}
		for _, r := range figures {
			fmt.Fprintf(out, "%-22s %-12s %8.4f   [%7.4f, %7.4f] %8.4g  %d\n", r.Work, r.Metric, r.Value, r.Low, r.High, r.Target, offPolicySimulations)
			rows = append(rows, r)
		}
	}
	if name := "drift"; strings.HasPrefix(name, only) {
		figures, err := drifts()
		if err != nil {
			return fmt.Errorf("drift: %w", err)
		}
		for _, r := range figures {
			fmt.Fprintf(out, "%-22s %-22s %8.4f   [%7.4f, %7.4f] %8.4g  simulated, %d\n", r.Work, r.Metric, r.Value, r.Low, r.High, r.Target, driftRuns)
			rows = append(rows, r)
		}
	}
	line, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, string(line))
	return err
}

// result is what came of one draw.
type result struct {
	kept   []float64 // at each target
	broken []bool
	apgr   float64
	// even is the price ratio at which the cascade breaks even, at each target;
	// NaN where nothing is kept.
	even []float64
}

// measure runs the draws, two at a time.
func (w *work) measure(items []item) ([]result, error) {
	results := make([]result, w.draws)
	errs := make([]error, w.draws)
	var group sync.WaitGroup
	slots := make(chan struct{}, 2)
	for k := range w.draws {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[k], errs[k] = w.draw(items, uint64(k))
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

// draw fits, certifies and judges once.
func (w *work) draw(items []item, seed uint64) (result, error) {
	random := rand.New(rand.NewPCG(seed, 2026))
	order := random.Perm(len(items))
	observations := make([]fit.Observation, len(order))
	texts := make([]auxiliary.Texts, len(order))
	for k, i := range order { // the first are fitted on
		observations[k], texts[k] = observe(&items[i])
	}
	fold := make([]int, len(order))
	for k := range fold {
		fold[k] = k % 5
	}
	students, err := auxiliary.Fill(context.Background(), observations, texts, auxiliary.Options{
		InFitPart: func(i int) bool { return i < w.fit }, Fold: func(i int) int { return fold[i] }, Folds: 5, Seed: seed, Judge: true,
	})
	if err != nil {
		return result{}, err
	}
	_ = students // its signals are in the observations
	rest := observations[w.fit:]
	// A policy knows these as spent, so that they are fitted on; all others
	// certify.
	part := slices.Clone(observations[:w.fit])
	for i := range part {
		part[i].Spent = true
	}
	for i := range max(w.certify, 1) {
		one := rest[random.IntN(len(rest))]
		one.ID = fmt.Sprint("c", i)
		part = append(part, one)
	}
	var r result
	targets := w.targets
	if len(targets) == 0 {
		targets = []target{{retain: 0.9}}
	}
	for _, t := range targets {
		p, _, err := fit.Fit(context.Background(), part, fit.Options{
			Task: "bench", Kind: pointsman.KindClassify, Tiers: []pointsman.Digest{pointsman.DigestOf([]byte("small")), pointsman.DigestOf([]byte("large"))},
			Target: pointsman.Target{Promise: w.promise, Retain: t.retain, Confidence: confidence},
			Now:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Seed: seed, CertifyShare: 1 - 1e-9,
		})
		if err != nil {
			return r, err
		}
		kept, broken := w.judge(p, rest, t.retain)
		r.kept, r.broken = append(r.kept, kept), append(r.broken, broken)
		even, ok := breakEven(p, rest)
		if !ok {
			even = math.NaN()
		}
		r.even = append(r.even, even)
		if r.apgr, err = ranking(p, rest); err != nil {
			return r, err
		}
	}
	return r, nil
}

func observe(one *item) (fit.Observation, auxiliary.Texts) {
	request := &pointsman.Request{Input: one.prompt, Messages: []pointsman.Message{{Role: "user", Text: one.prompt}}}
	answer := one.answer
	if answer == nil {
		answer = &pointsman.Answer{Text: one.small, FinishReason: "stop"}
	}
	o := fit.Observation{
		ID: one.id, Request: signal.OfRequest(request, nil), Shape: signal.ShapeOf(request),
		Tiers: []fit.TierOutcome{
			{Valid: one.reading.Valid, Acceptable: one.right},
			{Valid: one.largestHasValid, Acceptable: one.largest},
		},
	}
	if one.small != "" {
		o.Tiers[0].Signals = signal.OfAnswer(request, answer, one.reading, one.witness, nil)
	}
	return o, auxiliary.Texts{Input: one.prompt, Answers: []string{one.small, ""}, Labels: []string{one.reading.Label, ""}}
}

// judge is the share of requests that stay below the largest tier, and whether
// the promise is broken on them.
func (w *work) judge(p *policy.Policy, rest []fit.Observation, retain float64) (kept float64, broken bool) {
	var cascade, large, harm, local float64
	for i := range rest {
		o := &rest[i]
		small, largest := o.Tiers[0].Valid && o.Tiers[0].Acceptable, o.Tiers[1].Valid && o.Tiers[1].Acceptable
		given := largest
		if accepts(p, o) {
			local++
			given = small
			harm += number(largest && !small)
		}
		cascade += number(given)
		large += number(largest)
	}
	if w.promise == pointsman.PromiseHarm {
		return local / float64(len(rest)), harm > (1-retain)*large
	}
	return local / float64(len(rest)), cascade < retain*large
}

func accepts(p *policy.Policy, o *fit.Observation) bool {
	if !p.Certified() {
		return false
	}
	if cause, _ := p.Unusable(0, &policy.Before{Slices: o.Slices, Request: o.Request, Shape: o.Shape}); cause != "" {
		return false
	}
	accept, _, _ := p.Decide(0, o.Slices, max(o.Tiers[0].Stakes, 1), pointsman.Reading{Valid: o.Tiers[0].Valid}, p.Assess(0, o.Request, o.Tiers[0].Signals))
	return accept
}

// ranking is the APGR of the uplift, as RouteLLM measures it.
func ranking(p *policy.Policy, rest []fit.Observation) (float64, error) {
	var score, weak, strong []float64
	for i := range rest {
		o := &rest[i]
		c := p.Assess(0, o.Request, o.Tiers[0].Signals)
		one := 2.0 // what cannot be accepted goes first
		if o.Tiers[0].Valid && c.Uplift != nil {
			one = *c.Uplift
		}
		score = append(score, one)
		weak, strong = append(weak, number(o.Tiers[0].Acceptable)), append(strong, number(o.Tiers[1].Acceptable))
	}
	r, err := stat.Route(score, weak, strong)
	if err != nil {
		return 0, err
	}
	return r.APGR()
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// rows turns the results of a work into its figures. Intervals are those of the
// mean over draws, and Wilson's for counts of broken promises.
func (w *work) rows(results []result) []row {
	var out []row
	for k, t := range w.targets {
		var kept []float64
		broken := 0
		for _, r := range results {
			kept = append(kept, r.kept[k])
			broken += int(number(r.broken[k]))
		}
		value, low, high := mean(kept)
		out = append(out, row{w.name, fmt.Sprintf("kept@%g", t.retain), value, low, high, t.kept, "higher", true})
		rate, err := stat.Rate(broken, len(results), 0.95)
		if err != nil {
			panic(err) // there are draws
		}
		out = append(out, row{w.name, fmt.Sprintf("broken@%g", t.retain), rate.Value, rate.Low, rate.High, 1 - confidence, "lower", true})
	}
	if w.name == "mmlu-pro-3w" {
		out = append(out, w.breakEvens(results)...)
	}
	if w.apgr != 0 {
		var apgr []float64
		for _, r := range results {
			apgr = append(apgr, r.apgr)
		}
		value, low, high := mean(apgr)
		name := w.name
		if !strings.HasPrefix(name, "apgr") {
			name = "apgr-" + strings.TrimPrefix(name, "routellm-")
		}
		out = append(out, row{name, "apgr", value, low, high, w.apgr, "higher", true})
	}
	return out
}

func mean(values []float64) (value, low, high float64) {
	for _, v := range values {
		value += v / float64(len(values))
	}
	variance := 0.0
	for _, v := range values {
		variance += (v - value) * (v - value) / float64(max(len(values)-1, 1))
	}
	half := 1.96 * math.Sqrt(variance/float64(len(values)))
	return value, value - half, value + half
}
