package shadow

import (
	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// most is the greatest mean harm that is watched for.
const most = 0.9

// Allowed is the mean harm among kept answers that a policy's certificate allows;
// ok is false where it allows none that could be watched. own, where it is not
// nil, is the owner's figure in its place.
//
// The certificate speaks of all requests, and audits of those that are kept, a
// share of n/local of them. A promise of harm allows (1 − ρ)·P(largest right) per
// request. A promise of quality allows the same net of answers that are better;
// disagreement counts those as well, so that it may be as much larger as twice
// their number among the fresh examples. For tasks of free text, disagreement is
// a matter of degree that no certificate speaks of.
func Allowed(p *policy.Policy, own *float64) (allowed float64, ok bool) {
	if own != nil {
		return *own, true
	}
	c := p.Certificate
	if c == nil || !c.Certified || c.Evidence.Local == 0 || p.Kind == pointsman.KindRewrite || p.Kind == pointsman.KindOpen {
		return 0, false
	}
	e := &c.Evidence
	n, local := float64(e.N), float64(e.Local)
	if c.Promise == pointsman.PromiseHarm {
		allowed = (1 - c.Retain) * float64(e.LargestRight) / local
	} else {
		better := max(e.Quality-e.Largest+float64(e.Harms)/n, 0)
		allowed = ((1-c.Retain)*e.Largest + 2*better) * n / local
	}
	return min(allowed, most), allowed > 0
}
