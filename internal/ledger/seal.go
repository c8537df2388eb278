package ledger

import (
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/redact"
)

// sealer applies a recording setting to texts before they are stored.
type sealer struct {
	recording pointsman.Recording
	// digest is the keyed digest of a text.
	digest func(text string) pointsman.Digest
}

// payload is what may be stored of a payload: all of it, all with personal data
// replaced, keyed digests in place of texts, or nil for nothing. The payload
// itself is not changed. A setting that is not known stores nothing.
func (s sealer) payload(p *journal.Payload) *journal.Payload {
	if p == nil {
		return nil
	}
	var text, body func(string) string
	switch s.recording {
	case pointsman.RecordFull:
		text = func(s string) string { return s }
		body = text
	case pointsman.RecordRedacted:
		text, body = redact.Text, redact.JSON
	case pointsman.RecordHashed:
		text = func(text string) string {
			if text == "" {
				return ""
			}
			return string(s.digest(text))
		}
		body = text
	default:
		return nil
	}
	sealed := &journal.Payload{Decision: p.Decision, Recording: s.recording, Request: body(p.Request), Input: text(p.Input)}
	for _, a := range p.Attempts {
		sealed.Attempts = append(sealed.Attempts, journal.AttemptText{Tier: a.Tier, Answer: text(a.Answer)})
	}
	return sealed
}

// digestOfStored is the keyed digest of a text as it is stored. It is keyed
// under every recording: decisions outlive texts, and a plain digest would let
// whoever reads them try short texts against it.
func (s sealer) digestOfStored(stored string) pointsman.Digest {
	switch {
	case stored == "":
		return ""
	case s.recording == pointsman.RecordHashed:
		return pointsman.Digest(stored)
	}
	return s.digest(stored)
}

// outcome holds the texts of an outcome to what its task records: they say what
// the answer said, and they stay as long as the decision.
func (s sealer) outcome(task pointsman.TaskID, o *pointsman.Outcome) error {
	switch s.recording {
	case pointsman.RecordFull:
	case pointsman.RecordRedacted:
		o.Comment, o.Correction = redact.Text(o.Comment), redact.Text(o.Correction)
	default:
		o.Comment, o.Correction = "", ""
		if o.Label == "" && o.Correct == nil && o.Score == nil {
			return &pointsman.Error{
				Code: pointsman.CodeInvalid, Message: fmt.Sprintf("task %s records no texts, and the feedback is nothing but text", task),
				Hint: "send a label, correct or score as well",
			}
		}
	}
	return nil
}
