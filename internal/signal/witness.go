package signal

import (
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/agree"
)

// Witness is what another small model made of the same request, or the judged tier
// itself in a further answer.
type Witness struct {
	Answer  *pointsman.Answer
	Reading pointsman.Reading
	// Missing says why it gave no answer; empty where it did.
	Missing string
}

// Beside is what was asked beside a tier. A nil Beside asks nobody.
type Beside struct {
	// Witnesses are those of the task, in the order in which they are asked; nil
	// for one that was not asked.
	Witnesses []*Witness
	// Samples are the further answers of the tier, nil where none was asked for;
	// Sampled says that the task has some.
	Samples []Witness
	Sampled bool
}

const (
	notAsked   = "it was not asked"
	notAll     = "not all witnesses answered"
	noWitness  = "no witness was asked"
	notSampled = "no further answers were asked for"
)

// WitnessSignal is the name of a witness's agreement, by its place from 0.
func WitnessSignal(place int) pointsman.SignalName {
	if place == 0 {
		return WitnessAgreement
	}
	return pointsman.SignalName(fmt.Sprintf("witness.%d.agreement", place+1))
}

// appendBeside measures whether others say the same. Where a task has several
// witnesses, what they say together is known when all have answered.
func (b *Beside) append(out pointsman.Signals, a *pointsman.Answer, reading pointsman.Reading) pointsman.Signals {
	if b == nil || len(b.Witnesses) == 0 && !b.Sampled {
		return append(out, pointsman.Unmeasured(WitnessAgreement, noWitness))
	}
	own := agree.Of(a, reading)
	out = b.appendWitnesses(out, own)
	if b.Sampled {
		out = b.appendSamples(out, own)
	}
	return out
}

func (b *Beside) appendWitnesses(out pointsman.Signals, own agree.Form) pointsman.Signals {
	if len(b.Witnesses) == 0 {
		return append(out, pointsman.Unmeasured(WitnessAgreement, noWitness))
	}
	var others []agree.Form
	for i, w := range b.Witnesses {
		switch name := WitnessSignal(i); {
		case w == nil:
			out = append(out, pointsman.Unmeasured(name, notAsked))
		case w.Missing != "":
			out = append(out, pointsman.Unmeasured(name, w.Missing))
		default:
			other := agree.Of(w.Answer, w.Reading)
			others = append(others, other)
			out = append(out, pointsman.Measured(name, own.With(other)))
		}
	}
	switch {
	case len(b.Witnesses) == 1: // its agreement says it all
		return out
	case len(others) < len(b.Witnesses):
		return append(out, pointsman.Unmeasured(WitnessShare, notAll), pointsman.Unmeasured(WitnessAgainst, notAll))
	}
	return append(out, pointsman.Measured(WitnessShare, agree.Share(own, others)), pointsman.Measured(WitnessAgainst, agree.Against(own, others)))
}

// appendSamples measures whether the tier says the same again: the share of its
// further answers that do, and the entropy of all. A sample that failed leaves both
// without a value, since fewer samples are another measurement.
func (b *Beside) appendSamples(out pointsman.Signals, own agree.Form) pointsman.Signals {
	missing := ""
	if len(b.Samples) == 0 {
		missing = notSampled
	}
	var others []agree.Form
	for i := range b.Samples {
		if s := &b.Samples[i]; s.Missing != "" {
			missing = s.Missing
		} else {
			others = append(others, agree.Of(s.Answer, s.Reading))
		}
	}
	if missing != "" {
		return append(out, pointsman.Unmeasured(SamplesShare, missing), pointsman.Unmeasured(SamplesEntropy, missing))
	}
	return append(out, pointsman.Measured(SamplesShare, agree.Share(own, others)), pointsman.Measured(SamplesEntropy, agree.Entropy(append(others, own))))
}
