package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxIncluded bounds a file that the configuration names: labels, a schema, a
// prompt. In bytes.
const maxIncluded = 1 << 20

// Load reads a configuration file. The error is [Problems] where the file must
// be mended, and the operating system's where it cannot be read.
func Load(path string) (*Config, error) {
	src, err := readBounded(path, maxSource)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, src, filepath.Dir(path))
}

// Parse reads a configuration from memory. The name is what problems call the
// file, dir what relative paths in it are relative to. Label, schema and prompt
// files are read; artefacts, recordings and secrets are not looked for. The
// error is [Problems].
func Parse(name string, src []byte, dir string) (*Config, error) {
	d := newDecoder(newSource(name, src), dir)
	root := d.parseYAML(src)
	if root == nil {
		return nil, d.finish()
	}
	return d.config(root)
}

// FromSnapshot reads what [Config.Snapshot] wrote. Relative paths in it are
// relative to the working directory, because a snapshot does not know where it
// came from.
func FromSnapshot(snapshot []byte) (*Config, error) {
	d := newDecoder(newSource("snapshot", snapshot), "")
	d.snapshot = true
	root, err := jsonNode(snapshot)
	if err != nil {
		d.add(Position{1, 1}, "", "not a snapshot: "+err.Error(), "a snapshot is JSON as pointsman wrote it")
		return nil, d.finish()
	}
	oneWitness(root)
	return d.config(root)
}

// oneWitness brings a snapshot of the time when a task had one witness to the form
// of today.
func oneWitness(root *node) {
	tasks := root.get("tasks")
	if tasks == nil {
		return
	}
	for _, task := range tasks.value.pairs {
		if w := task.value.get("witness"); w != nil {
			w.key, w.value = "witnesses", &node{kind: kindSequence, pos: w.value.pos, items: []*node{w.value}}
		}
	}
}

func newDecoder(s *source, dir string) *decoder {
	return &decoder{source: s, dir: dir, positions: map[string]mark{}, faulty: map[string]bool{}}
}

// config decodes and checks the whole file.
func (d *decoder) config(root *node) (*Config, error) {
	c := d.decode(root)
	d.check(c)
	if err := d.finish(); err != nil {
		return nil, err
	}
	c.files = d.files
	return c, nil
}

// decode fills in the typed values, their defaults and the files that they
// name.
func (d *decoder) decode(root *node) *Config {
	c := &Config{source: d.source, positions: d.positions}
	d.positions[""] = mark{root, root.pos}
	d.value(root, cursor{}, reflect.ValueOf(c).Elem())
	d.complete(c)
	d.include(c)
	return c
}

// finish gives the problems in the order of the file, or nil. The source lines
// are shown only now, when all literal secrets in them are known.
func (d *decoder) finish() error {
	if len(d.problems) == 0 {
		return nil
	}
	for i, p := range d.problems {
		shown := d.source.problem(p.Position, p.Path, p.Message, p.Hint)
		shown.err = p.err
		d.problems[i] = shown
	}
	return d.problems.Sorted()
}

// parseYAML turns the bytes of a file into one bounded tree. It reports what
// is wrong and returns nil where there is no tree.
func (d *decoder) parseYAML(src []byte) *node {
	start := Position{1, 1}
	if len(src) > maxSource {
		d.add(start, "", fmt.Sprintf("the file has %d bytes, at most %d are read", len(src), maxSource), "keep label lists and prompts in files of their own")
		return nil
	}
	if at, ok := invalidUTF8(src); ok {
		d.add(at, "", "the file is not UTF-8", "save it as UTF-8")
		return nil
	}
	src = bytes.TrimPrefix(src, []byte("\uFEFF"))
	loader, err := yaml.NewLoader(bytes.NewReader(src), yaml.WithUniqueKeys(false))
	if err != nil {
		d.add(start, "", err.Error(), "")
		return nil
	}
	var document yaml.Node
	switch err := loader.Load(&document); {
	case errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0:
		d.add(start, "", "the file is empty", "pointsman init writes one to start from")
		return nil
	case err != nil:
		d.syntax(src, err)
		return nil
	}
	var second yaml.Node
	switch err := loader.Load(&second); {
	case err == nil:
		at := Position{second.Line, second.Column}
		if len(second.Content) > 0 {
			at = Position{second.Content[0].Line, second.Content[0].Column}
		}
		d.add(at, "", "a second document begins here", "one file is one configuration; remove what follows ---")
		return nil
	case !errors.Is(err, io.EOF):
		d.syntax(src, err)
		return nil
	}
	if top := document.Content[0]; top.Kind == yaml.ScalarNode && top.ShortTag() == "!!null" {
		d.add(start, "", "the file is empty", "pointsman init writes one to start from")
		return nil
	}
	c := &composer{report: d.add}
	return c.compose(document.Content[0], "", 0)
}

// syntax reports what the YAML library could not read.
func (d *decoder) syntax(src []byte, err error) {
	var one *yaml.LoadError
	var several *yaml.LoadErrors
	if !errors.As(err, &one) && errors.As(err, &several) && len(several.Errors) > 0 {
		one = several.Errors[0]
	}
	if one == nil {
		d.add(Position{1, 1}, "", "not YAML: "+err.Error(), "")
		return
	}
	at := Position{one.Mark.Line, one.Mark.Column}
	if at.Line < 1 { // the reader knows only how far it came
		at = positionOf(src, one.Mark.Index)
	}
	message := strings.TrimPrefix(one.Message, "yaml: ")
	hint := ""
	line := d.source.line(at.Line)
	switch {
	case strings.HasPrefix(strings.TrimLeft(line, " "), "\t"):
		message, hint = "a tab cannot indent", "indent with spaces"
	case strings.Contains(message, "mapping values are not allowed"):
		hint = "a text with a colon and a space in it needs quotes; otherwise check the indentation"
	case strings.Contains(message, "unexpected end of stream") || strings.Contains(message, "did not find expected"):
		hint = "look for a quote, a bracket or an indentation that does not match, here or on the lines above"
	case strings.Contains(message, "cannot start any token"):
		hint = "a text that begins with @, `, % or similar needs quotes"
	case strings.Contains(message, "unknown anchor"):
		hint = "an alias (*name) needs an anchor (&name) before it; a text that begins with * needs quotes"
	case strings.Contains(message, "control characters"):
		hint = "remove the character, or write it as an escape in double quotes"
	}
	if one.ContextMsg != "" && one.ContextMark.Line > 0 && one.ContextMark.Line != at.Line {
		message += fmt.Sprintf(" (%s that begins on line %d)", one.ContextMsg, one.ContextMark.Line)
	}
	d.add(at, "", "not YAML: "+message, hint)
}

// invalidUTF8 finds the first byte that is not UTF-8.
func invalidUTF8(src []byte) (Position, bool) {
	if utf8.Valid(src) {
		return Position{}, false
	}
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size == 1 {
			return positionOf(src, i), true
		}
		i += size
	}
	return Position{1, 1}, true
}

// positionOf is the position of a byte.
func positionOf(src []byte, offset int) Position {
	before := src[:max(0, min(offset, len(src)))]
	line := bytes.Count(before, []byte("\n"))
	last := before[bytes.LastIndexByte(before, '\n')+1:]
	return Position{line + 1, utf8.RuneCount(last) + 1}
}

// readBounded reads a file that must not be larger than a bound.
func readBounded(path string, most int64) (content []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a directory", path)
	}
	content, err = io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return content, nil
}
