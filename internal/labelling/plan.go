// Package labelling says which examples people are asked to judge: a sample, each
// drawn with a probability of its own that is on record, so that what people say
// of the sample corrects what a judge says of all.
//
// The probabilities may depend on the examples, the answers and the judge, and not
// on what people have said: then the draws are independent of one another given
// all of that, and a promise that is tested on the corrected margins holds whatever
// the judge is worth (package certify). Who is asked is decided by a number that
// depends on the seed and the example alone, so that a larger budget asks about the
// same examples and more.
package labelling

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// Candidate is an example that people may be asked about.
type Candidate struct {
	// Example names it by what is asked.
	Example pointsman.Digest
	// Spread is about how far people's word may lie from the judge's, in the
	// promise's own margin: the standard deviation that is to be expected.
	Spread float64
	// Always says that it must be asked about if any is: it stands for several
	// requests, whose draws would not be independent.
	Always bool
}

// Plan says with which probability people are asked about each example.
type Plan struct {
	Version int              `json:"version"`
	Task    pointsman.TaskID `json:"task"`
	Created time.Time        `json:"created"`
	Seed    uint64           `json:"seed"`
	// Budget is the expected number of examples that are asked about.
	Budget float64 `json:"budget"`
	// Examples are in increasing order.
	Examples []Drawn `json:"examples"`
}

// Drawn is the probability with which people are asked about an example.
type Drawn struct {
	Example     pointsman.Digest `json:"example"`
	Probability float64          `json:"probability"`
}

// floor is the least probability: what a plan thinks least of must be asked about
// now and then, or one surprise there would weigh more than all others.
const floor = 0.02

// version of the file.
const version = 1

// Draw plans to ask about budget examples in expectation, each with a probability
// in proportion to its spread (Neyman's allocation) and no less than a floor.
// former is the plan so far, or nil: no example's probability falls below what it
// had.
func Draw(candidates []Candidate, budget float64, seed uint64, former *Plan) (*Plan, error) {
	if len(candidates) == 0 {
		return nil, errors.New("there is nothing to ask about")
	}
	if !(budget > 0) || math.IsInf(budget, 0) {
		return nil, fmt.Errorf("a budget of %v examples", budget)
	}
	known := map[pointsman.Digest]float64{}
	if former != nil {
		seed = former.Seed
		for _, d := range former.Examples {
			known[d.Example] = d.Probability
		}
	}
	at := func(c *Candidate, scale float64) float64 {
		if c.Always {
			return 1
		}
		return max(min(1, max(floor, scale*c.Spread)), known[c.Example])
	}
	expected := func(scale float64) (sum float64) {
		for i := range candidates {
			sum += at(&candidates[i], scale)
		}
		return sum
	}
	low, high := 0.0, 1.0
	for expected(high) < budget && high < 1e9 {
		high *= 2
	}
	for range 80 {
		if middle := (low + high) / 2; expected(middle) < budget {
			low = middle
		} else {
			high = middle
		}
	}
	p := &Plan{Version: version, Seed: seed, Budget: expected(high)}
	planned := map[pointsman.Digest]bool{}
	for i := range candidates {
		c := &candidates[i]
		if planned[c.Example] {
			return nil, fmt.Errorf("the example %s is there twice", c.Example.Short())
		}
		planned[c.Example] = true
		p.Examples = append(p.Examples, Drawn{c.Example, at(c, high)})
	}
	for example, probability := range known {
		if !planned[example] { // of another dataset
			p.Examples = append(p.Examples, Drawn{example, probability})
		}
	}
	slices.SortFunc(p.Examples, func(a, b Drawn) int { return cmp.Compare(a.Example, b.Example) })
	return p, nil
}

// Probability is that with which people are asked about an example; 0 where the
// plan does not have it. A nil plan has none.
func (p *Plan) Probability(example pointsman.Digest) float64 {
	if p == nil {
		return 0
	}
	i, ok := slices.BinarySearchFunc(p.Examples, example, func(d Drawn, e pointsman.Digest) int { return cmp.Compare(d.Example, e) })
	if !ok {
		return 0
	}
	return p.Examples[i].Probability
}

// Asks says whether people are asked about an example.
func (p *Plan) Asks(example pointsman.Digest) bool {
	probability := p.Probability(example)
	return probability > 0 && p.number(example) < probability
}

// Rank orders what is asked: what is asked with a small budget comes first.
func (p *Plan) Rank(example pointsman.Digest) float64 {
	return p.number(example) / p.Probability(example)
}

// number is uniform in [0,1) and depends on the seed and the example alone.
func (p *Plan) number(example pointsman.Digest) float64 {
	content := binary.BigEndian.AppendUint64([]byte("pointsman labelling 1\x00"), p.Seed)
	sum := sha256.Sum256(append(content, example...))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}

// Read reads a plan; nil where there is none.
func Read(path string) (*Plan, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the plan of labelling: %w", err)
	}
	var p Plan
	if err = json.Unmarshal(content, &p); err == nil {
		err = p.check()
	}
	if err != nil {
		return nil, &pointsman.Error{
			Code: pointsman.CodeConfig, Message: fmt.Sprintf("%s is no plan of labelling: %v", path, err),
			Hint: "restore the file from a backup: without it nobody knows with which probability people were asked", Err: err,
		}
	}
	return &p, nil
}

func (p *Plan) check() error {
	if p.Version != version {
		return fmt.Errorf("version %d, this program knows %d", p.Version, version)
	}
	for i, d := range p.Examples {
		switch {
		case !(d.Probability > 0 && d.Probability <= 1):
			return fmt.Errorf("example %s is asked with probability %v", d.Example, d.Probability)
		case i > 0 && d.Example <= p.Examples[i-1].Example:
			return fmt.Errorf("example %s: examples must increase", d.Example)
		}
	}
	return nil
}

// Write keeps a plan, durably.
func (p *Plan) Write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep the plan of labelling: %w", err)
	}
	content, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("keep the plan of labelling: %w", err)
	}
	return durable.WriteFile(path, append(content, '\n'))
}
