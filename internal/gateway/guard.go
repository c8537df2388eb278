package gateway

import (
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
)

// GuardOptions are what [Guard] needs. Both are required.
type GuardOptions struct {
	// Rules are those in force; they are asked for by each request, so that a
	// reload takes effect at once.
	Rules func() *GuardRules
	// Fail answers a refused request.
	Fail func(w http.ResponseWriter, status int, err *pointsman.Error)
}

// GuardRules say under which names a server may be asked and which web pages
// may ask it. They are not changed once a guard has them.
type GuardRules struct {
	// Hosts are the names and addresses that a Host header may have, without
	// port; nil allows any.
	Hosts []string
	// Loopback allows localhost and every loopback address as well.
	Loopback bool
	// Origins are the pages that may read answers, or "*" alone for all.
	Origins []string
	// Credentials lets those pages send the browser's credentials along; never
	// together with "*".
	Credentials bool
}

// Guard keeps web pages from using a server that only their visitor can reach,
// and lets in the pages that its owner names (CORS). Three things are asked of
// a request before anything else reads it:
//
//   - Its Host is one of ours. A page that rebinds its own name to this
//     machine's address sends its own name.
//   - Its Origin, which a browser always sends with a POST, is our own or one
//     that the owner named.
//   - Its body is declared as JSON, which a browser does not send to a foreign
//     server without asking first, by a preflight.
//
// Probes are answered under any Host, because a kubelet asks by address.
func Guard(o GuardOptions, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rules := o.Rules()
		if status, err := rules.refusal(w.Header(), r); err != nil {
			o.Fail(w, status, err)
			return
		}
		if isPreflight(r) {
			preflight(w, r)
			return
		}
		if err := declaredJSON(r); err != nil {
			o.Fail(w, http.StatusUnsupportedMediaType, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refusal says why a request may not come in, and otherwise tells the browser
// in the response's headers that its page may read the answer.
func (g *GuardRules) refusal(h http.Header, r *http.Request) (status int, _ *pointsman.Error) {
	if !isProbePath(r) && !g.knows(r.Host) {
		return http.StatusForbidden, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "this server is not known as " + strconv.Quote(excerpt.Of(r.Host, 64)),
			Hint: "ask for it as localhost or by its address, or name the host under server.hosts", Param: "Host",
		}
	}
	origin, crossSite := originOf(r)
	switch {
	case !crossSite:
		return 0, nil
	case origin != "" && g.allows(origin):
		g.announce(h, origin)
		return 0, nil
	}
	h.Add("Vary", "Origin")
	return http.StatusForbidden, &pointsman.Error{
		Code: pointsman.CodeInvalid, Message: "pages of another origin may not use this server",
		Hint: "name the origin under server.cors.origins", Param: "Origin",
	}
}

// knows says whether a Host header names this server.
func (g *GuardRules) knows(hostport string) bool {
	if g.Hosts == nil {
		return true
	}
	host, ok := hostOf(hostport)
	if !ok {
		return false
	}
	address, err := netip.ParseAddr(host)
	isAddress := err == nil
	if g.Loopback && (host == "localhost" || isAddress && address.Unmap().IsLoopback()) {
		return true
	}
	return slices.ContainsFunc(g.Hosts, func(known string) bool {
		known, ok := hostOf(known)
		if !ok {
			return false
		}
		if is, err := netip.ParseAddr(known); err == nil {
			return isAddress && is.Unmap() == address.Unmap()
		}
		return known == host
	})
}

// hostOf takes the port, the brackets and the dot of the root off a host, and
// folds its case. It is not ok for what is no host.
func hostOf(hostport string) (host string, ok bool) {
	host = hostport
	if _, err := netip.ParseAddr(hostport); err != nil { // an IPv6 address by itself is all colons
		if h, port, err := net.SplitHostPort(hostport); err == nil {
			if _, err := strconv.ParseUint(port, 10, 16); err != nil {
				return "", false
			}
			host = h
		} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
			host = host[1 : len(host)-1]
		}
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host, host != "" && !strings.ContainsAny(host, "@/\\%[] \t")
}

// originOf is the Origin of a request, and whether it comes from a page of
// another origin. It is empty where a browser says that it does without saying
// from which.
func originOf(r *http.Request) (origin string, crossSite bool) {
	origins := r.Header.Values("Origin")
	switch {
	case len(origins) > 1:
		return "", true
	case len(origins) == 1 && !sameOrigin(origins[0], r.Host):
		return origins[0], true
	case len(origins) == 0 && changes(r.Method):
		site := r.Header.Get("Sec-Fetch-Site")
		return "", site == "cross-site" || site == "same-site"
	}
	return "", false
}

// sameOrigin says whether an Origin is the server's own. Its scheme may be
// either: TLS may end in front of this server.
func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return false
	}
	standard := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return strings.EqualFold(strings.TrimSuffix(u.Host, standard), strings.TrimSuffix(host, standard))
}

// allows says whether a page may read answers.
func (g *GuardRules) allows(origin string) bool {
	return slices.Contains(g.Origins, origin) || slices.Contains(g.Origins, "*")
}

// announce tells a browser that the page may read the answer.
func (g *GuardRules) announce(h http.Header, origin string) {
	if slices.Contains(g.Origins, "*") {
		origin = "*"
	}
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", strings.Join(exposed, ", "))
	if g.Credentials && origin != "*" {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

// exposed are the headers of an answer that a page may read.
var exposed = []string{
	HeaderDecision, HeaderTier, HeaderModel, HeaderConfidence, HeaderUplift, HeaderCause,
	"Retry-After", "X-Request-Id", "X-Should-Retry",
	"X-Ratelimit-Limit-Requests", "X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Remaining-Tokens",
	"X-Ratelimit-Reset-Requests", "X-Ratelimit-Reset-Tokens",
}

// isPreflight says that a browser asks whether a page may send a request.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflight answers a browser. That the origin is allowed has been announced.
func preflight(w http.ResponseWriter, r *http.Request) {
	const most = 64 // names of headers that are looked at
	var allowed []string
	for name := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); mayBeSent(name) && len(allowed) < most {
			allowed = append(allowed, name)
		}
	}
	h := w.Header()
	h.Add("Vary", "Access-Control-Request-Method")
	h.Add("Vary", "Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	if len(allowed) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(allowed, ", "))
	}
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	h.Set("Access-Control-Max-Age", "600") // seconds; browsers cap it themselves
	w.WriteHeader(http.StatusNoContent)
}

// mayBeSent says whether a page may send a header: those of the API and those
// that its official clients add.
func mayBeSent(name string) bool {
	switch name {
	case "authorization", "content-type", "accept", "idempotency-key", "user-agent", "openai-organization", "openai-project", "openai-beta", "x-request-id":
		return true
	}
	prefix, rest, ok := strings.Cut(name, "-")
	product, rest, more := strings.Cut(rest, "-")
	return ok && more && rest != "" && prefix == "x" && (product == "pointsman" || product == "stainless")
}

// changes says whether a method may have effects.
func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// declaredJSON refuses a body that is not said to be JSON in UTF-8.
func declaredJSON(r *http.Request) *pointsman.Error {
	if !changes(r.Method) {
		return nil
	}
	types := r.Header.Values("Content-Type")
	if len(types) == 1 {
		kind, params, err := mime.ParseMediaType(types[0])
		charset, hasCharset := params["charset"]
		if err == nil && kind == "application/json" && (!hasCharset || strings.EqualFold(charset, "utf-8")) {
			return nil
		}
	}
	return &pointsman.Error{
		Code: pointsman.CodeInvalid, Message: "the body is not declared as JSON", Hint: "send Content-Type: application/json", Param: "Content-Type",
	}
}

// isProbePath says that a request asks how the server is, and no more.
func isProbePath(r *http.Request) bool {
	return !changes(r.Method) && (r.URL.Path == "/healthz" || r.URL.Path == "/readyz")
}

// FailWith answers with a status and an error in OpenAI's shape; it is the Fail
// of the guard in front of this gateway.
func (g *Gateway) FailWith(w http.ResponseWriter, status int, err *pointsman.Error) {
	g.writeJSON(w, status, chat.ErrorBody(err, ""))
}
