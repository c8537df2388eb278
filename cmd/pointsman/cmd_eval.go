package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/eval"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// cascadeTarget is the name of the target that is the whole cascade.
const cascadeTarget = "cascade"

type evalOptions struct {
	task    string
	data    exampleFiles
	targets []string
	url     string
	key     string
	out     string
	workers int
	seed    uint64
	slices  []string
}

func newEval(o *options) *cobra.Command {
	var e evalOptions
	c := &cobra.Command{
		Use: "run", Short: "Send a dataset to variants and compare them", Args: cobra.NoArgs,
		Long: `Send a dataset to the tiers of a task and to its cascade, and report scores with
intervals, slices, costs, latencies and paired comparisons. It asks in process, by
the gateway's own code, or with --url a running gateway over HTTP.

Answers are kept in the run's directory, keyed by their content: a run that was
stopped goes on where it was, and a changed variant or policy is asked again. The
directory also holds the report as report.json, report.txt and report.html.

A target that answered nothing at all ends the command with an error, and the report
is there all the same.`,
		Example: `  pointsman eval run --task support --data test.jsonl
  pointsman eval run --task support --data test.jsonl --url http://127.0.0.1:8087 --targets cascade`,
		RunE: func(c *cobra.Command, _ []string) error {
			report, err := runEval(c.Context(), o, e)
			if err != nil {
				return err
			}
			err = o.print(report, func(b *bytes.Buffer) {
				if err := report.WriteText(b); err != nil {
					fmt.Fprintf(b, "%v\n", err)
				}
			})
			if err != nil {
				return err
			}
			return report.Unanswered()
		},
	}
	flags := c.Flags()
	flags.StringVar(&e.task, "task", "", "the task; may be left out where there is one")
	e.data.register(flags)
	flags.StringSliceVar(&e.targets, "targets", nil, "tiers of the task, and cascade (default: the smallest and the largest tier and the cascade)")
	flags.StringVar(&e.url, "url", "", "base URL of a running gateway, in place of asking in process")
	flags.StringVar(&e.key, "key-env", "POINTSMAN_API_KEY", "environment variable that holds the gateway's key")
	flags.StringVar(&e.out, "out", "", "directory of the run (default: below the data directory, named by task and dataset)")
	flags.IntVar(&e.workers, "workers", 8, "requests under way at once")
	flags.Uint64Var(&e.seed, "seed", 1, "seed of resampled intervals")
	flags.StringSliceVar(&e.slices, "slices", nil, "metadata keys to report by (default: the task's)")
	require(c, "data")
	return group("eval", "Evaluation", c)
}

// runEval runs an evaluation, whose directory also holds its report.
func runEval(ctx context.Context, o *options, e evalOptions) (*eval.Report, error) {
	c, id, examples, err := o.examples(e.task, e.data)
	if err != nil {
		return nil, err
	}
	w, err := instance.Build(c, instance.Options{Store: artefact.Open(c.DataDir.String()), Offline: e.url != ""})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	t, err := w.Task(id)
	if err != nil {
		return nil, err
	}
	plan, err := e.plan(t, w.Snapshot(), examples)
	if err != nil {
		return nil, err
	}
	dir := e.directory(c, id, examples)
	return eval.Run(ctx, plan, eval.Options{
		Dir: dir, Workers: e.workers, Seed: e.seed, Progress: o.progress(), Now: time.Now,
	})
}

// plan says what is asked of whom.
func (e evalOptions) plan(t *cascade.Task, snapshot pointsman.Digest, examples []dataset.Example) (eval.Plan, error) {
	scorer, err := score.For(t.Kind, score.Options{})
	if err != nil {
		return eval.Plan{}, err
	}
	plan := eval.Plan{
		Name: string(t.ID), Task: t.ID, Examples: dataset.All(examples), Scorer: scorer, Slices: e.slices,
		Small: t.Tiers[0].ID, Large: t.Largest().ID,
	}
	if plan.Slices == nil {
		plan.Slices = t.Slices
	}
	names := e.targets
	if len(names) == 0 {
		names = []string{string(plan.Small), string(plan.Large), cascadeTarget}
		if len(t.Tiers) == 1 {
			names = names[:1]
		}
	}
	for _, name := range names {
		target := collect.Target{Name: name}
		if name != cascadeTarget {
			if _, ok := t.Tier(pointsman.TierID(name)); !ok {
				var ids []string
				for i := range t.Tiers {
					ids = append(ids, string(t.Tiers[i].ID))
				}
				return plan, usageError{fmt.Errorf("--targets %s: task %s has no such tier; there are %s, and cascade", name, t.ID, sorted(ids))}
			}
			target.Tier = pointsman.TierID(name)
		}
		plan.Targets = append(plan.Targets, target)
	}
	local := &collect.Cascade{Task: t, Config: snapshot, Now: time.Now}
	plan.Asker = local
	if e.url != "" {
		plan.Asker, err = collect.NewHTTP(collect.HTTPOptions{
			BaseURL: strings.TrimSuffix(e.url, "/") + "/v1", Model: string(t.ID), Key: os.Getenv(e.key), Read: t.Read,
			Identity: local.Identity,
		})
	}
	return plan, err
}

// directory is where a run's answers are kept.
func (e evalOptions) directory(c *config.Config, id pointsman.TaskID, examples []dataset.Example) string {
	if e.out != "" {
		return e.out
	}
	return c.Data().Run(id, dataset.DigestOf(examples))
}
