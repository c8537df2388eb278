package eval

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/progress"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// Target names what is asked: the cascade of a task, or one tier alone.
type Target struct {
	Name string `json:"name"`
	// Tier is empty for the whole cascade.
	Tier pointsman.TierID `json:"tier,omitempty"`
}

// Result is one answer.
type Result struct {
	Text    string            `json:"text"`
	Reading pointsman.Reading `json:"reading"`
	// Decision is the record of the request as far as the asker knows it. Its
	// overhead counts as known where its Latency is set, and its tokens and
	// whether it was escalated where it has Attempts.
	Decision pointsman.Decision `json:"decision"`
	// Err says why there is no answer; then the example is a failure.
	Err     string        `json:"err,omitempty"`
	Status  int           `json:"status,omitempty"`
	Latency time.Duration `json:"latency_ns"`
	// Uplift is what the policy made of the first answer that was judged,
	// Acceptable its confidence in the answer; nil where it said nothing.
	Uplift     *float64 `json:"uplift,omitempty"`
	Acceptable *float64 `json:"acceptable,omitempty"`
}

// Asker puts examples to targets. It must be safe for concurrent use. An error
// of Ask is recorded as the failure of that example, unless it wraps [ErrStop]
// or the context has ended.
type Asker interface {
	Ask(ctx context.Context, t Target, e *dataset.Example) (*Result, error)
	// Identity names everything that a result of this target depends on
	// besides the example: variants, configuration, policy. Results are used
	// again as long as it stays the same.
	Identity(t Target) (pointsman.Digest, error)
}

// ErrStop is wrapped by an error of [Asker.Ask] after which asking on is
// pointless, such as a refused credential. The run ends with that error.
var ErrStop = errors.New("every other example would fail alike")

// ErrInterrupted is wrapped by the error of a run whose context ended before
// everything was asked. What was answered is saved.
var ErrInterrupted = errors.New("the run was interrupted")

// Plan says what is evaluated.
type Plan struct {
	// Name is for people.
	Name string
	Task pointsman.TaskID
	// Examples is ranged over twice: once to check and count everything before
	// anything is asked, and once to ask. [dataset.Read] and [dataset.All]
	// give such sequences.
	Examples iter.Seq2[dataset.Example, error]
	Targets  []Target
	Asker    Asker
	Scorer   score.Scorer
	// Slices are the metadata keys whose values are reported by themselves.
	Slices []string
	// Small and Large are the cheapest and the largest tier. Where both are
	// targets beside the cascade, the report says how well the cascade routes
	// between them. Empty: it does not.
	Small, Large pointsman.TierID
}

// Options say how a plan is run.
type Options struct {
	// Dir is the run's directory; it is made where it does not exist. One
	// process at a time may run in it.
	Dir string
	// Workers is how many examples are asked at once; 0 means 8.
	Workers int
	// Confidence is the level of all intervals; 0 means 0.95.
	Confidence float64
	// Seed makes the resampled intervals repeatable.
	Seed uint64
	// Progress is nil for silence.
	Progress progress.Reporter
	// Now is the clock; nil is the real one.
	Now func() time.Time
}

func (o Options) filled() (Options, error) {
	if o.Workers == 0 {
		o.Workers = 8
	}
	if o.Confidence == 0 {
		o.Confidence = 0.95
	}
	if o.Progress == nil {
		o.Progress = progress.Silent{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	switch {
	case o.Dir == "":
		return o, invalid("name a directory; it also lets a run that was broken off go on", "the run has no directory")
	case o.Workers < 0 || o.Workers > 1024:
		return o, invalid("choose 1 to 1024", "%d workers", o.Workers)
	case !(o.Confidence > 0 && o.Confidence < 1):
		return o, invalid("choose a level between 0 and 1, such as 0.95", "the confidence is %v", o.Confidence)
	}
	return o, nil
}

// check says what is wrong with a plan, and finds the targets' identities.
func (p *Plan) check() ([]pointsman.Digest, error) {
	switch {
	case p.Examples == nil || p.Asker == nil || p.Scorer == nil:
		return nil, errors.New("eval: a plan needs examples, an asker and a scorer")
	case len(p.Targets) == 0:
		return nil, invalid("name the cascade or a tier", "the plan has no target")
	case len(p.Targets) > maxTargets:
		return nil, invalid("run them in parts", "the plan has %d targets, at most %d are compared at once", len(p.Targets), maxTargets)
	}
	identities := make([]pointsman.Digest, len(p.Targets))
	for i, t := range p.Targets {
		if t.Name == "" {
			return nil, invalid("", "target %d has no name", i+1)
		}
		id, err := p.Asker.Identity(t)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", t.Name, err)
		}
		identities[i] = id
		for j, other := range p.Targets[:i] {
			if t.Name == other.Name {
				return nil, invalid("give each target a name of its own", "two targets are called %q", t.Name)
			}
			if t.Tier == other.Tier && id == identities[j] {
				return nil, invalid("leave one of them out", "the targets %q and %q are the same", other.Name, t.Name)
			}
		}
	}
	return identities, nil
}

// maxTargets bounds the targets of a plan, whose pairs are all compared.
const maxTargets = 32

func invalid(hint, format string, args ...any) error {
	return &pointsman.Error{Code: pointsman.CodeInvalid, Message: fmt.Sprintf(format, args...), Hint: hint}
}
