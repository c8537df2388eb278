package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// check looks at the meaning of the file: whether what refers leads somewhere,
// and whether what stands together goes together. Values that were complained
// about already are left alone, so that one mistake is told once.
func (d *decoder) check(c *Config) {
	d.checkServer(&c.Server)
	d.checkJournal(&c.Journal)
	for id := range sortedKeys(c.Upstreams) {
		d.checkUpstream(At("upstreams", id), c.Upstreams[id])
	}
	for id := range sortedKeys(c.Models) {
		d.checkModel(c, At("models", id), c.Models[id])
	}
	d.checkRules(c, "rules", c.Rules, nil)
	for id := range sortedKeys(c.Specs) {
		task := c.Specs[id]
		d.checkTask(c, At("tasks", id), &task)
	}
}

// fine says that nothing was said about a path yet.
func (d *decoder) fine(path string) bool { return !d.faulty[path] }

func (d *decoder) checkServer(s *Server) {
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

// once reports a name that an entry before this one has already.
func (d *decoder) once(seen map[string]int, name string, i int, list, key, what string) {
	if name == "" {
		return
	}
	first, ok := seen[name]
	if !ok {
		seen[name] = i
		return
	}
	path := child(indexed(list, i), key)
	at := locate(d.positions, child(indexed(list, first), key)).node.pos
	d.at(path, fmt.Sprintf("there is a %s %q already", what, name), fmt.Sprintf("it is on line %d; choose another name", at.Line))
}

func (d *decoder) checkJournal(j *Journal) {
	if d.written("journal.payload_retention") && d.fine("journal.payload_retention") && d.fine("journal.retention") &&
		j.PayloadRetention > j.Retention {
		d.at("journal.payload_retention", fmt.Sprintf("texts would be kept for %s, their decisions for %s", j.PayloadRetention, j.Retention), "texts go with their decisions at the latest; shorten payload_retention")
	}
}

// ofType are the settings that only one type of upstream has.
var ofType = map[string]UpstreamType{
	"base_url": TypeOpenAI, "api_key": TypeOpenAI, "headers": TypeOpenAI,
	"recording": TypeRecorded, "pace": TypeRecorded,
}

func (d *decoder) checkUpstream(at string, u Upstream) {
	if u.Type == "" {
		return
	}
	for key := range sortedKeys(ofType) {
		if t := ofType[key]; t != u.Type && d.written(child(at, key)) {
			d.atKey(child(at, key), fmt.Sprintf("%s is a setting of type %s, this upstream is %s", key, t, u.Type), "remove it, or change the type")
		}
	}
	need := func(key, what string) {
		if !d.written(child(at, key)) {
			d.atKey(at, fmt.Sprintf("an upstream of type %s needs %s", u.Type, key), what)
		}
	}
	switch u.Type {
	case TypeOpenAI:
		need("base_url", "such as https://api.openai.com/v1")
		if !u.APIKey.IsZero() && strings.HasPrefix(u.BaseURL.String(), "http://") && u.Location == pointsman.LocationManaged {
			d.at(child(at, "base_url"), "the key would be sent over the network in the clear", "use https")
		}
		d.checkHeaders(at, u)
	case TypeRecorded:
		need("recording", "the path of a .pmrec file")
	case TypeEmbedded:
		if u.Location != "" && u.Location != pointsman.LocationEdge {
			d.at(child(at, "location"), fmt.Sprintf("an embedded model runs in this process, which is not %s", u.Location), "write edge")
		}
	}
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

func (d *decoder) checkModel(c *Config, at string, m Model) {
	d.refer(child(at, "upstream"), string(m.Upstream), "upstream", texts(slices.Collect(sortedKeys(c.Upstreams))))
	u, ok := c.Upstreams[m.Upstream]
	if !ok || u.Type == "" {
		return
	}
	embedded := u.Type == TypeEmbedded
	switch {
	case embedded && !d.written(child(at, "artefact")):
		d.atKey(at, "a model of an embedded upstream needs artefact", "sha256:… in the artefact store, or file:path")
	case !embedded && d.written(child(at, "artefact")):
		d.atKey(child(at, "artefact"), fmt.Sprintf("artefact is of embedded models, upstream %s is %s", m.Upstream, u.Type), "remove it; name says what the upstream calls the model")
	}
	if p := m.Price; p.Known && p.CachedInput > p.Input {
		d.at(child(child(at, "price"), "cached_input"), "cached input costs more than input", "the two amounts look swapped")
	}
}

// refer reports a reference to a name that there is not, unless there are no
// names at all: then that has been said.
func (d *decoder) refer(path, name, what string, known []string) bool {
	if name == "" || !d.fine(path) || slices.Contains(known, name) {
		return name != ""
	}
	if len(known) == 0 && slices.Contains([]string{"upstream", "model", "tier"}, what) {
		return false
	}
	d.at(path, fmt.Sprintf("there is no %s %q", what, name), didYouMean(name, known))
	return false
}
