package server

import (
	"encoding/hex"
	"errors"
	"net"
	"net/http"

	"github.com/pointsman-ai/pointsman/internal/admit"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/gateway"
)

// admit puts in force what a configuration says about who may ask: its keys, or
// that there are none, the names of this server and the pages that may use it.
func (s *server) admit(c *config.Config) {
	address, _ := s.addresses()
	s.guard.Store(guardRules(c, address))
	if len(c.Server.Keys) == 0 {
		s.gate.Open(direct(c.Server.Direct))
		return
	}
	s.gate.Replace(keys(c))
}

// guardRules are those of a configuration that listens on an address. Without
// keys the address is one that this machine alone reaches, and a browser on it
// must not be led there under another name.
func guardRules(c *config.Config, address string) *gateway.GuardRules {
	rules := &gateway.GuardRules{Hosts: c.Server.Hosts, Origins: c.Server.CORS.Origins, Credentials: c.Server.CORS.Credentials}
	if rules.Hosts == nil && len(c.Server.Keys) == 0 {
		rules.Loopback = true
		host, _, _ := net.SplitHostPort(address) // checked already; none is no name either
		rules.Hosts = []string{host}
	}
	return rules
}

// guarded puts the guard in front of the API.
func (s *server) guarded(g *gateway.Gateway, api http.Handler) http.Handler {
	return gateway.Guard(gateway.GuardOptions{Rules: s.guard.Load, Fail: g.FailWith}, api)
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

// staysClosed refuses a configuration without keys while an address is open
// that others can reach: the file may name another, but this one stays open
// until the next start.
func (s *server) staysClosed(c *config.Config) error {
	address, admin := s.addresses()
	return errors.Join(exposed(c, address), exposed(c, admin))
}
