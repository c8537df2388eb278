package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/suggest"
)

// mark is where a value of the file is, and its key.
type mark struct {
	node *node
	key  Position // of the key; of the value where it has none
}

// decoder fills typed values from nodes and collects what is wrong. It never
// stops at a problem: what is wrong keeps its zero value, and the checks of
// meaning leave alone what has been complained about.
type decoder struct {
	source    *source
	snapshot  bool // what is read was in force once: later refusals do not hold
	dir       string
	problems  Problems
	positions map[string]mark
	faulty    map[string]bool // paths whose value is not to be relied on
	files     []string
}

// add reports a problem at a position.
func (d *decoder) add(at Position, path, message, hint string) {
	d.faulty[path] = true
	d.problems = append(d.problems, Problem{File: d.source.name, Position: at, Path: path, Message: message, Hint: hint})
}

// at reports a problem with the value of a path, or, where it is not written,
// with the nearest thing around it that is.
func (d *decoder) at(path, message, hint string) {
	d.add(locate(d.positions, path).node.pos, path, message, hint)
}

// atKey reports a problem with the key of a path.
func (d *decoder) atKey(path, message, hint string) {
	d.add(locate(d.positions, path).key, path, message, hint)
}

// locate finds the mark of a path or of the nearest path around it.
func locate(positions map[string]mark, path string) mark {
	for {
		if m, ok := positions[path]; ok {
			return m
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut <= 0 {
			break
		}
		path = path[:cut]
	}
	if m, ok := positions[""]; ok {
		return m
	}
	return mark{node: &node{pos: Position{1, 1}}, key: Position{1, 1}}
}

// cursor is where the decoder is: in the file, and in the table of fields.
type cursor struct{ path, table string }

func (c cursor) child(key string) cursor { return cursor{child(c.path, key), join(c.table, key)} }
func (c cursor) entry(key string) cursor { return cursor{child(c.path, key), join(c.table, wildcard)} }

func (c cursor) item(i int) cursor { return cursor{indexed(c.path, i), join(c.table, wildcard)} }
func (c cursor) field() field      { return fields[c.table] }

// custom are the types that are not decoded by their kind.
var custom map[reflect.Type]func(d *decoder, n *node, at cursor, into reflect.Value)

func init() { // not a literal: the functions refer back to the map
	custom = map[reflect.Type]func(*decoder, *node, cursor, reflect.Value){
		reflect.TypeFor[Duration]():        (*decoder).duration,
		reflect.TypeFor[Size]():            (*decoder).size,
		reflect.TypeFor[Secret]():          (*decoder).secret,
		reflect.TypeFor[Text]():            (*decoder).template,
		reflect.TypeFor[Path]():            (*decoder).path,
		reflect.TypeFor[ArtefactRef]():     (*decoder).artefact,
		reflect.TypeFor[Price]():           (*decoder).price,
		reflect.TypeFor[pointsman.Money](): (*decoder).money,
		reflect.TypeFor[JSON]():            (*decoder).schema,
		reflect.TypeFor[Params]():          (*decoder).params,
	}
}

// value decodes a node into v.
func (d *decoder) value(n *node, at cursor, v reflect.Value) {
	if decode, ok := custom[v.Type()]; ok {
		decode(d, n, at, v)
		return
	}
	if own, ok := reflect.TypeAssert[nodeDecoder](v.Addr()); ok {
		own.decodeNode(d, n, at)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, at, v.Elem())
	case reflect.Struct:
		d.structure(n, at, v)
	case reflect.Map:
		d.mapping(n, at, v)
	case reflect.Slice:
		d.sequence(n, at, v)
	case reflect.String:
		if s, ok := d.text(n, at); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		d.boolean(n, at, v)
	case reflect.Int64:
		d.integer(n, at, v)
	case reflect.Float64:
		d.number(n, at, v)
	default:
		panic("config: no decoder for " + v.Type().String())
	}
}

// want reports a node of the wrong kind.
func (d *decoder) want(n *node, at cursor, what, hint string) {
	d.add(n.pos, at.path, fmt.Sprintf("want %s, this is %s", what, n.what()), hint)
}

// structure decodes a mapping with known keys, and gives the defaults of those
// that are not written.
func (d *decoder) structure(n *node, at cursor, v reflect.Value) {
	var known []string
	all := members(v.Type())
	for _, m := range all {
		if _, ok := fields[at.child(m.name).table]; ok { // the same type has other keys elsewhere
			known = append(known, m.name)
		}
	}
	if n.kind != kindMapping {
		d.want(n, at, "a mapping", "its keys are "+strings.Join(known, ", "))
		return
	}
	for _, p := range n.pairs {
		inside := at.child(p.key)
		d.positions[inside.path] = mark{p.value, p.keyPos}
		if _, ok := fields[inside.table]; !ok {
			if credentialHeader.MatchString(p.key) && p.value.kind == kindScalar && !isReference(p.value.value) {
				d.source.hide(p.value.value)
			}
			d.add(p.keyPos, inside.path, fmt.Sprintf("unknown key %q", p.key), unknownHint(p.key, at.table, known))
		}
	}
	for _, m := range all {
		inside := at.child(m.name)
		p := n.get(m.name)
		switch {
		case !slices.Contains(known, m.name):
		case p == nil:
			d.absent(n, at, inside, m.name, v.FieldByIndex(m.index))
		case p.value.kind == kindScalar && p.value.tag == "!!null":
			d.add(p.keyPos, inside.path, fmt.Sprintf("%s has no value", m.name), "write one, or remove the key")
		default:
			d.value(p.value, inside, v.FieldByIndex(m.index))
		}
	}
	if f := at.field(); f.least > len(n.pairs) {
		d.add(n.pos, at.path, "this says nothing", "give at least one of "+strings.Join(known, ", "))
	}
}

// unknownHint suggests what an unknown key was meant to be: a key of this
// mapping, or else the block where a key of that name belongs.
func unknownHint(key, table string, known []string) string {
	if near := suggest.Nearest(key, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	for path := range sortedKeys(fields) {
		if strings.HasSuffix(path, "."+key) && !strings.HasPrefix(path, table+".") {
			return fmt.Sprintf("%s belongs under %s", key, strings.TrimSuffix(path, "."+key))
		}
	}
	return suggest.DidYouMean(key, known)
}

// absent gives a key that is not written its default, or says that it must be.
func (d *decoder) absent(n *node, at, inside cursor, name string, v reflect.Value) {
	f := inside.field()
	switch {
	case f.required:
		d.faulty[inside.path] = true
		pos := n.pos
		if m, ok := d.positions[at.path]; ok {
			pos = m.key
		}
		d.add(pos, inside.path, name+" is missing", strings.ToLower(f.doc[:1])+strings.TrimSuffix(f.doc[1:], "."))
	case f.def != "":
		d.value(&node{tag: defaultTag(v), value: f.def, pos: n.pos}, inside, v)
	case v.Kind() == reflect.Struct && custom[v.Type()] == nil:
		d.structure(&node{kind: kindMapping, pos: n.pos}, inside, v)
	}
}

// defaultTag is the tag that a default has when it is written.
func defaultTag(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return "!!bool"
	case reflect.Float64:
		return "!!float"
	}
	return "!!str"
}

// mapping decodes a mapping whose keys are names.
func (d *decoder) mapping(n *node, at cursor, v reflect.Value) {
	if n.kind != kindMapping {
		d.want(n, at, "a mapping", "write name: value")
		return
	}
	d.bounded(n, at, len(n.pairs))
	f := at.field()
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.pairs)))
	for _, p := range n.pairs {
		inside := at.entry(p.key)
		d.positions[inside.path] = mark{p.value, p.keyPos}
		if message, hint := checkKey(f.form, p.key); message != "" {
			d.add(p.keyPos, inside.path, message, hint)
			continue
		}
		if p.value.kind == kindScalar && p.value.tag == "!!null" {
			d.add(p.keyPos, inside.path, p.key+" has no value", "write one, or remove the key")
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(p.value, inside, element)
		v.SetMapIndex(reflect.ValueOf(p.key).Convert(v.Type().Key()), element)
	}
}

// checkKey checks the key of a mapping; one without a form is a metadata key.
func checkKey(f *form, key string) (message, hint string) {
	if f == nil {
		f = formLine
	}
	if len(key) > 256 {
		return "this key is longer than 256 bytes", "shorten it"
	}
	return f.check(key)
}

func (d *decoder) sequence(n *node, at cursor, v reflect.Value) {
	if n.kind != kindSequence {
		hint := "write one entry a line, each after a dash"
		if n.kind == kindScalar {
			hint = fmt.Sprintf("write [%s]", n.value)
		}
		d.want(n, at, "a list", hint)
		return
	}
	d.bounded(n, at, len(n.items))
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		inside := at.item(i)
		d.positions[inside.path] = mark{item, item.pos}
		d.value(item, inside, v.Index(i))
	}
}

// bounded checks the number of entries.
func (d *decoder) bounded(n *node, at cursor, entries int) {
	f := at.field()
	most := f.many
	if most == 0 {
		most = maxEntries
	}
	switch {
	case entries > most:
		d.add(n.pos, at.path, fmt.Sprintf("%d entries, at most %d are taken", entries, most), "")
	case entries < f.least:
		d.add(n.pos, at.path, "this must not be empty", "give at least one")
	}
}

// text decodes a text, and checks its form, length and closed set.
func (d *decoder) text(n *node, at cursor) (string, bool) {
	f := at.field()
	if n.kind != kindScalar || n.tag != "!!str" {
		hint := "write it in one line"
		switch {
		case len(f.enum) > 0:
			hint = "one of " + strings.Join(f.enum, ", ")
		case n.kind == kindScalar && (n.tag == "!!null" || n.value == ""):
			hint = "write one"
		case n.kind == kindScalar:
			hint = "put it in quotes: " + strconv.Quote(n.value)
		}
		d.want(n, at, "text", hint)
		return "", false
	}
	most := f.text
	if most == 0 {
		most = maxText
	}
	switch {
	case len(n.value) > most:
		d.add(n.pos, at.path, fmt.Sprintf("%d bytes, at most %d are taken", len(n.value), most), "")
		return "", false
	case !utf8.ValidString(n.value):
		d.add(n.pos, at.path, "this is not UTF-8", "save the file as UTF-8")
		return "", false
	}
	if len(f.enum) > 0 && !slices.Contains(f.enum, n.value) {
		d.add(n.pos, at.path, fmt.Sprintf("%s cannot be %q", lastName(at), n.value), suggest.DidYouMean(n.value, f.enum))
		return "", false
	}
	if f.form != nil {
		if message, hint := f.form.check(n.value); message != "" {
			d.add(n.pos, at.path, message, hint)
			return "", false
		}
	} else if f.required && strings.TrimSpace(n.value) == "" {
		d.add(n.pos, at.path, lastName(at)+" must not be empty", "write one")
		return "", false
	}
	return n.value, true
}

// lastName is the name of a value for messages: its key, or that of the list it
// is in.
func lastName(at cursor) string {
	steps := strings.Split(at.table, ".")
	for _, step := range slices.Backward(steps) {
		if step != wildcard {
			return step
		}
	}
	return "this"
}
