package gateway_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/gateway"
)

// passed counts the requests that a guard let through.
type passed struct{ count atomic.Int64 }

func (p *passed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		p.count.Add(1)
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// guarded starts a server behind a guard that answers errors as a gateway does.
func guarded(t *testing.T, rules gateway.GuardRules) (url string, behind *passed) {
	t.Helper()
	behind = &passed{}
	s := httptest.NewServer(gateway.Guard(gateway.GuardOptions{
		Rules: func() *gateway.GuardRules { return &rules }, Fail: gateway.New(gateway.Options{}).FailWith,
	}, behind))
	t.Cleanup(s.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return s.URL, behind
}

// reply is an answer that was read whole.
type reply struct {
	*http.Response
	body string
}

// loopbackOnly are the rules of a server without keys.
var loopbackOnly = gateway.GuardRules{Hosts: []string{}, Loopback: true}

// post sends a request under a host of its own, of JSON.
func post(t *testing.T, url, host string, header ...string) reply {
	t.Helper()
	return sendAs(t, http.MethodPost, url+"/v1/chat/completions", host, header...)
}

func sendAs(t *testing.T, method, url, host string, header ...string) reply {
	t.Helper()
	body := ""
	if method == http.MethodPost {
		body = `{}`
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{r, string(content)}
}

const asJSON = "application/json"

// refusedWell says whether an error has OpenAI's shape and something to do.
func refusedWell(r reply, want string) bool {
	var body struct {
		Error struct {
			Message, Type, Param string
		}
	}
	return json.Unmarshal([]byte(r.body), &body) == nil && body.Error.Message != "" && body.Error.Type == "invalid_request_error" && strings.Contains(r.body, want)
}

// A page that its visitor happens to open can send text/plain to any address
// without asking; nothing of it may come to a model.
func TestAWebPageCannotSpendMoney(t *testing.T) {
	url, b := guarded(t, loopbackOnly)
	for name, header := range map[string][]string{
		"plain text":                      {"Content-Type", "text/plain", "Origin", "https://evil.example.com"},
		"plain text, no origin":           {"Content-Type", "text/plain"},
		"a form":                          {"Content-Type", "application/x-www-form-urlencoded"},
		"a form with JSON in its type":    {"Content-Type", "multipart/form-data; boundary=application/json"},
		"no type at all":                  {},
		"two types":                       {"Content-Type", asJSON, "Content-Type", "text/plain"},
		"another charset":                 {"Content-Type", asJSON + "; charset=utf-16"},
		"JSON of another kind":            {"Content-Type", "application/jsonp"},
		"broken type":                     {"Content-Type", asJSON + "; charset"},
		"JSON of a foreign page":          {"Content-Type", asJSON, "Origin", "https://evil.example.com"},
		"JSON of a page without origin":   {"Content-Type", asJSON, "Origin", "null"},
		"JSON of a page on this machine":  {"Content-Type", asJSON, "Origin", "http://localhost:3000"},
		"two origins":                     {"Content-Type", asJSON, "Origin", url, "Origin", "https://evil.example.com"},
		"an origin that only looks alike": {"Content-Type", asJSON, "Origin", url + ".evil.example.com"},
		"an origin with a user":           {"Content-Type", asJSON, "Origin", "https://127.0.0.1@evil.example.com"},
		"an empty origin":                 {"Content-Type", asJSON, "Origin", ""},
		"cross-site by its own word":      {"Content-Type", asJSON, "Sec-Fetch-Site", "cross-site"},
	} {
		t.Run(name, func(t *testing.T) {
			r := post(t, url, "", header...)
			if r.StatusCode != 403 && r.StatusCode != 415 || !refusedWell(r, "hint") {
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
			if r.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("the page may read the answer")
			}
		})
	}
	if b.count.Load() > 0 {
		t.Fatalf("%d requests came through", b.count.Load())
	}
	for name, header := range map[string][]string{
		"a client":                 {"Content-Type", asJSON},
		"a client with a charset":  {"Content-Type", "Application/JSON; charset=UTF-8"},
		"a page of this server":    {"Content-Type", asJSON, "Origin", url},
		"a tool that says so":      {"Content-Type", asJSON, "Sec-Fetch-Site", "none"},
		"a page of the same place": {"Content-Type", asJSON, "Sec-Fetch-Site", "same-origin"},
	} {
		if r := post(t, url, "", header...); r.StatusCode != 200 {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
}

// DNS rebinding: the page's own name resolves to this machine, so to a browser
// page and server are of one origin. The Host gives the name away.
func TestRebinding(t *testing.T) {
	url, b := guarded(t, loopbackOnly)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{
		"evil.example.com", "evil.example.com:" + port, "localhost.evil.example.com:" + port, "127.0.0.1.nip.io:" + port,
		"2130706433:" + port, "0177.0.0.1:" + port, "0x7f.1:" + port, "127.1:" + port, "0.0.0.0:" + port, "[::]:" + port,
		"169.254.169.254", "localhost:http", "notlocalhost", "10.0.0.1:" + port, "[fe80::1%25lo]:" + port,
	} {
		r := post(t, url, host, "Content-Type", asJSON, "Origin", "http://"+host)
		if r.StatusCode != 403 && r.StatusCode != 400 {
			t.Errorf("%s: %d %s", host, r.StatusCode, r.body)
		}
		if r := sendAs(t, http.MethodGet, url+"/v1/models", host); r.StatusCode != 403 && r.StatusCode != 400 {
			t.Errorf("%s reads the models: %d", host, r.StatusCode)
		}
		if r := sendAs(t, http.MethodGet, url+"/healthz", host); r.StatusCode != 200 && r.StatusCode != 400 {
			t.Errorf("%s probes: %d", host, r.StatusCode)
		}
	}
	if b.count.Load() > 0 {
		t.Fatalf("%d requests came through", b.count.Load())
	}
	for _, host := range []string{
		"", "localhost", "LOCALHOST:" + port, "localhost.", "127.0.0.1", "127.0.0.1:1", "127.8.9.10:" + port, "[::1]:" + port, "[::1]", "[::ffff:127.0.0.1]:" + port,
	} {
		if r := post(t, url, host, "Content-Type", asJSON); r.StatusCode != 200 {
			t.Errorf("%s: %d %s", host, r.StatusCode, r.body)
		}
	}
}

// A request line may name another host than the Host header; the line counts,
// and the guard sees what counts.
func TestRebindingByAbsoluteTarget(t *testing.T) {
	url, b := guarded(t, loopbackOnly)
	for target, want := range map[string]string{"http://evil.example.com/v1/models": "403", url + "/v1/models": "200", "/v1/models": "200"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		line := make([]byte, 12)
		if _, err := c.Read(line); err != nil || !strings.HasSuffix(string(line), want) {
			t.Errorf("%s: %q, %v, want %s", target, line, err, want)
		}
		c.Close() //nolint:errcheck // a test's connection
	}
	if b.count.Load() > 0 {
		t.Fatal("a request came through")
	}
}

func TestHosts(t *testing.T) {
	url, _ := guarded(t, gateway.GuardRules{Hosts: []string{"gateway.example.com", "2001:db8::1", "[2001:db8::2]", "10.0.0.7"}})
	for host, want := range map[string]int{
		"gateway.example.com": 200, "Gateway.Example.com.:8087": 200, "[2001:db8::1]:8087": 200, "[2001:DB8:0:0::2]": 200, "10.0.0.7:80": 200,
		"[::ffff:10.0.0.7]": 200,
		"localhost":         403, "127.0.0.1": 403, "example.com": 403, "x.gateway.example.com": 403, "10.0.0.8": 403,
	} {
		if r := post(t, url, host, "Content-Type", asJSON); r.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, r.StatusCode, want)
		}
		if r := sendAs(t, http.MethodGet, url+"/readyz", host); r.StatusCode != 200 {
			t.Errorf("%s: a probe is answered %d", host, r.StatusCode)
		}
	}
	anyHost, _ := guarded(t, gateway.GuardRules{})
	if r := post(t, anyHost, "whatever.example.com", "Content-Type", asJSON); r.StatusCode != 200 {
		t.Errorf("with any host: %d", r.StatusCode)
	}
}

func TestCORS(t *testing.T) {
	const page, other = "https://app.example.com", "https://evil.example.com"
	named := gateway.GuardRules{Origins: []string{page}, Credentials: true}
	all := gateway.GuardRules{Origins: []string{"*"}, Credentials: true}
	for name, c := range map[string]struct {
		rules       gateway.GuardRules
		origin      string
		allow       string // what the page is told; empty: refused
		credentials string
	}{
		"its own page":             {named, page, page, "true"},
		"another page":             {named, other, "", ""},
		"a page without origin":    {named, "null", "", ""},
		"a page of another port":   {named, page + ":8443", "", ""},
		"a page of another scheme": {named, "http://app.example.com", "", ""},
		"any page":                 {all, other, "*", ""},
		"no page":                  {gateway.GuardRules{}, page, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			url, b := guarded(t, c.rules)
			r := post(t, url, "", "Content-Type", asJSON, "Origin", c.origin)
			pre := sendAs(t, http.MethodOptions, url+"/v1/chat/completions", "", "Origin", c.origin,
				"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers",
				"authorization, content-type,X-Stainless-Lang,x-pointsman-pin, x-pointsman-, x-forwarded-for, cookie",
				"Access-Control-Request-Private-Network", "true")
			want, wantPre := 200, 204
			if c.allow == "" {
				want, wantPre = 403, 403
			}
			if r.StatusCode != want || pre.StatusCode != wantPre {
				t.Errorf("%d %s; preflight %d %s", r.StatusCode, r.body, pre.StatusCode, pre.body)
			}
			for _, one := range []reply{r, pre} {
				h := one.Header
				if h.Get("Access-Control-Allow-Origin") != c.allow || h.Get("Access-Control-Allow-Credentials") != c.credentials || !slices.Contains(h.Values("Vary"), "Origin") {
					t.Errorf("%v", h)
				}
			}
			if c.allow == "" {
				if b.count.Load() > 0 || pre.Header.Get("Access-Control-Allow-Headers") != "" {
					t.Error("a page that may not, did")
				}
				return
			}
			if got := pre.Header.Get("Access-Control-Allow-Headers"); got != "authorization, content-type, x-stainless-lang, x-pointsman-pin" {
				t.Errorf("headers: %s", got)
			}
			if pre.Header.Get("Access-Control-Allow-Methods") != "GET, POST" || pre.Header.Get("Access-Control-Allow-Private-Network") != "true" {
				t.Errorf("%v", pre.Header)
			}
			if !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), "X-Pointsman-Decision") {
				t.Errorf("%v", r.Header)
			}
			// An error that the page caused is one that it may read.
			if r := post(t, url, "", "Origin", c.origin); r.StatusCode != 415 || r.Header.Get("Access-Control-Allow-Origin") != c.allow {
				t.Errorf("%d %v", r.StatusCode, r.Header)
			}
		})
	}
}

// An OPTIONS request that is no preflight is none of the guard's.
func TestOptionsWithoutOrigin(t *testing.T) {
	url, _ := guarded(t, loopbackOnly)
	if r := sendAs(t, http.MethodOptions, url+"/v1/chat/completions", ""); r.StatusCode != 404 && r.StatusCode != 405 {
		t.Errorf("%d", r.StatusCode)
	}
}

// Whatever a Host says, a server without keys is asked under a loopback name
// or address only.
func FuzzGuardHost(f *testing.F) {
	for _, host := range []string{"localhost", "127.0.0.1:8087", "[::1]:8087", "[::ffff:127.0.0.1]", "evil.example.com", "localhost.evil:1", "127.0.0.1@evil", "::1", "[::1", "localhost:", ":8087", "localhost..", "[fe80::1%lo]", "２", "2130706433"} {
		f.Add(host)
	}
	guard := gateway.Guard(gateway.GuardOptions{
		Rules: func() *gateway.GuardRules { return &loopbackOnly },
		Fail:  func(w http.ResponseWriter, status int, _ *pointsman.Error) { w.WriteHeader(status) },
	}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/models", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		guard.ServeHTTP(w, r)
		if w.Code != http.StatusTeapot {
			return
		}
		name := host
		if h, _, err := net.SplitHostPort(host); err == nil {
			name = h
		}
		name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
		address, err := netip.ParseAddr(name)
		if !strings.EqualFold(name, "localhost") && (err != nil || !address.Unmap().IsLoopback()) {
			t.Errorf("%q came through", host)
		}
	})
}

func BenchmarkGuard(b *testing.B) {
	guard := gateway.Guard(gateway.GuardOptions{Rules: func() *gateway.GuardRules { return &loopbackOnly }},
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/chat/completions", http.NoBody)
	r.Host = "127.0.0.1:8087"
	r.Header.Set("Content-Type", asJSON)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		guard.ServeHTTP(w, r)
	}
}
