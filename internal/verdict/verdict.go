// Package verdict keeps what people and judges say of answers: whether this
// answer to this question is right.
//
// A verdict is about a question and an answer, not about who gave the answer: two
// tiers that say the same need one verdict, and a verdict outlives the variant
// that gave the answer. Verdicts are appended to a file, one JSON object a line,
// each on disk before the next is asked for. Nothing is ever changed: of several
// by one person, or one judge, on one answer the last counts.
package verdict

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// Verdict is what somebody says of one answer.
type Verdict struct {
	Time time.Time `json:"time"`
	// Answer names the question and the answer; see [Of].
	Answer pointsman.Digest `json:"answer"`
	// Example is the id of the example, for people.
	Example string `json:"example,omitempty"`
	// Source is people or judge, and By who it is among them.
	Source pointsman.LabelSource `json:"source"`
	By     string                `json:"by"`
	// Right says whether the answer would do. A verdict with Skipped says that
	// who was asked could not tell.
	Right   bool `json:"right"`
	Skipped bool `json:"skipped,omitempty"`
	// Score is a grade in [0,1] where right and wrong are not all there is to say.
	Score *float64 `json:"score,omitempty"`
	// Asked is the probability with which somebody was to be asked about the
	// example, where it was drawn; 0 where it is not known.
	Asked float64 `json:"asked,omitempty"`
}

// Of names an answer to a question: asked is the digest of what was asked. Where a
// label was read from the answer, that is the answer, however it was put.
func Of(asked pointsman.Digest, text, label string, calls []pointsman.ToolCall) pointsman.Digest {
	if label != "" {
		text = "label " + label
	}
	h := sha256.New()
	write := func(part string) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	write("pointsman answer 1")
	write(string(asked))
	write(text)
	for _, c := range calls {
		write(c.Name)
		write(c.Arguments)
	}
	return pointsman.DigestOfSum([sha256.Size]byte(h.Sum(nil)))
}

// Check says what is wrong with a verdict.
func (v *Verdict) Check() error {
	if _, err := pointsman.ParseDigest(string(v.Answer)); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	switch {
	case v.Source != pointsman.LabelsPeople && v.Source != pointsman.LabelsJudge:
		return fmt.Errorf("source %q: want %s or %s", v.Source, pointsman.LabelsPeople, pointsman.LabelsJudge)
	case v.By == "":
		return fmt.Errorf("by: nobody is named")
	case v.Score != nil && !(*v.Score >= 0 && *v.Score <= 1):
		return fmt.Errorf("score %v: want 0 to 1", *v.Score)
	case math.IsNaN(v.Asked) || v.Asked < 0 || v.Asked > 1:
		return fmt.Errorf("asked %v: want a probability", v.Asked)
	}
	return nil
}
