// Package signal measures requests and answers. Each file holds one family of
// signals; a measurement that cannot be made says why instead of standing in a
// zero. Everything here is pure and costs microseconds: a signal that needs
// another model's word takes that word as an argument.
package signal

import "github.com/pointsman-ai/pointsman"

// The signals of a request, before anything was asked.
const (
	RequestChars    pointsman.SignalName = "request.chars"     // ln(1 + bytes) of the last user message
	RequestWords    pointsman.SignalName = "request.words"     // ln(1 + words) of the last user message
	RequestTurns    pointsman.SignalName = "request.turns"     // messages of the conversation
	RequestDigits   pointsman.SignalName = "request.digits"    // share of digits among the letters and digits
	RequestNonASCII pointsman.SignalName = "request.non_ascii" // share of runes beyond ASCII
	RequestMarks    pointsman.SignalName = "request.questions" // question marks
	RequestOOS      pointsman.SignalName = "request.oos"       // how foreign the request is to the task's student, in [0,1]
)

// The signals of an answer.
const (
	AnswerChars       pointsman.SignalName = "answer.chars"             // ln(1 + bytes)
	AnswerWords       pointsman.SignalName = "answer.words"             // ln(1 + words)
	AnswerFinished    pointsman.SignalName = "answer.finished"          // 1 where the upstream says that it stopped by itself
	AnswerRefusal     pointsman.SignalName = "answer.refusal"           // 1 where the answer declines to answer
	AnswerHedging     pointsman.SignalName = "answer.hedging"           // hedging expressions, ln(1 + count)
	AnswerRepetition  pointsman.SignalName = "answer.repetition"        // share of word trigrams that occurred before
	AnswerDigits      pointsman.SignalName = "answer.digits"            // share of digits among the letters and digits
	AnswerValid       pointsman.SignalName = "answer.valid"             // 1 where the output contract is kept
	AnswerLogprobMean pointsman.SignalName = "answer.logprob_mean"      // nats per token
	AnswerLogprobMin  pointsman.SignalName = "answer.logprob_min"       // nats of the least likely token
	AnswerLogprobP10  pointsman.SignalName = "answer.logprob_p10"       // nats at the tenth percentile of the tokens
	AnswerEntropy     pointsman.SignalName = "answer.first_entropy"     // nats, of the first token over the alternatives given
	AnswerMargin      pointsman.SignalName = "answer.label_margin"      // probability of the label less that of the next one
	AnswerMeanOdds    pointsman.SignalName = "answer.logprob_mean_odds" // log-odds of the probability whose logarithm is answer.logprob_mean
	AnswerMinOdds     pointsman.SignalName = "answer.logprob_min_odds"  // log-odds of the least likely token
	AnswerLabelOdds   pointsman.SignalName = "answer.label_odds"        // log-odds of the label against the next one
	StudentOOS        pointsman.SignalName = "student.oos"              // an embedded tier's own out-of-scope score, in [0,1]
	StudentAgreement  pointsman.SignalName = "student.agreement"        // the task's student's probability of the answer's label
	AgreementOdds     pointsman.SignalName = "student.agreement_odds"   // log-odds of student.agreement
	WitnessAgreement  pointsman.SignalName = "witness.agreement"        // how far the first witness says the same, in [0,1]; of the next, "witness.2.agreement"
	WitnessShare      pointsman.SignalName = "witness.share"            // share of several witnesses that say the same
	WitnessAgainst    pointsman.SignalName = "witness.against"          // largest share of them that say something else, all the same
	SamplesShare      pointsman.SignalName = "samples.share"            // share of the tier's further answers that say the same
	SamplesEntropy    pointsman.SignalName = "samples.entropy"          // nats, over all answers of the tier by what they say
	JudgeAcceptable   pointsman.SignalName = "judge.acceptable"         // a text student's P(this answer acceptable)
	JudgeUplift       pointsman.SignalName = "judge.uplift"             // a text student's P(only the largest right) − P(only this right)
)

// OfRequest measures a request, in a fixed order. The students may be nil.
func OfRequest(r *pointsman.Request, students *Students) pointsman.Signals {
	out := make(pointsman.Signals, 0, 7)
	out = append(out, requestShape(r)...)
	return append(out, students.request(r.Input))
}

// OfAnswer measures an answer that was read through its contract, in a fixed
// order.
func OfAnswer(r *pointsman.Request, a *pointsman.Answer, reading pointsman.Reading, beside *Beside, students *Students) pointsman.Signals {
	out := make(pointsman.Signals, 0, 22+finals(reading))
	out = appendShape(out, a)
	out = append(out, truth(AnswerValid, reading.Valid))
	out = appendLogprobs(out, a.Logprobs)
	out = beside.append(append(out, upstreamOwn(a, StudentOOS)), a, reading)
	return appendFinal(students.appendAnswer(out, r, a, reading), r, a, reading)
}

// upstreamOwn is a measurement that only the upstream can make.
func upstreamOwn(a *pointsman.Answer, name pointsman.SignalName) pointsman.Signal {
	for _, s := range a.Signals {
		if s.Name == name {
			return s
		}
	}
	return pointsman.Unmeasured(name, "the upstream gives none")
}

// truth is 1 or 0.
func truth(name pointsman.SignalName, is bool) pointsman.Signal {
	if is {
		return pointsman.Measured(name, 1)
	}
	return pointsman.Measured(name, 0)
}
