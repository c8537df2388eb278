package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/upstream/dialguard"
)

// TypeOpenAI is anything that speaks the OpenAI chat-completions API.
const TypeOpenAI UpstreamType = "openai"

// HTTPSettings are those of an upstream that is asked over HTTP.
type HTTPSettings struct {
	BaseURL Text            `yaml:"base_url"`
	APIKey  Secret          `yaml:"api_key"`
	Headers map[string]Text `yaml:"headers"`
	// CleartextKey says where the key may go over http:// instead of https://.
	CleartextKey string `yaml:"cleartext_key"`
}

// The values of HTTPSettings.CleartextKey.
const (
	CleartextPrivate = "private" // to this machine and to private networks
	CleartextAllow   = "allow"
)

// KeepsKeyPrivate says that what is sent to a resolved base URL carries a
// credential without TLS, and so must stay on private networks.
func (u *Upstream) KeepsKeyPrivate(base string) bool {
	parsed, err := url.Parse(base)
	return u.CleartextKey != CleartextAllow && u.hasCredential() && (err != nil || parsed.Scheme != "https")
}

// hasCredential says that requests carry a key, or a header that looks like
// one.
func (u *Upstream) hasCredential() bool {
	for name := range u.Headers {
		if credentialHeader.MatchString(name) {
			return true
		}
	}
	return !u.APIKey.IsZero()
}

var openaiType = upstreamType{
	name: TypeOpenAI,
	settings: map[string]field{
		"base_url":      {doc: "Of openai: the URL that /chat/completions is appended to. May contain ${NAME}.", form: formURL, text: 2048},
		"api_key":       {doc: "Of openai: where the key is to be found, ${NAME} or file:path. Never the key itself."},
		"cleartext_key": {doc: "Of openai: where a key may go over http:// instead of https://, only to this machine and private networks or anywhere. What a name resolves to counts.", def: CleartextPrivate, enum: []string{CleartextPrivate, CleartextAllow}},
		"headers":       {doc: "Of openai: more headers to send. May contain ${NAME}; a header that carries a credential must.", many: 64, form: formHeader},
		"headers.*":     {doc: "The value of one header.", text: 8192},
	},
	needs:      []need{{"base_url", "such as https://api.openai.com/v1"}},
	check:      (*decoder).checkHTTP,
	unresolved: unresolvedHTTP,
}

// checkHTTP refuses a key in the clear and headers that cannot be.
func (d *decoder) checkHTTP(at string, u Upstream) {
	if base := child(at, "base_url"); u.BaseURL.Static() && d.fine(base) && u.KeepsKeyPrivate(u.BaseURL.String()) && publicHost(u.BaseURL.String()) && !d.snapshot {
		d.at(base, "the key would be sent over a public network in the clear", "use https; or, where the way there is safe, add cleartext_key: allow")
	}
	d.checkHeaders(at, u)
}

// publicHost says that the host of a URL is a public address, or a name that is
// not of a private network. What a name resolves to is checked again when it is
// connected to.
func publicHost(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if address, err := netip.ParseAddr(host); err == nil {
		return !dialguard.Private(address)
	}
	if !strings.Contains(host, ".") { // of a compose file or a search domain
		return false
	}
	return !slices.ContainsFunc(privateDomains, func(domain string) bool { return strings.HasSuffix(host, domain) })
}

// privateDomains are those that are set aside for private networks (RFC 2606,
// 6761, 6762 and 8375, ICANN for .internal), and what is usual beside them.
var privateDomains = []string{
	".localhost", ".local", ".internal", ".home.arpa", ".test", ".lan", ".intranet", ".private", ".corp", ".home",
}

// checkHeaders refuses a header that is named twice in different cases, and a
// second source of the credential.
func (d *decoder) checkHeaders(at string, u Upstream) {
	seen := map[string]string{}
	for name := range sortedKeys(u.Headers) {
		path := child(child(at, "headers"), name)
		folded := strings.ToLower(name)
		if first, ok := seen[folded]; ok {
			d.atKey(path, fmt.Sprintf("the header %s is set twice", name), fmt.Sprintf("the other is %s; their case does not tell them apart", first))
		}
		seen[folded] = name
		if folded == "authorization" && !u.APIKey.IsZero() {
			d.atKey(path, "api_key sets this header already", "keep one of them")
		}
	}
}

func unresolvedHTTP(id pointsman.UpstreamID, u Upstream, report func(err error, steps ...any)) {
	_, err := u.APIKey.Resolve()
	report(err, "upstreams", id, "api_key")
	base, err := u.BaseURL.Resolve()
	if err == nil {
		err = CheckBaseURL(base)
	}
	report(err, "upstreams", id, "base_url")
	for name := range sortedKeys(u.Headers) {
		_, err := u.Headers[name].Resolve()
		report(err, "upstreams", id, "headers", name)
	}
}

// The forms of a base URL and of a header's name.
var (
	formURL    = &form{`^(https?://|\$\{).+`, checkURL}
	formHeader = &form{headerForm.String(), checkHeader}
)

var headerForm = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")

// checkURL checks a base URL. One with references is checked as far as it can
// be, and again when it is resolved.
func checkURL(v string) (message, hint string) {
	if message, hint := badReference(v); message != "" {
		return message, hint
	}
	if v == "" {
		return "this must be a URL", "such as https://api.openai.com/v1"
	}
	if strings.HasPrefix(v, "${") {
		return "", ""
	}
	text := reference.ReplaceAllString(v, "1")
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "this is not a URL of http or https", "such as https://api.openai.com/v1"
	case u.User != nil:
		return "a URL must not carry a credential", "put it in api_key or in headers, as ${NAME}"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return "a base URL has no query and no fragment", "paths such as /chat/completions are appended to it"
	case strings.HasSuffix(u.Path, "/chat/completions"):
		return "/chat/completions is appended to this", "write what stands before it"
	}
	if err := (dialguard.Policy{}).CheckHost(u.Hostname()); err != nil {
		hint = "link-local addresses and metadata services answer for no model; write the address of the server itself"
		if address, err := netip.ParseAddr(u.Hostname()); err == nil && address.Unmap().IsUnspecified() {
			hint = "that is where a server listens; write 127.0.0.1 to ask the one on this machine"
		}
		return err.Error(), hint
	}
	if text == v && oddAddress.MatchString(u.Hostname()) {
		if _, err := netip.ParseAddr(u.Hostname()); err != nil {
			return "an address in this notation means different things to different programs", "write it as four decimal numbers, such as 127.0.0.1"
		}
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Sprintf("%q is not a port", port), "ports are numbers from 1 to 65535"
		}
	}
	return "", ""
}

// oddAddress is a host of numbers only. One that is no address is a decimal,
// octal, hexadecimal or short notation of one.
var oddAddress = regexp.MustCompile(`(?i)^(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+))*\.?$`)

// CheckBaseURL checks a base URL once its references are resolved. Its message
// does not contain the URL, because what was resolved may be confidential.
func CheckBaseURL(resolved string) error {
	if strings.Contains(resolved, "${") {
		return fmt.Errorf("%w: the resolved base URL contains ${", ErrInvalid)
	}
	if message, hint := checkURL(resolved); message != "" {
		return fmt.Errorf("%w: resolved base URL: %s: %s", ErrInvalid, message, hint)
	}
	return nil
}

// Headers that we or net/http set; another value would break the request.
var ownHeaders = map[string]bool{
	"host": true, "content-length": true, "content-type": true, "connection": true, "transfer-encoding": true,
	"te": true, "trailer": true, "upgrade": true, "accept": true, "accept-encoding": true, "keep-alive": true, "proxy-connection": true,
}

func checkHeader(name string) (string, string) {
	switch {
	case !headerForm.MatchString(name):
		return fmt.Sprintf("%q is not the name of a header", name), "names are letters, digits and dashes"
	case ownHeaders[strings.ToLower(name)]:
		return fmt.Sprintf("the header %s is pointsman's to set", name), "remove it"
	}
	return "", ""
}

// credentialHeader says that a header is one that credentials travel in.
var credentialHeader = regexp.MustCompile(`(?i)authorization|cookie|token|secret|password|credential|key$`)

// template decodes a text that may contain references.
func (d *decoder) template(n *node, at cursor, v reflect.Value) {
	header := strings.HasPrefix(at.table, "upstreams.*.headers.")
	if header && n.kind == kindScalar && credentialHeader.MatchString(at.path[strings.LastIndexAny(at.path, ".[")+1:]) && !reference.MatchString(n.value) {
		d.hideAll(n)
		d.add(d.positions[at.path].key, at.path, "a secret must not stand in this file", `write "${NAME}", or "Bearer ${NAME}", and set that environment variable`)
		return
	}
	if n.kind == kindScalar && !header {
		d.hideCredential(n.value)
	}
	text, ok := d.text(n, at)
	if !ok {
		return
	}
	if message, hint := badReference(text); message != "" {
		d.add(n.pos, at.path, message, hint)
		return
	}
	if header && control.MatchString(text) {
		d.add(n.pos, at.path, "a header must be one line without control characters", "remove line breaks and tabs")
		return
	}
	v.Set(reflect.ValueOf(Text{text}))
}

// hideCredential keeps what a URL must not carry, and carries all the same, out
// of what is shown.
func (d *decoder) hideCredential(text string) {
	_, rest, _ := strings.Cut(text, "://")
	authority, path, _ := strings.Cut(rest, "/")
	if user, _, ok := strings.Cut(authority, "@"); ok {
		d.source.hide(user)
	}
	if _, query, ok := strings.Cut(path, "?"); ok {
		d.source.hide(query)
	}
}
