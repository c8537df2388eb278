package config

import (
	"github.com/pointsman-ai/pointsman"
)

// Config is one configuration file, read and checked. It is read-only and safe
// for concurrent use. Every value that the file leaves out and that has a
// default has it; pointers are nil only where there is neither.
type Config struct {
	Version   int64                             `yaml:"version"`
	DataDir   Path                              `yaml:"data_dir"`
	Server    Server                            `yaml:"server"`
	Journal   Journal                           `yaml:"journal"`
	Upstreams map[pointsman.UpstreamID]Upstream `yaml:"upstreams"`
	Models    map[pointsman.ModelID]Model       `yaml:"models"`
	// Rules are those of every task and of direct requests; they neither pin
	// nor name tiers.
	Rules []Rule `yaml:"rules"`
	// Specs are the tasks as the file has them; [Config.Tasks] are the tasks as
	// the other rooms know them.
	Specs map[pointsman.TaskID]Task `yaml:"tasks"`

	source    *source
	positions map[string]mark
	files     []string
	artefacts map[pointsman.ModelID]pointsman.Digest
}

// Server says how requests come in.
type Server struct {
	Listen         string   `yaml:"listen"`
	MaxBody        Size     `yaml:"max_body"`
	ReadTimeout    Duration `yaml:"read_timeout"`
	RequestTimeout Duration `yaml:"request_timeout"`
	DrainTimeout   Duration `yaml:"drain_timeout"`
	// Direct says whether clients may name upstream/model in place of a task.
	Direct string `yaml:"direct"`
	// Keys are the credentials that clients may use; none means that no key is
	// asked for, which is refused for an address that others can reach.
	Keys []Key `yaml:"keys"`
}

// The values of Server.Direct.
const (
	DirectAllow = "allow"
	DirectDeny  = "deny"
)

// Key is one credential, known by its hash only.
type Key struct {
	Name   string `yaml:"name"`
	SHA256 string `yaml:"sha256"`
	// Metadata replaces what a client with this key claims.
	Metadata map[string]string `yaml:"metadata"`
}

// Journal says how decisions are put on record.
type Journal struct {
	Durability       string   `yaml:"durability"`
	FsyncInterval    Duration `yaml:"fsync_interval"`
	OnFull           string   `yaml:"on_full"`
	SegmentSize      Size     `yaml:"segment_size"`
	Retention        Duration `yaml:"retention"`
	PayloadRetention Duration `yaml:"payload_retention"`
}

// The values of Journal.Durability and Journal.OnFull.
const (
	DurabilityInterval = "interval"
	DurabilitySync     = "sync"
	OnFullRefuse       = "refuse"
	OnFullAnswer       = "answer"
)

// UpstreamType says which family of provider an upstream belongs to.
type UpstreamType string

// The types of upstream.
const (
	TypeEmbedded UpstreamType = "embedded" // student models in this process
	TypeOpenAI   UpstreamType = "openai"   // anything that speaks the OpenAI chat-completions API
	TypeRecorded UpstreamType = "recorded" // answers from a recording
)

// Upstream is an endpoint. Which of its settings are there depends on its type.
type Upstream struct {
	Type     UpstreamType       `yaml:"type"`
	Location pointsman.Location `yaml:"location"`
	// Region is empty where the file names none; rules then cannot forbid it.
	Region  string   `yaml:"region"`
	Timeout Duration `yaml:"timeout"`
	// BaseURL, APIKey and Headers are of openai.
	BaseURL Text            `yaml:"base_url"`
	APIKey  Secret          `yaml:"api_key"`
	Headers map[string]Text `yaml:"headers"`
	// Recording and Pace are of recorded.
	Recording Path `yaml:"recording"`
	Pace      Pace `yaml:"pace"`
}

// Pace says how fast a recorded upstream answers.
type Pace string

// The paces of a recorded upstream.
const (
	PaceNone     Pace = "none"     // at once
	PaceRecorded Pace = "recorded" // after as long as the recorded answer took
)

// Model is an offer of one upstream.
type Model struct {
	Upstream pointsman.UpstreamID `yaml:"upstream"`
	// Name is what the upstream calls the model: the model's own id where the
	// file does not say.
	Name string `yaml:"name"`
	// Artefact holds the weights of an embedded model.
	Artefact ArtefactRef `yaml:"artefact"`
	// ContextWindow is in tokens; nil where the file does not say.
	ContextWindow *int64 `yaml:"context_window"`
	Price         Price  `yaml:"price"`
}

// ArtefactRef says where weights are: a digest in the artefact store, or a
// file. The zero value refers to none.
type ArtefactRef struct {
	Digest pointsman.Digest
	File   Path
}

// IsZero says that no artefact is referred to.
func (a ArtefactRef) IsZero() bool { return a.Digest == "" && a.File.IsZero() }

// String is the reference as it is written.
func (a ArtefactRef) String() string {
	if !a.File.IsZero() {
		return "file:" + a.File.Written()
	}
	return string(a.Digest)
}

// Task is a task as the file has it.
type Task struct {
	Kind        pointsman.Kind      `yaml:"kind"`
	Description string              `yaml:"description"`
	Contract    Contract            `yaml:"contract"`
	Prompt      *Prompt             `yaml:"prompt"`
	Tiers       []Tier              `yaml:"tiers"`
	Witness     *Witness            `yaml:"witness"`
	Target      Target              `yaml:"target"`
	Slices      []string            `yaml:"slices"`
	Record      pointsman.Recording `yaml:"record"`
	Fallback    string              `yaml:"fallback"`
	Rules       []Rule              `yaml:"rules"`
	Probes      []Probe             `yaml:"probes"`
}

// The values of Task.Fallback.
const (
	FallbackNone       = "none"
	FallbackBestAnswer = "best_answer"
)

// Contract is an output contract. What stands in files of its own has been read
// in: Labels and Schema are the whole truth, the paths say where it came from.
type Contract struct {
	Labels     []string `yaml:"labels"`
	LabelsFile Path     `yaml:"labels_file"`
	Pattern    string   `yaml:"pattern"`
	Schema     JSON     `yaml:"schema"`
	SchemaFile Path     `yaml:"schema_file"`
	Verbatim   bool     `yaml:"verbatim"`
}

// JSON is a canonical JSON value: object keys sorted, no white space.
type JSON []byte

// Prompt is a versioned instruction. System has been read in where the file
// names a file for it.
type Prompt struct {
	Version    string `yaml:"version"`
	System     string `yaml:"system"`
	SystemFile Path   `yaml:"system_file"`
}

// Params are members of the request body that a tier sets, as canonical JSON
// values by name.
type Params map[string]string

// Tier is one step of a cascade.
type Tier struct {
	Name   pointsman.TierID  `yaml:"name"`
	Model  pointsman.ModelID `yaml:"model"`
	Prompt *Prompt           `yaml:"prompt"` // nil: the task's
	Params Params            `yaml:"params"`
	// Timeout is the upstream's where the file does not say.
	Timeout Duration `yaml:"timeout"`
}

// Witness is a model that is asked beside the tiers, to see whether it agrees.
type Witness struct {
	Model   pointsman.ModelID `yaml:"model"`
	Prompt  *Prompt           `yaml:"prompt"` // nil: the task's
	Params  Params            `yaml:"params"`
	Timeout Duration          `yaml:"timeout"`
}

// Target is the quality that a policy must promise.
type Target struct {
	Retain     float64 `yaml:"retain"`
	Confidence float64 `yaml:"confidence"`
}

// Rule is an expression over the request and what follows where it holds.
type Rule struct {
	Name   string           `yaml:"name"`
	When   string           `yaml:"when"`
	Forbid *Forbid          `yaml:"forbid"`
	Pin    pointsman.TierID `yaml:"pin"`
	Stakes *float64         `yaml:"stakes"`
}

// Forbid names the tiers that a rule takes away, by what they are or where they
// run.
type Forbid struct {
	Locations []pointsman.Location   `yaml:"locations"`
	Regions   []string               `yaml:"regions"`
	Tiers     []pointsman.TierID     `yaml:"tiers"`
	Upstreams []pointsman.UpstreamID `yaml:"upstreams"`
}

// Probe is a request with what the rules must make of it: the config's own
// test, which `pointsman check` runs.
type Probe struct {
	Name     string            `yaml:"name"`
	Input    string            `yaml:"input"`
	Metadata map[string]string `yaml:"metadata"`
	Expect   Expect            `yaml:"expect"`
}

// Expect is what a probe expects; what is empty is not looked at.
type Expect struct {
	Tier  pointsman.TierID `yaml:"tier"`
	Cause pointsman.Cause  `yaml:"cause"`
	Rule  string           `yaml:"rule"`
}
