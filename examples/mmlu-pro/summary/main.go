// Command summary adds up what examples/mmlu-pro/run.sh did, from what its
// commands left in the work folder, and prints one JSON object.
//
//	go run ./examples/mmlu-pro/summary WORK
//
// Which tier answered, what it cost and whether anything was lost is read from
// the journal's export, decision by decision, and what the client was given from
// the rows of the evaluation. Whether an answer counts as correct is the
// source's own word. The same figures as the task's contract reads the answers go
// to stderr.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/eval"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// The targets that run.sh evaluates; the first two are also tiers.
const (
	small   = "small"
	large   = "large"
	cascade = "cascade"
)

// figures is what is printed. What is undefined is null.
type figures struct {
	SmallAccuracy   float64  `json:"small_accuracy"`
	LargeAccuracy   float64  `json:"large_accuracy"`
	CascadeAccuracy float64  `json:"cascade_accuracy"`
	EscalatedShare  float64  `json:"escalated_share"`
	CostVsLarge     *float64 `json:"cost_vs_large"`
	APGR            *float64 `json:"apgr"`
	RetainTarget    float64  `json:"retain_target"`
	RetainMeasured  *float64 `json:"retain_measured"`
	Certified       bool     `json:"certified"`
	Requests        int      `json:"requests"`
	LostDecisions   int      `json:"lost_decisions"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./examples/mmlu-pro/summary WORK")
		os.Exit(2)
	}
	f, err := summarise(os.Args[1], os.Stderr)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(1)
	}
}

// summarise reads calibrate.json, outcomes.jsonl, decisions.jsonl and the run's
// results in a work folder.
func summarise(work string, notes io.Writer) (*figures, error) {
	certificate, err := readCertificate(filepath.Join(work, "calibrate.json"))
	if err != nil {
		return nil, err
	}
	outcomes, err := readOutcomes(filepath.Join(work, "outcomes.jsonl"))
	if err != nil {
		return nil, err
	}
	decisions, err := readDecisions(filepath.Join(work, "decisions.jsonl"))
	if err != nil {
		return nil, err
	}
	c := &count{outcomes: outcomes, decisions: decisions, asked: map[string]int{}, right: map[string]int{}, read: map[string]int{}, cost: map[string]pointsman.Cost{}}
	for row, err := range collect.Read(filepath.Join(work, "run", eval.ResultsFile)) {
		if err != nil {
			return nil, err
		}
		if err := c.add(row); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", row.Example, row.Target, err)
		}
	}
	if c.asked[small] == 0 || c.asked[small] != c.asked[large] || c.asked[small] != c.asked[cascade] {
		return nil, fmt.Errorf("want as many answers of each target, got %v", c.asked)
	}
	if surplus := len(decisions) - (c.requests - c.lost); surplus != 0 {
		fmt.Fprintf(notes, "the journal holds %d decisions that no answer names\n", surplus)
	}
	share := func(n map[string]int, target string) float64 { return float64(n[target]) / float64(c.asked[target]) }
	f := &figures{
		SmallAccuracy: share(c.right, small), LargeAccuracy: share(c.right, large), CascadeAccuracy: share(c.right, cascade),
		EscalatedShare: float64(c.escalated) / float64(c.asked[cascade]),
		CostVsLarge:    ratio(c.cost[cascade], c.cost[large]),
		RetainTarget:   certificate.Retain, Certified: certificate.Certified,
		Requests: c.requests, LostDecisions: c.lost,
	}
	if c.right[large] > 0 {
		retained := float64(c.right[cascade]) / float64(c.right[large])
		f.RetainMeasured = &retained
	}
	f.APGR = c.apgr(notes)
	fmt.Fprintf(notes, "as the contract reads the answers: small %.4f, large %.4f, cascade %.4f, retained %.4f\n",
		share(c.read, small), share(c.read, large), share(c.read, cascade), share(c.read, cascade)/share(c.read, large))
	return f, nil
}

// count adds up the rows of the evaluation.
type count struct {
	outcomes  map[string]outcome
	decisions map[pointsman.DecisionID]pointsman.Decision

	requests, lost, escalated int
	// By target: how many were asked, how many were right in the source's own
	// words, and how many as the contract reads them.
	asked, right, read map[string]int
	cost               map[string]pointsman.Cost
	// scores say how much each request is worth escalating, beside who is right.
	scores, weak, strong []float64
	unscored             int
}

func (c *count) add(row *collect.Row) error {
	c.requests++
	d, ok := c.decisions[row.Result.Decision.ID]
	if !ok {
		c.lost++
	}
	switch {
	case row.Result.Err != "":
		return fmt.Errorf("there is no answer: %s", row.Result.Err)
	case !ok:
		return nil // its tier and its cost are not known
	}
	example, ok := c.outcomes[row.Example]
	if !ok {
		return errors.New("not one of the prepared examples")
	}
	target := row.Target
	c.asked[target]++
	if example.Correct[string(d.Tier)] {
		c.right[target]++
	}
	if r := row.Result.Reading; r.Valid && r.Label == example.Label {
		c.read[target]++
	}
	if sum, begun := c.cost[target]; begun {
		c.cost[target] = sum.Add(d.Cost)
	} else {
		c.cost[target] = d.Cost
	}
	if target == cascade {
		c.cascaded(&d, example)
	}
	return nil
}

// cascaded notes what the cascade made of a request. An answer that breaks the
// contract is escalated whatever the threshold, so it comes before all others.
func (c *count) cascaded(d *pointsman.Decision, example outcome) {
	if d.Tier == large {
		c.escalated++
	}
	var score float64
	switch first := d.Attempts; {
	case len(first) > 0 && first[0].Tier == small && !first[0].Reading.Valid:
		score = 2 // an uplift is at most 1
	case len(first) > 0 && first[0].Tier == small && first[0].Confidence.Uplift != nil:
		score = *first[0].Confidence.Uplift
	case d.Cause == pointsman.CauseUnsupported:
		score = 2 // not asked, because calibration saw nothing like it
	default:
		c.unscored++
		return
	}
	c.scores = append(c.scores, score)
	c.weak, c.strong = append(c.weak, number(example.Correct[small])), append(c.strong, number(example.Correct[large]))
}

// apgr is how well the uplift ranks the requests, whatever the threshold.
func (c *count) apgr(notes io.Writer) *float64 {
	if c.unscored > 0 {
		fmt.Fprintf(notes, "no APGR: %d requests have no uplift on record\n", c.unscored)
		return nil
	}
	routing, err := stat.Route(c.scores, c.weak, c.strong)
	if err != nil {
		fmt.Fprintln(notes, "no APGR:", err)
		return nil
	}
	area, err := routing.APGR()
	if err != nil {
		fmt.Fprintln(notes, "no APGR:", err)
		return nil
	}
	return &area
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// ratio is null where a price is unknown.
func ratio(a, b pointsman.Cost) *float64 {
	if !a.Known || !b.Known || b.Amount == 0 {
		return nil
	}
	r := float64(a.Amount) / float64(b.Amount)
	return &r
}

// outcome is the right letter and who was right in the source's own words.
type outcome struct {
	ID      string          `json:"id"`
	Label   string          `json:"label"`
	Correct map[string]bool `json:"correct"`
}

func readOutcomes(path string) (map[string]outcome, error) {
	out := map[string]outcome{}
	err := readLines(path, func(o *outcome) error {
		out[o.ID] = *o
		return nil
	})
	return out, err
}

// readDecisions reads an export of the journal.
func readDecisions(path string) (map[pointsman.DecisionID]pointsman.Decision, error) {
	type line struct {
		Type     string              `json:"type"`
		Decision *pointsman.Decision `json:"decision"`
	}
	out := map[pointsman.DecisionID]pointsman.Decision{}
	err := readLines(path, func(l *line) error {
		if l.Decision == nil {
			return nil
		}
		if _, twice := out[l.Decision.ID]; twice {
			return fmt.Errorf("decision %s stands twice", l.Decision.ID)
		}
		// Only what is counted: signals of all requests would fill the memory.
		d := pointsman.Decision{ID: l.Decision.ID, Tier: l.Decision.Tier, Cause: l.Decision.Cause, Cost: l.Decision.Cost}
		for _, a := range l.Decision.Attempts {
			d.Attempts = append(d.Attempts, pointsman.Attempt{Tier: a.Tier, Reading: a.Reading, Confidence: a.Confidence})
		}
		out[d.ID] = d
		return nil
	})
	return out, err
}

// readLines reads a file of JSON values one after the other.
func readLines[T any](path string, each func(*T) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	decoder := json.NewDecoder(bufio.NewReader(file))
	for n := 1; ; n++ {
		var v T
		err := decoder.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(&v)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", filepath.Base(path), n, err)
		}
	}
}

// readCertificate reads the promise from what `pointsman calibrate` printed.
func readCertificate(path string) (*policy.Certificate, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var report struct {
		Certificate *policy.Certificate `json:"certificate"`
	}
	if err := json.Unmarshal(content, &report); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if report.Certificate == nil {
		return nil, fmt.Errorf("%s has no certificate", filepath.Base(path))
	}
	return report.Certificate, nil
}
