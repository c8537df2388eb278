package main

import (
	"context"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/auxiliary"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// costs measures what deciding costs a request with all local signals (the
// median, and the spread over requests), and what a fit of 10,000 examples costs,
// students apart.
func costs(root string) ([]row, error) {
	items, err := readMMLUPro(root, true)
	if err != nil {
		return nil, err
	}
	items = items[:min(len(items), 10000)]
	observations, texts := make([]fit.Observation, len(items)), make([]auxiliary.Texts, len(items))
	for i := range items {
		observations[i], texts[i] = observe(&items[i])
	}
	options := fit.Options{
		Task: "bench", Kind: pointsman.KindClassify, Tiers: []pointsman.Digest{pointsman.DigestOf([]byte("small")), pointsman.DigestOf([]byte("large"))},
		Target: pointsman.Target{Retain: 0.9, Confidence: confidence}, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Seed: 1,
	}
	parts := options.Partition(observations)
	students, err := auxiliary.Fill(context.Background(), observations, texts, auxiliary.Options{
		InFitPart: func(i int) bool { return parts.Part[i] == fit.PartFit }, Fold: func(i int) int { return parts.Fold[i] }, Folds: 5, Seed: 1, Judge: true,
	})
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	p, _, err := fit.Fit(context.Background(), observations, options)
	if err != nil {
		return nil, err
	}
	seconds := time.Since(begun).Seconds()
	judges := &signal.Students{Judge: students.Judges[0]}
	var micros []float64
	for i := range items[:2000] {
		one := &items[i]
		request := &pointsman.Request{Input: one.prompt, Messages: []pointsman.Message{{Role: "user", Text: one.prompt}}}
		answer := &pointsman.Answer{Text: one.small, FinishReason: "stop"}
		begun := time.Now()
		signals, shape := signal.OfRequest(request, judges), signal.ShapeOf(request)
		p.Unusable(0, &policy.Before{Request: signals, Shape: shape})
		c := p.Assess(0, signals, signal.OfAnswer(request, answer, one.reading, one.witness, judges))
		p.Decide(0, nil, 1, one.reading, c)
		micros = append(micros, float64(time.Since(begun).Nanoseconds())/1000)
	}
	slices.Sort(micros)
	at := func(share float64) float64 { return micros[int(share*float64(len(micros)-1))] }
	return []row{
		{"cost", "decide_micros", at(0.5), at(0.025), at(0.975), 150, "lower", true},
		{"cost", "fit_seconds", seconds, seconds, seconds, 5, "lower", true},
	}, nil
}
