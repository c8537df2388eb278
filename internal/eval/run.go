package eval

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// Run asks what is missing in o.Dir, and reports on everything. Nothing is
// asked before the whole dataset was read and found in order.
//
// Where the context ends first, or an asker says [ErrStop], Run saves what it
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
	c, err := take(&p)
	if err != nil {
		return nil, fmt.Errorf("read the dataset: %w", err)
	}
	file, err := openRunFile(o.Dir)
	if err != nil {
		return nil, err
	}
	r := &run{plan: &p, options: o, identities: identities, census: c, file: file, book: newBook(c, len(p.Targets))}
	r.manifest = Manifest{
		Format: 1, Name: p.Name, Task: p.Task, Dataset: c.digest, Examples: c.n,
		Scorer: p.Scorer.Name(), State: "running", Started: o.Now().UTC(),
	}
	for i, t := range p.Targets {
		r.manifest.Targets = append(r.manifest.Targets, IdentifiedTarget{t, identities[i]})
	}
	report, err := r.all(ctx)
	if closeErr := file.close(); err == nil {
		err = closeErr
	}
	return report, err
}

// run is the state of one call of Run.
type run struct {
	plan       *Plan
	options    Options
	identities []pointsman.Digest
	census     *census
	file       *runFile
	book       *book
	manifest   Manifest
	// asked and reused count results, for the report.
	asked, reused int
}

// job is one example for one target.
type job struct {
	at      int // the example's place
	target  int
	key     key
	digest  pointsman.Digest
	example *dataset.Example
}

// outcome is what became of a job.
type outcome struct {
	job
	result *Result
	score  score.Score
	reused bool
}

func (r *run) all(ctx context.Context) (*Report, error) {
	if err := r.manifest.write(r.options.Dir); err != nil {
		return nil, err
	}
	r.options.Progress.Start("asking", r.census.n*len(r.plan.Targets))
	if f := r.file; f.cut > 0 || f.damaged > 0 {
		r.options.Progress.Note(fmt.Sprintf("%s: %d bytes of a torn last line were cut off, %d damaged lines are asked again", ResultsFile, f.cut, f.damaged))
	}
	err := r.ask(ctx)
	r.options.Progress.Done()

	r.manifest.State = "finished"
	switch {
	case err != nil && ctx.Err() != nil:
		r.manifest.State = "interrupted"
		err = fmt.Errorf("%w after %d of %d answers (%w); run it again with the same directory %s to go on",
			ErrInterrupted, r.asked+r.reused, r.census.n*len(r.plan.Targets), context.Cause(ctx), r.options.Dir)
	case err != nil:
		r.manifest.State = "failed"
	}
	report := r.report()
	ended := r.options.Now().UTC()
	r.manifest.Ended = &ended
	return report, errors.Join(err, report.Save(r.options.Dir), r.manifest.write(r.options.Dir))
}

// ask lets one goroutine read the examples, o.Workers ask and score, and this
// one write. They end together: at the end of the examples, at the first error
// that is not an example's, or with the context. What was answered by then is
// written in any case.
func (r *run) ask(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	jobs := make(chan job)
	outcomes := make(chan outcome, r.options.Workers)
	group.Go(func() error {
		defer close(jobs)
		return r.deal(ctx, jobs, outcomes)
	})
	for range r.options.Workers {
		group.Go(func() error { return r.work(ctx, jobs, outcomes) })
	}
	go func() {
		_ = group.Wait() // its error is taken below
		close(outcomes)
	}()
	var err error
	for out := range outcomes {
		if err == nil {
			if err = r.keep(out); err != nil {
				cancel()
			}
		}
	}
	if groupErr := group.Wait(); err == nil {
		err = groupErr
	}
	return err
}

// deal goes through the examples: what the results file holds is scored again,
// the rest is given to the workers. Targets take turns, so that what changes
// with time touches all alike.
func (r *run) deal(ctx context.Context, jobs chan<- job, outcomes chan<- outcome) error {
	occurrences := make(map[pointsman.Digest]int)
	var digester dataset.Digester
	at := 0
	for e, err := range r.plan.Examples {
		if err != nil {
			return fmt.Errorf("read the dataset: %w", err)
		}
		if at == r.census.n {
			return errChanged
		}
		digester.Add(&e)
		asked, digest := e.AskedDigest(), e.Digest()
		occurrence := occurrences[asked]
		occurrences[asked]++
		for target := range r.plan.Targets {
			j := job{at: at, target: target, digest: digest, example: &e}
			j.key = rowKey(r.identities[target], r.plan.Targets[target], asked, occurrence)
			if span, there := r.file.answered[j.key]; there {
				row, err := r.file.read(span)
				if err != nil {
					return err
				}
				out := outcome{job: j, result: &row.Result, reused: true}
				out.score = r.plan.Scorer.Score(&e, row.Result.Text, row.Result.Reading)
				outcomes <- out
				if ctx.Err() != nil {
					return ctx.Err()
				}
				continue
			}
			select {
			case jobs <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		at++
	}
	if digester.Digest() != r.census.digest {
		return errChanged
	}
	return nil
}

var errChanged = errors.New("the dataset changed while it was being asked; run again")

// work asks. The outcomes are always taken, so it never waits for long to give
// one.
func (r *run) work(ctx context.Context, jobs <-chan job, outcomes chan<- outcome) error {
	for j := range jobs {
		result, err := r.plan.Asker.Ask(ctx, r.plan.Targets[j.target], j.example)
		switch {
		case errors.Is(err, ErrStop):
			return err
		case ctx.Err() != nil && (err != nil || result == nil || result.Err != ""):
			return ctx.Err() // not the example's fault
		case err != nil:
			if result == nil {
				result = &Result{}
			}
			result.Err = err.Error()
		case result == nil:
			result = &Result{Err: "the asker gave no result"}
		}
		out := outcome{job: j, result: result}
		if result.Err == "" {
			out.score = r.plan.Scorer.Score(j.example, result.Text, result.Reading)
		}
		outcomes <- out
	}
	return nil
}

// keep writes an outcome, and enters it into the book.
func (r *run) keep(out outcome) error {
	if out.reused {
		r.reused++
	} else {
		r.asked++
		err := r.file.append(&Row{
			Key: pointsman.DigestOfSum(out.key), Target: r.plan.Targets[out.target].Name,
			Example: out.example.ID, Digest: out.digest, Result: *out.result,
		})
		if err != nil {
			return err
		}
	}
	r.book.columns[out.target].enter(out.at, out.result, out.score)
	r.options.Progress.Add(1)
	return nil
}
