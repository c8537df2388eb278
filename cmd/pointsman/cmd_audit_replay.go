package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/instance"
)

// replayed is what replay tells.
type replayed struct {
	Decisions int `json:"decisions"`
	Agree     int `json:"agree"`
	// Skipped are decisions in which nothing was decided: requests that were
	// malformed.
	Skipped int `json:"skipped"`
	// Differ counts records that the replay does not agree with, Failed those
	// that could not be replayed.
	Differ   int             `json:"differ"`
	Failed   int             `json:"failed"`
	Findings []replayFinding `json:"findings"`
}

type replayFinding struct {
	Decision pointsman.DecisionID `json:"decision"`
	Problems []string             `json:"problems"`
}

const maxReplayFindings = 1000

func newAuditReplay(o *options) *cobra.Command {
	var l listOptions
	c := &cobra.Command{
		Use: "replay", Short: "Decide every recorded request again and compare", Args: cobra.NoArgs,
		Long: `Decide every recorded request again, from the signals on record, under the
configuration and the policy that its record names, and compare every number and
every decision to the last bit. No upstream is asked.`,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := runReplay(c.Context(), o, l)
			if err != nil {
				return err
			}
			if err := o.print(r, func(b *bytes.Buffer) { writeReplayed(b, r) }); err != nil {
				return err
			}
			if r.Differ+r.Failed > 0 {
				return errFindings
			}
			return nil
		},
	}
	c.Flags().StringVar(&l.task, "task", "", "only this task")
	return c
}

// theatre builds the instances that records name, each once.
type theatre struct {
	store *artefact.Store
	tasks map[scene]*cascade.Task
	errs  map[scene]error
}

// scene is what a decision was made under.
type scene struct {
	config, policy pointsman.Digest
	task           pointsman.TaskID
}

// task is the task as it was when a decision was made.
func (t *theatre) task(d *pointsman.Decision) (*cascade.Task, error) {
	s := scene{config: d.Config, policy: d.Policy, task: d.Task}
	if one, ok := t.tasks[s]; ok {
		return one, t.errs[s]
	}
	one, err := t.build(s)
	t.tasks[s], t.errs[s] = one, err
	return one, err
}

func (t *theatre) build(s scene) (*cascade.Task, error) {
	content, err := t.store.Get(s.config)
	if err != nil {
		return nil, fmt.Errorf("the configuration of that time: %w", err)
	}
	c, err := config.FromSnapshot(content)
	if err != nil {
		return nil, fmt.Errorf("the configuration of that time: %w", err)
	}
	w, err := instance.Build(c, instance.Options{
		Store: t.store, Offline: true, Policies: map[pointsman.TaskID]pointsman.Digest{s.task: s.policy},
	})
	if err != nil {
		return nil, fmt.Errorf("the configuration of that time: %w", err)
	}
	return w.Task(s.task)
}

func runReplay(ctx context.Context, o *options, l listOptions) (*replayed, error) {
	c, err := o.load()
	if err != nil {
		return nil, err
	}
	if err := hasJournal(c); err != nil {
		return nil, err
	}
	t := &theatre{store: artefact.Open(c.DataDir.String()), tasks: map[scene]*cascade.Task{}, errs: map[scene]error{}}
	r := &replayed{Findings: []replayFinding{}}
	bar := o.progress()
	bar.Start("replay", 0)
	defer bar.Done()
	for d, err := range decisions(ctx, c) {
		if err != nil {
			return nil, err
		}
		if l.task != "" && d.Task != pointsman.TaskID(l.task) {
			continue
		}
		bar.Add(1)
		r.one(t, d.Decision)
	}
	return r, nil
}

// one replays one decision.
func (r *replayed) one(t *theatre, d *pointsman.Decision) {
	r.Decisions++
	if d.Cause == pointsman.CauseInvalid || d.Rules.Pin != "" && len(d.Attempts) > 0 && d.Attempts[0].Cause == pointsman.CauseDirect {
		r.Skipped++ // nothing was decided: the request was refused, or the client decided
		return
	}
	task, err := t.task(d)
	if err != nil {
		r.Failed++
		r.find(d, err.Error())
		return
	}
	if differences := task.Replay(d); len(differences) > 0 {
		r.Differ++
		r.find(d, differences...)
		return
	}
	r.Agree++
}

func (r *replayed) find(d *pointsman.Decision, problems ...string) {
	if len(r.Findings) < maxReplayFindings {
		r.Findings = append(r.Findings, replayFinding{Decision: d.ID, Problems: problems})
	}
}

func writeReplayed(b *bytes.Buffer, r *replayed) {
	for _, f := range r.Findings {
		for _, p := range f.Problems {
			fmt.Fprintf(b, "%s: %s\n", f.Decision, p)
		}
	}
	fmt.Fprintf(b, "%d decisions replayed: %d agree, %d differ, %d could not be replayed, %d had nothing to decide\n",
		r.Decisions, r.Agree, r.Differ, r.Failed, r.Skipped)
}
