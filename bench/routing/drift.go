package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/pointsman-ai/pointsman/internal/drift"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// The simulation of drift: independent audits, 2 % of them harmful, which is what
// is allowed, until a uniformly drawn time within 10,000, and 6 % from then on.
const (
	driftRuns    = 4000
	driftAllowed = 0.02
	driftChanged = 0.06
)

// drifts simulates how long an alarm takes and how often it is false. No data of
// anybody is in it.
func drifts() ([]row, error) {
	falsely := 0
	var delays []float64
	for seed := range uint64(driftRuns) {
		_, alarmed, err := driftUntilAlarm(seed, drift.DefaultHorizon, drift.DefaultHorizon)
		if err != nil {
			return nil, err
		}
		falsely += int(number(alarmed))
		change := rand.New(rand.NewPCG(seed, 13)).IntN(drift.DefaultHorizon)
		at, alarmed, err := driftUntilAlarm(seed+driftRuns, change, change+100_000)
		if err != nil {
			return nil, err
		}
		if !alarmed || at <= change { // a false alarm is no detection
			at = change + 100_000
		}
		delays = append(delays, float64(at-change))
	}
	slices.Sort(delays)
	rate, err := stat.Rate(falsely, driftRuns, 0.95)
	if err != nil {
		return nil, fmt.Errorf("false alarms: %w", err)
	}
	// The interval of the median is that of its rank: 1.96·√n/2 to each side.
	half := int(0.98 * math.Sqrt(driftRuns))
	return []row{
		{"drift", "simulated_delay_median", delays[driftRuns/2], delays[driftRuns/2-half], delays[driftRuns/2+half], 400, "lower", true},
		{"drift", "simulated_false_alarms", rate.Value, rate.Low, rate.High, 0.01, "lower", true},
	}, nil
}

// driftUntilAlarm counts audits up to the alarm, at most so many; harm rises
// behind the first change of them.
func driftUntilAlarm(seed uint64, change, most int) (audits int, alarmed bool, err error) {
	random := rand.New(rand.NewPCG(seed, 2026))
	d, err := drift.New(drift.Options{Allowed: driftAllowed, FalseAlarm: drift.DefaultFalseAlarm, Horizon: drift.DefaultHorizon})
	if err != nil {
		return 0, false, err
	}
	for i := range most {
		harm := driftAllowed
		if i >= change {
			harm = driftChanged
		}
		if d.Add(number(random.Float64() < harm), 1) {
			return i + 1, true, nil
		}
	}
	return most, false, nil
}
