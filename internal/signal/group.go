package signal

import (
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// Group names the group that a signal belongs to: signals of one group are
// measured by one source and come and go together.
func Group(name pointsman.SignalName) string {
	switch name {
	case AnswerLogprobMean, AnswerLogprobMin, AnswerLogprobP10, AnswerEntropy, AnswerMargin, AnswerMeanOdds, AnswerMinOdds, AnswerLabelOdds:
		return "logprobs"
	case RequestOOS, StudentOOS:
		return "scope"
	}
	family, _, _ := strings.Cut(string(name), ".")
	return family
}

// Direction is 1 where a higher value of a signal always speaks for the answer, -1
// where it always speaks against it, and 0 where that is for the data to say.
func Direction(name pointsman.SignalName) int {
	switch name {
	case WitnessAgreement, AnswerLogprobMean, AnswerLogprobMin, AnswerLogprobP10, AnswerMargin, AnswerMeanOdds, AnswerMinOdds, AnswerLabelOdds,
		StudentAgreement, AgreementOdds, JudgeAcceptable, AnswerFinished:
		return 1
	case RequestOOS, StudentOOS, AnswerEntropy, AnswerRefusal:
		return -1
	}
	return 0
}
