package fit

import (
	"context"

	"github.com/pointsman-ai/pointsman/internal/policy"
)

// learned is a stage as the fit part gives it: everything but its thresholds
// and its certificate.
type learned struct {
	stage policy.Stage
	// uplift is the cross-fitted calibrated uplift of the fit part's valid
	// answers, and lost the cross-fitted P(only the largest is right). They set the
	// path and the expectations, never the promise.
	uplift, lost []float64
	// row is the row of an example of the fit part in them.
	row    map[int]int
	ranks  []RankReport
	trees  [3]int
	groups []GroupReport
}

// effective is the cross-fitted effective uplift of a row of the fit part.
func (l *learned) effective(i int, stakes float64) float64 {
	k, ok := l.row[i]
	if !ok {
		return never
	}
	return policy.AtStakes(l.uplift[k], &l.lost[k], stakes)
}

// learn fits the scorer of one tier: it chooses the groups of signals that have
// shown that they help, and learns from those.
func (o Options) learn(ctx context.Context, fit []*Observation, folds []int, tier int) (*learned, error) {
	from, row, err := o.lessons(fit, folds, tier)
	if err != nil {
		return nil, err
	}
	features, err := describe(from.examples, tier)
	if err != nil {
		return nil, err
	}
	l := &learned{row: row}
	if features, l.groups, err = from.groups(ctx, features); err != nil {
		return nil, err
	}
	s, err := from.score(ctx, features)
	if err != nil {
		return nil, err
	}
	c, err := o.zones(ctx, from, features, s)
	if err != nil {
		return nil, err
	}
	l.uplift, l.lost, l.ranks, l.trees = c.uplift, c.lost, s.ranks, s.trees
	gate, err := o.gate(ctx, from, c.uplift)
	if err != nil {
		return nil, err
	}
	l.stage = policy.Stage{
		Scorer:     s.scorer,
		Gate:       gate,
		Early:      c.early,
		Thresholds: []policy.Threshold{{}},
		Patterns:   patterns(from.examples, tier, c.by),
	}
	return l, nil
}
