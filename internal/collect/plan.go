package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/dataset"
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
	// Beside is what witnesses said, and the tier itself again; nil where nothing
	// was asked beside it.
	Beside *cascade.BesideText `json:"beside,omitempty"`
	// ToolCalls are the calls of tools that the answer asks for.
	ToolCalls []pointsman.ToolCall `json:"tool_calls,omitempty"`
	// Decision is the record of the request as far as the asker knows it. Its
	// overhead counts as known where its Latency is set, and its tokens and
	// whether it was escalated where it has Attempts.
	Decision pointsman.Decision `json:"decision"`
	// Err says why there is no answer; then the example is a failure.
	Err string `json:"err,omitempty"`
	// Excluded says that nothing was asked, because the owner's rules do not
	// permit it, and which. Such a result is not kept.
	Excluded string `json:"-"`

	Status  int           `json:"status,omitempty"`
	Latency time.Duration `json:"latency_ns"`
	// Uplift is what the policy made of the first answer that was judged,
	// Acceptable its confidence in the answer; nil where it gave none.
	Uplift     *float64 `json:"uplift,omitempty"`
	Acceptable *float64 `json:"acceptable,omitempty"`
}

// Asker puts examples to targets, under the owner's rules: what they forbid it
// does not ask. It must be safe for concurrent use. An error
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

// Plan says what is asked.
type Plan struct {
	// Examples are asked in their order, and each of every target in turn, so
	// that what changes with time touches all targets alike.
	Examples iter.Seq2[dataset.Example, error]
	Targets  []Target
	// Identities are those of the targets, as [Identities] finds them.
	Identities []pointsman.Digest
	Asker      Asker
	// Workers is how many examples are asked at once.
	Workers int
	// Store keeps the answers; nil where they are not kept.
	Store *Store
}

// Outcome is what became of one example at one target.
type Outcome struct {
	// Index is the example's position in the sequence, and Target the target's
	// in the plan, from 0.
	Index, Target int
	Example       *dataset.Example
	// Result is never nil. Where it is excluded, nothing was asked.
	Result *Result
	// Reused says that the answer was kept from an earlier run.
	Reused bool
}

// Identities checks targets and finds the identity of each.
func Identities(a Asker, targets []Target) ([]pointsman.Digest, error) {
	identities := make([]pointsman.Digest, len(targets))
	for i, t := range targets {
		if t.Name == "" {
			return nil, invalid("", "target %d has no name", i+1)
		}
		id, err := a.Identity(t)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", t.Name, err)
		}
		identities[i] = id
		for j, other := range targets[:i] {
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

func invalid(hint, format string, args ...any) error {
	return &pointsman.Error{Code: pointsman.CodeInvalid, Message: fmt.Sprintf(format, args...), Hint: hint}
}
