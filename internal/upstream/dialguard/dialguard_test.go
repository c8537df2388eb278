package dialguard_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman/internal/upstream/dialguard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheck(t *testing.T) {
	const ok, private, public, never = "ok everywhere", "private", "public", "never"
	for address, want := range map[string]string{
		"127.0.0.1": private, "127.8.9.10": private, "::1": private,
		"10.1.2.3": private, "172.16.0.1": private, "172.31.255.255": private, "192.168.1.1": private, "fd12:3456::1": private,
		"100.64.0.1": private, "100.127.255.255": private,
		"::ffff:10.1.2.3": private, "::ffff:127.0.0.1": private, "64:ff9b::a01:203": private,

		"8.8.8.8": public, "172.32.0.1": public, "172.15.0.1": public, "192.169.0.1": public, "100.128.0.1": public, "100.63.255.255": public,
		"2606:4700::1111": public, "::ffff:8.8.8.8": public, "64:ff9b::808:808": public, "2002:808:808::1": public, "2001:db8::1": public,
		"198.51.100.7": public, "169.253.255.255": public, "169.255.0.0": public,

		"169.254.169.254": never, "169.254.0.1": never, "169.254.170.2": never, "fe80::1": never, "fe80::1%eth0": never, "febf::1": never,
		"::ffff:169.254.169.254": never, "::169.254.169.254": never, "64:ff9b::a9fe:a9fe": never, "2002:a9fe:a9fe::1": never, "::ffff:0:a9fe:a9fe": never,
		"fd00:ec2::254": never, "fd20:ce::254": never, "100.100.100.200": never, "::ffff:100.100.100.200": never, "168.63.129.16": never, "192.0.0.192": never,
		"0.0.0.0": never, "0.1.2.3": never, "::": never, "::ffff:0.0.0.0": never, "255.255.255.255": never, "240.0.0.1": never,
		"224.0.0.1": never, "ff02::1": never, "ff01::1": never, "fec0::1": never,
	} {
		at := netip.MustParseAddr(address)
		open, closed := dialguard.Policy{}.Check(at), dialguard.Policy{PrivateOnly: true}.Check(at)
		var got string
		switch {
		case errors.Is(open, dialguard.ErrForbidden) && errors.Is(closed, dialguard.ErrForbidden):
			got = never
		case open == nil && errors.Is(closed, dialguard.ErrPublic):
			got = public
		case open == nil && closed == nil:
			got = private
		}
		if got != want {
			t.Errorf("%s: %v and %v, want %s", address, open, closed, want)
		}
	}
	if err := (dialguard.Policy{}).Check(netip.Addr{}); !errors.Is(err, dialguard.ErrForbidden) {
		t.Error("no address at all:", err)
	}
}

// names is a DNS server of a test's own.
type names struct {
	mu      sync.Mutex
	answers map[string][]string // addresses by name
	then    map[string][]string // what a name is from its second look-up on
	asked   map[string]int
}

// resolver looks names up at the server.
func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.asked = map[string]int{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 1500)
		for {
			size, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			if _, err := socket.WriteTo(n.reply(buffer[:size]), from); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		socket.Close() //nolint:errcheck // a test's socket
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

// reply answers one question (RFC 1035, section 4).
func (n *names) reply(query []byte) []byte {
	name, at := "", 12
	for at < len(query) && query[at] != 0 {
		size := int(query[at])
		name += string(query[at+1:at+1+size]) + "."
		at += size + 1
	}
	name = strings.TrimSuffix(name, ".")
	question := query[12 : at+5]
	kind := binary.BigEndian.Uint16(query[at+1:])
	n.mu.Lock()
	addresses := n.answers[name]
	if later, ok := n.then[name]; ok && n.asked[name] >= 2 { // A and AAAA are one look-up
		addresses = later
	}
	n.asked[name]++
	n.mu.Unlock()
	var records []byte
	count := uint16(0)
	for _, address := range addresses {
		ip := netip.MustParseAddr(address)
		if ip.Is4() != (kind == 1) {
			continue
		}
		count++
		records = append(records, 0xc0, 12) // the name of the question
		records = binary.BigEndian.AppendUint16(records, kind)
		records = append(records, 0, 1, 0, 0, 0, 0) // class and lifetime
		records = binary.BigEndian.AppendUint16(records, uint16(ip.BitLen()/8))
		records = append(records, ip.AsSlice()...)
	}
	out := append([]byte{}, query[:2]...)
	out = append(out, 0x85, 0x80, 0, 1)
	out = binary.BigEndian.AppendUint16(out, count)
	out = append(out, 0, 0, 0, 0)
	return append(append(out, question...), records...)
}

// server is an endpoint on this machine, and its port.
func server(t *testing.T) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return s, port
}

func get(t *testing.T, p dialguard.Policy, target string) error {
	t.Helper()
	transport := p.Transport()
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get(target)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// A name is judged by what it resolves to when it is connected to.
func TestNames(t *testing.T) {
	_, port := server(t)
	dns := &names{answers: map[string][]string{
		"vllm.test":     {"127.0.0.1"},
		"metadata.test": {"169.254.169.254"},
		"v6.test":       {"fd00:ec2::254"},
		"mapped.test":   {"::ffff:169.254.169.254"},
		"mixed.test":    {"169.254.169.254", "127.0.0.1"},
		"public.test":   {"192.0.2.1", "2001:db8::1"},
		"zero.test":     {"0.0.0.0"},
	}}
	resolver := dns.resolver(t)
	for host, want := range map[string]error{
		"vllm.test": nil, "mixed.test": nil, // by the address that is permitted
		"metadata.test": dialguard.ErrForbidden, "v6.test": dialguard.ErrForbidden, "mapped.test": dialguard.ErrForbidden, "zero.test": dialguard.ErrForbidden,
		"public.test": dialguard.ErrPublic,
	} {
		err := get(t, dialguard.Policy{PrivateOnly: true, Resolver: resolver}, "http://"+host+":"+port)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v, want %v", host, err, want)
		}
	}
}

// A name that was harmless when it was looked at first is judged again.
func TestRebinding(t *testing.T) {
	_, port := server(t)
	dns := &names{
		answers: map[string][]string{"turns.test": {"127.0.0.1"}},
		then:    map[string][]string{"turns.test": {"169.254.169.254"}},
	}
	p := dialguard.Policy{Resolver: dns.resolver(t)}
	if err := get(t, p, "http://turns.test:"+port); err != nil {
		t.Fatal(err)
	}
	if err := get(t, p, "http://turns.test:"+port); !errors.Is(err, dialguard.ErrForbidden) {
		t.Fatal(err)
	}
}

func TestRedirects(t *testing.T) {
	s, port := server(t)
	dns := &names{answers: map[string][]string{"metadata.test": {"169.254.169.254"}}}
	p := dialguard.Policy{Resolver: dns.resolver(t)}
	for target, want := range map[string]error{
		"http://127.0.0.1:" + port + "/ok":             nil,
		"http://169.254.169.254/latest/meta-data":      dialguard.ErrForbidden,
		"http://metadata.test/":                        dialguard.ErrForbidden,
		"http://[::ffff:a9fe:a9fe]/":                   dialguard.ErrForbidden,
		"http://[fd00:ec2::254]/":                      dialguard.ErrForbidden,
		"http://[fe80::1%25lo]:" + port + "/":          dialguard.ErrForbidden,
		"https://100.100.100.200/latest/meta-data/ram": dialguard.ErrForbidden,
	} {
		err := get(t, p, s.URL+"?to="+url.QueryEscape(target))
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v, want %v", target, err, want)
		}
	}
}

// Notations that some resolvers take for an address are names here; whatever
// they resolve to is judged.
func TestNotations(t *testing.T) {
	_, port := server(t)
	dns := &names{answers: map[string][]string{"2852039166": {"169.254.169.254"}, "0251.0376.0251.0376": {"169.254.169.254"}}}
	p := dialguard.Policy{Resolver: dns.resolver(t)}
	for _, host := range []string{"2852039166", "0251.0376.0251.0376", "0xa9fea9fe", "169.254.43518"} {
		if err := get(t, p, "http://"+host+":"+port); err == nil {
			t.Errorf("%s was connected to", host)
		}
	}
}

// What goes through a proxy is not resolved here; an address in the URL is
// refused before the proxy is told of it. Credentials in the clear go through
// none.
func TestProxy(t *testing.T) {
	open, closed := dialguard.Policy{}.Transport(), dialguard.Policy{PrivateOnly: true}.Transport()
	if closed.Proxy != nil {
		t.Error("credentials in the clear would go through a proxy")
	}
	for target, want := range map[string]error{"http://169.254.169.254/": dialguard.ErrForbidden, "https://[::ffff:169.254.169.254]:1/": dialguard.ErrForbidden, "https://api.example.com/": nil} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open.Proxy(r); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v", target, err)
		}
	}
}
