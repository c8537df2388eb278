package collect

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
)

// Imported is what came of an import.
type Imported struct {
	// Kept counts the answers that the store has now and had not, Known those that
	// it had: they stay as they are.
	Kept  int `json:"kept"`
	Known int `json:"known"`
	// Excluded counts answers that the owner's rules do not permit, by reason:
	// they are not used.
	Excluded map[string]int `json:"excluded"`
	// Missing counts, for each tier, the examples without an answer.
	Missing map[pointsman.TierID]int `json:"missing"`
}

// Distinct are the examples without those whose content is there already: each
// content is asked once.
func Distinct(examples []dataset.Example) []dataset.Example {
	seen := make(map[pointsman.Digest]bool, len(examples))
	var out []dataset.Example
	for i := range examples {
		if d := examples[i].Digest(); !seen[d] {
			seen[d] = true
			out = append(out, examples[i])
		}
	}
	return out
}

// Placed is an answer that exists already, with the example that it answers.
type Placed struct {
	*Given
	Of *dataset.Example
}

// Place finds the example and the tier of each answer, all or none: the error
// lists those that belong nowhere.
func (c *Tiers) Place(examples []dataset.Example, answers []Given, name string) ([]Placed, error) {
	byID, byText := map[string][]*dataset.Example{}, map[string][]*dataset.Example{}
	distinct := Distinct(examples)
	for i := range distinct {
		e := &distinct[i]
		byText[e.Text()] = append(byText[e.Text()], e)
	}
	first := make(map[pointsman.Digest]*dataset.Example, len(distinct))
	for i := range distinct {
		first[distinct[i].Digest()] = &distinct[i]
	}
	for i := range examples { // a repeated one is known by each of its ids
		e := first[examples[i].Digest()]
		if id := examples[i].ID; !slices.Contains(byID[id], e) {
			byID[id] = append(byID[id], e)
		}
	}
	type place struct {
		example string
		tier    pointsman.TierID
	}
	lines := map[place]int{}
	var out []Placed
	var problems []string
	for i := range answers {
		g := &answers[i]
		member, named, found := "example", g.Example, byID[g.Example]
		if g.Example == "" {
			member, named, found = "input", g.Input, byText[g.Input]
		}
		why := ""
		p := place{member + " " + named, g.Tier}
		_, ok := c.Task.Tier(g.Tier)
		switch line := lines[p]; {
		case !ok:
			why = fmt.Sprintf("member \"tier\": task %s has no tier %q", c.Task.ID, excerpt.Of(string(g.Tier), 80))
		case len(found) == 0:
			why = fmt.Sprintf("member %q: no example of the dataset is %q", member, excerpt.Of(named, 80))
		case len(found) > 1:
			why = fmt.Sprintf("member %q: several examples of the dataset are %q; name one by its id", member, excerpt.Of(named, 80))
		case line > 0:
			why = fmt.Sprintf("the answer of tier %s to this example is on line %d already", g.Tier, line)
		}
		if why != "" {
			problems = append(problems, fmt.Sprintf("%s:%d: %s", name, g.Line, why))
			continue
		}
		lines[p] = g.Line
		out = append(out, Placed{g, found[0]})
	}
	return out, refused(problems)
}

// Put measures answers that exist already and puts them into a store, all or
// none, as if the tiers had given them now: nobody asks for them again. Of
// several answers of a tier to one content the first counts.
func (c *Tiers) Put(examples []dataset.Example, answers []Placed, store *Store) (*Imported, error) {
	type place struct {
		example pointsman.Digest
		tier    pointsman.TierID
	}
	given := make(map[place]*Placed, len(answers))
	for i := range slices.Backward(answers) {
		given[place{answers[i].Of.Digest(), answers[i].Tier}] = &answers[i]
	}
	out := &Imported{Excluded: map[string]int{}, Missing: map[pointsman.TierID]int{}}
	var rows []*Row
	err := c.each(examples, store, func(r *run, j *job, known *Result) (err error) {
		tier := r.Targets[j.Target].Tier
		one := given[place{j.digest, tier}]
		switch {
		case j.Result != nil:
			out.Excluded[j.Result.Excluded]++
		case known != nil:
			out.Known++
		case one == nil:
			out.Missing[tier]++
		default:
			if j.Result, err = c.given(j.Example, one.Given); err == nil {
				rows = append(rows, r.row(j))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Kept = len(rows)
	return out, store.appendAll(rows)
}

// Kept gives the answers that a store has, and what the rules exclude, example by
// example and tier by tier, without asking; a result is nil where there is none.
func (c *Tiers) Kept(examples []dataset.Example, store *Store, take func(Outcome)) error {
	return c.each(examples, store, func(_ *run, j *job, known *Result) error {
		if j.Result == nil {
			j.Result = known
		}
		take(j.Outcome)
		return nil
	})
}

// each goes through the distinct examples and the tiers with what the store has.
func (c *Tiers) each(examples []dataset.Example, store *Store, do func(r *run, j *job, known *Result) error) error {
	r := &run{Plan: Plan{Targets: c.Targets(), Asker: c, Store: store}}
	var err error
	if r.Identities, err = Identities(c, r.Targets); err != nil {
		return err
	}
	occurrences := make(map[pointsman.Digest]int)
	for i, e := range Distinct(examples) {
		asked, digest := e.AskedDigest(), e.Digest()
		for k := range r.Targets {
			j := job{Outcome: Outcome{Index: i, Target: k, Example: &e}, asked: asked, digest: digest, occurrence: occurrences[asked]}
			r.rule(&j)
			known, err := store.answer(j.key)
			if err == nil {
				err = do(r, &j, known)
			}
			if err != nil {
				return err
			}
		}
		occurrences[asked]++
	}
	return nil
}

// given measures an answer that exists already.
func (c *Tiers) given(e *dataset.Example, g *Given) (*Result, error) {
	request, err := Request(c.Task.ID, e)
	if err != nil {
		return nil, err
	}
	measured, err := c.Task.MeasureGiven(request, g.Tier, &g.Answer, cascade.BesideText{Witnesses: g.Witnesses, Samples: g.Samples})
	if err != nil {
		return nil, err
	}
	if g.Cost != nil {
		measured.Attempt.Cost = *g.Cost
	}
	return c.result(measured), nil
}

// appendAll appends rows, all or none.
func (s *Store) appendAll(rows []*Row) error {
	end := s.end
	for _, r := range rows {
		if err := s.append(r); err != nil {
			s.end = end
			return errors.Join(err, s.file.Truncate(end))
		}
	}
	return s.sync()
}
