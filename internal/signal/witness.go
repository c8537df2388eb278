package signal

import (
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// Witness is what another small model made of the same request. A nil Witness
// was not asked.
type Witness struct {
	Text    string
	Reading pointsman.Reading
	// Missing says why the witness gave no answer; empty where it did.
	Missing string
}

// agreement compares an answer with the witness's: equal labels where the task
// has labels, otherwise the F1 of their words as multisets.
func (w *Witness) agreement(a *pointsman.Answer, reading pointsman.Reading) pointsman.Signal {
	switch {
	case w == nil:
		return pointsman.Unmeasured(WitnessAgreement, "no witness was asked")
	case w.Missing != "":
		return pointsman.Unmeasured(WitnessAgreement, w.Missing)
	case reading.Label != "" || w.Reading.Label != "":
		return truth(WitnessAgreement, reading.Label == w.Reading.Label)
	}
	return pointsman.Measured(WitnessAgreement, overlap(a.Text, w.Text))
}

// overlap is 2·|common|/(|a|+|b|) over the words of two texts, folded to lower
// case; two empty texts agree.
func overlap(a, b string) float64 {
	counts := map[string]int{}
	n := 0
	for word := range strings.FieldsSeq(strings.ToLower(a[:min(len(a), maxText)])) {
		counts[word]++
		n++
	}
	common := 0
	for word := range strings.FieldsSeq(strings.ToLower(b[:min(len(b), maxText)])) {
		n++
		if counts[word] > 0 {
			counts[word]--
			common++
		}
	}
	if n == 0 {
		return 1
	}
	return 2 * float64(common) / float64(n)
}
