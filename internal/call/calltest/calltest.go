// Package calltest makes tiers of fake upstreams for tests.
package calltest

import (
	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/call"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// Tier is a tier that an upstream answers under its tier's id as the model's
// name. Clients and upstreams speak chat completions.
func Tier(spec pointsman.Tier, u upstream.Upstream) call.Tier {
	return call.Tier{
		Tier:        spec,
		Endpoints:   []call.Endpoint{{ID: spec.Place.Upstream, Upstream: u, Model: string(spec.ID)}},
		Conversions: dialect.Table{{Client: pointsman.DialectChat, Upstream: pointsman.DialectChat}: chat.ToChat{}},
	}
}
