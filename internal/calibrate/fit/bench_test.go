package fit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
)

// BenchmarkFit is a task with 20,000 judged examples and twenty signals.
func BenchmarkFit(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	observations := make([]fit.Observation, 20000)
	for i := range observations {
		hard := random.NormFloat64()
		o := fit.Observation{ID: fmt.Sprint(i), Tiers: []fit.TierOutcome{
			{Valid: true, Acceptable: random.Float64() < sigma(2-2*hard)},
			{Valid: true, Acceptable: random.Float64() < sigma(3-hard)},
		}}
		for k := range 20 {
			o.Request = append(o.Request, pointsman.Measured(pointsman.SignalName(fmt.Sprint("request.s", k)), hard+float64(k)*random.NormFloat64()))
		}
		observations[i] = o
	}
	for b.Loop() {
		if _, _, err := fit.Fit(context.Background(), observations, options(0.95, 1)); err != nil {
			b.Fatal(err)
		}
	}
}
