package config

import (
	"fmt"

	"github.com/pointsman-ai/pointsman"
)

// TypeEmbedded runs student models in this process.
const TypeEmbedded UpstreamType = "embedded"

var embeddedType = upstreamType{
	name:    TypeEmbedded,
	weights: true,
	check: func(d *decoder, at string, u Upstream) {
		if u.Location != "" && u.Location != pointsman.LocationEdge {
			d.at(child(at, "location"), fmt.Sprintf("an embedded model runs in this process, which is not %s", u.Location), "write edge")
		}
	},
}
