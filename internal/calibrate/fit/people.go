package fit

import (
	"slices"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// sampled says whether people judged a sample of the examples only.
func sampled(all []*Observation) bool {
	return slices.ContainsFunc(all, func(one *Observation) bool { return one.People != nil })
}

// powered is the mean by people of a figure of each example, given the outcomes of
// its tiers, where a judge has judged all and people a sample; held to its range.
// Where people have said next to nothing it is the judge's word, and the interval
// all of the range.
func powered(all []*Observation, figure func(tiers []TierOutcome) float64, of []int, low float64) stat.Estimate {
	judgements := make([]stat.Judgement, 0, len(all))
	sum := 0.0
	for i, one := range all {
		pick := func(judged bool) float64 {
			tiers := []TierOutcome{one.Tiers[of[i]], one.Tiers[len(one.Tiers)-1]}
			if judged && one.People != nil {
				tiers = []TierOutcome{tiers[0].judged(), tiers[1].judged()}
			}
			return figure(tiers)
		}
		j := stat.Judgement{Judge: pick(true), People: pick(false), Asked: true, Probability: 1}
		if p := one.People; p != nil {
			j.Asked, j.Probability = p.Asked, p.Probability
		}
		sum += j.Judge
		judgements = append(judgements, j)
	}
	e, err := stat.Powered(judgements, shown)
	if err != nil {
		return stat.Estimate{Value: sum / float64(max(len(all), 1)), Interval: stat.Interval{Low: low, High: 1}}
	}
	return e.Within(low, 1)
}
