package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/eval"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/ledger"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// measureDemo sends the test messages to the running gateway, at each tier and
// through the cascade, and reads the rest from the decisions on record.
func measureDemo(ctx context.Context, o *options, d demoOptions, url string) (*demoReport, error) {
	report, err := runEval(ctx, o, evalOptions{
		task: demoTask,
		data: exampleFiles{paths: []string{filepath.Join(d.dir, "messages", "test.jsonl")}}, url: url, workers: 8, seed: 1, out: filepath.Join(d.dir, "run"),
	})
	if err != nil {
		return nil, err
	}
	c, err := o.load()
	if err != nil {
		return nil, err
	}
	r := &demoReport{}
	if err := r.scores(report); err != nil {
		return nil, err
	}
	if err := r.promise(c, report); err != nil {
		return nil, err
	}
	if err := r.records(ctx, o, c, filepath.Join(d.dir, "run")); err != nil {
		return nil, err
	}
	return r, r.commands(ctx, d, c, url)
}

// scores takes the qualities from the evaluation.
func (r *demoReport) scores(report *eval.Report) error {
	if len(report.Routing) != 1 {
		return fmt.Errorf("the evaluation has no routing figures: %v", report.Notes)
	}
	for _, t := range report.Targets {
		if t.Scored < t.Total {
			return fmt.Errorf("target %s: %d of %d messages were scored: %v %v", t.Target.Name, t.Scored, t.Total, t.Failures, t.Skips)
		}
		score, err := estimate(t.Score)
		if err != nil {
			return fmt.Errorf("target %s: %w", t.Target.Name, err)
		}
		switch t.Target.Name {
		case report.Routing[0].Small:
			r.Small = score
		case report.Routing[0].Large:
			r.Large = score
		case cascadeTarget:
			r.Cascade, r.Messages = score, t.Total
		}
	}
	return nil
}

func estimate(n eval.Number) (stat.Estimate, error) {
	if n.Value == nil || n.Low == nil || n.High == nil {
		return stat.Estimate{}, fmt.Errorf("no figure: %s", n.Note)
	}
	return stat.Estimate{Value: *n.Value, Interval: stat.Interval{Low: *n.Low, High: *n.High}}, nil
}

// promise compares what the certificate says with what was measured.
func (r *demoReport) promise(c *config.Config, report *eval.Report) error {
	store := artefact.Open(c.DataDir.String())
	digest, err := store.Active(report.Task)
	if err != nil {
		return err
	}
	p, err := policy.Load(store.Get, digest)
	if err != nil {
		return err
	}
	certificate := p.Certificate
	r.Promise, r.Certified, r.RetainTarget = certificate.Claim, certificate.Certified, p.Target.Retain
	r.Covers, r.Unproven = certificate.Covers, report.Routing[0].Unproven
	if retain, err := estimate(report.Routing[0].RetainMeasured); err == nil {
		kept := retain.Value >= r.RetainTarget
		r.RetainMeasured, r.Kept = &retain, &kept
	}
	return nil
}

// records takes costs and latencies from the decisions on record, verifies the
// journal and replays it.
func (r *demoReport) records(ctx context.Context, o *options, c *config.Config, run string) error {
	targets := map[pointsman.DecisionID]string{}
	for row, err := range collect.Read(filepath.Join(run, eval.ResultsFile)) {
		if err != nil {
			return err
		}
		targets[row.Result.Decision.ID] = row.Target
	}
	var overhead []float64
	escalated, cascades := 0, 0
	r.CascadeCost, r.LargeCost = pointsman.KnownCost(0), pointsman.KnownCost(0)
	task, _ := c.ResolveTask(demoTask)
	largest := task.Largest().ID
	reader := &ledger.Reader{Journal: c.Data().Journal()}
	for found, err := range reader.Decisions(ctx) {
		if err != nil {
			return err
		}
		d := found.Decision
		r.Recorded++
		overhead = append(overhead, float64(d.Overhead.Nanoseconds())/1e3)
		switch targets[d.ID] {
		case cascadeTarget:
			cascades++
			r.CascadeCost = r.CascadeCost.Add(d.Cost)
			if d.Tier == largest {
				escalated++
			}
		case string(largest):
			r.LargeCost = r.LargeCost.Add(d.Cost)
		}
	}
	return r.figures(ctx, o, c, overhead, escalated, cascades)
}

func (r *demoReport) figures(ctx context.Context, o *options, c *config.Config, overhead []float64, escalated, cascades int) error {
	var err error
	if r.Escalated, err = stat.Rate(escalated, cascades, 0.95); err != nil {
		return err
	}
	if r.CascadeCost.Known && r.LargeCost.Known && r.LargeCost.Amount > 0 {
		ratio := float64(r.CascadeCost.Amount) / float64(r.LargeCost.Amount)
		r.CostVsLarge = &ratio
	}
	slices.Sort(overhead)
	r.AddedP50, r.AddedP99 = overhead[len(overhead)/2], overhead[len(overhead)*99/100]
	verified, err := journal.Verify(ctx, c.Data().Journal(), journal.VerifyOptions{}, nil)
	if err != nil {
		return err
	}
	r.Verified = verified.Clean()
	again, err := runReplay(ctx, &options{streams: o.streams, config: o.config, quiet: true}, listOptions{})
	if err != nil {
		return err
	}
	r.Replayed = again.Agree
	return nil
}

// commands are the lines to try next: one request, and the explanation of a
// decision.
func (r *demoReport) commands(ctx context.Context, o demoOptions, c *config.Config, url string) error {
	examples, err := dataset.Load(filepath.Join(o.dir, "messages", "test.jsonl"))
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{
		"model": demoTask, "messages": []map[string]string{{"role": "user", "content": examples[0].Input}}, "metadata": examples[0].Metadata,
	})
	if err != nil {
		return err
	}
	r.Curl = fmt.Sprintf("curl -si %s/v1/chat/completions -H 'content-type: application/json' -d %s", url, shellQuote(string(body)))
	var last pointsman.DecisionID
	reader := &ledger.Reader{Journal: c.Data().Journal()}
	for found, err := range reader.Decisions(ctx) {
		if err != nil {
			return err
		}
		d := found.Decision
		if last == "" || d.Cause == pointsman.CauseUncertain {
			last = d.ID
		}
	}
	r.Explain = fmt.Sprintf("%s audit explain %s --config %s", shellQuote(os.Args[0]), last, shellQuote(filepath.Join(o.dir, "pointsman.yaml")))
	return nil
}
