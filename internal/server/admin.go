package server

import (
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"time"

	"github.com/pointsman-ai/pointsman/internal/gateway"
)

// adminTime is how long an answer of administration may take: a profile of some
// minutes, and no longer for a client that does not read.
const adminTime = 5 * time.Minute

// admin serves what is for operators and not for clients: metrics, profiles,
// and the probes of the API once more.
func (s *server) admin(g *gateway.Gateway) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.Handle("GET /healthz", g)
	mux.Handle("GET /readyz", g)
	for path, profile := range map[string]http.HandlerFunc{
		"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	} {
		mux.Handle("GET /debug/pprof/"+path, localOnly(profile))
	}
	return sameHost(mux)
}

// localOnly keeps what shows the inside of the process to its own machine, also
// where the metrics can be reached from others.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !from.Addr().Unmap().IsLoopback() {
			http.Error(w, "profiles are served to this machine only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameHost refuses requests that a web page makes to this machine under a name
// of its own (DNS rebinding): who comes over loopback names an address or
// localhost.
func sameHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if at, err := netip.ParseAddrPort(addressOf(local)); err == nil && at.Addr().Unmap().IsLoopback() && !isLiteral(r.Host) {
			http.Error(w, "ask for this address by its number or as localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func addressOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// isLiteral says whether a Host header is an IP address or localhost, with or
// without a port. A request of HTTP/1.0 may have none.
func isLiteral(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if host == "" || host == "localhost" {
		return true
	}
	_, err = netip.ParseAddr(trimBrackets(host))
	return err == nil
}

func trimBrackets(host string) string {
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}
