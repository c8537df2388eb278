package pointsman

import (
	"encoding/json"
	"time"
)

// Identifiers of configured things. Each is the name that the owner wrote in
// the configuration file.
type (
	// TaskID names a task; clients send it as `model`.
	TaskID string
	// ModelID names a configured model (an offer of one upstream).
	ModelID string
	// UpstreamID names a configured endpoint.
	UpstreamID string
	// TierID names a step of a task's cascade.
	TierID string
)

// Kind says what a task does, which decides how its answers are read, scored
// and trusted.
type Kind string

// The kinds of task.
const (
	KindClassify Kind = "classify" // one label of a closed set
	KindExtract  Kind = "extract"  // a JSON object under a schema
	KindModerate Kind = "moderate" // one label of a closed set, where a miss is harm
	KindRewrite  Kind = "rewrite"  // free text that keeps the meaning of the request
	KindOpen     Kind = "open"     // anything else
)

// Kinds lists every kind, in the order in which they are documented.
var Kinds = []Kind{KindClassify, KindExtract, KindModerate, KindRewrite, KindOpen}

// Location says where an upstream runs, which rules about data may depend on.
type Location string

// The locations of an upstream.
const (
	LocationEdge       Location = "edge"        // in this process or on this device
	LocationSelfHosted Location = "self_hosted" // on the owner's machines
	LocationManaged    Location = "managed"     // a vendor's API
)

// Locations lists every location.
var Locations = []Location{LocationEdge, LocationSelfHosted, LocationManaged}

// Contract is what every answer of a task must satisfy. The zero value accepts
// any text.
type Contract struct {
	// Labels is the closed set of a classify or moderate task.
	Labels []string `json:"labels,omitempty"`
	// Pattern is an RE2 expression whose first group is the answer within the
	// text, for models that reason before they answer; the last match counts.
	// Empty: the whole text, trimmed, is the answer.
	Pattern string `json:"pattern,omitempty"`
	// Schema is a JSON Schema (2020-12) that the answer must satisfy.
	Schema []byte `json:"schema,omitempty"`
	// Verbatim says that every string value of an extracted object must stand
	// in the request word for word.
	Verbatim bool `json:"verbatim,omitempty"`
}

// Prompt is the versioned instruction of a task or tier. An empty System adds
// nothing to what the client sent.
type Prompt struct {
	Version string `json:"version"`
	System  string `json:"system,omitempty"`
}

// Variant is what answers at a tier: a model with a prompt version and
// parameters. It is what an evaluation compares and a release ships.
type Variant struct {
	Model ModelID `json:"model"`
	// Upstream and Name say what the model is where it is asked: the same
	// configured model with another name behind it is another variant.
	Upstream UpstreamID `json:"upstream,omitempty"`
	Name     string     `json:"name,omitempty"`
	Prompt   Prompt     `json:"prompt"`
	// Params are members of the request body that the tier sets, as canonical
	// JSON values by name: {"temperature":0,"max_tokens":16}.
	Params map[string]string `json:"params,omitempty"`
	// Artefact is the digest of the weights where they are ours to name.
	Artefact Digest `json:"artefact,omitempty"`
}

// Recording says how much of a request's and answer's text is kept.
type Recording string

// The ways to record payloads.
const (
	RecordFull     Recording = "full"     // as it was
	RecordRedacted Recording = "redacted" // personal data replaced by placeholders
	RecordHashed   Recording = "hashed"   // keyed digests only: equal texts can be recognised, none can be read
	RecordNone     Recording = "none"     // nothing
)

// Recordings lists every way to record payloads.
var Recordings = []Recording{RecordFull, RecordRedacted, RecordHashed, RecordNone}

// Target is the quality that a policy must promise.
type Target struct {
	// Promise is what is promised; empty stands for [PromiseQuality], and was
	// written before there was a choice.
	Promise Promise `json:"promise,omitempty"`
	// Retain is ρ: the cascade's quality as a share of the largest tier's.
	Retain float64 `json:"retain"`
	// Confidence is 1 − δ: the probability, over the draw of the calibration
	// examples, that the promise holds.
	Confidence float64 `json:"confidence"`
	// Aim is what the owner wants of the cascade beyond the promise; nil: as few
	// requests of the largest tier as the promise permits.
	Aim *Aim `json:"aim,omitempty"`
}

// Aim says when asking on is worth its price, by the price of a mistake and of a
// second, or by a bound that implies such prices. What is nil is not said.
type Aim struct {
	// Mistake is what a wrong answer costs, in US dollars, and Second what a second
	// of waiting does.
	Mistake *float64 `json:"mistake,omitempty"`
	Second  *float64 `json:"second,omitempty"`
	// Budget is the most that a request may cost on average, in US dollars, Latency
	// the most seconds that it may take on average, and Quality the least mean
	// score. One of them stands in place of the prices.
	Budget  *float64 `json:"budget,omitempty"`
	Latency *float64 `json:"latency,omitempty"`
	Quality *float64 `json:"quality,omitempty"`
}

// Promised is the promise, where it is not said [PromiseQuality].
func (t Target) Promised() Promise {
	if t.Promise == "" {
		return PromiseQuality
	}
	return t.Promise
}

// Promise is what a policy promises of its cascade.
type Promise string

// The promises.
const (
	// PromiseQuality: the cascade's mean score is at least ρ times the largest
	// tier's. Answers that are better pay for answers that are worse.
	PromiseQuality Promise = "quality"
	// PromiseHarm: of the requests that the largest tier has right, at most a
	// share 1 − ρ gets a wrong answer.
	PromiseHarm Promise = "harm"
)

// Place is where a tier's upstream runs.
type Place struct {
	Upstream UpstreamID `json:"upstream"`
	Location Location   `json:"location"`
	Region   string     `json:"region,omitempty"`
}

// Tier is one step of a cascade.
type Tier struct {
	ID      TierID        `json:"id"`
	Variant Variant       `json:"variant"`
	Place   Place         `json:"place"`
	Price   Price         `json:"price"`
	Timeout time.Duration `json:"timeout"`
}

// LabelCost is what one kind of mistake costs.
type LabelCost struct {
	// Truth is the right label and Answer the given one.
	Truth  string `json:"truth"`
	Answer string `json:"answer"`
	// Cost is how many times an ordinary mistake it costs; at least 1, which is
	// what all other mistakes cost.
	Cost float64 `json:"cost"`
}

// Task is a named workload.
type Task struct {
	ID       TaskID   `json:"id"`
	Kind     Kind     `json:"kind"`
	Contract Contract `json:"contract"`
	Tiers    []Tier   `json:"tiers"` // cheapest first; at least one
	// Witnesses are other small models that are asked for the same request as a
	// tier that is judged, so that agreement can be measured: cheapest first, where
	// all their prices are known. The ID of the first is "witness", of the next
	// "witness.2", and so on.
	Witnesses []Tier   `json:"witnesses,omitempty"`
	Samples   Samples  `json:"samples,omitzero"`
	Target    Target   `json:"target"`
	Slices    []string `json:"slices,omitempty"` // metadata keys whose values name slices
	// Costs are the mistakes that cost more than others.
	Costs  []LabelCost `json:"costs,omitempty"`
	Record Recording   `json:"record"`
	// Fallback says whether an answer that was not trusted may be given when
	// every larger tier failed.
	Fallback bool `json:"fallback"`
}

// Samples are further answers of a tier that is judged, from which it is measured
// whether it says the same again (self-consistency: Wang et al. 2023).
type Samples struct {
	// Count is how many answers there are, with the one that is judged; 0 where no
	// further ones are asked for.
	Count int `json:"count"`
	// Params are members of the request body that the further ones set, in place
	// of the tier's or beside them.
	Params map[string]string `json:"params,omitempty"`
}

// Tier finds a tier by its id.
func (t *Task) Tier(id TierID) (Tier, bool) {
	for _, tier := range t.Tiers {
		if tier.ID == id {
			return tier, true
		}
	}
	return Tier{}, false
}

// Largest is the last tier of the cascade, against which quality and cost are
// compared.
func (t *Task) Largest() Tier { return t.Tiers[len(t.Tiers)-1] }

// Digest names the variant by its content: two tiers with equal digests give
// the same answers as far as pointsman's own settings go.
func (v Variant) Digest() Digest {
	content, err := json.Marshal(v)
	if err != nil { // strings and maps of strings always marshal
		panic("pointsman: variant: " + err.Error())
	}
	return DigestOf(content)
}
