package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/contract"
)

// Contract is an output contract. What is in files of its own has been read
// in: Labels and Schema are the whole truth, the paths say where it came from.
type Contract struct {
	Labels     []string `yaml:"labels"`
	LabelsFile Path     `yaml:"labels_file"`
	Pattern    string   `yaml:"pattern"`
	Schema     JSON     `yaml:"schema"`
	SchemaFile Path     `yaml:"schema_file"`
	Verbatim   bool     `yaml:"verbatim"`
}

// JSON is a canonical JSON value: object keys sorted, no white space.
type JSON []byte

// contractFields are the keys of a task's contract.
var contractFields = map[string]field{
	"tasks.*.contract":             {doc: "What every answer must satisfy."},
	"tasks.*.contract.labels":      {doc: "The closed set of labels.", oneOf: "labels_file"},
	"tasks.*.contract.labels.*":    {doc: "One label.", text: 256, form: formLine},
	"tasks.*.contract.labels_file": {doc: "A file with one label a line. Relative to this file.", oneOf: "labels", form: formPath},
	"tasks.*.contract.pattern":     {doc: "An RE2 expression whose first group is the answer within the text; the last match counts. Absent: the whole text.", text: 4096},
	"tasks.*.contract.schema":      {doc: "A JSON Schema (2020-12) that the answer must satisfy.", oneOf: "schema_file"},
	"tasks.*.contract.schema_file": {doc: "A file with the JSON Schema. Relative to this file.", oneOf: "schema", form: formPath},
	"tasks.*.contract.verbatim":    {doc: "Every text of an extracted object must be in the request verbatim.", def: "false"},
}

func (d *decoder) includeContract(k *Contract, at string) {
	if text, ok := d.read(k.LabelsFile, at, "labels", "labels_file"); ok {
		k.Labels = d.labels(text, child(at, "labels_file"))
	}
	if text, ok := d.read(k.SchemaFile, at, "schema", "schema_file"); ok {
		path := child(at, "schema_file")
		n, err := jsonNode([]byte(text))
		if err != nil {
			d.at(path, fmt.Sprintf("%s is not JSON: %v", k.SchemaFile.Written(), err), "mend that file")
			return
		}
		schema, err := canonical(nil, n)
		if err != nil {
			d.at(path, fmt.Sprintf("%s: %v", k.SchemaFile.Written(), err), "mend that file")
			return
		}
		k.Schema = schema
	}
}

// labels are the lines of a labels file; empty lines and lines that begin with
// # are not labels.
func (d *decoder) labels(text, path string) (out []string) {
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		label := strings.TrimSpace(line)
		if label == "" || strings.HasPrefix(label, "#") {
			continue
		}
		if message, hint := checkLine(label); message != "" || len(label) > 256 {
			if message == "" {
				message, hint = "this label is longer than 256 bytes", "shorten it"
			}
			d.at(path, fmt.Sprintf("line %d of the file: %s", number, message), hint)
			continue
		}
		out = append(out, label)
	}
	if len(out) > maxEntries {
		d.at(path, fmt.Sprintf("%d labels, at most %d are taken", len(out), maxEntries), "")
		return nil
	}
	return out
}

// checkContract checks a contract against the task's kind, and compiles it.
func (d *decoder) checkContract(at, task string, t *Task) {
	k := &t.Contract
	labelled := t.Kind == pointsman.KindClassify || t.Kind == pointsman.KindModerate
	labelsAt := child(at, "labels")
	if !k.LabelsFile.IsZero() {
		labelsAt = child(at, "labels_file")
	}
	hasLabels := d.written(labelsAt)
	hasSchema := d.written(child(at, "schema")) || d.written(child(at, "schema_file"))
	switch {
	case !d.fine(labelsAt):
	case labelled && !hasLabels:
		d.atKey(task, fmt.Sprintf("a task that is to %s needs labels", t.Kind), "contract: {labels: [a, b]}, or labels_file")
	case labelled && len(k.Labels) < 2 && d.fine(at):
		d.at(labelsAt, fmt.Sprintf("fewer than two labels (%d) leave nothing to choose between", len(k.Labels)), "give at least two")
	case !labelled && hasLabels:
		d.at(labelsAt, fmt.Sprintf("labels are of classify and moderate, this task is to %s", t.Kind), "remove them, or change the kind")
	}
	if labelled && hasSchema {
		d.at(child(at, "schema"), fmt.Sprintf("a task that is to %s answers a label, not a document under a schema", t.Kind), "remove the schema, or change the kind to extract")
	}
	if k.Verbatim && t.Kind != pointsman.KindExtract {
		d.at(child(at, "verbatim"), fmt.Sprintf("verbatim is of extract, this task is to %s", t.Kind), "remove it, or change the kind")
	}
	d.checkLabels(labelsAt, k)
	if k.Pattern != "" && d.fine(child(at, "pattern")) {
		if _, err := contract.Compile(pointsman.KindOpen, pointsman.Contract{Pattern: k.Pattern}); err != nil {
			d.at(child(at, "pattern"), trimSentinel(err, contract.ErrContract), "RE2 syntax, with one group around the answer: 'answer is \\((\\w+)\\)'")
		}
	}
	if len(k.Schema) > 0 {
		path := child(at, "schema")
		if !k.SchemaFile.IsZero() {
			path = child(at, "schema_file")
		}
		if _, err := contract.Compile(pointsman.KindExtract, pointsman.Contract{Schema: k.Schema}); err != nil {
			d.at(path, oneLine(trimSentinel(err, contract.ErrContract)), "JSON Schema 2020-12, whole by itself: references to other documents are not followed")
		}
	}
}

// checkLabels refuses labels that are listed twice, or that differ in case
// only: models do not keep to case.
func (d *decoder) checkLabels(at string, k *Contract) {
	exact, folded := map[string]bool{}, map[string]string{}
	for i, label := range k.Labels {
		path := at
		if k.LabelsFile.IsZero() {
			path = indexed(at, i)
		}
		other, twice := folded[strings.ToLower(label)]
		switch {
		case label == "": // complained about already
			continue
		case exact[label]:
			d.at(path, fmt.Sprintf("label %q is listed twice", label), "remove one")
		case twice:
			d.at(path, fmt.Sprintf("labels %q and %q differ in case only", other, label), "models do not keep to case; rename one")
		}
		exact[label], folded[strings.ToLower(label)] = true, label
	}
}

// schema decodes an inline JSON Schema: a mapping, or true or false.
func (d *decoder) schema(n *node, at cursor, v reflect.Value) {
	if n.kind != kindMapping {
		d.want(n, at, "a JSON Schema", "write it as a mapping, or name a file with schema_file")
		return
	}
	text, err := canonical(nil, n)
	if err != nil {
		d.add(n.pos, at.path, "not a JSON value: "+err.Error(), "put dates and other special values in quotes")
		return
	}
	v.SetBytes(text)
}

// trimSentinel is an error's text without the sentinel in front.
func trimSentinel(err, sentinel error) string {
	return strings.TrimPrefix(err.Error(), sentinel.Error()+": ")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (k *Contract) root() pointsman.Contract {
	return pointsman.Contract{
		Labels: slices.Clone(k.Labels), Pattern: k.Pattern, Schema: slices.Clone([]byte(k.Schema)), Verbatim: k.Verbatim,
	}
}
