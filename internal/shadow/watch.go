package shadow

import (
	"math"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/drift"
	"github.com/pointsman-ai/pointsman/internal/withdraw"
)

// Watch tests the audits of one task under one policy. It is rebuilt from those on
// record, in their order, and then the same as one that has seen them come. It is
// not safe for concurrent use.
type Watch struct {
	allowed  float64
	share    float64 // that a weight of 1 stands for
	detector *drift.Detector
	units    map[pointsman.Digest]struct{}
	since    time.Time

	unjudged, repeated int
}

// NewWatch makes a watch that has seen nothing. Audits before since do not count.
// share is that with which answers are drawn now.
func NewWatch(allowed, share float64, since time.Time) (*Watch, error) {
	d, err := drift.New(drift.Options{Allowed: allowed, FalseAlarm: drift.DefaultFalseAlarm, Horizon: drift.DefaultHorizon})
	if err != nil {
		return nil, err
	}
	return &Watch{allowed: allowed, share: share, detector: d, units: map[pointsman.Digest]struct{}{}, since: since}, nil
}

// Add counts an audit, in the light of a later word on the answer, which may be
// nil, and says whether there is an alarm. Answers of one conversation are not
// independent: the first that is audited stands for all. Those that were drawn
// with a greater probability than now count for less.
func (w *Watch) Add(a *pointsman.Audit, o *pointsman.Outcome) (alarm bool) {
	if !a.Time.After(w.since) {
		return w.detector.Alarm()
	}
	harm := a.HarmGiven(o)
	if harm == nil {
		w.unjudged++
		return w.detector.Alarm()
	}
	if a.Unit != "" {
		if _, seen := w.units[a.Unit]; seen {
			w.repeated++
			return w.detector.Alarm()
		}
		w.units[a.Unit] = struct{}{}
	}
	return w.detector.Add(*harm, w.share/a.Probability)
}

// Status is how a watch stands.
type Status struct {
	// Allowed is the mean harm that is not to be exceeded.
	Allowed float64 `json:"allowed"`
	// Audits count. Repeated are those of a conversation that has one already,
	// Unjudged those without a verdict.
	Audits   int `json:"audits"`
	Repeated int `json:"repeated"`
	Unjudged int `json:"unjudged"`
	// Harm is the mean over all audits, Recent over the last RecentAudits, behind
	// the likeliest place of a change; null where there are none.
	Harm         *float64 `json:"harm"`
	Recent       *float64 `json:"recent"`
	RecentAudits int      `json:"recent_audits"`
	// Level is how far the evidence has come; at 1 there is an alarm.
	Level float64 `json:"level"`
	Alarm bool    `json:"alarm"`
}

// Status is how the watch stands.
func (w *Watch) Status() Status {
	s := w.detector.State()
	return Status{
		Allowed: w.allowed, Audits: s.N, Repeated: w.repeated, Unjudged: w.unjudged,
		Harm: defined(s.Mean()), Recent: defined(s.Recent()), RecentAudits: s.N - s.Since,
		Level: w.detector.Level(), Alarm: s.Alarm,
	}
}

func defined(x float64) *float64 {
	if math.IsNaN(x) {
		return nil
	}
	return &x
}

// evidence is what an alarm rests on.
func (w *Watch) evidence() *withdraw.Evidence {
	s := w.detector.State()
	recent := s.Recent()
	if math.IsNaN(recent) { // nothing since the likeliest place of the change
		recent = s.Mean()
	}
	return &withdraw.Evidence{Audits: s.N, Allowed: w.allowed, Harm: s.Mean(), Recent: recent, RecentAudits: s.N - s.Since}
}
