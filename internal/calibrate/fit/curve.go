package fit

import (
	"cmp"
	"slices"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// curve measures every threshold of the grid.
func (o Options) curve(trials []trial, grid []float64, certified *float64) ([]CurvePoint, error) {
	slices.SortFunc(trials, func(a, b trial) int { return cmp.Compare(a.uplift, b.uplift) })
	n := float64(len(trials))
	quality := 0.0
	for _, t := range trials {
		quality += indicator(t.largest)
	}
	level := o.levels(1 - o.Target.Confidence).test
	out := make([]CurvePoint, 0, len(grid))
	at, harms := 0, 0
	for _, threshold := range grid {
		for ; at < len(trials) && trials[at].uplift <= threshold; at++ {
			if trials[at].harm {
				harms++
			}
			quality += indicator(trials[at].right) - indicator(trials[at].largest)
		}
		bound, err := stat.ClopperPearsonUpper(harms, len(trials), level)
		if err != nil {
			return nil, err
		}
		out = append(out, CurvePoint{threshold, float64(at) / n, float64(harms) / n, bound, quality / n, certified != nil && threshold <= *certified})
	}
	return out, nil
}
