package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/shadow"
	"github.com/pointsman-ai/pointsman/internal/watch"
	"github.com/pointsman-ai/pointsman/internal/withdraw"
)

func newDrift(o *options) *cobra.Command {
	return group("drift", "Audits and watches: how they stand, what was withdrawn, and resets", newDriftStatus(o), newDriftReset(o))
}

// driftStatus is how one task stands.
type driftStatus struct {
	Task   pointsman.TaskID `json:"task"`
	Policy pointsman.Digest `json:"policy,omitempty"`
	// State is off, unwatched, watching or withdrawn, and Why says more.
	State  string           `json:"state"`
	Why    string           `json:"why,omitempty"`
	Share  float64          `json:"share,omitempty"`
	Watch  *shadow.Status   `json:"watch"`
	Spent  *costToday       `json:"spent_today"`
	Events []withdraw.Event `json:"events"`
	// Watches are off, with the reason, or compare traffic with their bounds.
	Watches watchesStatus `json:"watches"`
}

// watchesStatus is how the watches of a task stand, as far as it is on record.
type watchesStatus struct {
	On       bool            `json:"on"`
	Why      string          `json:"why,omitempty"`
	Bounds   []watch.Bounds  `json:"bounds"`
	Warnings []watch.Warning `json:"warnings"`
}

// costToday is what audits on record were charged today (UTC), in nano-dollars.
type costToday struct {
	Charged pointsman.Money `json:"charged"`
	PerDay  pointsman.Money `json:"per_day"`
}

func newDriftStatus(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "status [TASK]", Short: "Say whether audited answers have become worse", Args: cobra.MaximumNArgs(1),
		Long: `Say how the audits of each task stand, read from the decision log: how often kept
answers disagree with the largest tier, what the certificate allows, how far the
evidence of drift has come (1 withdraws the certificate), and what was done; and what
the watches of a running server have warned of.
It works beside a running server.`,
		Example: "  pointsman drift status\n  pointsman drift status intent --json",
		RunE: func(c *cobra.Command, args []string) error {
			return runDriftStatus(c.Context(), o, args)
		},
	}
}

func runDriftStatus(ctx context.Context, o *options, args []string) (err error) {
	c, reader, err := openLedger(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Index.Close()) }()
	tasks, err := tasksNamed(c, args)
	if err != nil {
		return err
	}
	all := []driftStatus{}
	for _, task := range tasks {
		one, err := driftOf(ctx, c, reader, task)
		if err != nil {
			return err
		}
		all = append(all, *one)
	}
	return o.print(all, func(b *bytes.Buffer) {
		for i := range all {
			writeDrift(b, &all[i])
		}
	})
}

// tasksNamed are the task that was named, or all.
func tasksNamed(c *config.Config, args []string) ([]pointsman.TaskID, error) {
	var all []pointsman.TaskID
	for id := range c.Tasks {
		all = append(all, id)
	}
	slices.Sort(all)
	if len(args) == 0 {
		return all, nil
	}
	id := pointsman.TaskID(args[0])
	if !slices.Contains(all, id) {
		return nil, &pointsman.Error{Code: pointsman.CodeUnknownTask, Message: fmt.Sprintf("there is no task %q", id), Hint: "the tasks here are " + list(all)}
	}
	return []pointsman.TaskID{id}, nil
}

func driftOf(ctx context.Context, c *config.Config, reader *ledger.Reader, task pointsman.TaskID) (*driftStatus, error) {
	s := &driftStatus{Task: task, State: "off", Events: []withdraw.Event{}, Watches: watchesStatus{Why: "the task has no policy", Bounds: []watch.Bounds{}, Warnings: []watch.Warning{}}}
	events, err := withdraw.Events(c.Data(), task)
	if err != nil {
		return nil, err
	}
	s.Events = append(s.Events, events...)
	store := artefact.Open(c.DataDir.String())
	s.Policy, err = store.Active(task)
	if errors.Is(err, artefact.ErrNotFound) {
		s.Why = "the task has no policy: nothing is kept below the largest tier"
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	alarm, since := withdraw.InForce(events, s.Policy)
	p := loadPolicy(store, s.Policy)
	if s.Watches, err = watchesOf(c.Data(), task, s.Policy, p, since); err != nil {
		return nil, err
	}
	settings := c.Tasks[task].Audit
	if settings == nil {
		s.Why = "audits are not configured (tasks." + string(task) + ".audit)"
	} else if err := watchOf(ctx, s, settings, reader, p, since); err != nil {
		return nil, err
	}
	if alarm != nil {
		s.State, s.Why = "withdrawn", alarm.Reason
	}
	return s, nil
}

// watchOf fills in how the audits of a task stand.
func watchOf(ctx context.Context, s *driftStatus, settings *config.Audit, reader *ledger.Reader, p *policy.Policy, since time.Time) error {
	charged, err := reader.Charged(ctx, s.Task, time.Now().UTC().Truncate(24*time.Hour))
	if err != nil {
		return err
	}
	s.Spent, s.Share = &costToday{charged, settings.Budget.PerDay}, settings.Share
	s.State, s.Why = "unwatched", "answers are audited, and nothing says how much harm is allowed (tasks."+string(s.Task)+".audit.harm)"
	if p == nil {
		s.Why = "the policy cannot be read"
		return nil
	}
	allowed, ok := shadow.Allowed(p, settings.Harm)
	if !ok {
		return nil
	}
	w, err := shadow.Rebuild(ctx, reader, s.Task, s.Policy, allowed, settings.Share, since)
	if err != nil {
		return err
	}
	status := w.Status()
	s.State, s.Why, s.Watch = "watching", "", &status
	return nil
}

func writeDrift(b *bytes.Buffer, s *driftStatus) {
	fmt.Fprintf(b, "%s: %s", s.Task, s.State)
	if s.Why != "" {
		fmt.Fprintf(b, ": %s", s.Why)
	}
	b.WriteByte('\n')
	if w := s.Watch; w != nil {
		fmt.Fprintf(b, "  %d audits: harm %s, allowed %.4f; last %d: %s; evidence of drift %.3g of 1\n", w.Audits, number(w.Harm), w.Allowed, w.RecentAudits, number(w.Recent), w.Level)
		if w.Unjudged+w.Repeated > 0 {
			fmt.Fprintf(b, "  left out: %d without a verdict, %d of a conversation that has one\n", w.Unjudged, w.Repeated)
		}
		fmt.Fprintln(b, "  harm is disagreement with the largest tier; feedback counts in its place where there is some")
	}
	if s.Spent != nil {
		fmt.Fprintf(b, "  today: %s of %s\n", s.Spent.Charged, s.Spent.PerDay)
	}
	for _, e := range s.Events {
		what := "withdrawn"
		if e.Reset {
			what = "reset"
		}
		fmt.Fprintf(b, "  %s %s (policy %s): %s\n", e.Time.Format(time.RFC3339), what, e.Policy.Short(), e.Reason)
		if v := e.Evidence; v != nil {
			fmt.Fprintf(b, "    after %d audits; harm %.4f in the last %d, %.4f in all, %.4f allowed\n", v.Audits, v.Recent, v.RecentAudits, v.Harm, v.Allowed)
		}
	}
	writeWatches(b, s)
	if s.State == "withdrawn" {
		fmt.Fprintf(b, "  every request goes to the largest tier. Calibrate again on fresh examples (pointsman calibrate --task %s --data ...),\n  or take it back: pointsman drift reset %s --reason \"...\"\n", s.Task, s.Task)
	}
}

func newDriftReset(o *options) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "reset TASK --reason TEXT", Short: "Put a withdrawn certificate in force again and end warnings, with the reason on record", Args: cobra.ExactArgs(1),
		Long: `Put the certificate that an alarm withdrew in force again. Audits are counted anew
from then on; those before stay on record. Warnings of watches end as well, and the
watches begin anew. A running server follows by itself.`,
		Example: `  pointsman drift reset intent --reason "the largest tier was misconfigured, see INC-42"`,
		RunE: func(_ *cobra.Command, args []string) error {
			return runDriftReset(o, args, reason, time.Now())
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever reads it later")
	require(c, "reason")
	return c
}

func runDriftReset(o *options, args []string, reason string, now time.Time) error {
	c, err := o.load()
	if err != nil {
		return err
	}
	if reason == "" {
		return usageError{errors.New("--reason is empty: say why the certificate may be trusted again")}
	}
	tasks, err := tasksNamed(c, args)
	if err != nil {
		return err
	}
	task := tasks[0]
	digest, err := artefact.Open(c.DataDir.String()).Active(task)
	if err != nil {
		return err
	}
	events, err := withdraw.Events(c.Data(), task)
	if err != nil {
		return err
	}
	alarm, since := withdraw.InForce(events, digest)
	warnings, err := watch.InForce(c.Data(), task, digest, since)
	if err != nil {
		return err
	}
	if alarm == nil && len(warnings) == 0 {
		return &pointsman.Error{Code: pointsman.CodeInvalid, Message: fmt.Sprintf("the certificate of task %s is not withdrawn, and no watch warns", task), Hint: "pointsman drift status " + string(task) + " says how it stands"}
	}
	e := withdraw.Event{Time: now.UTC(), Policy: digest, Reset: true, Reason: reason}
	if err := withdraw.Append(c.Data(), task, e); err != nil {
		return err
	}
	return o.print(e, func(b *bytes.Buffer) {
		if alarm != nil {
			fmt.Fprintf(b, "task %s: the certificate of policy %s is in force again\n", task, digest.Short())
		}
		fmt.Fprintf(b, "task %s: warnings that ended: %d\n", task, len(warnings))
	})
}
