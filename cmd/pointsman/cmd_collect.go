package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/verdict"
)

type collectOptions struct {
	task    string
	data    exampleFiles
	given   string
	workers int
}

// collected is what collect tells.
type collected struct {
	Task     pointsman.TaskID `json:"task"`
	Examples int              `json:"examples"`
	Repeated int              `json:"repeated"`
	// One of the two: what was asked, or what was imported.
	Filled   *collect.Filled   `json:"asked,omitempty"`
	Imported *collect.Imported `json:"imported,omitempty"`
	// Verdicts counts those that were imported and not known.
	Verdicts int `json:"verdicts"`
}

func newCollect(o *options) *cobra.Command {
	var k collectOptions
	c := &cobra.Command{
		Use: "collect", Short: "Fill the store of answers: ask the tiers, or import", Args: cobra.NoArgs,
		Long: `Ask every tier of a task for every example, under the owner's rules, and keep the
answers: pointsman calibrate then asks nothing again. What is there already is not
asked; a run that was stopped goes on where it was.

With --import the answers exist already, as JSON Lines: text or tool calls, log
probabilities, tokens, cost, latency, and verdicts of people and judges. They are
measured as if the tiers had given them now, and nobody is asked. A file with a wrong
line is refused whole, with the line and the member, and nothing of it is kept. The
format is in docs/answers.md.`,
		Example: "  pointsman collect --task support --data calibrate.jsonl\n  pointsman collect --task support --data calibrate.jsonl --import answers.jsonl",
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := runCollect(c.Context(), o, k)
			if err != nil {
				return err
			}
			return o.print(r, func(b *bytes.Buffer) { writeCollected(b, r) })
		},
	}
	flags := c.Flags()
	flags.StringVar(&k.task, "task", "", "the task; may be left out where there is one")
	k.data.register(flags)
	flags.StringVar(&k.given, "import", "", "file of answers that exist already, in place of asking")
	flags.IntVar(&k.workers, "workers", 8, "requests under way at once")
	require(c, "data")
	return c
}

func runCollect(ctx context.Context, o *options, k collectOptions) (r *collected, err error) {
	c, id, examples, err := o.examples(k.task, k.data)
	if err != nil {
		return nil, err
	}
	i, err := instance.Build(c, instance.Options{Store: artefact.Open(c.DataDir.String()), IgnorePolicies: true, Offline: k.given != ""})
	if err != nil {
		return nil, err
	}
	defer i.Close()
	task, err := i.Task(id)
	if err != nil {
		return nil, err
	}
	tiers := &collect.Tiers{Task: task, Now: time.Now}
	var answers []collect.Placed
	if k.given != "" { // before anything is made
		if answers, err = readAnswers(tiers, examples, k.given); err != nil {
			return nil, err
		}
	}
	store, err := collect.Open(c.Data().Answers(id))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	r = &collected{Task: id, Examples: len(examples), Repeated: len(examples) - len(collect.Distinct(examples))}
	if k.given == "" {
		r.Filled, err = tiers.Fill(ctx, examples, store, k.workers, o.progress())
		return r, err
	}
	if r.Imported, err = tiers.Put(examples, answers, store); err != nil {
		return nil, err
	}
	r.Verdicts, err = keepVerdicts(c, task, answers)
	return r, err
}

// readAnswers reads a file of answers and finds the example of each.
func readAnswers(tiers *collect.Tiers, examples []dataset.Example, path string) ([]collect.Placed, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &pointsman.Error{Code: pointsman.CodeNotFound, Message: fmt.Sprintf("the answers %s cannot be opened", path), Err: err}
	}
	defer f.Close()
	answers, err := collect.ReadGiven(f, path)
	if err != nil {
		return nil, err
	}
	return tiers.Place(examples, answers, path)
}

// keepVerdicts keeps what was said of imported answers and is not known yet, and
// counts it.
func keepVerdicts(c *config.Config, t *cascade.Task, answers []collect.Placed) (n int, err error) {
	var all []verdict.Verdict
	for _, a := range answers {
		reading := t.Read(&a.Answer, a.Of.Text())
		for _, v := range a.Verdicts {
			all = append(all, verdict.Verdict{
				Time: time.Now().UTC(), Answer: verdict.Of(a.Of.AskedDigest(), a.Answer.Text, reading.Label, a.Answer.ToolCalls), Example: a.Of.ID,
				Source: v.Source, By: v.By, Right: *v.Right, Score: v.Score,
			})
		}
	}
	if len(all) == 0 {
		return 0, nil
	}
	w, err := verdict.Open(c.Data().Verdicts(t.ID))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	fresh := slices.DeleteFunc(all, w.Set.Holds)
	return len(fresh), w.Append(fresh...)
}

func writeCollected(b *bytes.Buffer, r *collected) {
	fmt.Fprintf(b, "task %s: %d examples\n", r.Task, r.Examples)
	if r.Repeated > 0 {
		fmt.Fprintf(b, "%d of them repeat another: an answer to one is an answer to both\n", r.Repeated)
	}
	if f := r.Filled; f != nil {
		fmt.Fprintf(b, "%d answers asked for, %d were there; asking cost %s\n", f.Asked, f.Known, f.Cost)
		writeCounts(b, "not asked", f.Excluded)
		for _, tier := range slices.Sorted(maps.Keys(f.Failed)) {
			fmt.Fprintf(b, "tier %s gave no answer to %d; they are asked again by the next run\n", tier, f.Failed[tier])
		}
		return
	}
	fmt.Fprintf(b, "%d answers kept, %d were there and stay as they are; %d verdicts kept\n", r.Imported.Kept, r.Imported.Known, r.Verdicts)
	writeCounts(b, "not used", r.Imported.Excluded)
	for _, tier := range slices.Sorted(maps.Keys(r.Imported.Missing)) {
		fmt.Fprintf(b, "tier %s: no answer to %d examples; calibrate will ask for them\n", tier, r.Imported.Missing[tier])
	}
}

// writeCounts prints what was left out, by reason.
func writeCounts(b *bytes.Buffer, what string, counts map[string]int) {
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(b, "%s %d: %s\n", what, counts[why], why)
	}
}
