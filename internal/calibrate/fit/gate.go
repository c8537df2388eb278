package fit

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/pointsman-ai/pointsman/internal/policy"
)

// gate learns to tell, by the request alone, for which requests a tier would
// hardly ever be accepted, so that asking it is not worth what it costs beside the
// largest tier. It is nil where that saves nothing, or where a cost is unknown.
func (o Options) gate(ctx context.Context, l *lessons, uplift []float64) (*policy.Gate, error) {
	share := l.costShare()
	if !(share > 0) {
		return nil, nil
	}
	features, err := describe(l.requests(), l.tier)
	if errors.Is(err, ErrNoVariation) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := l.score(ctx, features)
	if err != nil {
		return nil, err
	}
	_, loose := o.between(l, uplift)
	order := slices.Clone(l.every)
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(s.uplift[b], s.uplift[a]), a-b) })
	// saved is what is saved on the first k rows, those that look hardest: the cost
	// of asking each, less one request to the largest tier for each that would be
	// accepted; one standard error of that count is not believed.
	accepted, most, high := 0.0, 0.0, math.Inf(1)
	for k, i := range order {
		accepted += indicator(uplift[i] <= loose)
		saved := share*float64(k+1) - accepted - math.Sqrt(accepted+1)
		if k+1 < len(order) && s.uplift[order[k+1]] < s.uplift[i] && saved > most {
			most, high = saved, s.uplift[order[k+1]]
		}
	}
	if math.IsInf(high, 1) {
		return nil, nil
	}
	return &policy.Gate{Scorer: s.scorer, High: high}, nil
}

// requests are the examples with the signals of their requests alone.
func (l *lessons) requests() []*Observation {
	out := make([]*Observation, len(l.examples))
	for i, one := range l.examples {
		bare := *one
		bare.Tiers = slices.Clone(one.Tiers)
		bare.Tiers[l.tier].Signals = nil
		out[i] = &bare
	}
	return out
}

// costShare is what an answer of the tier costs on average, as a share of what one
// of the largest tier does; 0 where that is not known.
func (l *lessons) costShare() float64 {
	this, largest := 0.0, 0.0
	for _, one := range l.examples {
		a, b := one.Tiers[l.tier].Cost, one.Tiers[len(one.Tiers)-1].Cost
		if a == nil || b == nil {
			return 0
		}
		this += *a
		largest += *b
	}
	if !(largest > 0) {
		return 0
	}
	return this / largest
}
