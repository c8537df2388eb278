package drift

import (
	"fmt"
	"math"
)

// Options say what a detector watches for.
type Options struct {
	// Allowed is the mean that is not to be exceeded, above 0 and below 1.
	Allowed float64 `json:"allowed"`
	// FalseAlarm is the greatest probability of an alarm within the first
	// Horizon values while the mean is at most Allowed. False alarms are then
	// at least Horizon/FalseAlarm values apart on average, for ever.
	FalseAlarm float64 `json:"false_alarm"`
	Horizon    int     `json:"horizon"`
}

// Defaults for a task's audits.
const (
	DefaultFalseAlarm = 0.01
	DefaultHorizon    = 10_000
)

func (o Options) check() error {
	switch {
	case !(o.Allowed > 0 && o.Allowed < 1):
		return fmt.Errorf("drift: allowed mean %v: want between 0 and 1", o.Allowed)
	case !(o.FalseAlarm > 0 && o.FalseAlarm < 1):
		return fmt.Errorf("drift: probability of a false alarm %v: want between 0 and 1", o.FalseAlarm)
	case o.Horizon < 1:
		return fmt.Errorf("drift: horizon %d: want at least 1", o.Horizon)
	}
	return nil
}

// Detector is a restarting sequential test of a mean: the Shiryaev-Roberts
// e-detector of Shin, Ramdas and Rinaldo (2024, "E-detectors: a nonparametric
// framework for sequential change detection", definition 2.4 and section 4.1),
// mixed over a few bets.
//
// A test that began at value j has the wealth L(j,t) = ∏ (1 + λ·w·(x − allowed))
// over the values from j to t, which is a supermartingale while the conditional
// mean is at most what is allowed. The detector holds the sum of the wealths of
// the tests that began at each value so far, so that one of them always began
// near the change: R(t) = (R(t−1) + 1)·(1 + λ·w·(x − allowed)). Since E R(t) ≤ t,
// Ville's inequality gives P(max R ≥ Horizon/FalseAlarm within Horizon values) ≤
// FalseAlarm, for values of any distribution in [0, 1].
//
// It is not safe for concurrent use.
type Detector struct {
	options Options
	limit   float64 // of the mixture
	bets    []float64
	state   State
}

// State is all that a detector remembers. It is the same after JSON, bit by bit.
type State struct {
	// N counts the values, Sum adds them, weighted; Weight adds the weights.
	N      int     `json:"n"`
	Sum    float64 `json:"sum"`
	Weight float64 `json:"weight"`
	// Sums are the wealths of all tests, for each bet.
	Sums []float64 `json:"sums,omitempty"`
	// Growth is the logarithm of the wealth of the test that began behind value
	// Since, which had most for the first bet: the likeliest place of a change.
	Growth float64 `json:"growth"`
	Since  int     `json:"since"`
	// SinceSum and SinceWeight are Sum and Weight of the values behind Since.
	SinceSum    float64 `json:"since_sum"`
	SinceWeight float64 `json:"since_weight"`
	// Alarm says that the limit was reached; it stays.
	Alarm bool `json:"alarm"`
}

// oddsRatios are the changes that the bets are best for: how many times the odds
// of what is allowed. A bet is good for changes near its own, and two lose little
// against whoever knows the change (log 2 of wealth at most).
var oddsRatios = []float64{4, 2}

// New makes a detector that has seen nothing.
func New(o Options) (*Detector, error) { return Resume(o, State{}) }

// Resume makes a detector that goes on from a state of one with the same
// options.
func Resume(o Options, s State) (*Detector, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	d := &Detector{options: o, limit: float64(o.Horizon) / o.FalseAlarm, state: s}
	d.state.Sums = make([]float64, len(oddsRatios))
	switch len(s.Sums) {
	case 0:
	case len(oddsRatios):
		copy(d.state.Sums, s.Sums)
	default:
		return nil, fmt.Errorf("drift: a state of %d bets, want %d", len(s.Sums), len(oddsRatios))
	}
	for _, ratio := range oddsRatios {
		d.bets = append(d.bets, bet(o.Allowed, ratio))
	}
	return d, nil
}

// bet is the λ that makes 1 + λ(x − p) the likelihood ratio of a coin with odds
// of ratio times those of p, against one of p. It is below 1/p, so that no value
// costs all.
func bet(p, ratio float64) float64 {
	changed := float64(ratio*p) / (1 - p + float64(ratio*p))
	return (changed/p - 1) / (1 - p)
}

// Add takes the next value, and says whether there is an alarm, now or from
// before. A value lies in [0, 1]; what is outside counts as the nearest end, and
// NaN as 1. The weight makes up for values that were drawn with different
// probabilities: the smallest of these divided by the value's own, in (0, 1];
// anything else counts as 1.
func (d *Detector) Add(x, weight float64) bool {
	if math.IsNaN(x) {
		x = 1
	}
	x = min(max(x, 0), 1)
	if !(weight > 0 && weight <= 1) {
		weight = 1
	}
	s := &d.state
	s.N++
	s.Sum += float64(weight * x)
	s.Weight += weight
	mixed := 0.0
	for i, λ := range d.bets {
		// Each product is rounded by itself, on every architecture.
		factor := 1 + float64(float64(λ*weight)*(x-d.options.Allowed))
		s.Sums[i] = float64(min(s.Sums[i]+1, math.MaxFloat64/1e3) * factor)
		mixed += s.Sums[i] / float64(len(d.bets))
		if i == 0 {
			d.locate(x, weight, factor)
		}
	}
	s.Alarm = s.Alarm || mixed >= d.limit
	return s.Alarm
}

// locate keeps the start from which the first bet's test has grown most, as Page's
// CUSUM does. After an alarm it stays.
func (d *Detector) locate(x, weight, factor float64) {
	s := &d.state
	if s.Alarm {
		return
	}
	s.Growth += math.Log(factor)
	s.SinceSum += float64(weight * x)
	s.SinceWeight += weight
	if s.Growth <= 0 {
		s.Growth, s.Since, s.SinceSum, s.SinceWeight = 0, s.N, 0, 0
	}
}

// State is a copy of what the detector remembers.
func (d *Detector) State() State {
	s := d.state
	s.Sums = append([]float64(nil), s.Sums...)
	return s
}

// Alarm says whether there is one.
func (d *Detector) Alarm() bool { return d.state.Alarm }

// Level is how far the evidence has come, on the scale on which 1 is an alarm.
func (d *Detector) Level() float64 {
	mixed := 0.0
	for _, sum := range d.state.Sums {
		mixed += sum / float64(len(d.bets))
	}
	return mixed / d.limit
}

// Mean is the weighted mean of all values; NaN where there is none.
func (s State) Mean() float64 { return s.Sum / s.Weight }

// Recent is the weighted mean of the values behind the likeliest place of a
// change; NaN where there is none.
func (s State) Recent() float64 { return s.SinceSum / s.SinceWeight }
