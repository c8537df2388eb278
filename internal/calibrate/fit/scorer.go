package fit

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// lessons are the valid answers of one tier in the fit part, with what came of
// them: what its scorers are learned from.
type lessons struct {
	tier     int
	examples []*Observation
	fold     []int
	folds    int
	// this and largest say whether this tier's answer, and the largest tier's,
	// are acceptable.
	this, largest []bool
	// every are all rows, judged those to which the largest tier answered.
	every, judged []int
	// What the three heads predict, by row.
	right, onlyLargest, onlyThis []float64
}

// lessons collects the valid answers of a tier. row gives the row of each of
// them by its place in the fit part.
func (o Options) lessons(fit []*Observation, folds []int, tier int) (l *lessons, row map[int]int, err error) {
	l, row = &lessons{tier: tier, folds: o.Folds}, map[int]int{}
	accepted := 0
	for i, one := range fit {
		this, last := &one.Tiers[tier], &one.Tiers[len(one.Tiers)-1]
		if !this.Valid || this.Failed {
			continue
		}
		k := len(l.examples)
		row[i] = k
		l.examples, l.fold, l.every = append(l.examples, one), append(l.fold, folds[i]), append(l.every, k)
		l.this, l.largest = append(l.this, this.right()), append(l.largest, last.right())
		l.right = append(l.right, indicator(this.right()))
		if this.right() {
			accepted++
		}
		onlyLargest, onlyThis := 0.0, 0.0
		if !last.Failed {
			l.judged = append(l.judged, k)
			onlyLargest, onlyThis = indicator(last.right() && !this.right()), indicator(this.right() && !last.right())
		}
		l.onlyLargest, l.onlyThis = append(l.onlyLargest, onlyLargest), append(l.onlyThis, onlyThis)
	}
	switch n := len(l.examples); {
	case n < 2*o.Folds:
		return nil, nil, fmt.Errorf("%w: tier %d gave a valid answer to %d of the %d examples in the fit part", ErrNoVariation, tier+1, n, len(fit))
	case accepted == 0:
		return nil, nil, fmt.Errorf("%w: none of the %d valid answers of tier %d in the fit part is acceptable; the tier can only cost", ErrNoVariation, n, tier+1)
	case len(l.judged) == 0:
		return nil, nil, fmt.Errorf("%w: the largest tier failed on every example in the fit part", ErrNoVariation)
	}
	return l, row, nil
}

func indicator(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// scored is a scorer with its cross-fitted word on each row.
type scored struct {
	scorer policy.Scorer
	// uplift is calibrated, and lost is P(only the largest is right).
	uplift, lost []float64
	ranks        []RankReport
	trees        [3]int // of each head
}

// score learns a scorer from some features.
func (l *lessons) score(ctx context.Context, features []policy.Feature) (*scored, error) {
	x := design(l.examples, l.tier, features)
	var heads [3]head
	var group errgroup.Group
	for k, h := range []struct {
		y    []float64
		rows []int
		sign int // of the direction in which signals speak
	}{{l.right, l.every, 1}, {l.onlyLargest, l.judged, -1}, {l.onlyThis, l.judged, 0}} {
		group.Go(func() (err error) {
			if heads[k], err = fitHead(ctx, x, h.y, h.rows, l.fold, l.folds); err != nil || len(h.rows) < treesFrom {
				return err
			}
			return heads[k].correct(ctx, l, l.table(features, h.sign), h.y, h.rows)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	acceptable, upward, downward := &heads[0], &heads[1], &heads[2]
	s := &scored{trees: [3]int{len(acceptable.trees), len(upward.trees), len(downward.trees)}}
	s.scorer = policy.Scorer{
		Features:    features,
		Acceptable:  asHead(acceptable, features),
		OnlyLargest: asHead(upward, features),
		OnlyThis:    asHead(downward, features),
		Calibration: mapProbability(acceptable.crossed, l.this, l.fold, l.folds),
	}
	for _, z := range upward.crossed {
		s.lost = append(s.lost, policy.Logistic(z))
	}
	return s, s.rank(l, acceptable.crossed, upward.crossed, downward.crossed)
}

// rank takes the raw score that ranks best on the rows where both tiers
// answered, and calibrates it to the uplift.
func (s *scored) rank(l *lessons, acceptable, upward, downward []float64) error {
	raw := map[policy.Rank][]float64{}
	for i := range acceptable {
		raw[policy.RankUplift] = append(raw[policy.RankUplift], policy.Logistic(upward[i])-policy.Logistic(downward[i]))
		raw[policy.RankUnacceptable] = append(raw[policy.RankUnacceptable], policy.Logistic(-acceptable[i]))
	}
	weak, strong, gains := make([]float64, len(l.judged)), make([]float64, len(l.judged)), make([]float64, len(l.judged))
	for k, i := range l.judged {
		weak[k], strong[k] = indicator(l.this[i]), indicator(l.largest[i])
		gains[k] = strong[k] - weak[k]
	}
	best := 0
	for at, name := range []policy.Rank{policy.RankUplift, policy.RankUnacceptable} {
		routing, err := stat.Route(pick(raw[name], l.judged), weak, strong)
		if err != nil {
			return err
		}
		r := RankReport{Rank: name, Area: area(routing)}
		if apgr, err := routing.APGR(); err == nil && routing.Strong > routing.Weak {
			r.APGR = &apgr
		}
		s.ranks = append(s.ranks, r)
		if r.Area > s.ranks[best].Area {
			best = at
		}
	}
	s.scorer.Rank = s.ranks[best].Rank
	scores := raw[s.scorer.Rank]
	s.scorer.Uplift = mapUplift(pick(scores, l.judged), gains)
	for _, x := range scores {
		s.uplift = append(s.uplift, s.scorer.Uplift.Uplift(x))
	}
	return nil
}

func pick(values []float64, rows []int) []float64 {
	out := make([]float64, len(rows))
	for k, i := range rows {
		out[k] = values[i]
	}
	return out
}

// area is the mean quality over all shares of escalated requests, by the
// trapezoid rule.
func area(r stat.Routing) float64 {
	sum := 0.0
	for i := 1; i < len(r.Curve); i++ {
		a, b := r.Curve[i-1], r.Curve[i]
		sum += (b.Share - a.Share) * (a.Quality + b.Quality) / 2
	}
	return sum
}
