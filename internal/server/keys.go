package server

import (
	"encoding/hex"

	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/config"
)

// admitUnder puts the keys of a configuration in force at a gate, or opens it
// where the configuration has none.
func admitUnder(gate *admit.Gate, c *config.Config) {
	if len(c.Server.Keys) == 0 {
		gate.Open(direct(c.Server.Direct))
		return
	}
	gate.Replace(keys(c))
}

// keys are those of a configuration, as the gate knows them.
func keys(c *config.Config) []admit.Key {
	out := make([]admit.Key, len(c.Server.Keys))
	for i, k := range c.Server.Keys {
		out[i] = admit.Key{Name: k.Name, Metadata: k.Metadata, Tasks: k.Tasks, Direct: direct(*k.Direct)}
		if n, err := hex.Decode(out[i].SHA256[:], []byte(k.SHA256)); err != nil || n != len(out[i].SHA256) {
			panic("server: the configuration was checked, and this is no SHA-256: " + k.SHA256)
		}
	}
	return out
}

func direct(d config.Direct) admit.Direct {
	return admit.Direct{All: d.All, Upstreams: d.Upstreams}
}
