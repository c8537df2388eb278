// Package datadir names every path of the data directory: what lies where, in
// one place. It does no input or output; each path belongs to the package that
// reads and writes it.
package datadir

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// Dir is a data directory.
type Dir string

// Journal is the directory of the decision log. Its inner layout is the
// journal's own; see package journal.
func (d Dir) Journal() string { return d.join("journal") }

// Index is the SQLite file of the journal's index. It is derived: it may be
// deleted at any time.
func (d Dir) Index() string { return d.join("index.sqlite") }

// Artefacts is the directory of immutable content.
func (d Dir) Artefacts() string { return d.join("artefacts") }

// Artefact is the file of immutable content: a policy, a student, a snapshot of
// a configuration. The digest must be a valid one.
func (d Dir) Artefact(digest pointsman.Digest) string {
	return filepath.Join(d.Artefacts(), digest.Hex()[:2], digest.Hex())
}

// Active is the directory that names the policy in force, one file a task.
func (d Dir) Active() string { return d.join("active") }

// ActivePolicy is the file that names a task's policy in force.
func (d Dir) ActivePolicy(task pointsman.TaskID) string {
	return filepath.Join(d.Active(), escape(string(task)))
}

// Drift is the directory of what was done about drift, one file a task.
func (d Dir) Drift() string { return d.join("drift") }

// DriftOf is the file that says whether a task's certificate is withdrawn.
func (d Dir) DriftOf(task pointsman.TaskID) string {
	return filepath.Join(d.Drift(), escape(string(task))+".json")
}

// PolicyHistory is the file that remembers which policies of a task were in force.
func (d Dir) PolicyHistory(task pointsman.TaskID) string {
	return d.join("history", escape(string(task))+".jsonl")
}

// WarningsOf is the file of what the watches of a task have warned of.
func (d Dir) WarningsOf(task pointsman.TaskID) string {
	return d.join("warnings", escape(string(task))+".json")
}

// Answers is the cache of the answers that calibration has collected for a task.
func (d Dir) Answers(task pointsman.TaskID) string { return d.join("answers", string(task)+".jsonl") }

// Verdicts is the file of what people and judges have said of a task's answers.
func (d Dir) Verdicts(task pointsman.TaskID) string {
	return d.join("verdicts", string(task)+".jsonl")
}

// Labelling is the plan of which examples people are asked to judge.
func (d Dir) Labelling(task pointsman.TaskID) string {
	return d.join("verdicts", string(task)+".plan.json")
}

// Spent is the file that remembers which examples have certified a policy of a
// task.
func (d Dir) Spent(task pointsman.TaskID) string { return d.join("spent", string(task)+".jsonl") }

// Run is the directory of an evaluation of a task on the examples with a digest.
func (d Dir) Run(task pointsman.TaskID, examples pointsman.Digest) string {
	return d.join("runs", string(task)+"-"+examples.Short())
}

// Path is the directory itself.
func (d Dir) Path() string { return string(d) }

func (d Dir) join(parts ...string) string {
	return filepath.Join(append([]string{string(d)}, parts...)...)
}

// escape makes a file name of any name, so that none leaves its directory.
func escape(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}
