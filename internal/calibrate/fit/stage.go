package fit

import (
	"context"
	"fmt"

	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// learned is a stage as the fit part gives it: everything but its thresholds
// and its certificate.
type learned struct {
	stage policy.Stage
	// uplift is the cross-fitted calibrated uplift of the fit part's valid
	// answers. They set the path and the expectations, never the promise.
	uplift []float64
	// rows are the rows of the fit part that uplift is about, and lost the
	// cross-fitted P(only the largest is right).
	row   map[int]int
	lost  []float64
	ranks []RankReport
	heads map[string]float64 // penalties, for the report
}

// effective is the cross-fitted effective uplift of a row of the fit part.
func (l *learned) effective(i int, stakes float64) float64 {
	k, ok := l.row[i]
	if !ok {
		return never
	}
	return policy.AtStakes(l.uplift[k], &l.lost[k], stakes)
}

// learn fits the heads, the calibration maps and the ranking of one tier.
func (o Options) learn(ctx context.Context, fit []*Observation, folds []int, tier int) (*learned, error) {
	var examples []*Observation
	var fold []int
	l := &learned{row: map[int]int{}, heads: make(map[string]float64)}
	for i, one := range fit {
		if out := &one.Tiers[tier]; out.Valid && !out.Failed {
			l.row[i] = len(examples)
			examples, fold = append(examples, one), append(fold, folds[i])
		}
	}
	if len(examples) < 2*o.Folds {
		return nil, fmt.Errorf("%w: tier %d gave a valid answer to %d of the %d examples in the fit part", ErrNoVariation, tier+1, len(examples), len(fit))
	}
	features, err := describe(examples, tier)
	if err != nil {
		return nil, err
	}
	x := design(examples, tier, features)

	n := len(examples)
	this, largest := make([]bool, n), make([]bool, n)
	var every, judged []int // rows, and those where the largest tier answered
	right, onlyLargest, onlyThis := make([]float64, n), make([]float64, n), make([]float64, n)
	accepted := 0
	for i, one := range examples {
		last := &one.Tiers[len(one.Tiers)-1]
		this[i], largest[i] = one.Tiers[tier].right(), last.right()
		every = append(every, i)
		if this[i] {
			right[i] = 1
			accepted++
		}
		if !last.Failed {
			judged = append(judged, i)
			onlyLargest[i], onlyThis[i] = indicator(largest[i] && !this[i]), indicator(this[i] && !largest[i])
		}
	}
	if accepted == 0 {
		return nil, fmt.Errorf("%w: none of the %d valid answers of tier %d in the fit part is acceptable; the tier can only cost", ErrNoVariation, n, tier+1)
	}

	var acceptable, upward, downward head
	for _, h := range []struct {
		name string
		head *head
		y    []float64
		rows []int
	}{{"acceptable", &acceptable, right, every}, {"only_largest", &upward, onlyLargest, judged}, {"only_this", &downward, onlyThis, judged}} {
		if *h.head, err = fitHead(ctx, x, h.y, h.rows, fold, o.Folds); err != nil {
			return nil, err
		}
		l.heads[h.name] = h.head.penalty
	}

	l.stage = policy.Stage{
		Features:    features,
		Acceptable:  asHead(&acceptable.model, features),
		OnlyLargest: asHead(&upward.model, features),
		OnlyThis:    asHead(&downward.model, features),
		Calibration: mapProbability(acceptable.crossed, this, fold, o.Folds),
		Thresholds:  []policy.Threshold{{}},
		Patterns:    patterns(examples, tier, features),
	}
	l.lost = make([]float64, n)
	for i, z := range upward.crossed {
		l.lost[i] = policy.Logistic(z)
	}
	if err := l.choose(judged, this, largest, acceptable.crossed, upward.crossed, downward.crossed); err != nil {
		return nil, err
	}
	return l, nil
}

func indicator(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// choose takes the raw score that ranks best on the rows where both tiers
// answered, and calibrates it to the uplift.
func (l *learned) choose(judged []int, this, largest []bool, acceptable, upward, downward []float64) error {
	raw := map[policy.Rank][]float64{}
	for i := range acceptable {
		raw[policy.RankUplift] = append(raw[policy.RankUplift], policy.Logistic(upward[i])-policy.Logistic(downward[i]))
		raw[policy.RankUnacceptable] = append(raw[policy.RankUnacceptable], policy.Logistic(-acceptable[i]))
	}
	if len(judged) == 0 {
		return fmt.Errorf("%w: the largest tier failed on every example in the fit part", ErrNoVariation)
	}
	weak, strong, gains := make([]float64, len(judged)), make([]float64, len(judged)), make([]float64, len(judged))
	for k, i := range judged {
		weak[k], strong[k] = indicator(this[i]), indicator(largest[i])
		gains[k] = strong[k] - weak[k]
	}
	best := 0
	for at, name := range []policy.Rank{policy.RankUplift, policy.RankUnacceptable} {
		scores := pick(raw[name], judged)
		routing, err := stat.Route(scores, weak, strong)
		if err != nil {
			return err
		}
		r := RankReport{Rank: name, Area: area(routing)}
		if apgr, err := routing.APGR(); err == nil && routing.Strong > routing.Weak {
			r.APGR = &apgr
		}
		l.ranks = append(l.ranks, r)
		if r.Area > l.ranks[best].Area {
			best = at
		}
	}
	l.stage.Rank = l.ranks[best].Rank
	scores := raw[l.stage.Rank]
	l.stage.Uplift = mapUplift(pick(scores, judged), gains)
	l.uplift = make([]float64, len(scores))
	for i, s := range scores {
		l.uplift[i] = l.stage.Uplift.Uplift(s)
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
