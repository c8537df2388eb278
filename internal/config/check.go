package config

import (
	"fmt"
	"slices"

	"github.com/pointsman-ai/pointsman/internal/suggest"
)

// fine says that nothing was reported about a path yet.
func (d *decoder) fine(path string) bool { return !d.faulty[path] }

// written says that the file has a value.
func (d *decoder) written(path string) bool {
	_, ok := d.positions[path]
	return ok
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

// refer reports a reference to a name that there is not, unless there are no
// names at all: then that has been reported.
func (d *decoder) refer(path, name, what string, known []string) bool {
	if name == "" || !d.fine(path) || slices.Contains(known, name) {
		return name != ""
	}
	if len(known) == 0 && slices.Contains([]string{"upstream", "model", "tier"}, what) {
		return false
	}
	d.at(path, fmt.Sprintf("there is no %s %q", what, name), suggest.DidYouMean(name, known))
	return false
}
