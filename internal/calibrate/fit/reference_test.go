package fit_test

import (
	"math"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/policy"
)

// The reference says what the certify part shows under the policy itself, and is
// not there where nothing is certified.
func TestReference(t *testing.T) {
	observations := example(1, 3000)
	for i := range observations {
		observations[i].Tiers[0].Signals[0].Name = policy.LogprobSignal
	}
	p, report := calibrated(t, observations, options(0.96, 1))
	r := p.Reference
	if r == nil {
		t.Fatal("no reference")
	}
	share := float64(r.Escalated.Count) / float64(r.Escalated.Of)
	if r.Requests != report.CertifyN || r.Units != report.CertifyUnits || math.Abs(share-report.Escalated.Value) > 1e-12 {
		t.Errorf("%+v, and the report has %d requests and %v escalated", r, report.CertifyN, report.Escalated)
	}
	if broken := float64(r.Broken.Count) / float64(r.Broken.Of); math.Abs(broken-1.0/29) > 0.015 {
		t.Errorf("%v of the answers break their contract, want about 1 of 29", broken)
	}
	if low := r.LowLogprob; low == nil || math.Abs(float64(low.Count)/float64(low.Of)-0.1) > 0.03 {
		t.Errorf("improbable answers: %+v, want about a tenth", low)
	}
	if p, _ = calibrated(t, example(1, 60), options(1, 1)); p.Certified() || p.Reference != nil {
		t.Errorf("certified %v, with the reference %+v", p.Certified(), p.Reference)
	}
}
