package fit

import (
	"context"
	"math"
	"slices"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// GroupReport is what a group of signals adds.
type GroupReport struct {
	Group   string                 `json:"group"`
	Signals []pointsman.SignalName `json:"signals"`
	// Spent is how many parameters the data determine in this group, in the heads
	// of what is acceptable, of only the largest and of only this right: 0 is a
	// group that tells nothing.
	Spent [3]float64 `json:"spent"`
	// Gain is by how much the cross-validated log loss, in nats for each answer and
	// over the first two heads, would be higher without the group, and Error the
	// standard error of that.
	Gain  float64 `json:"gain"`
	Error float64 `json:"error"`
	// Used says that the policy reads these signals.
	Used bool `json:"used"`
}

// groupNames are the groups of features, in the order in which they first appear.
func groupNames(features []policy.Feature) []string {
	var names []string
	for _, f := range features {
		if g := signal.Group(f.Signal); !slices.Contains(names, g) {
			names = append(names, g)
		}
	}
	return names
}

// without leaves out the features of a group.
func without(features []policy.Feature, group string) []policy.Feature {
	return slices.DeleteFunc(slices.Clone(features), func(f policy.Feature) bool { return signal.Group(f.Signal) == group })
}

// silent is how few parameters the data determine in a group that is left out.
const silent = 0.05

// groups says what each group of signals adds, and leaves out the features of
// those of which the data say nothing.
func (l *lessons) groups(ctx context.Context, features []policy.Feature) ([]policy.Feature, []GroupReport, error) {
	names := groupNames(features)
	x := design(l.examples, l.tier, features)
	out := make([]GroupReport, len(names))
	kept := features
	var priors [2]prior
	for k, h := range []struct {
		y    []float64
		rows []int
	}{{l.right, l.every}, {l.onlyLargest, l.judged}, {l.onlyThis, l.judged}} {
		_, p, spent := byEvidence(x, h.y, h.rows)
		for g := range out {
			out[g].Spent[k] = spent[g]
		}
		if k < len(priors) {
			priors[k] = p
		}
	}
	whole, err := l.loss(ctx, features, names, priors)
	if err != nil {
		return nil, nil, err
	}
	for g, name := range names {
		r := &out[g]
		r.Group = name
		for _, f := range features {
			if signal.Group(f.Signal) == name {
				r.Signals = append(r.Signals, f.Signal)
			}
		}
		rest, err := l.loss(ctx, without(features, name), names, priors)
		if err != nil {
			return nil, nil, err
		}
		r.Gain, r.Error = l.difference(rest, whole, l.measured())
		if r.Used = max(r.Spent[0], r.Spent[1], r.Spent[2]) > silent; !r.Used && len(without(kept, name)) > 0 {
			kept = without(kept, name)
		}
	}
	return kept, out, nil
}

// measuredRows bounds the rows on which the worth of groups is measured, for the
// report.
const measuredRows = 2000

func (l *lessons) measured() []int { return l.every[:min(len(l.every), measuredRows)] }

// loss is the cross-validated log loss of the first two heads by row, with the
// priors that all groups together have.
func (l *lessons) loss(ctx context.Context, features []policy.Feature, names []string, priors [2]prior) ([]float64, error) {
	rows := l.measured()
	x := design(l.examples, l.tier, features)
	out := make([]float64, len(rows))
	place := make(map[int]int, len(rows))
	for k, i := range rows {
		place[i] = k
	}
	for k, y := range [][]float64{l.right, l.onlyLargest} {
		penalty := make([]float64, x.columns)
		at := groupNames(features)
		for j, g := range x.group {
			penalty[j] = priors[k][slices.Index(names, at[g])]
		}
		var last *model
		for f := range l.folds {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			train, test := divide(rows, l.fold, f)
			m := logistic(x, y, train, penalty, last)
			last = &m
			for _, i := range test {
				z := m.logit(x.row(i))
				out[place[i]] += softplus(z) - y[i]*z
			}
		}
	}
	return out, nil
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// difference is the mean of before − after on some rows, with its standard error
// over conversations.
func (l *lessons) difference(before, after []float64, rows []int) (gain, err float64) {
	for k := range rows {
		gain += (before[k] - after[k]) / float64(len(rows))
	}
	at := map[string]int{}
	var sums []float64
	for k, i := range rows {
		group := l.examples[i].group()
		if _, ok := at[group]; !ok {
			at[group] = len(sums)
			sums = append(sums, 0)
		}
		sums[at[group]] += before[k] - after[k] - gain
	}
	variance := 0.0
	for _, s := range sums {
		variance += s * s
	}
	return gain, math.Sqrt(variance) / float64(len(rows))
}
