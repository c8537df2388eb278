package eval

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/progress"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// ErrInterrupted is wrapped by the error of a run whose context ended before
// everything was asked. What was answered is saved.
var ErrInterrupted = errors.New("the run was interrupted")

// Plan says what is evaluated.
type Plan struct {
	// Name is for people.
	Name string
	Task pointsman.TaskID
	// Examples is ranged over twice: once to check and count everything before
	// anything is asked, and once to ask. [dataset.Read] and [dataset.All]
	// give such sequences.
	Examples iter.Seq2[dataset.Example, error]
	Targets  []collect.Target
	Asker    collect.Asker
	Scorer   score.Scorer
	// Slices are the metadata keys whose values are reported by themselves.
	Slices []string
	// Small and Large are the cheapest and the largest tier. Where both are
	// targets beside the cascade, the report says how well the cascade routes
	// between them. Empty: it does not.
	Small, Large pointsman.TierID
}

// Options say how a plan is run.
type Options struct {
	// Dir is the run's directory; it is made where it does not exist. One
	// process at a time may run in it.
	Dir string
	// Workers is how many examples are asked at once; 0 means 8.
	Workers int
	// Confidence is the level of all intervals; 0 means 0.95.
	Confidence float64
	// Seed makes the resampled intervals repeatable.
	Seed uint64
	// Progress is nil for silence.
	Progress progress.Reporter
	// Now is the clock; nil is the real one.
	Now func() time.Time
}

// The files of a run's directory.
const (
	ResultsFile  = "results.jsonl"
	ManifestFile = "manifest.json"
	ReportFile   = "report.json"
	TextFile     = "report.txt"
	HTMLFile     = "report.html"
)

func (o Options) filled() (Options, error) {
	if o.Workers == 0 {
		o.Workers = 8
	}
	if o.Confidence == 0 {
		o.Confidence = 0.95
	}
	if o.Progress == nil {
		o.Progress = progress.Silent{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	switch {
	case o.Dir == "":
		return o, invalid("name a directory; it also lets a run that was broken off go on", "the run has no directory")
	case o.Workers < 0 || o.Workers > 1024:
		return o, invalid("choose 1 to 1024", "%d workers", o.Workers)
	case !(o.Confidence > 0 && o.Confidence < 1):
		return o, invalid("choose a level between 0 and 1, such as 0.95", "the confidence is %v", o.Confidence)
	}
	return o, nil
}

// check says what is wrong with a plan, and finds the targets' identities.
func (p *Plan) check() ([]pointsman.Digest, error) {
	switch {
	case p.Examples == nil || p.Asker == nil || p.Scorer == nil:
		return nil, errors.New("eval: a plan needs examples, an asker and a scorer")
	case len(p.Targets) == 0:
		return nil, invalid("name the cascade or a tier", "the plan has no target")
	case len(p.Targets) > maxTargets:
		return nil, invalid("run them in parts", "the plan has %d targets, at most %d are compared at once", len(p.Targets), maxTargets)
	}
	return collect.Identities(p.Asker, p.Targets)
}

// maxTargets bounds the targets of a plan, whose pairs are all compared.
const maxTargets = 32

func invalid(hint, format string, args ...any) error {
	return &pointsman.Error{Code: pointsman.CodeInvalid, Message: fmt.Sprintf(format, args...), Hint: hint}
}
