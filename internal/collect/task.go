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
	"github.com/pointsman-ai/pointsman/internal/eval"
)

// Task asks a task in process. It is safe for concurrent use.
type Task struct {
	Cascade *cascade.Task
	// Config is the digest of the configuration that the task was built from.
	Config pointsman.Digest
	Now    func() time.Time
}

var _ eval.Asker = (*Task)(nil)

// Ask implements eval.Asker. A target that names a tier is a pin.
func (t *Task) Ask(ctx context.Context, target eval.Target, e *dataset.Example) (*eval.Result, error) {
	request, err := Request(t.Cascade.ID, e)
	if err != nil {
		return nil, err
	}
	request.Pin = target.Tier
	began := t.Now()
	r := &eval.Result{Decision: pointsman.Decision{Time: began.UTC(), Config: t.Config}}
	d := &r.Decision
	result, err := t.Cascade.Run(ctx, t.Now, request, d, nil)
	r.Latency = t.Now().Sub(began)
	d.Latency = r.Latency
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		var told *pointsman.Error
		if !errors.As(err, &told) {
			return nil, err
		}
		r.Err = told.Error()
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

// Identity implements eval.Asker: a tier alone depends on its variant and the
// contract, the cascade on the whole configuration and the policy.
func (t *Task) Identity(target eval.Target) (pointsman.Digest, error) {
	identity := []any{t.Cascade.ID, t.Config, t.Cascade.PolicyDigest, t.Cascade.Variants()}
	if target.Tier != "" {
		tier, ok := t.Cascade.Tier(target.Tier)
		if !ok {
			return "", &pointsman.Error{
				Code: pointsman.CodeInvalid, Message: fmt.Sprintf("task %s has no tier %q", t.Cascade.ID, target.Tier),
				Hint: "targets are tiers of the task, or cascade",
			}
		}
		identity = []any{t.Cascade.ID, t.Cascade.Task.Contract, tier.Variant.Digest()}
	}
	content, err := json.Marshal(identity)
	if err != nil {
		return "", fmt.Errorf("identify %s: %w", target.Name, err)
	}
	return pointsman.DigestOf(content), nil
}
