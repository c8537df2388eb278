package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/redact"
)

// sealer applies a recording setting to what is about to be stored. It is used
// for one record, and remembers the first error, which is the context's.
type sealer struct {
	ctx       context.Context //nolint:containedctx // of the one record
	recording pointsman.Recording
	// digest is the keyed digest of a text.
	digest func(text string) pointsman.Digest
	// certified says whether the policy in force has a threshold for a slice.
	certified func(slice string) bool
	err       error
}

// text is what may be stored of a text: all of it, with personal data replaced,
// a keyed digest in its place, or nothing. A setting that is not known stores
// nothing.
func (s *sealer) text(text string) string { return s.apply(text, redact.TextContext) }

// document is text for JSON, which stays JSON.
func (s *sealer) document(body string) string { return s.apply(body, redact.JSONContext) }

func (s *sealer) apply(text string, redacted func(context.Context, string) (string, error)) string {
	if text == "" || s.err != nil {
		return ""
	}
	switch s.recording {
	case pointsman.RecordFull:
		return text
	case pointsman.RecordRedacted:
		var out string
		out, s.err = redacted(s.ctx, text)
		return out
	case pointsman.RecordHashed:
		return string(s.digest(text))
	case pointsman.RecordNone:
	}
	return ""
}

// payload is what may be stored of a payload; nil for nothing. The payload
// itself is not changed.
func (s *sealer) payload(p *journal.Payload) *journal.Payload {
	if p == nil || s.recording != pointsman.RecordFull && s.recording != pointsman.RecordRedacted && s.recording != pointsman.RecordHashed {
		return nil
	}
	sealed := &journal.Payload{Decision: p.Decision, Recording: s.recording, Request: s.document(p.Request), Input: s.text(p.Input)}
	for i := range p.Attempts {
		a := &p.Attempts[i]
		one := journal.AttemptText{Tier: s.tier(a.Tier), Answer: s.text(a.Answer)}
		for _, call := range a.ToolCalls {
			one.ToolCalls = append(one.ToolCalls, pointsman.ToolCall{
				ID: s.text(call.ID), Name: s.text(call.Name), Arguments: s.document(call.Arguments),
			})
		}
		sealed.Attempts = append(sealed.Attempts, one)
	}
	return sealed
}

// digestOfStored is the keyed digest of a text as it is stored. It is keyed
// under every recording: decisions outlive texts, and a plain digest would let
// whoever reads them try short texts against it.
func (s *sealer) digestOfStored(stored string) pointsman.Digest {
	switch {
	case stored == "":
		return ""
	case s.recording == pointsman.RecordHashed:
		return pointsman.Digest(stored)
	}
	return s.digest(stored)
}

// digestOfAnswer is the digest of an answer as it is stored: of its text, and of
// its calls of tools where it has some.
func (s *sealer) digestOfAnswer(a *journal.AttemptText) pointsman.Digest {
	if len(a.ToolCalls) == 0 {
		return s.digestOfStored(a.Answer)
	}
	calls := slices.Clone(a.ToolCalls)
	for i := range calls {
		calls[i].ID = "" // drawn anew for each answer
	}
	content, err := json.Marshal([]any{a.Answer, calls})
	if err != nil { // strings always marshal
		panic("ledger: answer: " + err.Error())
	}
	return s.digest(string(content))
}

// decision is what may be stored of a decision whose texts come from the client
// or from an upstream: metadata, the conversation's name, details of errors and
// broken contracts, what is no name where an upstream names its model, and the
// name of the model that a direct request asks for.
// The decision itself is not changed.
//
//   - Keys of metadata stay readable where values are digests: they are names
//     that rules use.
//   - A slice is a value of metadata, but thresholds depend on it, and replay on
//     them. One that the policy in force has a threshold for stays as it is
//     under every recording: its owner calibrated on it, and the policy names
//     it to whoever reads the data directory. Any other has the threshold of
//     the whole task, by whatever name, and follows the setting.
//   - What is left of a direct request's name under redacted, hashed or none no
//     longer makes its variant, and the variant's digest is not keyed: it goes
//     with the name.
func (s *sealer) decision(d *pointsman.Decision) *pointsman.Decision {
	if s.recording == pointsman.RecordFull {
		return d
	}
	sealed := *d
	sealed.Metadata, sealed.Slices, sealed.Conversation = s.metadata(d.Metadata), s.slices(d.Slices), s.conversation(d.Conversation)
	sealed.Detail = s.detail(d.Cause, d.Detail)
	sealed.Attempts = slices.Clone(d.Attempts)
	for i := range sealed.Attempts {
		a := &sealed.Attempts[i]
		a.Detail, a.Reading.Problem = s.detail(a.Cause, a.Detail), s.text(a.Reading.Problem)
		a.ServedBy, a.FinishReason = s.vendorName(a.ServedBy), s.vendorName(a.FinishReason)
		a.Witnesses, a.Samples = s.witnesses(a.Witnesses), s.witnesses(a.Samples)
	}
	if IsDirect(d.Task) {
		s.direct(&sealed)
	}
	return &sealed
}

// witnesses seals what was asked beside a tier, in a copy.
func (s *sealer) witnesses(list []pointsman.WitnessAnswer) []pointsman.WitnessAnswer {
	out := slices.Clone(list)
	for i := range out {
		out[i].Detail = s.text(out[i].Detail)
	}
	return out
}

// IsDirect says whether a decision's task is none of the configuration but the
// upstream/model that a client named: names of tasks have no slash.
func IsDirect(task pointsman.TaskID) bool { return strings.Contains(string(task), "/") }

// direct seals the names of a direct request in a copy of its decision.
func (s *sealer) direct(d *pointsman.Decision) {
	d.Task, d.Tier, d.Model = pointsman.TaskID(s.name(string(d.Task))), s.tier(d.Tier), s.model(d.Model)
	d.Rules.Pin = s.tier(d.Rules.Pin)
	d.Rules.Permitted = slices.Clone(d.Rules.Permitted)
	for i := range d.Rules.Permitted {
		d.Rules.Permitted[i] = s.tier(d.Rules.Permitted[i])
	}
	for i := range d.Attempts {
		a := &d.Attempts[i]
		tier, model := s.tier(a.Tier), s.model(a.Model)
		if tier != a.Tier || model != a.Model {
			a.Variant = ""
		}
		a.Tier, a.Model = tier, model
		a.ServedBy = s.text(a.ServedBy) // most echo the name that they were asked for
	}
}

// vendorName seals what an upstream calls its model, or the end of an answer. A
// name is kept, since a vendor's silent changes show in it; an upstream that
// writes anything else there is not believed.
func (s *sealer) vendorName(name string) string {
	const longest, others = 128, "-_.:/"
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if i == longest || !letter && strings.IndexByte(others, c) < 0 {
			return s.text(name)
		}
	}
	return name
}

// name seals upstream/model: the upstream is the owner's name for it.
func (s *sealer) name(name string) string {
	upstream, model, direct := strings.Cut(name, "/")
	if !direct {
		return name
	}
	return upstream + "/" + s.text(model)
}

func (s *sealer) tier(id pointsman.TierID) pointsman.TierID {
	return pointsman.TierID(s.name(string(id)))
}

func (s *sealer) model(id pointsman.ModelID) pointsman.ModelID {
	return pointsman.ModelID(s.name(string(id)))
}

func (s *sealer) metadata(m map[string]string) map[string]string {
	if s.recording != pointsman.RecordRedacted && s.recording != pointsman.RecordHashed {
		return nil
	}
	sealed := make(map[string]string, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		name := key
		if s.recording == pointsman.RecordRedacted {
			name = s.text(key)
		}
		sealed[name] = s.member(key, m[key])
	}
	return sealed
}

// member is the text of a value that has a name: a password is a secret
// whatever it looks like.
func (s *sealer) member(name, value string) string {
	if s.recording == pointsman.RecordRedacted && redact.IsSecretName(name) && value != "" {
		return redact.Secret
	}
	return s.text(value)
}

// unkept stands for the value of a slice of which nothing is kept.
const unkept = "(not kept)"

func (s *sealer) slices(names []string) []string {
	var sealed []string
	for _, name := range names {
		if s.certified == nil || !s.certified(name) {
			key, value, _ := strings.Cut(name, "=")
			switch s.recording {
			case pointsman.RecordRedacted, pointsman.RecordHashed:
				name = key + "=" + s.member(key, value)
			default: // that there is one decides, whichever it is
				name = key + "=" + unkept
			}
		}
		sealed = append(sealed, name)
	}
	return sealed
}

// detail is what is kept of a cause's detail. The check of its support that a
// request failed is said in words of our own, and is kept whatever is recorded.
func (s *sealer) detail(cause pointsman.Cause, detail string) string {
	if cause == pointsman.CauseUnsupported || cause == pointsman.CauseGated {
		return detail
	}
	return s.text(detail)
}

// conversation keeps conversations apart that redaction makes look the same.
func (s *sealer) conversation(name string) string {
	sealed := s.text(name)
	if s.recording == pointsman.RecordRedacted && sealed != name && s.err == nil {
		sealed += " " + s.digest(name).Short()
	}
	return sealed
}

// outcome holds the texts of an outcome to what its task records: they say what
// the answer said, and they stay as long as the decision. Its label stays: it
// is one of the owner's set, and what calibration learns from.
func (s *sealer) outcome(task pointsman.TaskID, o *pointsman.Outcome) error {
	o.Key = s.text(o.Key)
	switch s.recording {
	case pointsman.RecordFull, pointsman.RecordRedacted:
		o.Comment, o.Correction = s.text(o.Comment), s.text(o.Correction)
	default:
		o.Comment, o.Correction = "", ""
		if o.Label == "" && o.Correct == nil && o.Score == nil {
			return &pointsman.Error{
				Code: pointsman.CodeInvalid, Message: fmt.Sprintf("task %s records no texts, and the feedback is nothing but text", task),
				Hint: "send a label, correct or score as well",
			}
		}
	}
	return s.err
}
