package collect

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/pointsman-ai/pointsman"
)

// Run asks what the store does not hold and gives every outcome to take, which
// is called by one goroutine at a time and in no particular order. An answer is
// in the store before take is called with it.
//
// Run ends at the end of the examples, at the first error that is not an
// example's, or with the context. What was answered by then is kept and taken
// in any case. Failures of single examples are outcomes, not errors.
func Run(ctx context.Context, p Plan, take func(Outcome) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	r := &run{Plan: p, jobs: make(chan job), outcomes: make(chan job, max(p.Workers, 1))}
	var err error
	if asker, ok := p.Asker.(former); ok {
		if r.former, err = asker.formerKeys(p.Targets); err != nil {
			return err
		}
	}
	group.Go(func() error {
		defer close(r.jobs)
		return r.feed(ctx)
	})
	for range max(p.Workers, 1) {
		group.Go(func() error { return r.work(ctx) })
	}
	go func() {
		_ = group.Wait() // its error is taken below
		close(r.outcomes)
	}()
	for out := range r.outcomes {
		if err != nil {
			continue // the workers must be able to end
		}
		if err = r.keep(out); err == nil {
			err = take(out.Outcome)
		}
		if err != nil {
			cancel()
		}
	}
	if groupErr := group.Wait(); err == nil {
		err = groupErr
	}
	return err
}

// run is the state of one [Run].
type run struct {
	Plan
	jobs, outcomes chan job
	// former are the keys of an earlier version, for each target; nil where
	// there were none.
	former []func(example pointsman.Digest) key
}

// reader is an asker that reads a kept answer through the contract again: where the
// final answer stands in it is not kept.
type reader interface {
	read(answer *pointsman.Answer, input string) pointsman.Reading
}

func (c *Cascade) read(answer *pointsman.Answer, input string) pointsman.Reading {
	return c.Task.Read(answer, input)
}

func (c *Tiers) read(answer *pointsman.Answer, input string) pointsman.Reading {
	return c.Task.Read(answer, input)
}

func (a *HTTP) read(answer *pointsman.Answer, input string) pointsman.Reading {
	return a.options.Read(answer, input)
}

// job is one example for one target, and then what became of it.
type job struct {
	Outcome
	key key
	// asked is the digest of what is sent of the example, digest that of its
	// whole content, and occurrence counts those before it that send the same.
	asked, digest pointsman.Digest
	occurrence    int
	// changed says that the rules change how it is asked; answers of an earlier
	// version were asked without rules.
	changed bool
}

// feed goes through the examples: what the store holds is an outcome at once,
// the rest is given to the workers.
func (r *run) feed(ctx context.Context) error {
	occurrences := make(map[pointsman.Digest]int)
	index := 0
	for e, err := range r.Examples {
		if err != nil {
			return fmt.Errorf("read the dataset: %w", err)
		}
		asked, digest := e.AskedDigest(), e.Digest()
		occurrence := occurrences[asked]
		occurrences[asked]++
		for target := range r.Targets {
			j := job{
				Outcome: Outcome{Index: index, Target: target, Example: &e}, asked: asked, digest: digest, occurrence: occurrence,
			}
			r.rule(&j)
			if err := r.put(ctx, j); err != nil {
				return err
			}
		}
		index++
	}
	return nil
}

// rule applies the owner's rules, before the store is looked at: what was asked
// before a rule came is not used after it. It makes the job's key.
func (r *run) rule(j *job) {
	identity := r.Identities[j.Target]
	if asker, ok := r.Asker.(ruled); ok {
		// An example that cannot be sent fails when it is asked.
		if ruling, err := asker.rule(r.Targets[j.Target], j.Example); err == nil {
			if ruling.excluded != "" {
				j.Result = &Result{Excluded: ruling.excluded}
			}
			if ruling.without != "" {
				identity += pointsman.Digest(" without " + ruling.without)
				j.changed = true
			}
		}
	}
	j.key = rowKey(identity, r.Targets[j.Target], j.asked, j.occurrence)
}

// put takes an answer from the store, or gives the job to a worker.
func (r *run) put(ctx context.Context, j job) error {
	if j.Result != nil {
		r.outcomes <- j
		return ctx.Err()
	}
	result, err := r.Store.answer(j.key)
	if err == nil && result == nil && r.former != nil && !j.changed {
		result, err = r.Store.answer(r.former[j.Target](j.digest))
	}
	if err != nil {
		return err
	}
	if result != nil {
		if asker, ok := r.Asker.(reader); ok && result.Reading.Valid {
			result.Reading.Final = asker.read(&pointsman.Answer{Text: result.Text}, j.Example.Text()).Final
		}
		j.Result, j.Reused = result, true
		r.outcomes <- j
		return ctx.Err()
	}
	select {
	case r.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// work asks. The outcomes are always taken, so it never waits for long to give
// one.
func (r *run) work(ctx context.Context) error {
	for j := range r.jobs {
		if err := ctx.Err(); err != nil {
			return err // nothing more is paid for
		}
		result, err := r.Asker.Ask(ctx, r.Targets[j.Target], j.Example)
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
		j.Result = result
		r.outcomes <- j
	}
	return nil
}

// keep puts what was asked into the store.
func (r *run) keep(j job) error {
	if j.Reused || r.Store == nil || j.Result.Excluded != "" {
		return nil
	}
	return r.Store.append(r.row(&j))
}

// row is what became of a job as a line of the store.
func (r *run) row(j *job) *Row {
	return &Row{
		Key: pointsman.DigestOfSum(j.key), Target: r.Targets[j.Target].Name,
		Example: j.Example.ID, Digest: j.digest, Result: *j.Result,
	}
}
