package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pointsman-ai/pointsman/internal/memory"
)

// Server says how requests come in.
type Server struct {
	Listen string `yaml:"listen"`
	// AdminListen is where metrics and administration are served, or
	// [AdminOff]. No key is asked for there.
	AdminListen string `yaml:"admin_listen"`
	MaxBody     Size   `yaml:"max_body"`
	// Memory bounds all bodies and answers that are in the process at once.
	Memory         Size     `yaml:"memory"`
	ReadTimeout    Duration `yaml:"read_timeout"`
	RequestTimeout Duration `yaml:"request_timeout"`
	DrainTimeout   Duration `yaml:"drain_timeout"`
	// Hosts are the names that a request's Host header may have; nil allows
	// any.
	Hosts []string `yaml:"hosts"`
	CORS  CORS     `yaml:"cors"`
	// Direct is what the keys may name in place of a task that do not say, or
	// everybody where there are no keys.
	Direct Direct `yaml:"direct"`
	// Keys are the credentials that clients may use; none means that no key is
	// asked for, which is refused for an address that others can reach.
	Keys []Key `yaml:"keys"`
}

// AdminOff is the value of Server.AdminListen with which nothing listens for
// administration.
const AdminOff = "off"

var serverBlock = block{
	complete: completeAccess,
	check: func(d *decoder, c *Config) {
		if d.snapshot {
			return // a replay listens nowhere and admits nobody
		}
		d.checkServer(&c.Server)
		d.checkAccess(c)
	},
	warn: warnServer,
	fields: merged(map[string]field{
		"server":                 {doc: "How requests come in."},
		"server.listen":          {doc: "The address to listen on, host:port. Port 0 takes any free one.", def: "127.0.0.1:8087", form: formListen},
		"server.admin_listen":    {doc: "The address for metrics and administration, host:port, or off. No key is asked for there.", def: "127.0.0.1:8088", form: formAdminListen},
		"server.max_body":        {doc: "The largest request body.", def: "4MiB", min: "1KiB", max: "256MiB"},
		"server.memory":          {doc: "The memory that all bodies and answers may take at once; requests beyond it are refused until some is free.", def: "512MiB", min: "1MiB", max: "1TiB"},
		"server.read_timeout":    {doc: "How long a client may take to send a whole request.", def: "30s", min: "10ms", max: "1h"},
		"server.request_timeout": {doc: "How long a whole request may take, all tiers together.", def: "120s", min: "10ms", max: "1h"},
		"server.drain_timeout":   {doc: "How long running requests may go on when the server is asked to stop.", def: "20s", min: "0s", max: "1h"},
	}, accessFields),
}

func (d *decoder) checkServer(s *Server) {
	open := len(s.Keys) == 0 && d.fine("server.keys")
	if open && s.Listen != "" && !Loopback(s.Listen) {
		d.at("server.listen", fmt.Sprintf("%s can be reached by others, and no key is asked for", s.Listen),
			"listen on 127.0.0.1, or add server.keys (pointsman key new makes one)")
	}
	if open && s.AdminListen != "" && s.AdminListen != AdminOff && !Loopback(s.AdminListen) {
		d.at("server.admin_listen", fmt.Sprintf("%s can be reached by others, and no key protects this server", s.AdminListen),
			"listen on 127.0.0.1, write off, or add server.keys")
	}
	if s.Listen != "" && s.Listen == s.AdminListen && !strings.HasSuffix(s.Listen, ":0") {
		at := "server.admin_listen"
		if !d.written(at) {
			at = "server.listen"
		}
		d.at(at, "requests and administration would listen on the same address", "choose another port, or write admin_listen: off")
	}
	if d.fine("server.memory") && d.fine("server.max_body") && s.Memory/memory.PerBodyByte < s.MaxBody {
		at := "server.memory"
		if !d.written(at) {
			at = "server.max_body"
		}
		d.at(at, fmt.Sprintf("a request of max_body (%s) would take more than the memory of all requests (%s)", s.MaxBody, s.Memory),
			fmt.Sprintf("a byte of a request takes %d bytes of memory while it is served: make memory many times that", memory.PerBodyByte))
	}
}

// warnServer reports times that can never be used up, and what is open.
func warnServer(c *Config, warn warner) {
	s := &c.Server
	if s.ReadTimeout > s.RequestTimeout && c.written("server.read_timeout") {
		warn(fmt.Sprintf("read_timeout is %s, and a whole request may take %s", s.ReadTimeout, s.RequestTimeout),
			"raise server.request_timeout, or lower this", "server", "read_timeout")
	}
	if s.AdminListen != AdminOff && !Loopback(s.AdminListen) {
		warn(fmt.Sprintf("metrics and probes on %s are answered without a key", s.AdminListen),
			"let the network keep others away from this port", "server", "admin_listen")
	}
}

// formListen is an address to listen on.
var formListen = &form{`^.*:[0-9]{1,5}$`, checkListen}

// formAdminListen is an address to listen on, or off.
var formAdminListen = &form{`^(off|.*:[0-9]{1,5})$`, func(v string) (message, hint string) {
	if v == AdminOff {
		return "", ""
	}
	return checkListen(v)
}}

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

// Loopback says that only this machine can reach an address. A name other than
// localhost may be anything, so it is not.
func Loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}
