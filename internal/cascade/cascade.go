// Package cascade takes a request through the tiers of its task: rules first,
// then tiers cheapest first, each answer measured and judged, until one is good
// enough.
//
// The walk itself (walk.go) is a pure state machine over what was measured. The
// live cascade drives it by asking upstreams (run.go), and replay drives it with
// the signals on record (replay.go), so that both decide by the same code.
package cascade

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/call"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
)

// Rules say what a request may be answered by. They are deterministic and
// safe for concurrent use.
type Rules interface {
	Apply(r *pointsman.Request) pointsman.RuleEffect
}

// Reader reads an answer through its task's contract. It is safe for
// concurrent use.
type Reader interface {
	Read(answer, input string) pointsman.Reading
}

// Tier is a tier that is ready to be asked and judged.
type Tier struct {
	call.Tier
	// Digest names the tier's variant.
	Digest pointsman.Digest
	// Endpoint is where the tier is asked, as the configuration has it.
	Endpoint string
	// Students are the auxiliary models that judge this tier's answers; nil
	// where the policy has none.
	Students *signal.Students
	// Sample is the tier as it is asked for further answers; nil where it is not.
	Sample *Tier
}

// Task is a task that is ready to be run. It is read-only and safe for
// concurrent use.
type Task struct {
	ID   pointsman.TaskID
	Kind pointsman.Kind
	// Contract is what every answer must satisfy, and Reader reads answers
	// through it.
	Contract pointsman.Contract
	Reader   Reader
	Target   pointsman.Target
	Slices   []string // metadata keys whose values name slices
	// Costs are the mistakes that cost more than others.
	Costs []pointsman.LabelCost
	// StakesRules is the digest of the rules that set stakes; empty where none
	// does.
	StakesRules pointsman.Digest
	Record      pointsman.Recording
	// Fallback says whether an answer that was not trusted may be given when
	// every larger tier failed, or the request's time was over.
	Fallback bool
	Tiers    []Tier // cheapest first; at least one
	// Witnesses are asked beside every tier that is judged, in their order.
	Witnesses []Tier
	// Samples is how many answers a tier with a Sample gives, with the one that is
	// judged.
	Samples int
	Rules   Rules
	// Policy is nil where none is active; PolicyProblem says why an active one
	// does not apply to these tiers.
	Policy        *policy.Policy
	PolicyDigest  pointsman.Digest
	PolicyProblem error
	// Withdrawn is the PolicyProblem where the certificate was withdrawn for
	// drift; nil where it was not.
	Withdrawn error
	// Direct marks the ad-hoc task of a request that named provider/model.
	Direct bool
}

// Tier finds a tier by its id.
func (t *Task) Tier(id pointsman.TierID) (*Tier, bool) {
	if i := t.index(id); i >= 0 {
		return &t.Tiers[i], true
	}
	return nil, false
}

// Largest is the last tier of the cascade, against which quality and cost are
// compared.
func (t *Task) Largest() *Tier { return &t.Tiers[len(t.Tiers)-1] }

// Variants names what gives the answers that a policy judges, in cascade order:
// a policy is void as soon as one of them is another. How answers are read is
// part of each, and what is asked beside each tier.
func (t *Task) Variants() []pointsman.Digest {
	read, err := json.Marshal(struct {
		Kind     pointsman.Kind
		Contract pointsman.Contract
	}{t.Kind, t.Contract})
	if err != nil { // strings, lists of strings and bytes always marshal
		panic("cascade: contract: " + err.Error())
	}
	out := make([]pointsman.Digest, len(t.Tiers))
	for i := range t.Tiers {
		name := append([]byte(t.Tiers[i].Digest+"+"), read...)
		for _, w := range t.beside(i) {
			name = append(name, "+"+w.Digest...)
		}
		if t.Tiers[i].Sample != nil {
			name = fmt.Appendf(name, "×%d", t.Samples)
		}
		out[i] = pointsman.DigestOf(name)
	}
	return out
}

// beside are what is asked beside a tier, beyond the tier itself: nothing beside
// the largest.
func (t *Task) beside(tier int) []*Tier {
	var out []*Tier
	if tier == len(t.Tiers)-1 {
		return nil
	}
	for i := range t.Witnesses {
		out = append(out, &t.Witnesses[i])
	}
	if s := t.Tiers[tier].Sample; s != nil {
		out = append(out, s)
	}
	return out
}

// Terms are what a policy of the task is fitted for, beside the variants: it is
// void as soon as one of them is another.
func (t *Task) Terms() policy.Terms {
	out := policy.Terms{Tiers: t.Variants(), Target: t.Target, SliceKeys: t.Slices}
	for i := range t.Tiers {
		endpoints := []string{t.Tiers[i].Endpoint}
		for _, w := range t.beside(i) {
			endpoints = append(endpoints, w.Endpoint)
		}
		out.Endpoints = append(out.Endpoints, pointsman.DigestOf([]byte(strings.Join(endpoints, " "))))
	}
	if len(t.Costs) > 0 || t.StakesRules != "" {
		content, err := json.Marshal(struct {
			Costs  []pointsman.LabelCost
			Stakes pointsman.Digest
		}{t.Costs, t.StakesRules})
		if err != nil { // strings and finite numbers always marshal
			panic("cascade: costs: " + err.Error())
		}
		out.Costs = pointsman.DigestOf(content)
	}
	return out
}

// Stakes are what an answer's label adds to the stakes of its request: how many
// times an ordinary mistake the worst one costs that it may be. It is 1 where the
// task names no costs for it.
func (t *Task) Stakes(label string) float64 {
	stakes := 1.0
	for _, c := range t.Costs {
		if c.Answer == label {
			stakes = max(stakes, c.Cost)
		}
	}
	return stakes
}

// Sets are, for each tier but the last, the settings that it sets itself whatever
// a client asks for, in increasing order.
func (t *Task) Sets() [][]string {
	out := make([][]string, len(t.Tiers)-1)
	for i := range out {
		out[i] = slices.Sorted(maps.Keys(t.Tiers[i].Variant.Params))
	}
	return out
}

// Sink takes a streamed answer. Begin is called once, when the tier is decided
// and before the first piece; the decision has everything that headers tell.
// Write takes a piece of the stream as it stands on the wire and must not keep
// it. An error from either means that the client is gone.
type Sink interface {
	Begin(d *pointsman.Decision) error
	Write(piece []byte) error
}

// Result is what a run gave, beside the decision.
type Result struct {
	// Answers are what the attempts of the decision gave, one for each; nil
	// for one that gave nothing.
	Answers []*pointsman.Answer
	// Answer is the answer for the client; nil where there is none.
	Answer *pointsman.Answer
	// Body is that answer as its client is given it, where it was not streamed.
	Body []byte
	// End is what ends a whole stream, as it stands on the wire.
	End []byte
	// Begun says that a stream has reached the client, so that an error can no
	// longer be told by a status.
	Begun bool
}

// SlicesOf names the slices that a request's metadata puts it in, as
// "key=value", in the order of the task's keys.
func SlicesOf(keys []string, metadata map[string]string) []string {
	var out []string
	for _, k := range keys {
		if v, ok := metadata[k]; ok {
			out = append(out, k+"="+v)
		}
	}
	return out
}
