package config

import (
	"context"
	"reflect"
	"time"
)

// WatchWith is Watch with a timer of the test's own.
func WatchWith(ctx context.Context, path string, onChange func(), after func(time.Duration) <-chan time.Time, extra ...string) error {
	return (&watcher{path: path, extra: extra, onChange: onChange, after: after}).run(ctx)
}

// ProbeAt is ProbeOllama with an address of the test's own.
var ProbeAt = probe

// ToJSON is a YAML file as JSON, as far as it is a tree: what an editor holds
// against the schema.
func ToJSON(src []byte) ([]byte, bool) {
	d := newDecoder(newSource("test", src), "")
	root := d.parseYAML(src)
	if root == nil || len(d.problems) > 0 {
		return nil, false
	}
	out, err := canonical(nil, root)
	return out, err == nil
}

// What is tested by itself.
var (
	ParseDuration = parseDuration
	ParseSize     = parseSize
)

// Uncovered compares the table of fields with the types: keys of a type that
// the table does not have, and paths of the table that no type has.
func Uncovered() (missing, idle []string) {
	seen := map[string]bool{}
	var visit func(t reflect.Type, at cursor)
	visit = func(t reflect.Type, at cursor) {
		if at.table != "" {
			seen[at.table] = true
			if _, ok := fields[at.table]; !ok {
				missing = append(missing, at.table)
				return
			}
		}
		switch {
		case t == reflect.TypeFor[Price]():
			visit(reflect.TypeFor[priceFields](), at)
		case t == reflect.TypeFor[Params]():
			seen[join(at.table, wildcard)] = true
		case custom[t] != nil, t.Implements(reflect.TypeFor[notation]()) && t.Kind() != reflect.Pointer:
		case t.Kind() == reflect.Pointer:
			visit(t.Elem(), at)
		case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
			visit(t.Elem(), at.entry(""))
		case t.Kind() == reflect.Struct:
			for _, m := range members(t) {
				visit(m.typ, at.child(m.name))
			}
		}
	}
	visit(reflect.TypeFor[Config](), cursor{})
	for path := range sortedKeys(fields) {
		if !seen[path] {
			idle = append(idle, path)
		}
	}
	return missing, idle
}
