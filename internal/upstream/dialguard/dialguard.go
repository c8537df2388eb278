// Package dialguard decides which network addresses may be connected to. What
// it refuses is looked at after the name was resolved, for each address that a
// connection is about to be made to, so a name that resolves to something else
// the second time, a redirect and an unusual notation of an address all come to
// the same check (against server-side request forgery). Nothing that it lets
// through is checked again.
package dialguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// The reasons for which a connection is refused.
var (
	// ErrForbidden is of addresses that nobody may be sent to: link-local
	// ones, the metadata services of clouds, and those that are no host.
	ErrForbidden = errors.New("an address that is never connected to")
	// ErrPublic is of public addresses, where [Policy.PrivateOnly] is set.
	ErrPublic = errors.New("a public address, and a credential would go over the network in the clear")
)

// Policy says what is refused beside the addresses that always are.
type Policy struct {
	// PrivateOnly refuses every address that is not this machine's or of a
	// private network: for credentials that are sent without TLS.
	PrivateOnly bool
	// Resolver looks names up; nil means the system's.
	Resolver *net.Resolver
}

// Check says why an address may not be connected to, or nil.
func (p Policy) Check(address netip.Addr) error {
	address = plain(address)
	switch {
	case forbidden(address):
		return fmt.Errorf("%s is %w", address, ErrForbidden)
	case p.PrivateOnly && !Private(address):
		return fmt.Errorf("%s is %w", address, ErrPublic)
	}
	return nil
}

// CheckHost says why the host of a URL may not be connected to, or nil, as far
// as that shows without looking its name up.
func (p Policy) CheckHost(host string) error {
	if address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")); err == nil {
		return p.Check(address)
	}
	return nil
}

// DialContext connects as [net.Dialer] does, to addresses that the policy
// permits. It is safe for concurrent use.
func (p Policy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{
		Timeout: 10 * time.Second, KeepAlive: 15 * time.Second, Resolver: p.Resolver,
		// Called with each address that a name resolved to, right before the
		// connection to it is made.
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !strings.HasPrefix(network, "tcp") {
				return fmt.Errorf("%s %s is %w", network, address, ErrForbidden)
			}
			return p.Check(at.Addr())
		},
	}
	return dialer.DialContext(ctx, network, address)
}

// Transport is tuned for many requests to one host. The environment's proxy is
// used as everywhere in Go, which means never for a loopback address; never
// either where only private addresses are permitted, because the proxy would
// connect to whatever it is told, and read along.
func (p Policy) Transport() *http.Transport {
	t := &http.Transport{
		Proxy:                  p.proxy,
		DialContext:            p.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
	if p.PrivateOnly {
		t.Proxy = nil
	}
	return t
}

// proxy is the environment's. An address in the URL is checked here, because
// the guard sees only the connection to the proxy; names are the proxy's to
// resolve, and to refuse.
func (p Policy) proxy(r *http.Request) (*url.URL, error) {
	if err := p.CheckHost(r.URL.Hostname()); err != nil {
		return nil, err
	}
	return http.ProxyFromEnvironment(r)
}
