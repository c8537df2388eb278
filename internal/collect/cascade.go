package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// Cascade runs a task in process: the gateway's own code, without HTTP. It is
// safe for concurrent use.
type Cascade struct {
	Task *cascade.Task
	// Config is the digest of the configuration that the task was built from.
	Config pointsman.Digest
	Now    func() time.Time
}

var _ Asker = (*Cascade)(nil)

// Ask implements [Asker]. A target that names a tier is a pin.
func (c *Cascade) Ask(ctx context.Context, t Target, e *dataset.Example) (*Result, error) {
	if ruling, err := c.rule(t, e); err != nil || ruling.excluded != "" {
		return &Result{Excluded: ruling.excluded}, err
	}
	request, err := Request(c.Task.ID, e)
	if err != nil {
		return nil, err
	}
	request.Pin = t.Tier
	began := c.Now()
	r := &Result{Decision: pointsman.Decision{Time: began.UTC(), Config: c.Config}}
	d := &r.Decision
	result, err := c.Task.Run(ctx, c.Now, request, d, nil)
	r.Latency = c.Now().Sub(began)
	d.Latency = r.Latency
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		var refusal *pointsman.Error
		if !errors.As(err, &refusal) {
			return nil, err
		}
		r.Err = refusal.Error()
		return r, nil
	}
	r.Text = result.Answer.Text
	for i := range d.Attempts {
		a := &d.Attempts[i]
		if a.Confidence.Uplift != nil && r.Uplift == nil {
			r.Uplift, r.Acceptable = a.Confidence.Uplift, a.Confidence.Acceptable
		}
		if a.Tier == d.Tier {
			r.Reading = a.Reading
		}
	}
	return r, nil
}

// Identity implements [Asker]: a tier alone depends on its variant and the
// contract, the cascade on the whole configuration and the policy.
func (c *Cascade) Identity(t Target) (pointsman.Digest, error) {
	identity := []any{c.Task.ID, c.Config, c.Task.PolicyDigest, c.Task.Variants()}
	if t.Tier != "" {
		tier, ok := c.Task.Tier(t.Tier)
		if !ok {
			return "", &pointsman.Error{
				Code: pointsman.CodeInvalid, Message: fmt.Sprintf("task %s has no tier %q", c.Task.ID, t.Tier),
				Hint: "targets are tiers of the task, or cascade",
			}
		}
		identity = []any{c.Task.ID, c.Task.Contract, tier.Variant.Digest()}
	}
	content, err := json.Marshal(identity)
	if err != nil {
		return "", fmt.Errorf("identify %s: %w", t.Name, err)
	}
	return pointsman.DigestOf(content), nil
}
