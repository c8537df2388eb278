package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/calibrate"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/calibrate/page"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/labelling"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
	"github.com/pointsman-ai/pointsman/internal/verdict"
)

type calibrateOptions struct {
	task    string
	data    exampleFiles
	journal bool
	dryRun  bool
	share   float64
	seed    uint64
	workers int
	fresh   bool
	reuse   bool
	vectors string
	labels  string
	costly  bool
	yes     bool
	page    string
}

// calibrated is what calibrate tells.
type calibrated struct {
	*calibrate.Report
	Active      bool                `json:"active"`
	State       string              `json:"state"` // why it is in force, or not
	Certified   bool                `json:"certified"`
	Certificate *policy.Certificate `json:"certificate"`
	Sample      string              `json:"sample"`
	// LeftOut counts recorded requests that are no examples, by reason.
	LeftOut map[string]int `json:"left_out,omitempty"`
}

func newCalibrate(o *options) *cobra.Command {
	var k calibrateOptions
	c := &cobra.Command{
		Use: "calibrate", Short: "Fit a task's confidence and certify its threshold", Args: cobra.NoArgs,
		Long: `Ask every tier for every example, judge the answers, and fit the task's policy:
the calibrated confidence from the signals, and the threshold with its certificate,
from a part of the examples that nothing was fitted on. The policy is put in force
at once (a running server takes it up by itself) unless --dry-run is given.

A policy that costs more than the largest tier alone is stored and not put in force,
unless --costly is given. In a terminal the frontier is shown, cost against quality,
before you are asked whether to put the policy in force; --yes does not ask. --page
writes what was found as one HTML page.

Where no threshold can be certified, the policy escalates everything, and this
says how many examples would do. The answers are kept in the data directory, so a
run that was stopped goes on where it was, and a second one asks nothing again.

An example certifies once: whoever certifies on the same examples again and again, with
another prompt or another seed, until it succeeds, has a promise that says little.
Examples that have certified before are fitted on, and new ones certify. With --reuse
they certify again, and each such time halves the error level.

The owner's rules hold: an example that some tier may not answer, or whose tier the
rules choose, is put to no tier and left out, and the report counts such examples by
reason.

Whether an answer is right is what the dataset says, what people or a judge have said
of it (pointsman collect --import), or whether it is the same as the largest tier's:
--labels chooses, and the policy and its promise name it. Where people and a judge have
both said something of an answer, people have the last word. Where people were asked
about a sample (pointsman label), their word on it corrects what a judge, or agreement
with the largest tier, says of all, and the promise is about what people call right.

With --from-journal the examples are the recorded requests on which somebody has
said a label or a correction by feedback, and whose texts are on record in full. They
are not a random sample of the traffic, and the certificate is about requests like
them.`,
		Example: "  pointsman calibrate --task support --data calibrate.jsonl\n  pointsman calibrate --task support --from-journal --dry-run --json",
		RunE:    func(c *cobra.Command, _ []string) error { return runCalibrate(c.Context(), o, k) },
	}
	flags := c.Flags()
	flags.StringVar(&k.task, "task", "", "the task; may be left out where there is one")
	k.data.register(flags)
	flags.BoolVar(&k.journal, "from-journal", false, "take the examples from recorded requests with feedback")
	flags.BoolVar(&k.dryRun, "dry-run", false, "do not put the policy in force; what certified it is spent all the same")
	flags.BoolVar(&k.costly, "costly", false, "put the policy in force even if it costs more than the largest tier alone")
	flags.BoolVarP(&k.yes, "yes", "y", false, "put the policy in force without asking, in a terminal too")
	flags.StringVar(&k.page, "page", "", "write the report as an HTML page to this file")
	flags.Float64Var(&k.share, "certify-share", 0.5, "share of the conversations that certifies; the rest fits")
	flags.Uint64Var(&k.seed, "seed", 1, "seed of the split and the folds")
	flags.IntVar(&k.workers, "workers", 8, "requests under way at once")
	flags.BoolVar(&k.reuse, "reuse", false, "let examples that have certified before certify again, at half the error level each time")
	flags.StringVar(&k.vectors, "vectors", "", "let the student of the task's labels "+vectorsUsage)
	flags.StringVar(&k.labels, "labels", "", "what is right: truth, people, judge, or agreement with the largest tier (default: the dataset's truth, else people, else a judge)")
	flags.BoolVar(&k.fresh, "ask-again", false, "do not use answers of an earlier run")
	return c
}

func runCalibrate(ctx context.Context, o *options, k calibrateOptions) error {
	if len(k.data.paths) == 0 && !k.journal {
		return usageError{fmt.Errorf("--data or --from-journal is missing\nrun pointsman calibrate --help")}
	}
	if k.share <= 0 || k.share >= 1 {
		return usageError{fmt.Errorf("--certify-share %v: want between 0 and 1", k.share)}
	}
	if k.labels != "" && !slices.Contains(pointsman.LabelSources, pointsman.LabelSource(k.labels)) {
		return usageError{fmt.Errorf("--labels %s: want truth, people, judge or agreement", k.labels)}
	}
	if err := writable(k.page); err != nil {
		return err
	}
	c, err := o.load()
	if err != nil {
		return err
	}
	id, err := oneTask(c, k.task)
	if err != nil {
		return err
	}
	r := calibrated{Sample: "given examples"}
	var examples []dataset.Example
	if k.journal {
		r.Sample = "recorded requests with feedback: not a random sample of the traffic"
		if examples, r.LeftOut, err = harvest(ctx, c, id); err != nil {
			return err
		}
	} else if examples, err = k.data.load(labelsOf(c, id)); err != nil {
		return err
	}
	store := artefact.Open(c.DataDir.String())
	w, err := instance.Build(c, instance.Options{Store: store, IgnorePolicies: true})
	if err != nil {
		return err
	}
	defer w.Close()
	task, err := w.Task(id)
	if err != nil {
		return err
	}
	verdicts, err := verdict.Read(c.Data().Verdicts(id))
	if err != nil {
		return err
	}
	plan, err := labelling.Read(c.Data().Labelling(id))
	if err != nil {
		return err
	}
	f := calibrate.Options{
		Plan:   plan,
		Labels: pointsman.LabelSource(k.labels), Verdicts: verdicts,
		Task: task, Examples: examples, Store: store, Now: time.Now, Seed: k.seed, CertifyShare: k.share, Workers: k.workers, Reuse: k.reuse,
		Cache: c.Data().Answers(id), Spent: c.Data().Spent(id), Progress: o.progress(),
	}
	if k.fresh {
		f.Cache = ""
	}
	if k.vectors != "" {
		if f.Vectors, err = openVectors(store, k.vectors); err != nil {
			return err
		}
	}
	p, report, err := calibrate.Run(ctx, f)
	if err != nil {
		return err
	}
	r.Report, r.Certified = report, p.Certified()
	r.Certificate = p.Certificate
	if err := k.putInForce(o, store, &r); err != nil {
		return err
	}
	if k.page != "" {
		one := page.Page{Report: report, Target: p.Target, State: r.State, Active: r.Active, Made: time.Now()}
		if err := writePage(k.page, one); err != nil {
			return err
		}
	}
	return o.print(r, func(b *bytes.Buffer) { writeCalibrated(b, &r) })
}

// putInForce activates the policy, unless it costs more than it saves or the
// operator does not want it.
func (k *calibrateOptions) putInForce(o *options, store *artefact.Store, r *calibrated) error {
	e := r.Calibration.Economy
	switch {
	case k.dryRun:
		r.State = "stored, not in force (--dry-run)"
	case e != nil && e.Saved.Value < 0 && !k.costly:
		r.State = fmt.Sprintf("stored, not in force: it costs %s for a thousand requests and the largest tier alone %s (--costly puts it in force)",
			thousand(e.Cascade.Value), thousand(e.Largest.Value))
	case !k.yes && !o.json && !o.quiet && o.terminal():
		var b bytes.Buffer
		writeFrontier(&b, r.Calibration)
		fmt.Fprintf(&b, "\n%s\n", r.Certificate.Claim)
		yes, err := o.confirm(b.String()+"Put this policy in force?", true)
		if err != nil {
			return err
		}
		if !yes {
			r.State = "stored, not in force, as you said"
			return nil
		}
		fallthrough
	default:
		if err := store.Activate(r.Task, r.Policy, time.Now()); err != nil {
			return err
		}
		r.Active, r.State = true, "in force"
	}
	return nil
}

// writable says, before anything is asked, why a page could not be written: its
// folder is not there.
func writable(page string) error {
	if page == "" {
		return nil
	}
	folder := filepath.Dir(page)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("--page %s: there is no folder %s", page, folder), Hint: "make it first, or name another file",
		}
	}
	return nil
}

// writePage writes a page as a whole, or not at all.
func writePage(path string, p page.Page) error {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return err
	}
	return durable.WriteFile(path, b.Bytes())
}

// thousand is what a thousand requests cost.
func thousand(dollars float64) string { return fmt.Sprintf("$%.4g", 1000*dollars) }

// writeFrontier prints some ten points of the frontier.
func writeFrontier(b *bytes.Buffer, k *fit.Report) {
	b.WriteString("\nthe frontier, on the certify part (the interval is of each point by itself):\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "  \tbelow the largest tier\tquality\tharm\tcost of a thousand\n")
	step := max(len(k.Curve)/frontierRows, 1)
	for i := range k.Curve {
		p := &k.Curve[i]
		if (i+1)%step != 0 && i != len(k.Curve)-1 && !p.InForce {
			continue
		}
		note, cost := "", "unknown"
		if p.InForce {
			note = "→"
		}
		if p.Cost != nil {
			cost = thousand(p.Cost.Value)
		}
		fmt.Fprintf(w, "  %s\t%.3f\t%.4f [%.4f, %.4f]\t%.4f\t%s\n", note, p.Accepted, p.Quality, p.QualityBand.Low, p.QualityBand.High, p.Harm, cost)
	}
	w.Flush() //nolint:errcheck // a buffer does not fail
	if a := k.Aim; a != nil && a.Uplift != nil {
		fmt.Fprintf(b, "asking on is worth it above an uplift of %+.4f", *a.Uplift)
		if a.Mistake != nil {
			fmt.Fprintf(b, ", which holds a wrong answer to cost $%.4g", *a.Mistake)
		}
		b.WriteString("\n")
	}
	if e := k.Economy; e != nil {
		fmt.Fprintf(b, "a thousand requests cost %s, witnesses included, and %s by the largest tier alone: saved %s [%s, %s]\n",
			thousand(e.Cascade.Value), thousand(e.Largest.Value), thousand(e.Saved.Value), thousand(e.Saved.Low), thousand(e.Saved.High))
	}
}

// frontierRows is about how many points of the frontier are printed.
const frontierRows = 10

// labelsOf are the labels that an answer of a task may have; nil for any.
func labelsOf(c *config.Config, id pointsman.TaskID) []string {
	t, _ := c.ResolveTask(id)
	return t.Contract.Labels
}

// oneTask is the named task, or the only one.
func oneTask(c *config.Config, name string) (pointsman.TaskID, error) {
	if name != "" {
		if _, ok := c.Tasks[pointsman.TaskID(name)]; ok {
			return pointsman.TaskID(name), nil
		}
	}
	var names []string
	for id := range c.Tasks {
		names = append(names, string(id))
	}
	if name == "" && len(names) == 1 {
		return pointsman.TaskID(names[0]), nil
	}
	if name == "" {
		return "", usageError{fmt.Errorf("--task is missing: the tasks are %s", sorted(names))}
	}
	return "", &pointsman.Error{Code: pointsman.CodeUnknownTask, Message: fmt.Sprintf("there is no task %q", name), Hint: "the tasks are " + sorted(names)}
}

func writeCalibrated(b *bytes.Buffer, r *calibrated) {
	k := r.Calibration
	fmt.Fprintf(b, "task %s: %d examples (%d to fit, %d to certify), asking cost %s\n", r.Task, r.Examples, k.FitN, k.CertifyN, r.Cost)
	if r.Repeated > 0 {
		fmt.Fprintf(b, "%d of them repeat another: they were asked once and count as often as they are there\n", r.Repeated)
	}
	if r.Spent > 0 {
		fmt.Fprintf(b, "%d of them have certified before: they were fitted on, and certified nothing\n", r.Spent)
	}
	for _, why := range slices.Sorted(maps.Keys(r.LeftOut)) {
		fmt.Fprintf(b, "left out %d: %s\n", r.LeftOut[why], why)
	}
	for _, why := range slices.Sorted(maps.Keys(r.Excluded)) {
		fmt.Fprintf(b, "not asked %d: %s\n", r.Excluded[why], why)
	}
	for _, why := range slices.Sorted(maps.Keys(r.Skipped)) {
		fmt.Fprintf(b, "skipped %d: %s\n", r.Skipped[why], why)
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for i, t := range k.Tiers {
		fmt.Fprintf(w, "quality of tier %d alone\t%s\n", i+1, rate(&t))
	}
	for i, e := range r.Corrected {
		fmt.Fprintf(w, "right answers of tier %d by the judge, corrected by people\t%s\n", i+1, rate(e))
	}
	fmt.Fprintf(w, "quality of the cascade\t%s\n", rate(k.Cascade))
	fmt.Fprintf(w, "escalated\t%s\n", rate(k.Escalated))
	if k.LeastEscalated != nil {
		fmt.Fprintf(w, "to be escalated even by a flawless ranking\t%.4f of those that the largest tier has right\n", *k.LeastEscalated)
	}
	for _, s := range k.Stages {
		if s.AUROC != nil {
			fmt.Fprintf(w, "tier %d: AUROC of the confidence\t%s\n", s.Tier, rate(s.AUROC))
		}
		if s.ECE != nil {
			fmt.Fprintf(w, "tier %d: calibration error\t%.4f\n", s.Tier, *s.ECE)
		}
	}
	w.Flush() //nolint:errcheck // a buffer does not fail
	for _, s := range k.Stages {
		fmt.Fprintf(b, "\nwhat tier %d is trusted by (log-odds for one standard deviation):\n", s.Tier)
		w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		for i, one := range s.Signals {
			if i == 8 {
				fmt.Fprintf(w, "  and %d more (--json lists all)\n", len(s.Signals)-i)
				break
			}
			fmt.Fprintf(w, "  %+.3f\t%s\n", one.Acceptable, one.Signal)
		}
		w.Flush() //nolint:errcheck // a buffer does not fail
		writeGroups(b, &s)
	}
	writeFrontier(b, k)
	fmt.Fprintf(b, "\n%s\n", r.Certificate.Claim)
	if r.Certified {
		b.WriteString("It covers:\n")
		for _, one := range r.Certificate.Covers {
			fmt.Fprintf(b, "  %s\n", one)
		}
	}
	for _, s := range k.Shortfalls {
		fmt.Fprintf(b, "short: %s\n", s)
	}
	fmt.Fprintf(b, "\npolicy %s is %s\n", r.Policy.Short(), r.State)
}

// writeGroups prints what each group of signals adds.
func writeGroups(b *bytes.Buffer, s *fit.StageReport) {
	fmt.Fprintf(b, "what each group of its signals adds (cross-validated log loss without it, in thousandths of a nat):\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, g := range s.Groups {
		state := fmt.Sprintf("%.1f parameters", g.Spent[0])
		if !g.Used {
			state = "left out: the examples say nothing of it"
		}
		fmt.Fprintf(w, "  %s\t%+.1f\t± %.1f\t%d signals\t%s\n", g.Group, 1000*g.Gain, 1000*g.Error, len(g.Signals), state)
	}
	w.Flush() //nolint:errcheck // a buffer does not fail
	for k, share := range s.Asked {
		fmt.Fprintf(b, "witness %d is asked for %.1f %% of its answers: those in the grey zone\n", k+1, 100*share)
	}
	if s.Trees[0] > 0 {
		fmt.Fprintf(b, "%d trees correct what the signals say one by one\n", s.Trees[0])
	}
}

// rate prints an estimate with its interval.
func rate(e *stat.Estimate) string {
	if e == nil {
		return "undefined"
	}
	return fmt.Sprintf("%.4f [%.4f, %.4f]", e.Value, e.Low, e.High)
}

// harvest makes examples of the recorded requests of a task.
func harvest(ctx context.Context, c *config.Config, task pointsman.TaskID) ([]dataset.Example, map[string]int, error) {
	reader, err := scanLedger(c)
	if err != nil {
		return nil, nil, err
	}
	return reader.Harvest(ctx, task, labelsOf(c, task), func(request string) ([]pointsman.Message, error) {
		decoded, err := chat.Decode([]byte(request))
		if err != nil {
			return nil, err
		}
		return decoded.Request.Messages, nil
	})
}

func sorted(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}
