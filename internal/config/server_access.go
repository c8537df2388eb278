package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/suggest"
)

// Key is one credential, known by its hash only.
type Key struct {
	Name   string `yaml:"name"`
	SHA256 string `yaml:"sha256"`
	// Metadata replaces what a client with this key claims.
	Metadata map[string]string `yaml:"metadata"`
	// Tasks are those that the key may name; nil permits all.
	Tasks []pointsman.TaskID `yaml:"tasks"`
	// Direct is what the key may name in place of a task. It is never nil after
	// the file was read: what is not written is [Server.Direct].
	Direct *Direct `yaml:"direct"`
}

// CORS says which web pages may read answers (cross-origin resource sharing).
type CORS struct {
	// Origins are as a browser sends them, such as https://app.example.com, or
	// "*" alone for all.
	Origins     []string `yaml:"origins"`
	Credentials bool     `yaml:"credentials"`
}

// Direct says which upstreams clients may name, as upstream/model, in place of
// a task: past the rules and the contract of every task. In the file it is
// allow, deny, or a list of upstreams. The zero value denies.
type Direct struct {
	All       bool
	Upstreams []pointsman.UpstreamID
}

// The notations of Direct that are no list.
const (
	directAllow = "allow"
	directDeny  = "deny"
)

const directDoc = "allow, deny, or a list of upstreams"

var accessFields = map[string]field{
	"server.hosts":             {doc: "The names and addresses that a request's Host may have, without port. Default: with keys any; without, loopback names and addresses, so that no web page can reach this server under a name of its own.", many: 256, least: 1},
	"server.hosts.*":           {doc: "One name or address.", text: 253, form: formHost},
	"server.cors":              {doc: "Which web pages may read answers. Default: none."},
	"server.cors.origins":      {doc: "The origins of those pages, as a browser sends them, or * alone for all.", many: 256, least: 1},
	"server.cors.origins.*":    {doc: "One origin.", text: 512, form: formOrigin},
	"server.cors.credentials":  {doc: "Whether a page may send the browser's cookies and certificates along.", def: "false"},
	"server.direct":            {doc: "Which upstreams clients may name, as upstream/model, in place of a task, past its rules: " + directDoc + ". For keys that do not say. Default: deny where there are keys, allow where there are none."},
	"server.keys":              {doc: "The keys that clients may use. Absent: no key is asked for, which is only allowed on a loopback address."},
	"server.keys.*":            {doc: "One key."},
	"server.keys.*.name":       {doc: "The principal that decisions are put on record for.", required: true, form: formName},
	"server.keys.*.sha256":     {doc: "The SHA-256 of the key, 64 lower-case hexadecimal digits.", required: true, form: formHex},
	"server.keys.*.metadata":   {doc: "Metadata that is fixed by the key and replaces what a client claims.", many: 64},
	"server.keys.*.metadata.*": {doc: "The value of one metadata key.", text: 1024},
	"server.keys.*.tasks":      {doc: "The tasks that the key may name. Default: all.", least: 1},
	"server.keys.*.tasks.*":    {doc: "One task."},
	"server.keys.*.direct":     {doc: "Which upstreams the key may name in place of a task: " + directDoc + ". Default: server.direct."},
}

// completeAccess fills in who may ask upstreams directly.
func completeAccess(d *decoder, c *Config) {
	if !d.written("server.direct") {
		c.Server.Direct = Direct{All: len(c.Server.Keys) == 0 && d.fine("server.keys")}
	}
	for i := range c.Server.Keys {
		if k := &c.Server.Keys[i]; k.Direct == nil {
			same := c.Server.Direct
			k.Direct = &same
		}
	}
}

func (d *decoder) checkAccess(c *Config) {
	byName, byHash := map[string]int{}, map[string]int{}
	upstreams, tasks := texts(slices.Collect(sortedKeys(c.Upstreams))), texts(slices.Collect(sortedKeys(c.Tasks)))
	d.checkDirect("server.direct", &c.Server.Direct, upstreams)
	for i, k := range c.Server.Keys {
		at := At("server", "keys", i)
		if k.Name == pointsman.Anonymous {
			d.at(child(at, "name"), "no key may be called "+pointsman.Anonymous, "that is who sends feedback where no key is asked for; choose another name")
		}
		d.once(byName, k.Name, i, "server.keys", "name", "key")
		if first, ok := byHash[k.SHA256]; ok && k.SHA256 != "" {
			d.at(child(at, "sha256"), "this key is listed twice", fmt.Sprintf("it is also the key of %s", c.Server.Keys[first].Name))
		} else {
			byHash[k.SHA256] = i
		}
		if k.SHA256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
			d.at(child(at, "sha256"), "this is the SHA-256 of an empty key", "make a key with pointsman key new")
		}
		for j, task := range k.Tasks {
			d.refer(indexed(child(at, "tasks"), j), string(task), "task", tasks)
		}
		if d.written(child(at, "direct")) {
			d.checkDirect(child(at, "direct"), k.Direct, upstreams)
		}
	}
	d.checkCORS(&c.Server)
}

func (d *decoder) checkDirect(at string, direct *Direct, upstreams []string) {
	for i, id := range direct.Upstreams {
		d.refer(indexed(at, i), string(id), "upstream", upstreams)
	}
}

func (d *decoder) checkCORS(s *Server) {
	all := slices.Index(s.CORS.Origins, "*")
	switch {
	case all < 0:
		if s.CORS.Credentials && len(s.CORS.Origins) == 0 && d.fine("server.cors.origins") {
			d.atKey("server.cors.credentials", "credentials of no origin are allowed", "name the origins, or remove this")
		}
		return
	case len(s.CORS.Origins) > 1:
		d.at(At("server", "cors", "origins", all), "* is listed among other origins", "write * alone, or the origins without it")
	case s.CORS.Credentials:
		d.at("server.cors.credentials", "browsers refuse credentials together with the origin *", "name the origins")
	case len(s.Keys) == 0 && d.fine("server.keys"):
		d.at(At("server", "cors", "origins", all), "any web page could send requests, and no key is asked for", "name the origins, or add server.keys")
	}
}

// The forms of a host and of an origin.
var (
	formHost   = &form{`^[^/@ ]+$`, checkHost}
	formOrigin = &form{`^(\*|[a-z][a-z0-9+.-]*://.+)$`, checkOrigin}
)

func checkHost(v string) (message, hint string) {
	if message, hint := noReference(v); message != "" {
		return message, hint
	}
	if _, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(v, "["), "]")); err == nil {
		return "", ""
	}
	switch {
	case v == "*":
		return "* would let any web page reach this server under a name of its own", "name the hosts; with keys, leave hosts out to allow any"
	case strings.Contains(v, ":"):
		return fmt.Sprintf("%q is not a host", v), "write the name alone, without http:// and without a port"
	case hostForm.MatchString(v):
		return "", ""
	}
	return fmt.Sprintf("%q is not a host", v), "write a name, such as gateway.example.com, or an address"
}

func checkOrigin(v string) (message, hint string) {
	if v == "*" {
		return "", ""
	}
	if message, hint := noReference(v); message != "" {
		return message, hint
	}
	if v == "null" {
		return "null is the origin of any page that hides its own", "name the page's origin"
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil || strings.Contains(v, "*") {
		return fmt.Sprintf("%q is not an origin", v), "write scheme://host or scheme://host:port, such as https://app.example.com, without a path"
	}
	if strings.ToLower(v) != v {
		return "browsers send origins in lower case", fmt.Sprintf("write %q", strings.ToLower(v))
	}
	return "", ""
}

// decodeNode reads allow, deny or a list of upstreams.
func (v *Direct) decodeNode(d *decoder, n *node, at cursor) {
	switch {
	case n.kind == kindSequence:
		d.bounded(n, at, len(n.items))
		v.Upstreams = []pointsman.UpstreamID{}
		for i, item := range n.items {
			inside := at.item(i)
			d.positions[inside.path] = mark{item, item.pos}
			if text, ok := d.text(item, inside); ok {
				v.Upstreams = append(v.Upstreams, pointsman.UpstreamID(text))
			}
		}
	case n.kind == kindScalar && n.tag == "!!str" && n.value == directAllow:
		v.All = true
	case n.kind == kindScalar && n.tag == "!!str" && n.value == directDeny:
	case n.kind == kindScalar && n.tag == "!!str":
		hint := suggest.DidYouMean(n.value, []string{directAllow, directDeny})
		d.add(n.pos, at.path, fmt.Sprintf("direct cannot be %q", n.value), hint+"; or a list of upstreams")
	default:
		d.want(n, at, directDoc, "write allow, deny, or [NAME]")
	}
}

// appendJSON writes it for a snapshot.
func (v Direct) appendJSON(out []byte) []byte {
	switch {
	case v.All:
		return appendText(out, directAllow)
	case len(v.Upstreams) == 0:
		return appendText(out, directDeny)
	}
	out = append(out, '[')
	for i, id := range v.Upstreams {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(out, string(id))
	}
	return append(out, ']')
}

// describe writes its JSON Schema.
func (v Direct) describe(s *jsonschema.Schema) {
	s.AnyOf = []*jsonschema.Schema{
		{Type: "string", Enum: []any{directAllow, directDeny}},
		{Type: "array", Items: &jsonschema.Schema{Type: "string"}, MaxItems: bound(maxEntries)},
	}
}
