package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/gateway"
)

// defaultAdmin is the default of server.admin_listen.
const defaultAdmin = "127.0.0.1:8088"

// listeners are the two doors of the process.
type listeners struct {
	api   net.Listener
	admin net.Listener // nil where it is off
}

func (l *listeners) addresses() Addresses {
	a := Addresses{API: "http://" + l.api.Addr().String()}
	if l.admin != nil {
		a.Admin = "http://" + l.admin.Addr().String()
	}
	return a
}

// listen opens the addresses of the API and of administration.
func (s *server) listen() (*listeners, error) {
	address, admin := s.addresses()
	// No key is asked for by administration, so that a server without keys must
	// not show more to others than one with them.
	for _, one := range []string{address, admin} {
		if err := exposed(s.config, one); err != nil {
			return nil, err
		}
	}
	api, err := listen(address, "server.listen", "--listen")
	if err != nil {
		return nil, err
	}
	l := &listeners{api: limit(api, maxConnections(openFiles()))}
	if admin != config.AdminOff {
		if l.admin, err = listen(admin, "server.admin_listen", "--admin-listen"); err != nil {
			return nil, errors.Join(err, api.Close())
		}
		l.admin = limit(l.admin, maxAdmin)
	}
	return l, nil
}

// addresses are where the API and administration are to listen: as the file or
// else the command line says. Who asks for any free port for the API means as
// much for administration, unless somebody says where.
func (s *server) addresses() (api, admin string) {
	api, admin = s.config.Server.Listen, s.config.Server.AdminListen
	if s.options.Listen != "" {
		api = s.options.Listen
	}
	if _, port, err := net.SplitHostPort(api); err == nil && port == "0" && admin == defaultAdmin {
		admin = "127.0.0.1:0"
	}
	if s.options.AdminListen != "" {
		admin = s.options.AdminListen
	}
	return api, admin
}

func listen(address, setting, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l, nil
	}
	hint := fmt.Sprintf("%s and %s take host:port, such as 127.0.0.1:8080", setting, flag)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = fmt.Sprintf("another process listens there; choose another address with %s or %s, port 0 for any", flag, setting)
	case errors.Is(err, syscall.EACCES):
		hint = fmt.Sprintf("ports below 1024 need privileges; choose another with %s or %s", flag, setting)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = fmt.Sprintf("this machine has no such address; choose another with %s or %s", flag, setting)
	}
	return nil, &pointsman.Error{Code: pointsman.CodeUnavailable, Message: "cannot listen on " + address, Hint: hint, Err: err}
}

// exposed refuses an address that others can reach where no key is asked for.
func exposed(c *config.Config, address string) error {
	if len(c.Server.Keys) > 0 || address == config.AdminOff {
		return nil
	}
	if _, port, _ := net.SplitHostPort(address); port == "" {
		return nil // no address at all: that is told when it is listened on
	}
	if config.Loopback(address) {
		return nil
	}
	return &pointsman.Error{
		Code: pointsman.CodeConfig, Message: fmt.Sprintf("%s can be reached by others, and no key is asked for", address),
		Hint: "name keys under server.keys (pointsman key new makes one), or listen on 127.0.0.1",
	}
}

// newHTTPServer bounds what a connection may hold. Requests live under the
// context of base.
func (s *server) newHTTPServer(base context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: s.config.Server.ReadTimeout.Std(),
		ReadTimeout:       s.config.Server.ReadTimeout.Std(),
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
}

// api counts the requests of the API, and refuses them while the server drains.
// Probes are answered at all times.
func (s *server) api(g *gateway.Gateway) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isProbe(r):
			g.ServeHTTP(w, r)
		case s.active.begin():
			defer s.active.end()
			g.ServeHTTP(w, r)
		default:
			g.Refuse(w, r)
		}
	})
}

func isProbe(r *http.Request) bool { return r.URL.Path == "/healthz" || r.URL.Path == "/readyz" }
