package watch

import (
	"math"

	"github.com/pointsman-ai/pointsman/internal/drift"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// Level is the greatest probability that a watch warns within Horizon requests
// that are like those of calibration.
const (
	Level   = drift.DefaultFalseAlarm
	Horizon = drift.DefaultHorizon
)

// Name names a watch.
type Name string

// The watches.
const (
	Escalated   Name = "escalated"
	Unsupported Name = "unsupported"
	Broken      Name = "broken_contract"
	LowLogprob  Name = "low_logprob"
)

// Bounds are where the share of a watch may lie: a confidence interval of what
// calibration saw. Low is 0 where only a rise is watched for.
type Bounds struct {
	Watch     Name    `json:"watch"`
	Reference float64 `json:"reference"` // the share that calibration saw
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
}

// Of are the bounds of the watches that a reference gives. Half of a watch's level
// is for the interval to miss the true share, and half for its tests.
func Of(r *policy.Reference) []Bounds {
	if r == nil {
		return nil
	}
	var out []Bounds
	add := func(name Name, t policy.Tally, sides int) {
		if t.Of == 0 {
			return
		}
		// Requests of one conversation may be alike: it counts as one.
		alike := float64(r.Units) / float64(r.Requests)
		n := max(int(alike*float64(t.Of)), 1)
		count := alike * float64(t.Count)
		alpha := Level / 2 / float64(sides)
		b := Bounds{Watch: name, Reference: float64(t.Count) / float64(t.Of), High: 1}
		if high, err := stat.ClopperPearsonUpper(min(int(math.Ceil(count)), n), n, alpha); err == nil {
			b.High = high
		}
		if sides == 2 {
			if low, err := stat.ClopperPearsonLower(min(int(count), n), n, alpha); err == nil {
				b.Low = low
			}
		}
		out = append(out, b)
	}
	add(Escalated, r.Escalated, 2)
	add(Unsupported, r.Unsupported, 1)
	add(Broken, r.Broken, 1)
	if r.LowLogprob != nil {
		add(LowLogprob, *r.LowLogprob, 1)
	}
	return out
}

// test is a watch at work. A side that no share can break has no detector.
type test struct {
	Bounds
	above, below *drift.Detector
	warned       bool
}

func newTest(b Bounds) *test {
	level := Level / 2.0
	if b.Watch == Escalated {
		level /= 2
	}
	t := &test{Bounds: b}
	// The error is that nothing is watched for.
	t.above, _ = drift.New(drift.Options{Allowed: b.High, FalseAlarm: level, Horizon: Horizon})
	if b.Watch == Escalated {
		t.below, _ = drift.New(drift.Options{Allowed: 1 - b.Low, FalseAlarm: level, Horizon: Horizon})
	}
	return t
}

// add takes the next request, and says which side warns.
func (t *test) add(yes bool) *drift.Detector {
	x := 0.0
	if yes {
		x = 1
	}
	if t.above != nil && t.above.Add(x, 1) {
		return t.above
	}
	if t.below != nil && t.below.Add(1-x, 1) {
		return t.below
	}
	return nil
}
