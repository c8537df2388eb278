package signal

import (
	"math"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/student"
)

// The names under which a policy lists the students whose signals it reads.
const (
	// LabelStudent learned the task's labels from the same examples: it says
	// how foreign a request is and whether it would give the same label.
	LabelStudent = "label"
	// judgePrefix and the tier's name make the name of a tier's judge.
	judgePrefix = "judge:"
)

// JudgeStudent is the name of the student that judges a tier's answers by
// their text.
func JudgeStudent(tier pointsman.TierID) string { return judgePrefix + string(tier) }

// The classes of a judge: who of this tier and the largest was right.
const (
	JudgeBoth        = "both"
	JudgeOnlyThis    = "only_this"
	JudgeOnlyLargest = "only_largest"
	JudgeNeither     = "neither"
)

// JudgeText is the text that a judge reads: the request and the answer.
func JudgeText(input, answer string) string { return input + "\n\n" + answer }

// Students are the auxiliary models of one tier of a task. Any of them may be
// nil, and so may the whole.
type Students struct {
	Label *student.Model
	Judge *student.Model

	memo *Memo
}

// Memo remembers what the label student said of one request, so that it is
// asked once for the request and all answers to it. It is used by one goroutine
// and for one request.
type Memo struct {
	asked      bool
	prediction student.Prediction
}

// Sharing is the same students for one request, remembering in the memo.
func (s *Students) Sharing(m *Memo) *Students {
	if s == nil || s.Label == nil {
		return s
	}
	shared := *s
	shared.memo = m
	return &shared
}

// label is what the label student says of an input.
func (s *Students) label(input string) student.Prediction {
	if s.memo == nil {
		return s.Label.Predict(input, student.AllLabels)
	}
	if !s.memo.asked {
		s.memo.prediction, s.memo.asked = s.Label.Predict(input, student.AllLabels), true
	}
	return s.memo.prediction
}

const noStudent = "the policy has no such student"

// request measures how foreign a request is.
func (s *Students) request(input string) pointsman.Signal {
	if s == nil || s.Label == nil {
		return pointsman.Unmeasured(RequestOOS, noStudent)
	}
	return pointsman.Measured(RequestOOS, s.label(input).OOS)
}

func (s *Students) appendAnswer(out pointsman.Signals, r *pointsman.Request, a *pointsman.Answer, reading pointsman.Reading) pointsman.Signals {
	if s == nil {
		s = &Students{}
	}
	agreement := s.agreement(r.Input, reading)
	out = append(out, agreement, odds(agreement))
	if s.Judge == nil {
		return append(out, pointsman.Unmeasured(JudgeAcceptable, noStudent), pointsman.Unmeasured(JudgeUplift, noStudent))
	}
	acceptable, uplift := Judged(s.Judge, JudgeText(r.Input, a.Text))
	return append(out, pointsman.Measured(JudgeAcceptable, acceptable), pointsman.Measured(JudgeUplift, uplift))
}

// agreement is the student's probability of the label that the answer gave.
func (s *Students) agreement(input string, reading pointsman.Reading) pointsman.Signal {
	switch {
	case s.Label == nil:
		return pointsman.Unmeasured(StudentAgreement, noStudent)
	case reading.Label == "":
		return pointsman.Unmeasured(StudentAgreement, "the answer has no label")
	}
	return pointsman.Measured(StudentAgreement, probability(s.label(input), reading.Label))
}

// odds is an agreement as log-odds.
func odds(agreement pointsman.Signal) pointsman.Signal {
	if !agreement.Present() {
		return pointsman.Unmeasured(AgreementOdds, agreement.Missing)
	}
	return pointsman.Measured(AgreementOdds, Odds(agreement.Value))
}

// Odds are the log-odds of a probability, bounded.
func Odds(p float64) float64 { return logOdds(math.Log(p)) }

// Agreement is the student's probability of a label; 0 for a label that the
// student never saw, since it would not give it.
func Agreement(m *student.Model, input, label string) float64 {
	return probability(m.Predict(input, student.AllLabels), label)
}

// probability is a label's part in a prediction.
func probability(p student.Prediction, label string) float64 {
	for _, l := range p.Labels {
		if l.Label == label {
			return l.Prob
		}
	}
	return 0
}

// Judged is a judge's P(this answer acceptable) and its uplift.
func Judged(m *student.Model, text string) (acceptable, uplift float64) {
	for _, l := range m.Predict(text, student.AllLabels).Labels {
		switch l.Label {
		case JudgeBoth:
			acceptable += l.Prob
		case JudgeOnlyThis:
			acceptable += l.Prob
			uplift -= l.Prob
		case JudgeOnlyLargest:
			uplift += l.Prob
		}
	}
	return acceptable, uplift
}
