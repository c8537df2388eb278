package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/calibrate"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/instance"
	"github.com/pointsman-ai/pointsman/internal/labelling"
	"github.com/pointsman-ai/pointsman/internal/verdict"
)

type labelOptions struct {
	task             string
	data             exampleFiles
	budget           int
	by               string
	seed             uint64
	share            float64
	toFile, fromFile string
	dryRun           bool
}

// labelled is what label tells.
type labelled struct {
	Task pointsman.TaskID `json:"task"`
	// Examples counts those that people may be asked about, Missing those without
	// an answer of every tier, and Expected how many people are asked about.
	Examples int     `json:"examples"`
	Missing  int     `json:"missing"`
	Expected float64 `json:"expected"`
	// Asked counts the examples that the plan asks about, Left those of them with
	// an answer that nobody has judged, and Verdicts what was said now.
	Asked    int `json:"asked"`
	Left     int `json:"left"`
	Verdicts int `json:"verdicts"`
}

// usualBudget is how many examples are asked about where nobody says.
const usualBudget = 100

func newLabel(o *options) *cobra.Command {
	var k labelOptions
	c := &cobra.Command{
		Use: "label", Short: "Judge the answers that tighten a task's promise most", Args: cobra.NoArgs,
		Long: `Ask a person about a sample of the examples: is this answer right? Each example is drawn
with a probability that is on record, higher where the judge's word, or agreement with
the largest tier, is likely to be corrected by more: where answers differ more than where
all tiers say the same. pointsman calibrate --labels people (or judge) then corrects what
was said of all by what people say of the sample, and the promise is about people's word.

The answers must be there: pointsman collect asks for them, or imports them with a
judge's verdicts. Answers are shown without who gave them; what several tiers say alike
is asked once. Each verdict is on disk before the next question. Stop at any time and go
on later: what the sample asks and nobody has said counts against the promise. A larger
--budget asks about the same examples and more.

With --export the answers are written to a file to be judged elsewhere: set "right" to
true or false on each line, or "skipped" to true, and bring it back with --import.`,
		Example: `  pointsman label --task support --data calibrate.jsonl --budget 150 --by ada
  pointsman label --task support --data calibrate.jsonl --export sheet.jsonl
  pointsman label --task support --data calibrate.jsonl --import sheet.jsonl --by ada`,
		RunE: func(*cobra.Command, []string) error {
			r, err := runLabel(o, k)
			if err != nil {
				return err
			}
			return o.print(r, func(b *bytes.Buffer) { writeLabelled(b, r) })
		},
	}
	flags := c.Flags()
	flags.StringVar(&k.task, "task", "", "the task; may be left out where there is one")
	k.data.register(flags)
	flags.IntVar(&k.budget, "budget", 0, "examples to ask about, in expectation (default: what was planned before, or 100)")
	flags.StringVar(&k.by, "by", os.Getenv("USER"), "who judges")
	flags.Uint64Var(&k.seed, "seed", 1, "seed of the draw, and of calibrate's split")
	flags.Float64Var(&k.share, "certify-share", 0.5, "calibrate's share of the conversations that certifies")
	flags.StringVar(&k.toFile, "export", "", "write what is to be judged to a file, and ask nothing")
	flags.StringVar(&k.fromFile, "import", "", "take what was judged from an exported file")
	flags.BoolVar(&k.dryRun, "dry-run", false, "draw the sample and say how large it is, and ask nothing")
	require(c, "data")
	return c
}

func (k *labelOptions) check(o *options) error {
	switch {
	case k.budget < 0:
		return usageError{fmt.Errorf("--budget %d: want a number of examples", k.budget)}
	case k.share <= 0 || k.share >= 1:
		return usageError{fmt.Errorf("--certify-share %v: want between 0 and 1", k.share)}
	case k.toFile != "" && k.fromFile != "":
		return usageError{errors.New("--export and --import: leave one of them out")}
	case k.toFile != "" || k.dryRun:
		return nil
	case k.by == "":
		return usageError{errors.New("--by is missing: say who judges")}
	case k.fromFile != "":
		return nil
	}
	if f, ok := o.in.(*os.File); ok && !term.IsTerminal(int(f.Fd())) {
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "there is no terminal to ask somebody at",
			Hint: "write what is to be judged to a file with --export, and bring it back with --import",
		}
	}
	return nil
}

func runLabel(o *options, k labelOptions) (r *labelled, err error) {
	if err := k.check(o); err != nil {
		return nil, err
	}
	c, id, examples, err := o.examples(k.task, k.data)
	if err != nil {
		return nil, err
	}
	w, err := verdict.Open(c.Data().Verdicts(id))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	questions, missing, err := k.questions(c, id, examples, w.Set)
	if err != nil {
		return nil, err
	}
	plan, err := k.plan(c, id, questions)
	if err != nil {
		return nil, err
	}
	s := &labelSession{options: k, plan: plan, verdicts: w, asked: map[pointsman.Digest]pointsman.Digest{}}
	items, asked := s.items(questions)
	r = &labelled{Task: id, Examples: len(questions), Missing: missing, Expected: plan.Budget, Asked: asked}
	switch {
	case k.dryRun:
	case k.toFile != "":
		err = durable.WriteTo(k.toFile, func(w io.Writer) error { return labelling.WriteSheet(w, items) })
	case k.fromFile != "":
		r.Verdicts, err = s.take()
	default:
		r.Verdicts, err = labelling.Ask(o.in, o.err, items, s.keep)
	}
	items, _ = s.items(questions)
	r.Left = len(items)
	return r, err
}

// questions are what people can be asked about.
func (k *labelOptions) questions(c *config.Config, id pointsman.TaskID, examples []dataset.Example, known *verdict.Set) ([]calibrate.Question, int, error) {
	i, err := instance.Build(c, instance.Options{Store: artefact.Open(c.DataDir.String()), IgnorePolicies: true, Offline: true})
	if err != nil {
		return nil, 0, err
	}
	defer i.Close()
	task, err := i.Task(id)
	if err != nil {
		return nil, 0, err
	}
	questions, missing, err := calibrate.Questions(calibrate.Options{
		Task: task, Examples: examples, Now: time.Now, Seed: k.seed, CertifyShare: k.share, Cache: c.Data().Answers(id), Verdicts: known,
	})
	if err == nil && len(questions) == 0 {
		err = &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: "there are no answers to judge",
			Hint: "ask the tiers first: pointsman collect, or pointsman collect --import for answers that exist already",
		}
	}
	return questions, missing, err
}

// plan is the sample: that of before, or a larger one.
func (k *labelOptions) plan(c *config.Config, id pointsman.TaskID, questions []calibrate.Question) (*labelling.Plan, error) {
	path := c.Data().Labelling(id)
	former, err := labelling.Read(path)
	if err != nil {
		return nil, err
	}
	budget := float64(usualBudget)
	if former != nil {
		budget = former.Budget
	}
	if k.budget > 0 {
		budget = float64(k.budget)
	}
	candidates := make([]labelling.Candidate, len(questions))
	for i := range questions {
		candidates[i] = questions[i].Candidate
	}
	plan, err := labelling.Draw(candidates, budget, k.seed, former)
	if err != nil {
		return nil, err
	}
	plan.Task, plan.Created = id, time.Now().UTC()
	if k.dryRun { // a plan is a promise to ask, which cannot be taken back
		return plan, nil
	}
	return plan, plan.Write(path)
}

// labelSession keeps what a person says.
type labelSession struct {
	options  labelOptions
	plan     *labelling.Plan
	verdicts *verdict.Writer
	// asked says which example each answer belongs to.
	asked map[pointsman.Digest]pointsman.Digest
}

// items are what the plan asks and nobody has said, and how many examples it asks
// about in all.
func (s *labelSession) items(questions []calibrate.Question) (items []labelling.Item, asked int) {
	all := slices.Clone(questions)
	slices.SortFunc(all, func(a, b calibrate.Question) int {
		return cmp.Or(cmp.Compare(s.plan.Rank(a.Candidate.Example), s.plan.Rank(b.Candidate.Example)), cmp.Compare(a.Candidate.Example, b.Candidate.Example))
	})
	for _, q := range all {
		name := q.Candidate.Example
		if !s.plan.Asks(name) {
			continue
		}
		asked++
		item := labelling.Item{ID: q.Example.ID, Text: conversation(q.Example)}
		for _, a := range q.Answers {
			s.asked[a.Name] = name
			if _, told := s.verdicts.Set.Find(a.Name, pointsman.LabelsPeople); !told {
				item.Answers = append(item.Answers, a)
			}
		}
		if len(item.Answers) > 0 {
			items = append(items, item)
		}
	}
	return items, asked
}

// conversation is what was asked, for people.
func conversation(e *dataset.Example) string {
	if len(e.Messages) == 0 {
		return e.Input
	}
	var b bytes.Buffer
	for _, m := range e.Messages {
		fmt.Fprintf(&b, "%s: %s\n", m.Role, m.Text)
	}
	return b.String()
}

func (s *labelSession) verdict(example string, answer pointsman.Digest, said labelling.Said) verdict.Verdict {
	return verdict.Verdict{
		Time: time.Now().UTC(), Answer: answer, Example: example, Source: pointsman.LabelsPeople, By: s.options.by,
		Right: said.Right, Skipped: said.Skipped, Asked: s.plan.Probability(s.asked[answer]),
	}
}

func (s *labelSession) keep(item *labelling.Item, answer *labelling.Answer, said labelling.Said) error {
	return s.verdicts.Append(s.verdict(item.ID, answer.Name, said))
}

// take keeps what was judged elsewhere and is not known.
func (s *labelSession) take() (int, error) {
	f, err := os.Open(s.options.fromFile)
	if err != nil {
		return 0, &pointsman.Error{Code: pointsman.CodeNotFound, Message: s.options.fromFile + " cannot be opened", Err: err}
	}
	defer f.Close()
	said, err := labelling.ReadSheet(f, s.options.fromFile, func(answer pointsman.Digest) bool { return s.asked[answer] != "" })
	if err != nil {
		return 0, err
	}
	var all []verdict.Verdict
	for _, one := range said {
		if v := s.verdict(one.Example, one.Answer, one.Said); !s.verdicts.Set.Holds(v) {
			all = append(all, v)
		}
	}
	return len(all), s.verdicts.Append(all...)
}

func writeLabelled(b *bytes.Buffer, r *labelled) {
	fmt.Fprintf(b, "task %s: people are asked about %d of %d examples (%.1f in expectation); %d verdicts now\n", r.Task, r.Asked, r.Examples, r.Expected, r.Verdicts)
	if r.Missing > 0 {
		fmt.Fprintf(b, "%d examples have no answer of every tier: pointsman collect asks for them\n", r.Missing)
	}
	if r.Left > 0 {
		fmt.Fprintf(b, "%d of them are left; until they are judged each counts against the promise\n", r.Left)
		return
	}
	b.WriteString("none of them is left: pointsman calibrate --labels people\n")
}
