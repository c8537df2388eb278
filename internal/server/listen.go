package server

import (
	"fmt"
	"net"

	"github.com/pointsman-ai/pointsman"
)

// listen opens the address of the API: the one of the file, or the one that the
// command line names in its place.
func (s *server) listen() (net.Listener, error) {
	address := s.config.Server.Listen
	if s.options.Listen != "" {
		address = s.options.Listen
		if err := s.exposed(address); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &pointsman.Error{
			Code: pointsman.CodeUnavailable, Message: "cannot listen on " + address,
			Hint: "another process may listen there; choose another with --listen, port 0 for any", Err: err,
		}
	}
	return listener, nil
}

// exposed refuses an address that others can reach where no key is asked for.
func (s *server) exposed(address string) error {
	if len(s.config.Server.Keys) > 0 {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return &pointsman.Error{
		Code: pointsman.CodeConfig, Message: fmt.Sprintf("%q can be reached by others, and no key is asked for", address),
		Hint: "name keys under server.keys (pointsman key new makes one), or listen on 127.0.0.1",
	}
}
