package signal

import (
	"math"
	"strings"
	"unicode"

	"github.com/pointsman-ai/pointsman"
)

// The signals of a final answer: what the contract's pattern found in a text that
// reasons before it answers. Where no pattern found one there are none of them.
const (
	FinalWhole     pointsman.SignalName = "final.whole"           // 1 where no more words follow, and the upstream did not cut the text off
	FinalOthers    pointsman.SignalName = "final.others"          // ln(1 + other final answers given before)
	FinalStands    pointsman.SignalName = "final.stands"          // 1 where its words stand in the reasoning, one after the other
	FinalSupport   pointsman.SignalName = "final.support"         // share of its words that stand in the reasoning
	FinalConcludes pointsman.SignalName = "final.concludes"       // 1 where the reasoning ends with it
	FinalEquations pointsman.SignalName = "final.wrong_equations" // ln(1 + equations of the reasoning that do not hold)
	FinalUnused    pointsman.SignalName = "final.unused_numbers"  // ln(1 + numbers of the request that the reasoning does not name)
	FinalFraction  pointsman.SignalName = "final.fraction"        // 1 where it is a number that is not whole
	FinalMagnitude pointsman.SignalName = "final.magnitude"       // ln(1 + |number|)
)

const (
	// closing is how many tokens are the end of a reasoning.
	closing = 40
	// maxMagnitude bounds the logarithm of a number.
	maxMagnitude = 50
)

// appendFinal measures the final answer of a text that reasons first: whether it
// is whole, follows from the reasoning, and is plausible. A label that the
// request lists with a text, as a multiple choice does, is looked for by that text.
func appendFinal(out pointsman.Signals, r *pointsman.Request, a *pointsman.Answer, reading pointsman.Reading) pointsman.Signals {
	f := &reading.Final
	if f.Text == "" {
		return out
	}
	before := tokens(f.Before)
	named := setOf(before)
	content := tokens(f.Content())
	out = append(out,
		truth(FinalWhole, whole(f, a)),
		logCount(FinalOthers, f.Others),
		truth(FinalStands, stands(content, before)),
		pointsman.Measured(FinalSupport, support(content, named, token.weight)),
		truth(FinalConcludes, concludes(content, before)),
		logCount(FinalEquations, wrongEquations(f.Before)),
		logCount(FinalUnused, unused(r.Input, named)),
	)
	switch {
	case reading.Label == "":
		return appendNumber(out, content)
	case len(f.Options) > 1:
		return appendChoice(out, f, before, named)
	}
	return out
}

// finals is how many signals at most appendFinal adds.
func finals(reading pointsman.Reading) int {
	if reading.Final.Text == "" {
		return 0
	}
	return 13
}

// whole says whether a final answer was given to its end: nothing but marks
// follow it, and the upstream did not cut the text off.
func whole(f *pointsman.Final, a *pointsman.Answer) bool {
	return a.FinishReason != "length" && !strings.ContainsFunc(f.After, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// concludes says whether a reasoning ends with the content of its final answer:
// for a number, whether it is the last one named.
func concludes(content, before []token) bool {
	if len(content) == 0 {
		return false
	}
	if content[0].kind == isNumber {
		last, ok := lastNumber(before)
		return ok && last == content[0].number
	}
	return stands(content, before[max(0, len(before)-closing):])
}

// unused counts the numbers of a request that a reasoning does not name.
func unused(input string, named map[uint64]struct{}) int {
	n := 0
	seen := map[uint64]struct{}{}
	for _, t := range tokens(input) {
		if _, again := seen[t.key]; again || t.kind != isNumber {
			continue
		}
		seen[t.key] = struct{}{}
		if _, ok := named[t.key]; !ok {
			n++
		}
	}
	return n
}

// appendNumber measures a final answer that is a number.
func appendNumber(out pointsman.Signals, content []token) pointsman.Signals {
	v, ok := firstNumber(content)
	if !ok {
		const why = "the final answer is no number"
		return append(out, pointsman.Unmeasured(FinalFraction, why), pointsman.Unmeasured(FinalMagnitude, why))
	}
	return append(out, truth(FinalFraction, v != math.Trunc(v)), pointsman.Measured(FinalMagnitude, min(math.Log1p(v), maxMagnitude)))
}
