package stat

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// JudgeCounts are the answers that both people and a judge have judged.
type JudgeCounts struct {
	RightRight int `json:"right_right"` // people right, judge right
	RightWrong int `json:"right_wrong"` // people right, judge wrong
	WrongRight int `json:"wrong_right"` // people wrong, judge right
	WrongWrong int `json:"wrong_wrong"`
}

// Add counts one answer.
func (c *JudgeCounts) Add(people, judge bool) {
	switch {
	case people && judge:
		c.RightRight++
	case people:
		c.RightWrong++
	case judge:
		c.WrongRight++
	default:
		c.WrongWrong++
	}
}

// Sensitivity is the share that the judge calls right of what people call right,
// with its exact interval.
func (c JudgeCounts) Sensitivity(confidence float64) (Estimate, error) {
	return exactRate(c.RightRight, c.RightRight+c.RightWrong, confidence)
}

// Specificity is the share that the judge calls wrong of what people call wrong,
// with its exact interval.
func (c JudgeCounts) Specificity(confidence float64) (Estimate, error) {
	return exactRate(c.WrongWrong, c.WrongWrong+c.WrongRight, confidence)
}

func exactRate(k, n int, confidence float64) (Estimate, error) {
	i, err := ClopperPearson(k, n, confidence)
	if err != nil {
		return Estimate{}, err
	}
	return Estimate{float64(k) / float64(n), i}, nil
}

// Corrected is the rate of right answers among n of which a judge calls k right,
// corrected by what the judge is worth (Rogan and Gladen 1978):
//
//	(k/n + specificity − 1) / (sensitivity + specificity − 1).
//
// The counts are those of other answers, drawn at random within what people call
// right and wrong. The interval holds at any size: each of the three rates has
// its exact interval at a third of the error, and the rate rises with k/n and with
// the specificity and falls with the sensitivity, so that its ends lie at theirs.
// (Lang and Reiczigel 2014 are shorter, and hold on average only.) Where the judge
// may be no better than a coin it is all of [0,1], and where it is no better by its
// rates the corrected rate does not exist.
func (c JudgeCounts) Corrected(k, n int, confidence float64) (Estimate, error) {
	if err := level("confidence", confidence); err != nil {
		return Estimate{}, err
	}
	each := 1 - (1-confidence)/3
	raw, err := exactRate(k, n, each)
	if err != nil {
		return Estimate{}, err
	}
	se, err := c.Sensitivity(each)
	if err != nil {
		return Estimate{}, err
	}
	sp, err := c.Specificity(each)
	if err != nil {
		return Estimate{}, err
	}
	if se.Value+sp.Value <= 1 {
		return Estimate{}, undefined("a judge of sensitivity %.3g and specificity %.3g says nothing", se.Value, sp.Value)
	}
	gladen := func(p, se, sp float64) float64 { return min(max((p+sp-1)/(se+sp-1), 0), 1) }
	e := Estimate{gladen(raw.Value, se.Value, sp.Value), Interval{0, 1}}
	if se.Low+sp.Low > 1 {
		e.Interval = Interval{gladen(raw.Low, se.High, sp.Low), gladen(raw.High, se.Low, sp.High)}
	}
	return e, nil
}

// Judgement is an answer that a judge has graded, and people where they were asked.
type Judgement struct {
	Judge, People float64
	// Asked says that people were asked, which they were with this probability.
	Asked       bool
	Probability float64
}

// Powered is the mean grade by people of answers that a judge has all graded and
// people a sample: the mean of judge + (asked/probability)·(people − judge), which
// needs nothing of the judge (prediction-powered inference: Angelopoulos et al.,
// Science 382:669, 2023), with its interval by the normal approximation. Use it to
// show rates; promises are tested otherwise. It may lie outside of what grades can
// be; see [Estimate.Within].
func Powered(all []Judgement, confidence float64) (Estimate, error) {
	if len(all) == 0 {
		return Estimate{}, undefined("no answers")
	}
	if err := level("confidence", confidence); err != nil {
		return Estimate{}, err
	}
	sum, square, asked := 0.0, 0.0, 0
	for i, j := range all {
		z := j.Judge
		if j.Asked {
			if !(j.Probability > 0 && j.Probability <= 1) {
				return Estimate{}, undefined("answer %d: people were asked with probability %v", i, j.Probability)
			}
			asked++
			z += (j.People - j.Judge) / j.Probability
		}
		sum += z
		square += z * z
	}
	if asked < 2 {
		return Estimate{}, undefined("people were asked about %d answers", asked)
	}
	n := float64(len(all))
	mean := sum / n
	half := distuv.UnitNormal.Quantile(1-(1-confidence)/2) * math.Sqrt(max(square/n-mean*mean, 0)/n)
	return Estimate{mean, Interval{mean - half, mean + half}}, nil
}

// Within is an estimate held to the range of what it estimates.
func (e Estimate) Within(low, high float64) Estimate {
	hold := func(x float64) float64 { return min(max(x, low), high) }
	return Estimate{hold(e.Value), Interval{hold(e.Low), hold(e.High)}}
}

// Double is an answer that both people and a judge have judged, with a weight: one
// over the probability with which people were asked, or 1 for all.
type Double struct {
	People, Judge bool
	Weight        float64
}

// Accuracy is a judge's sensitivity and specificity, measured on answers that were
// judged twice; nil where people call no answer right, or none wrong. Where all
// weights are the same the intervals are exact; elsewhere they are those of as many
// answers of one weight as tell as much (Kish 1965), rounded against the judge.
func Accuracy(all []Double, confidence float64) (sensitivity, specificity *Estimate) {
	rate := func(people bool) *Estimate {
		yes, sum, square := 0.0, 0.0, 0.0
		for _, d := range all {
			if d.People != people {
				continue
			}
			sum += d.Weight
			square += d.Weight * d.Weight
			if d.Judge == people {
				yes += d.Weight
			}
		}
		n := math.Floor(sum*sum/square + 1e-9)
		if !(n >= 1) {
			return nil
		}
		share := yes / sum
		low, err := ClopperPearson(int(share*n+1e-9), int(n), confidence)
		if err != nil {
			return nil
		}
		high, err := ClopperPearson(int(math.Ceil(share*n-1e-9)), int(n), confidence)
		if err != nil {
			return nil
		}
		return &Estimate{share, Interval{low.Low, high.High}}
	}
	return rate(true), rate(false)
}
