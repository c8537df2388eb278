package collect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// ruled is an asker that knows the owner's rules before it asks. [HTTP] does
// not: the gateway that it asks applies them.
type ruled interface {
	// rule says what the rules make of an example for a target. Its error is
	// that of an example that cannot be sent.
	rule(t Target, e *dataset.Example) (ruling, error)
}

// ruling is what the owner's rules make of an example.
type ruling struct {
	// excluded says why it is not asked; empty where it may be.
	excluded string
	// without names what the rules leave out of the asking. An answer with it
	// and one without it are two answers.
	without string
}

// rule excludes an example that the cascade may not answer at all, and for a
// target that names a tier one that this tier may not answer.
func (c *Cascade) rule(t Target, e *dataset.Example) (ruling, error) {
	request, err := Request(c.Task.ID, e)
	if err != nil {
		return ruling{}, err
	}
	request.Pin = t.Tier
	effect := c.Task.Rules.Apply(request)
	switch {
	case t.Tier != "" && effect.Pin != "" && effect.Pin != t.Tier:
		return ruling{excluded: pinned(effect, effect.Pin)}, nil
	case len(effect.Permitted) > 0:
		return ruling{}, nil // the cascade's identity has the rules in it
	case t.Tier == "":
		return ruling{excluded: rules(effect) + " leave no tier"}, nil
	}
	return ruling{excluded: forbidden(effect, t.Tier)}, nil
}

// rule excludes an example for all tiers where one of them may not answer it, or
// where the rules choose the tier: a policy is about requests for which the
// cascade may choose among all of them.
func (c *Tiers) rule(t Target, e *dataset.Example) (ruling, error) {
	request, err := Request(c.Task.ID, e)
	if err != nil {
		return ruling{}, err
	}
	effect := c.Task.Rules.Apply(request)
	for i := range c.Task.Tiers {
		if id := c.Task.Tiers[i].ID; !slices.Contains(effect.Permitted, id) {
			return ruling{excluded: forbidden(effect, id)}, nil
		}
	}
	if effect.Pin != "" {
		return ruling{excluded: pinned(effect, effect.Pin)}, nil
	}
	if t.Tier == c.Task.Largest().ID {
		return ruling{}, nil // nothing is asked beside it
	}
	switch {
	case effect.NoWitness && len(c.Task.Witnesses) > 0:
		return ruling{without: "witness"}, nil
	case len(effect.Without) > 0:
		return ruling{without: fmt.Sprint(effect.Without)}, nil
	}
	return ruling{}, nil
}

// Excluded says why the owner's rules keep an example from calibration; it is
// empty where they do not. The error is that of an example that cannot be sent.
func (c *Tiers) Excluded(e *dataset.Example) (string, error) {
	r, err := c.rule(c.Targets()[0], e)
	return r.excluded, err
}

func forbidden(effect pointsman.RuleEffect, tier pointsman.TierID) string {
	return fmt.Sprintf("%s forbid tier %s", rules(effect), tier)
}

func pinned(effect pointsman.RuleEffect, tier pointsman.TierID) string {
	return fmt.Sprintf("%s pin it to tier %s", rules(effect), tier)
}

// rules names the rules that held.
func rules(effect pointsman.RuleEffect) string {
	if len(effect.Fired) == 0 {
		return "the owner's rules"
	}
	return fmt.Sprintf("the owner's rules (%s)", strings.Join(effect.Fired, ", "))
}
