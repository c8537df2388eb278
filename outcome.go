package pointsman

import "time"

// Anonymous is the source of outcomes where no key is asked for. No key has that
// name.
const Anonymous = "anonymous"

// Outcome is a later judgement of an answer. It is never changed: a second
// opinion is a second outcome.
type Outcome struct {
	// ID is the digest of everything below but Time, so that the same
	// judgement sent twice is one outcome.
	ID       Digest     `json:"id"`
	Decision DecisionID `json:"decision"`
	Time     time.Time  `json:"time"`
	// Source is the name of the credential that sent it, [Anonymous] where the
	// gateway asks for none.
	Source string `json:"source"`
	// Key is the client's idempotency key, if it sent one.
	Key string `json:"key,omitempty"`
	// Label is the right label; Correct says right or wrong; Score is a grade
	// in [0,1]; Correction is the answer as it should have been; Comment is
	// free text. At least one is set.
	Label      string   `json:"label,omitempty"`
	Correct    *bool    `json:"correct,omitempty"`
	Score      *float64 `json:"score,omitempty"`
	Correction string   `json:"correction,omitempty"`
	Comment    string   `json:"comment,omitempty"`
}
