package ledger

import (
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

func number64(v float64) *float64 { return &v }

// judging is a policy of two stages that read a different signal each.
func judging() *policy.Policy {
	stage := func(name pointsman.SignalName) policy.Stage {
		head := policy.Head{Weights: []float64{0}, Missing: []float64{0}}
		return policy.Stage{
			Scorer: policy.Scorer{
				Features:   []policy.Feature{{Signal: name, Scale: 1, Low: 0, High: 20}},
				Acceptable: policy.Head{Weights: []float64{1}, Missing: []float64{0}}, OnlyLargest: head, OnlyThis: head,
				Calibration: policy.Map{Method: policy.MethodPlatt, Coefficients: []float64{1, 0}}, Rank: policy.RankUplift,
				Uplift: policy.Map{Method: policy.MethodLinear, Coefficients: []float64{1, 0}},
			},
			Thresholds: []policy.Threshold{{Why: "test"}},
		}
	}
	return &policy.Policy{Stages: []policy.Stage{stage(signal.AnswerWords), stage(signal.AnswerChars)}}
}

// Each cause of an attempt and of a decision has words of its own, in which
// nobody is called confident who is not.
func TestEveryCauseIsExplained(t *testing.T) {
	for _, cause := range pointsman.Causes {
		d := &pointsman.Decision{
			Cause: cause, Tier: "small", Lifecycle: pointsman.Completed, Rules: pointsman.RuleEffect{Permitted: []pointsman.TierID{"small"}, Stakes: 1},
			Attempts: []pointsman.Attempt{{
				Tier: "small", Model: "m", Cause: cause, Latency: time.Second, Detail: "the detail", Reading: pointsman.Reading{Valid: true},
				Confidence: pointsman.Confidence{Acceptable: number64(0.134), Uplift: number64(-0.02), Threshold: number64(0.01)},
			}},
		}
		switch cause {
		case pointsman.CauseInvalid, pointsman.CauseForbidden, pointsman.CauseExhausted:
			d.Tier = "" // nobody answered
		}
		for _, lifecycle := range []pointsman.Lifecycle{pointsman.Completed, pointsman.Failed, pointsman.Aborted} {
			d.Lifecycle = lifecycle
			text := strings.Join(explain(&Record{Decision: d}, nil).Sentences, " ")
			if strings.Contains(text, "because  (") || strings.Contains(text, ":  (") || strings.Contains(text, "%!") || strings.Contains(text, "onfident") {
				t.Errorf("%s, %s: %s", cause, lifecycle, text)
			}
		}
	}
	d := &pointsman.Decision{
		Cause: pointsman.CauseAccepted, Tier: "small", Lifecycle: pointsman.Completed, Rules: pointsman.RuleEffect{Stakes: 1},
		Attempts: []pointsman.Attempt{{
			Tier: "small", Cause: pointsman.CauseAccepted, Reading: pointsman.Reading{Valid: true, Label: "parcel"},
			Confidence: pointsman.Confidence{Acceptable: number64(0.134), Uplift: number64(-0.02), Threshold: number64(0.01)},
		}},
	}
	text := strings.Join(explain(&Record{Decision: d}, nil).Sentences, " ")
	for _, want := range []string{"is 0.134", "the largest tier is not expected to do enough better", "asking the largest tier was not worth it"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
}

// What an answer's confidence rests on is told by the stage that judged it, also
// where a tier before it was forbidden.
func TestContributionsOfTheStageThatJudged(t *testing.T) {
	p := judging()
	signals := pointsman.Signals{{Name: signal.AnswerWords, Value: 1}, {Name: signal.AnswerChars, Value: 3}}
	for stage, want := range []pointsman.SignalName{signal.AnswerWords, signal.AnswerChars} {
		d := &pointsman.Decision{Attempts: []pointsman.Attempt{{
			Tier: "t", Signals: signals, Reading: pointsman.Reading{Valid: true}, Confidence: p.Assess(stage, nil, signals),
		}}}
		e := explain(&Record{Decision: d}, p)
		if len(e.Contributions) != 1 || e.Contributions[0].Signal != want {
			t.Errorf("stage %d: %+v", stage, e.Contributions)
		}
	}
}

// A cause that was renamed is read under its name of today.
func TestRowsHaveTheCausesOfToday(t *testing.T) {
	if got := pointsman.Cause("confident").Current(); got != pointsman.CauseAccepted {
		t.Errorf("%q", got)
	}
	var c pointsman.Cause
	if err := c.UnmarshalText([]byte("confident")); err != nil || c != pointsman.CauseAccepted {
		t.Errorf("%q, %v", c, err)
	}
}
