package config

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Bounds of a file. They are far above what people write and far below what
// could hurt: a document of aliases to aliases stops at maxNodes.
const (
	maxSource = 1 << 20 // bytes of a configuration file
	maxNodes  = 200_000 // values after aliases are followed
	maxDepth  = 64      // nesting
)

// Position is a line and column of the source, counted from 1; columns count characters,
// not bytes. The zero Position is nowhere.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

func (p Position) before(q Position) bool {
	return p.Line < q.Line || p.Line == q.Line && p.Column < q.Column
}

// nodeKind says what a node is.
type nodeKind uint8

const (
	kindScalar nodeKind = iota
	kindMapping
	kindSequence
)

// node is one value of the file: the tree with aliases followed and merge keys
// applied, which both the YAML file and a JSON snapshot become.
type node struct {
	kind  nodeKind
	tag   string // of a scalar: !!str, !!int, !!float, !!bool, !!null or something refused
	value string // of a scalar: its text, unquoted
	style yaml.Style
	pos   Position
	pairs []pair  // of a mapping, in the order of the file
	items []*node // of a sequence
}

// pair is one key of a mapping with its value.
type pair struct {
	key    string
	keyPos Position
	value  *node
	merged bool // came through a merge key, so that a key written out overrides it
}

func (n *node) get(key string) *pair {
	for i := range n.pairs {
		if n.pairs[i].key == key {
			return &n.pairs[i]
		}
	}
	return nil
}

// what names the node's kind for people.
func (n *node) what() string {
	switch n.kind {
	case kindMapping:
		return "a mapping"
	case kindSequence:
		return "a list"
	}
	switch n.tag {
	case "!!str":
		return "text"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	case "!!timestamp":
		return "a date"
	}
	return "a value tagged " + n.tag
}

// composer turns the YAML library's tree into ours, within bounds.
type composer struct {
	report func(at Position, path, message, hint string)
	nodes  int
	full   bool // a bound was met; reported once
}

// compose follows aliases and applies merge keys. It returns nil where a bound
// is met.
func (c *composer) compose(y *yaml.Node, path string, depth int) *node {
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	pos := Position{y.Line, y.Column}
	c.nodes++
	if c.nodes > maxNodes || depth > maxDepth {
		if !c.full {
			c.full = true
			message, hint := fmt.Sprintf("more than %d values", maxNodes), "aliases that refer to aliases multiply; write the values out"
			if depth > maxDepth {
				message, hint = fmt.Sprintf("nested deeper than %d levels", maxDepth), "an anchor that contains an alias to itself never ends"
			}
			c.report(pos, path, message, hint)
		}
		return nil
	}
	n := &node{pos: pos, style: y.Style}
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = kindMapping
		c.mapping(n, y, path, depth)
	case yaml.SequenceNode:
		n.kind = kindSequence
		for i, item := range y.Content {
			if child := c.compose(item, indexed(path, i), depth+1); child != nil {
				n.items = append(n.items, child)
			}
			if c.full {
				return nil
			}
		}
	default:
		n.tag, n.value = y.ShortTag(), y.Value
	}
	if c.full {
		return nil
	}
	return n
}

// mapping composes the pairs of a mapping. A key may stand once; keys that come
// in by a merge give way to those written out, and earlier merges win over
// later ones, as YAML's merge type asks.
func (c *composer) mapping(n *node, y *yaml.Node, path string, depth int) {
	at := map[string]int{} // index into n.pairs
	for i := 0; i+1 < len(y.Content) && !c.full; i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		keyPos := Position{y.Content[i].Line, y.Content[i].Column}
		if k.Kind == yaml.ScalarNode && k.ShortTag() == "!!merge" {
			c.merge(n, at, v, path, depth)
			continue
		}
		if k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str" {
			hint := "keys are text"
			if k.Kind == yaml.ScalarNode {
				hint = "put it in quotes: " + strconv.Quote(k.Value)
			}
			c.report(keyPos, path, "a key must be text", hint)
			continue
		}
		where := child(path, k.Value)
		value := c.compose(v, where, depth+1)
		if value == nil {
			continue
		}
		p := pair{key: k.Value, keyPos: keyPos, value: value}
		earlier, ok := at[k.Value]
		switch {
		case !ok:
			at[k.Value] = len(n.pairs)
			n.pairs = append(n.pairs, p)
		case n.pairs[earlier].merged:
			n.pairs[earlier] = p
		default:
			c.report(keyPos, where, fmt.Sprintf("%q is written twice", k.Value),
				fmt.Sprintf("it is also on line %d; keep one of them", n.pairs[earlier].keyPos.Line))
		}
	}
}

// merge adds what a merge key (<<) refers to: one mapping or a list of them.
func (c *composer) merge(n *node, at map[string]int, v *yaml.Node, path string, depth int) {
	from := c.compose(v, path, depth+1)
	if from == nil {
		return
	}
	sources := []*node{from}
	if from.kind == kindSequence {
		sources = from.items
	}
	for _, source := range sources {
		if source.kind != kindMapping {
			c.report(Position{v.Line, v.Column}, path, "<< merges mappings, this is "+source.what(), "write <<: *name, with name an anchor on a mapping")
			continue
		}
		for _, p := range source.pairs {
			if _, ok := at[p.key]; ok {
				continue
			}
			p.merged = true
			at[p.key] = len(n.pairs)
			n.pairs = append(n.pairs, p)
		}
	}
}

// At makes the path of a value, by which positions are asked for: names for
// keys, ints for places in a list. At("tasks", "support", "tiers", 0) is
// "tasks.support.tiers[0]".
func At(steps ...any) string {
	path := ""
	for _, s := range steps {
		switch s := s.(type) {
		case int:
			path = indexed(path, s)
		case string:
			path = child(path, s)
		default: // named string types such as pointsman.TaskID
			path = child(path, fmt.Sprint(s))
		}
	}
	return path
}

func child(path, key string) string {
	if key == "" || strings.ContainsAny(key, ".[]\"\n ") {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func indexed(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
