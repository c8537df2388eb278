package signal_test

import (
	"math"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// TestOddsDoNotSaturate: where probabilities cannot be told apart any more, their
// log-odds can. The figures are those of 1 − p = 1e-12 and so on, worked out by
// hand.
func TestOddsDoNotSaturate(t *testing.T) {
	measure := func(logprob float64, next ...float64) pointsman.Signals {
		one := pointsman.TokenLogprob{Token: "a", Logprob: logprob, Top: []pointsman.TopLogprob{{Token: "a", Logprob: logprob}}}
		for _, l := range next {
			one.Top = append(one.Top, pointsman.TopLogprob{Token: "b", Logprob: l})
		}
		return signal.OfAnswer(&pointsman.Request{}, &pointsman.Answer{Text: "a", Logprobs: []pointsman.TokenLogprob{one}}, pointsman.Reading{Valid: true, Label: "a"}, nil, nil)
	}
	for _, c := range []struct{ logprob, odds float64 }{
		{-1e-12, 12 * math.Ln10},
		{-1e-6, 6 * math.Ln10},
		{-math.Ln2, 0},
		{-9.21034037197618, -9.210240371976182}, // p = 1e-4
		{0, 30},
		{-9999, -30},
	} {
		got, ok := measure(c.logprob).Get(signal.AnswerMinOdds)
		if !ok || math.Abs(got.Value-c.odds) > 1e-5 {
			t.Errorf("logprob %v: %+v, want %v", c.logprob, got, c.odds)
		}
	}
	if got, _ := measure(-1e-9, -20, -25).Get(signal.AnswerLabelOdds); math.Abs(got.Value-20) > 1e-6 {
		t.Errorf("label odds %+v, want 20", got)
	}
	if got, _ := measure(-1e-6).Get(signal.AnswerLabelOdds); math.Abs(got.Value-6*math.Ln10) > 1e-5 {
		t.Errorf("label odds without an alternative %+v", got)
	}
	if low, high := signal.Odds(0), signal.Odds(1); low != -30 || high != 30 {
		t.Errorf("odds of 0 and 1: %v, %v", low, high)
	}
}
