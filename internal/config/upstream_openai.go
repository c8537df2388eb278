package config

import (
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// TypeOpenAI is anything that speaks the OpenAI chat-completions API.
const TypeOpenAI UpstreamType = "openai"

// HTTPSettings are those of an upstream that is asked over HTTP.
type HTTPSettings struct {
	BaseURL Text            `yaml:"base_url"`
	APIKey  Secret          `yaml:"api_key"`
	Headers map[string]Text `yaml:"headers"`
}

var openaiType = upstreamType{
	name: TypeOpenAI,
	settings: map[string]field{
		"base_url":  {doc: "Of openai: the URL that /chat/completions is appended to. May contain ${NAME}.", form: formURL, text: 2048},
		"api_key":   {doc: "Of openai: where the key is to be found, ${NAME} or file:path. Never the key itself."},
		"headers":   {doc: "Of openai: more headers to send. May contain ${NAME}; a header that carries a credential must.", many: 64, form: formHeader},
		"headers.*": {doc: "The value of one header.", text: 8192},
	},
	needs:      []need{{"base_url", "such as https://api.openai.com/v1"}},
	check:      (*decoder).checkHTTP,
	unresolved: unresolvedHTTP,
}

// checkHTTP refuses a key in the clear and headers that cannot be.
func (d *decoder) checkHTTP(at string, u Upstream) {
	if !u.APIKey.IsZero() && strings.HasPrefix(u.BaseURL.String(), "http://") && u.Location == pointsman.LocationManaged {
		d.at(child(at, "base_url"), "the key would be sent over the network in the clear", "use https")
	}
	d.checkHeaders(at, u)
}

// checkHeaders refuses a header that is named twice in different cases, and a
// second source of the credential.
func (d *decoder) checkHeaders(at string, u Upstream) {
	seen := map[string]string{}
	for name := range sortedKeys(u.Headers) {
		path := child(child(at, "headers"), name)
		folded := strings.ToLower(name)
		if first, ok := seen[folded]; ok {
			d.atKey(path, fmt.Sprintf("the header %s stands twice", name), fmt.Sprintf("the other is %s; their case does not tell them apart", first))
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
func checkURL(v string) (string, string) {
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
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Sprintf("%q is not a port", port), "ports are numbers from 1 to 65535"
		}
	}
	return "", ""
}

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
