package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// scalar is the text of a scalar that is not quoted away from what is wanted.
func (d *decoder) scalar(n *node, at cursor, what, hint string, tags ...string) (string, bool) {
	if n.kind == kindScalar {
		if slices.Contains(tags, n.tag) {
			return n.value, true
		}
	}
	d.want(n, at, what, hint)
	return "", false
}

func (d *decoder) boolean(n *node, at cursor, v reflect.Value) {
	hint := "write true or false"
	if n.kind == kindScalar && n.tag == "!!str" {
		switch strings.ToLower(n.value) {
		case "yes", "on", "y", "true":
			hint = "write true, without quotes"
		case "no", "off", "n", "false":
			hint = "write false, without quotes"
		}
	}
	if text, ok := d.scalar(n, at, "true or false", hint, "!!bool"); ok {
		v.SetBool(strings.EqualFold(text, "true"))
	}
}

func (d *decoder) integer(n *node, at cursor, v reflect.Value) {
	hint := "write digits only"
	if n.kind == kindScalar && n.tag == "!!str" {
		hint = "write digits only, without quotes"
	}
	text, ok := d.scalar(n, at, "a whole number", hint, "!!int")
	if !ok {
		return
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		d.add(n.pos, at.path, fmt.Sprintf("%s is not a whole number in decimal digits", text), hint)
		return
	}
	f := at.field()
	if f.min != "" && i < number(f.min) || f.max != "" && i > number(f.max) {
		d.outside(n, at, text)
		return
	}
	v.SetInt(i)
}

// number is a bound of the table as an integer.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("config: bound " + s)
	}
	return n
}

func (d *decoder) number(n *node, at cursor, v reflect.Value) {
	text, ok := d.scalar(n, at, "a number", "write it with digits, without quotes", "!!float", "!!int")
	if !ok {
		return
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		d.add(n.pos, at.path, text+" is not a finite decimal number", "write it with digits and a point")
		return
	}
	f := at.field()
	low, _ := strconv.ParseFloat(f.min, 64)
	high, _ := strconv.ParseFloat(f.max, 64)
	if f.min != "" && (x < low || f.above && x == low) || f.max != "" && (x > high || f.below && x == high) {
		d.outside(n, at, text)
		return
	}
	v.SetFloat(x + 0) // minus zero is zero
}

// outside reports a value out of bounds, and which they are.
func (d *decoder) outside(n *node, at cursor, text string) {
	f := at.field()
	name := lastName(at)
	var bounds string
	switch {
	case f.min == f.max:
		bounds = "it must be " + f.min
	case f.max == "":
		bounds = "it must be at least " + f.min
	case f.above:
		bounds = fmt.Sprintf("it must be above %s and at most %s", f.min, f.max)
	case f.below:
		bounds = fmt.Sprintf("it must be at least %s and below %s", f.min, f.max)
	default:
		bounds = fmt.Sprintf("it must be from %s to %s", f.min, f.max)
	}
	hint := ""
	if f.def != "" {
		hint = "the default is " + f.def
	}
	d.add(n.pos, at.path, fmt.Sprintf("%s is %s: %s", name, text, bounds), hint)
}

func (d *decoder) duration(n *node, at cursor, v reflect.Value) {
	f := at.field()
	hint := "write a number with a unit: 500ms, 30s, 5m, 12h, 365d"
	if n.kind == kindScalar && n.tag == "!!int" {
		hint = fmt.Sprintf("a number needs a unit: %ss, %sm, %sh, %sd", n.value, n.value, n.value, n.value)
	}
	text, ok := d.scalar(n, at, "a duration", hint, "!!str")
	if !ok {
		return
	}
	if text == "forever" {
		if !strings.HasSuffix(at.table, "retention") {
			d.add(n.pos, at.path, lastName(at)+" cannot be forever", "only retention can be forever")
			return
		}
		v.SetInt(int64(Forever))
		return
	}
	x, err := parseDuration(text)
	if err != nil {
		d.add(n.pos, at.path, err.Error(), hint)
		return
	}
	low, _ := parseDuration(f.min)
	high, _ := parseDuration(f.max)
	if f.min != "" && x < low || f.max != "" && x > high {
		d.outside(n, at, text)
		return
	}
	v.SetInt(int64(x))
}

func (d *decoder) size(n *node, at cursor, v reflect.Value) {
	f := at.field()
	hint := "write a number with a unit: 64KiB, 4MiB, 1GiB"
	if n.kind == kindScalar && n.tag == "!!int" {
		hint = fmt.Sprintf("a number needs a unit: %sB, %sKiB, %sMiB", n.value, n.value, n.value)
	}
	text, ok := d.scalar(n, at, "a size", hint, "!!str")
	if !ok {
		return
	}
	x, err := parseSize(text)
	if err != nil {
		d.add(n.pos, at.path, err.Error(), hint)
		return
	}
	low, _ := parseSize(f.min)
	high, _ := parseSize(f.max)
	if x < low || x > high {
		d.outside(n, at, text)
		return
	}
	v.SetInt(int64(x))
}

// secret decodes a reference to a secret. What is written in its stead is
// never shown.
func (d *decoder) secret(n *node, at cursor, v reflect.Value) {
	d.hideAll(n)
	key := d.positions[at.path].key
	if n.kind != kindScalar || n.tag != "!!str" && !isReference(n.value) {
		d.add(key, at.path, "want a reference to a secret, this is "+n.what(), `write "${NAME}" for an environment variable, or file:path`)
		return
	}
	if !isReference(n.value) {
		message, hint := badReference(n.value)
		if message == "" || !strings.HasPrefix(n.value, "${") {
			message, hint = "a secret must not stand in this file", `write "${NAME}" and set that environment variable, or file:path`
		}
		d.add(key, at.path, message, hint)
		return
	}
	if path, ok := strings.CutPrefix(n.value, "file:"); ok {
		if message, hint := checkPath(path); message != "" {
			d.add(n.pos, at.path, message, hint)
			return
		}
	}
	v.Set(reflect.ValueOf(Secret{reference: n.value, dir: d.dir}))
}

// hideAll keeps everything that is no reference out of what is shown.
func (d *decoder) hideAll(n *node) {
	if n.kind == kindScalar && !isReference(n.value) {
		d.source.hide(n.value)
	}
	for _, item := range n.items {
		d.hideAll(item)
	}
	for _, p := range n.pairs {
		d.hideAll(p.value)
	}
}

func (d *decoder) path(n *node, at cursor, v reflect.Value) {
	if text, ok := d.text(n, at); ok {
		v.Set(reflect.ValueOf(Path{written: text, dir: d.dir}))
	}
}
