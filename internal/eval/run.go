package eval

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// Run asks what is missing in o.Dir, and reports on everything. Nothing is
// asked before the whole dataset was read and found in order.
//
// Where the context ends first, or an asker says [collect.ErrStop], Run saves what it
// has and returns both a report on that and the error. Errors of single
// examples are no error of the run: they are in the report.
func Run(ctx context.Context, p Plan, o Options) (*Report, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	identities, err := p.check()
	if err != nil {
		return nil, err
	}
	c, err := takeInventory(&p)
	if err != nil {
		return nil, fmt.Errorf("read the dataset: %w", err)
	}
	store, err := collect.Open(filepath.Join(o.Dir, ResultsFile))
	if err != nil {
		return nil, err
	}
	r := &run{plan: &p, options: o, identities: identities, inventory: c, store: store, results: newResults(c, len(p.Targets))}
	r.manifest = Manifest{
		Format: 1, Name: p.Name, Task: p.Task, Dataset: c.digest, Examples: c.n,
		Scorer: p.Scorer.Name(), State: "running", Started: o.Now().UTC(),
	}
	for i, t := range p.Targets {
		r.manifest.Targets = append(r.manifest.Targets, IdentifiedTarget{t, identities[i]})
	}
	report, err := r.all(ctx)
	if closeErr := store.Close(); err == nil {
		err = closeErr
	}
	return report, err
}

// run is the state of one call of Run.
type run struct {
	plan       *Plan
	options    Options
	identities []pointsman.Digest
	inventory  *inventory
	store      *collect.Store
	results    *results
	manifest   Manifest
	// asked and reused count results, for the report.
	asked, reused int
}

func (r *run) all(ctx context.Context) (*Report, error) {
	if err := r.manifest.write(r.options.Dir); err != nil {
		return nil, err
	}
	r.options.Progress.Start("asking", r.inventory.n*len(r.plan.Targets))
	if s := r.store; s.Cut() > 0 || s.Damaged() > 0 {
		r.options.Progress.Note(fmt.Sprintf("%s: %d bytes of a torn last line were cut off, %d damaged lines are asked again", ResultsFile, s.Cut(), s.Damaged()))
	}
	err := collect.Run(ctx, collect.Plan{
		Examples: r.unchanged(), Targets: r.plan.Targets, Identities: r.identities, Asker: r.plan.Asker,
		Workers: r.options.Workers, Store: r.store,
	}, r.take)
	r.options.Progress.Done()

	r.manifest.State = "finished"
	switch {
	case err != nil && ctx.Err() != nil:
		r.manifest.State = "interrupted"
		err = fmt.Errorf("%w after %d of %d answers (%w); run it again with the same directory %s to go on",
			ErrInterrupted, r.asked+r.reused, r.inventory.n*len(r.plan.Targets), context.Cause(ctx), r.options.Dir)
	case err != nil:
		r.manifest.State = "failed"
	}
	report := r.report()
	ended := r.options.Now().UTC()
	r.manifest.Ended = &ended
	return report, errors.Join(err, report.Save(r.options.Dir), r.manifest.write(r.options.Dir))
}

// unchanged are the examples of the plan, with an error where they are not those
// of the inventory.
func (r *run) unchanged() iter.Seq2[dataset.Example, error] {
	return func(yield func(dataset.Example, error) bool) {
		var digester dataset.Digester
		n := 0
		for e, err := range r.plan.Examples {
			if err == nil && n == r.inventory.n {
				err = errChanged
			}
			if err == nil {
				digester.Add(&e)
			}
			n++
			if !yield(e, err) || err != nil {
				return
			}
		}
		if digester.Digest() != r.inventory.digest {
			yield(dataset.Example{}, errChanged)
		}
	}
}

var errChanged = errors.New("the dataset changed while it was being asked; run again")

// take scores an outcome and adds it to the results.
func (r *run) take(out collect.Outcome) error {
	switch {
	case out.Reused:
		r.reused++
	case out.Result.Excluded == "":
		r.asked++
	}
	var s score.Score
	if out.Result.Err == "" && out.Result.Excluded == "" {
		s = r.plan.Scorer.Score(out.Example, out.Result.Text, out.Result.Reading)
	}
	r.results.columns[out.Target].add(out.Index, out.Result, s)
	r.options.Progress.Add(1)
	return nil
}
