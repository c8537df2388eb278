package server

import (
	"encoding/hex"

	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/config"
)

// keys are those of a configuration, as the gate knows them.
func keys(c *config.Config) []admit.Key {
	out := make([]admit.Key, len(c.Server.Keys))
	for i, k := range c.Server.Keys {
		out[i] = admit.Key{Name: k.Name, Metadata: k.Metadata, Direct: admit.Direct{All: true}}
		if n, err := hex.Decode(out[i].SHA256[:], []byte(k.SHA256)); err != nil || n != len(out[i].SHA256) {
			panic("server: the configuration was checked, and this is no SHA-256: " + k.SHA256)
		}
	}
	return out
}
