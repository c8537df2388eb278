package pointsman

import "time"

// Audit is what the largest tier said, out of the way of the request, to a
// request that a smaller tier had answered. A decision has at most one.
type Audit struct {
	Decision DecisionID `json:"decision"`
	Time     time.Time  `json:"time"`
	Task     TaskID     `json:"task"`
	// Policy is the one that accepted the answer.
	Policy Digest `json:"policy"`
	// Unit is a keyed digest of the conversation, whose answers are not
	// independent; empty where there is none, or nothing is recorded.
	Unit Digest `json:"unit,omitempty"`
	// Probability is that with which the answer was drawn.
	Probability float64 `json:"probability"`

	// Tier, Model and Variant were asked.
	Tier    TierID  `json:"tier"`
	Model   ModelID `json:"model"`
	Variant Digest  `json:"variant"`
	// Kept and Label are the labels of the answer that was given and of the
	// largest tier's, for tasks that have some.
	Kept  string `json:"kept,omitempty"`
	Label string `json:"label,omitempty"`
	// Harm is how far the two answers disagree, in [0,1]: with no truth at hand,
	// the largest tier's answer stands for it. Nil where there is no verdict, and
	// Detail says why.
	Harm   *float64 `json:"harm"`
	Detail string   `json:"detail,omitempty"`
	// Answer is the keyed digest of the largest tier's text, which is not kept.
	Answer Digest `json:"answer,omitempty"`

	Usage   Usage         `json:"usage"`
	Cost    Cost          `json:"cost"`
	Charged Money         `json:"charged"` // to the budget of audits: the cost, or what was reserved where it is unknown
	Latency time.Duration `json:"latency_ns"`
}

// HarmGiven is the harm in the light of a later word on the answer that was
// given: what is known to be right counts in place of what the largest tier said.
func (a *Audit) HarmGiven(o *Outcome) *float64 {
	if a.Harm == nil || o == nil {
		return a.Harm
	}
	harm := *a.Harm
	switch {
	case o.Label != "" && a.Kept != "":
		harm = 0
		if a.Kept != o.Label && a.Label == o.Label {
			harm = 1
		}
	case o.Correct != nil && *o.Correct:
		harm = 0
	case o.Score != nil:
		harm = min(harm, 1-*o.Score)
	}
	return &harm
}
