package config

import (
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// field says all there is to say about one key of the file. The table of them
// gives the decoder its defaults and bounds and the JSON Schema its
// descriptions, so that the three cannot differ.
type field struct {
	doc      string
	def      string // the default as it would be written; empty: none
	required bool
	enum     []string
	min, max string // bounds, in the notation of the value
	above    bool   // min itself is out of bounds
	below    bool   // max itself is out of bounds
	form     *form  // what a text must look like
	many     int    // most entries of a list or mapping; 0: maxEntries
	least    int    // fewest entries of a list or mapping that is written
	text     int    // most bytes of a text; 0: maxText
	oneOf    string // for the reader: what else may be written instead
}

// Bounds of what has none of its own.
const (
	maxEntries = 10_000
	maxText    = 64 << 10
)

// A wildcard in a path stands for any key of a mapping or index of a list.
const wildcard = "*"

// fields is the table, by path with wildcards: the fields of all blocks.
var fields map[string]field

func init() { // not a literal: the checks of blocks refer back to the table
	for _, b := range blocks {
		fields = merged(fields, b.fields)
	}
}

// merged is one table of several, in which no path is twice.
func merged(tables ...map[string]field) map[string]field {
	out := map[string]field{}
	for _, table := range tables {
		for path, f := range table {
			if _, twice := out[path]; twice {
				panic("config: two blocks have the key " + path)
			}
			out[path] = f
		}
	}
	return out
}

// join appends a step to a path of the table.
func join(path, step string) string {
	if path == "" {
		return step
	}
	return strings.Join([]string{path, step}, ".")
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// notation is a type of values that the file writes in a way of its own: what
// the decoder, the snapshot and the schema need to know of it. A pointer to it
// is a [nodeDecoder].
type notation interface {
	// appendJSON writes the value for a snapshot.
	appendJSON(out []byte) []byte
	// describe completes the schema of such a value.
	describe(s *jsonschema.Schema)
}

type nodeDecoder interface {
	decodeNode(d *decoder, n *node, at cursor)
}

// member is one key of a struct type. The keys of an embedded struct are the
// struct's own.
type member struct {
	name  string
	index []int // see reflect.Value.FieldByIndex
	typ   reflect.Type
}

// members are the keys of a struct type in their order.
func members(t reflect.Type) (out []member) {
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("yaml"); name != "" {
			out = append(out, member{name, f.Index, f.Type})
		}
	}
	return out
}
