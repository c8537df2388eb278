package signal

import (
	"strconv"
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
	case WitnessAgreement, WitnessShare, SamplesShare, AnswerLogprobMean, AnswerLogprobMin, AnswerLogprobP10, AnswerMargin, AnswerMeanOdds, AnswerMinOdds, AnswerLabelOdds,
		StudentAgreement, AgreementOdds, JudgeAcceptable, AnswerFinished:
		return 1
	case RequestOOS, StudentOOS, AnswerEntropy, AnswerRefusal, WitnessAgainst, SamplesEntropy:
		return -1
	}
	if strings.HasPrefix(string(name), "witness.") { // of another witness
		return 1
	}
	return 0
}

// Asked says of how many witnesses in their order the answers are needed for a
// signal, where a task has so many: 0 for one that needs none. Further samples of
// the judged model itself come after the witnesses.
func Asked(name pointsman.SignalName, witnesses int) int {
	family, rest, _ := strings.Cut(string(name), ".")
	switch {
	case family == "samples":
		return witnesses + 1
	case family != "witness":
		return 0
	case name == WitnessAgreement:
		return 1
	}
	if place, err := strconv.Atoi(strings.TrimSuffix(rest, ".agreement")); err == nil {
		return place
	}
	return witnesses // what all of them say together
}

// Witnesses is how many witnesses some signals are of.
func Witnesses(names []pointsman.SignalName) int {
	most := 0
	for _, name := range names {
		if Group(name) == "witness" {
			most = max(most, Asked(name, 0))
		}
	}
	return most
}
