package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Server says how requests come in.
type Server struct {
	Listen         string   `yaml:"listen"`
	MaxBody        Size     `yaml:"max_body"`
	ReadTimeout    Duration `yaml:"read_timeout"`
	RequestTimeout Duration `yaml:"request_timeout"`
	DrainTimeout   Duration `yaml:"drain_timeout"`
	// Direct says whether clients may name upstream/model in place of a task.
	Direct string `yaml:"direct"`
	// Keys are the credentials that clients may use; none means that no key is
	// asked for, which is refused for an address that others can reach.
	Keys []Key `yaml:"keys"`
}

// The values of Server.Direct.
const (
	DirectAllow = "allow"
	DirectDeny  = "deny"
)

// Key is one credential, known by its hash only.
type Key struct {
	Name   string `yaml:"name"`
	SHA256 string `yaml:"sha256"`
	// Metadata replaces what a client with this key claims.
	Metadata map[string]string `yaml:"metadata"`
}

var serverBlock = block{
	check: (*decoder).checkServer,
	fields: map[string]field{
		"server":                   {doc: "How requests come in."},
		"server.listen":            {doc: "The address to listen on, host:port. Port 0 takes any free one.", def: "127.0.0.1:8087", form: formListen},
		"server.max_body":          {doc: "The largest request body.", def: "4MiB", min: "1KiB", max: "256MiB"},
		"server.read_timeout":      {doc: "How long a client may take to send a whole request.", def: "30s", min: "10ms", max: "1h"},
		"server.request_timeout":   {doc: "How long a whole request may take, all tiers together.", def: "120s", min: "10ms", max: "1h"},
		"server.drain_timeout":     {doc: "How long running requests may go on when the server is asked to stop.", def: "20s", min: "0s", max: "1h"},
		"server.direct":            {doc: "Whether clients may name upstream/model in place of a task.", def: DirectAllow, enum: []string{DirectAllow, DirectDeny}},
		"server.keys":              {doc: "The keys that clients may use. Absent: no key is asked for, which is only allowed on a loopback address."},
		"server.keys.*":            {doc: "One key."},
		"server.keys.*.name":       {doc: "The principal that decisions are put on record for.", required: true, form: formName},
		"server.keys.*.sha256":     {doc: "The SHA-256 of the key, 64 lower-case hexadecimal digits.", required: true, form: formHex},
		"server.keys.*.metadata":   {doc: "Metadata that is fixed by the key and replaces what a client claims.", many: 64},
		"server.keys.*.metadata.*": {doc: "The value of one metadata key.", text: 1024},
	},
}

func (d *decoder) checkServer(c *Config) {
	s := &c.Server
	if len(s.Keys) == 0 && s.Listen != "" && d.fine("server.keys") && !loopback(s.Listen) {
		d.at("server.listen", fmt.Sprintf("%s can be reached by others, and no key is asked for", s.Listen),
			"listen on 127.0.0.1, or add server.keys (pointsman key new makes one)")
	}
	if d.fine("server.read_timeout") && d.fine("server.request_timeout") && d.written("server.request_timeout") && s.RequestTimeout < s.ReadTimeout && d.written("server.read_timeout") {
		d.at("server.request_timeout", fmt.Sprintf("the whole request may take %s, sending it alone %s", s.RequestTimeout, s.ReadTimeout), "make request_timeout the longer one")
	}
	byName, byHash := map[string]int{}, map[string]int{}
	for i, k := range s.Keys {
		at := At("server", "keys", i)
		d.once(byName, k.Name, i, "server.keys", "name", "key")
		if first, ok := byHash[k.SHA256]; ok && k.SHA256 != "" {
			d.at(child(at, "sha256"), "this key is listed twice", fmt.Sprintf("it is also the key of %s", s.Keys[first].Name))
		} else {
			byHash[k.SHA256] = i
		}
		if k.SHA256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
			d.at(child(at, "sha256"), "this is the SHA-256 of an empty key", "make a key with pointsman key new")
		}
	}
}

// formListen is an address to listen on.
var formListen = &form{`^.*:[0-9]{1,5}$`, checkListen}

func checkListen(v string) (string, string) {
	if message, hint := noReference(v); message != "" {
		return message, hint
	}
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Sprintf("%q is not an address", v), "write host:port, such as 127.0.0.1:8087, or [::1]:8087"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Sprintf("%q is not a port", port), "ports are numbers from 0 (any free one) to 65535"
	}
	if strings.ContainsAny(host, "/ \t@") {
		return fmt.Sprintf("%q is not a host", host), "write a name or an address, without http://"
	}
	return "", ""
}

// loopback says that only this machine can reach an address. A name other than
// localhost may be anything, so it is not.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
