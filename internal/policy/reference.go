package policy

import (
	"fmt"

	"github.com/pointsman-ai/pointsman"
)

// LogprobSignal is the mean logarithm of an answer's token probabilities, of which
// a reference knows how often it is low.
const LogprobSignal pointsman.SignalName = "answer.logprob_mean"

// Reference is what the examples that certified a policy showed under it. Traffic
// is compared with it. Requests of which a tier gave no answer are left out.
type Reference struct {
	// Requests are those examples, in Units independent conversations.
	Requests int `json:"requests"`
	Units    int `json:"units"`
	// Escalated are the requests that no smaller tier was trusted with, and
	// Unsupported those of a form, or with signals, that calibration saw too few
	// of.
	Escalated   Tally `json:"escalated"`
	Unsupported Tally `json:"unsupported"`
	// Broken are the requests with an answer of a smaller tier that broke its
	// contract, of those with an answer of one.
	Broken Tally `json:"broken"`
	// LowLogprob are the requests whose first answer with a mean log-probability
	// has a low one: below what LogprobLow says for its stage. It is nil where the
	// policy does not read that signal.
	LowLogprob *Tally `json:"low_logprob,omitempty"`
	// LogprobLow are, by stage, the 10 % quantiles of the fit part; null where the
	// stage does not read the signal.
	LogprobLow []*float64 `json:"logprob_low,omitempty"`
}

// Tally counts requests: Count of Of.
type Tally struct {
	Count int `json:"count"`
	Of    int `json:"of"`
}

// Seen is what one request showed: of each pair, whether it counts at all, and
// whether the thing was so.
type Seen struct {
	Escalated, Unsupported bool
	Answered, Broken       bool
	Logprob, LowLogprob    bool
}

// Answer adds an answer of a smaller tier to what a request showed.
func (r *Reference) Answer(s *Seen, stage int, valid bool, signals pointsman.Signals) {
	s.Answered = true
	s.Broken = s.Broken || !valid
	if s.Logprob || stage >= len(r.LogprobLow) || r.LogprobLow[stage] == nil {
		return
	}
	if one, ok := signals.Get(LogprobSignal); ok && one.Present() {
		s.Logprob, s.LowLogprob = true, one.Value < *r.LogprobLow[stage]
	}
}

// Count adds what a request showed.
func (r *Reference) Count(s *Seen) {
	r.Requests++
	r.Escalated.add(s.Escalated)
	r.Unsupported.add(s.Unsupported)
	if s.Answered {
		r.Broken.add(s.Broken)
	}
	if s.Logprob && r.LowLogprob != nil {
		r.LowLogprob.add(s.LowLogprob)
	}
}

func (t *Tally) add(yes bool) {
	t.Of++
	if yes {
		t.Count++
	}
}

func (r *Reference) check(stages int) error {
	if r.Requests < 1 || r.Units < 1 || r.Units > r.Requests {
		return fmt.Errorf("%d requests in %d units", r.Requests, r.Units)
	}
	tallies := []Tally{r.Escalated, r.Unsupported, r.Broken}
	if r.LowLogprob != nil {
		tallies = append(tallies, *r.LowLogprob)
	}
	for _, t := range tallies {
		if t.Count < 0 || t.Count > t.Of || t.Of > r.Requests {
			return fmt.Errorf("%d of %d, among %d requests", t.Count, t.Of, r.Requests)
		}
	}
	if (r.LowLogprob == nil) != (len(r.LogprobLow) == 0) || len(r.LogprobLow) > stages {
		return fmt.Errorf("%d bounds of log-probabilities for %d stages", len(r.LogprobLow), stages)
	}
	for _, low := range r.LogprobLow {
		if low != nil && !finite(*low) {
			return fmt.Errorf("a log-probability of %v", *low)
		}
	}
	return nil
}
