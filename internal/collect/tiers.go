package collect

import (
	"context"
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// Tiers asks each tier of a task by itself, its witnesses beside it, and measures
// its answers as the cascade would: what calibration learns from. A result's
// decision holds the signals of the request and the one attempt. It is safe for
// concurrent use.
type Tiers struct {
	Task *cascade.Task
	Now  func() time.Time
}

var (
	_ Asker  = (*Tiers)(nil)
	_ former = (*Tiers)(nil)
)

// Targets are the tiers of the task in their order.
func (c *Tiers) Targets() []Target {
	out := make([]Target, len(c.Task.Tiers))
	for i := range out {
		id := c.Task.Tiers[i].ID
		out[i] = Target{Name: string(id), Tier: id}
	}
	return out
}

// Ask implements [Asker].
func (c *Tiers) Ask(ctx context.Context, t Target, e *dataset.Example) (*Result, error) {
	if ruling, err := c.rule(t, e); err != nil || ruling.excluded != "" {
		return &Result{Excluded: ruling.excluded}, err
	}
	request, err := Request(c.Task.ID, e)
	if err != nil {
		return nil, err
	}
	measured, err := c.Task.Measure(ctx, c.Now, request, t.Tier)
	if err != nil {
		return nil, err
	}
	r, a := c.result(measured), measured.Attempt
	if a.Cause == pointsman.CauseError || a.Cause == pointsman.CauseTimeout {
		if r.Err = a.Detail; r.Err == "" {
			r.Err = "the tier failed"
		}
	}
	return r, nil
}

// result is what was measured as a result.
func (c *Tiers) result(m *cascade.Measured) *Result {
	a := m.Attempt
	r := &Result{Text: m.Text, Reading: a.Reading, ToolCalls: m.ToolCalls, Beside: m.Beside, Latency: a.Latency}
	d := &r.Decision
	d.Task, d.Tier, d.Model, d.Cause = c.Task.ID, a.Tier, a.Model, a.Cause
	d.Request, d.Attempts, d.Cost = m.Request, []pointsman.Attempt{a}, a.Cost.Add(a.Beside())
	return r
}

// Identity implements [Asker]: a measured answer depends on the tier's variant,
// on how answers are read, and on what is asked beside it.
func (c *Tiers) Identity(t Target) (pointsman.Digest, error) {
	variant, err := c.variant(t)
	if err != nil {
		return "", err
	}
	return pointsman.DigestOf([]byte("pointsman measured tier 1\x00" + string(variant))), nil
}

func (c *Tiers) variant(t Target) (pointsman.Digest, error) {
	for i := range c.Task.Tiers {
		if c.Task.Tiers[i].ID == t.Tier {
			return c.Task.Variants()[i], nil
		}
	}
	return "", fmt.Errorf("task %s has no tier %q", c.Task.ID, t.Tier)
}

// formerKeys implements [former].
func (c *Tiers) formerKeys(targets []Target) ([]func(example pointsman.Digest) key, error) {
	out := make([]func(pointsman.Digest) key, len(targets))
	for i, t := range targets {
		variant, err := c.variant(t)
		if err != nil {
			return nil, err
		}
		out[i] = func(example pointsman.Digest) key {
			return keyOf(&Row{Key: pointsman.DigestOf([]byte(variant + example))})
		}
	}
	return out, nil
}
