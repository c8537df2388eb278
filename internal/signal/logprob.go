package signal

import (
	"math"
	"slices"

	"github.com/pointsman-ai/pointsman"
)

const noLogprobs = "the upstream gave no logprobs"

// appendLogprobs measures the sequence statistics: mean, minimum, low
// quantile, the entropy at the first token, and the margin between the two
// most likely first tokens, which for a label that is one token is the margin
// between labels.
func appendLogprobs(out pointsman.Signals, tokens []pointsman.TokenLogprob) pointsman.Signals {
	if len(tokens) == 0 {
		for _, name := range []pointsman.SignalName{AnswerLogprobMean, AnswerLogprobMin, AnswerLogprobP10, AnswerEntropy, AnswerMargin, AnswerMeanOdds, AnswerMinOdds, AnswerLabelOdds} {
			out = append(out, pointsman.Unmeasured(name, noLogprobs))
		}
		return out
	}
	var buffer [64]float64
	values := buffer[:0]
	sum, lowest := 0.0, math.Inf(1)
	for _, t := range tokens {
		v := max(t.Logprob, -100) // some vendors write −9999 for "beyond our bound"
		values = append(values, v)
		sum += v
		lowest = min(lowest, v)
	}
	slices.Sort(values)
	out = append(out,
		pointsman.Measured(AnswerLogprobMean, sum/float64(len(values))),
		pointsman.Measured(AnswerLogprobMin, lowest),
		pointsman.Measured(AnswerLogprobP10, values[(len(values)-1)/10]),
	)
	margin, odds := labelMargin(tokens)
	return append(out, firstEntropy(tokens[0]), margin,
		pointsman.Measured(AnswerMeanOdds, logOdds(sum/float64(len(values)))), pointsman.Measured(AnswerMinOdds, logOdds(lowest)), odds)
}

// firstEntropy is −Σ p ln p over the alternatives that were given for the
// first token, with what they leave over counted as one more outcome.
func firstEntropy(first pointsman.TokenLogprob) pointsman.Signal {
	if len(first.Top) == 0 {
		return pointsman.Unmeasured(AnswerEntropy, "the upstream gave no alternatives")
	}
	entropy, mass := 0.0, 0.0
	for _, t := range first.Top {
		p := math.Exp(min(t.Logprob, 0))
		mass += p
		if p > 0 {
			entropy -= p * min(t.Logprob, 0)
		}
	}
	if rest := 1 - mass; rest > 1e-12 {
		entropy -= rest * math.Log(rest)
	}
	return pointsman.Measured(AnswerEntropy, entropy)
}

// labelMargin is the probability of the token that was chosen less that of the
// best other alternative, at the token where that difference is smallest: an
// answer is as sure as its least sure choice. An upstream that gives only the
// chosen token's probability p bounds the other's by 1 − p. The odds are the
// difference of the logarithms there, which tells apart what is all but certain.
func labelMargin(tokens []pointsman.TokenLogprob) (margin, odds pointsman.Signal) {
	smallest, least := math.Inf(1), math.Inf(1)
	for _, t := range tokens {
		chosen := math.Exp(min(t.Logprob, 0))
		other, next := -1.0, math.Inf(-1)
		for _, alternative := range t.Top {
			if alternative.Token != t.Token {
				next = max(next, min(alternative.Logprob, 0))
				other = max(other, math.Exp(next))
			}
		}
		if other < 0 {
			other = 1 - chosen
			least = min(least, logOdds(t.Logprob))
		} else {
			least = min(least, min(t.Logprob, 0)-next)
		}
		smallest = min(smallest, chosen-other)
	}
	return pointsman.Measured(AnswerMargin, smallest), pointsman.Measured(AnswerLabelOdds, min(max(least, -sureOdds), sureOdds))
}

// sureOdds bounds log-odds: beyond it, a probability says how a vendor rounds.
const sureOdds = 30

// logOdds is ln p − ln(1−p) for p = e^l, without the cancellation of 1 − p where
// p is close to 1 (Mächler 2012, "Accurately computing log(1 − exp(−|a|))").
func logOdds(l float64) float64 {
	switch {
	case l >= 0:
		return sureOdds
	case l > -math.Ln2:
		l -= math.Log(-math.Expm1(l))
	default:
		l -= math.Log1p(-math.Exp(l))
	}
	return min(max(l, -sureOdds), sureOdds)
}
