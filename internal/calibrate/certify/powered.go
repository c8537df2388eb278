package certify

import (
	"math"

	"github.com/pointsman-ai/pointsman"
)

// Scores are what a judge says of a request's answers, as [Case] says it.
type Scores struct {
	Given, Largest      float64
	Right, LargestRight bool
}

// Asking says how people came to judge a request whose answers a judge has judged.
type Asking struct {
	// Probability is that with which people were to be asked, known before, and
	// chosen without regard to what people said of any request; in (0,1].
	Probability float64
	// Asked says that they were. The draws of different units are independent.
	Asked bool
	// Untold says that they were asked and have not said it.
	Untold bool
	// Judge is what the judge says. Without Asked it is all that is known.
	Judge Scores
}

// judged is the case as the judge sees it.
func (x *Case) judged() Case {
	out := *x
	j := &x.People.Judge
	out.Given, out.Largest, out.Right, out.LargestRight, out.People = j.Given, j.Largest, j.Right, j.LargestRight, nil
	return out
}

// worst is the least that the margin of a case can be, whatever people say.
func (c Claim) worst(x *Case) float64 {
	if !x.Local || x.Same && !x.Unknown {
		return 0
	}
	return -c.Retain
}

// predictor makes of a judge's word a prediction of the margin by people, learned
// on a pilot, and holds the corrected margin above −drop.
//
// It is what the corrected margin
//
//	z = p + (ξ/π)·(m − p)
//
// is made of, where m is the margin by people, p any prediction of it that was
// made without them, and ξ says whether they were asked, which they are with
// probability π: its mean is that of m whatever p is (prediction-powered inference:
// Angelopoulos et al., Science 382:669, 2023; with π chosen for each request:
// Zrnic and Candès, "Active statistical inference", 2024). A good p only makes it
// vary less. Where z could be below −drop, p is lowered until it cannot: that
// costs variance and no validity, so that a bet of up to 1/drop is safe with any π.
type predictor struct {
	claim Claim
	shift [cells]float64
	drop  float64
}

// The cells of a predictor: the judge's margin is below 0, at 0, up to 1−ρ, and
// above; each for requests whose answer may and may not be worse than the largest
// tier's.
const cells = 8

func (c Claim) cell(x *Case, margin float64) int {
	at := 0
	switch {
	case margin > 1-c.Retain+1e-12:
		at = 3
	case margin > 0:
		at = 2
	case margin == 0:
		at = 1
	}
	if c.worst(x) < 0 {
		at += 4
	}
	return at
}

// prior is how many judgements of people a judge's word is worth to a predictor.
const prior = 4

// drops are the bounds that are tried, as multiples of the greatest loss.
var drops = []float64{1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32}

// predict learns a predictor on a pilot, for n units, none with more than most cases.
func (c Claim) predict(pilot []Case, ps Sample, n, most int) *predictor {
	p := &predictor{claim: c, drop: 4}
	var weight, square, sum [cells]float64
	for i := range pilot {
		x := &pilot[i]
		if x.People == nil || !x.People.Asked {
			continue
		}
		judged := x.judged()
		judge := c.known(&judged)
		k, w := c.cell(x, judge), 1/x.People.Probability
		weight[k] += w
		square[k] += w * w
		sum[k] += w * (c.people(x) - judge)
	}
	for k := range p.shift {
		if weight[k] > 0 {
			effective := weight[k] * weight[k] / square[k]
			p.shift[k] = sum[k] / weight[k] * effective / (effective + prior)
		}
	}
	best := math.Inf(-1)
	for _, drop := range drops {
		if len(pilot) == 0 {
			break
		}
		try := *p
		try.drop = drop
		sums := c.sums(pilot, ps, &try)
		lambda, growth := bet(c.Delta, n, sums, float64(most)*drop), 0.0
		for _, s := range sums {
			growth += math.Log1p(lambda * s)
		}
		if growth > best {
			best, p.drop = growth, drop
		}
	}
	return p
}

// people is the margin of a case that people were asked about.
func (c Claim) people(x *Case) float64 {
	if x.People.Untold {
		return c.worst(x)
	}
	return c.known(x)
}

// margin is the corrected margin of a case.
func (p *predictor) margin(x *Case) float64 {
	c, a := p.claim, x.People
	if a.Probability >= 1 {
		return c.people(x)
	}
	judged := x.judged()
	prediction := c.known(&judged)
	prediction += p.shift[c.cell(x, prediction)]
	worst, best := c.worst(x), 1.0
	if worst == 0 || c.Promise == pointsman.PromiseHarm {
		best = 1 - c.Retain
	}
	// What z would be at the worst, p·(1 − 1/π) + worst/π, must not be below −drop.
	most := (p.drop*a.Probability + worst) / (1 - a.Probability)
	prediction = max(worst, min(prediction, best, most))
	if !a.Asked {
		return prediction
	}
	return prediction + (c.people(x)-prediction)/a.Probability
}

// drawn says whether people were asked about a sample of the cases only.
func drawn(cases []Case) bool {
	for i := range cases {
		if cases[i].People != nil {
			return true
		}
	}
	return false
}
