package eval

import (
	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// maxSliceValues bounds the values of a slice's key. What has more of them is
// no slice but a name.
const maxSliceValues = 200

// noValue names the slice of the examples that lack a key.
const noValue = "(none)"

// inventory is what the first pass over the examples finds out: enough to lay
// out the report, and that nothing is wrong with any of them.
type inventory struct {
	n      int
	digest pointsman.Digest
	// clusters names the cluster of each example; clustered says that one has
	// several members.
	clusters  []string
	groups    int
	clustered bool
	// slices are, for each key, the values that occur and each example's.
	slices []sliceKey
}

type sliceKey struct {
	key    string
	values []string
	member []int32
	number map[string]int32 // of each value in values
}

// takeInventory reads every example once.
func takeInventory(p *Plan) (*inventory, error) {
	c := &inventory{slices: make([]sliceKey, len(p.Slices))}
	for i, key := range p.Slices {
		c.slices[i] = sliceKey{key: key, number: make(map[string]int32)}
	}
	var digester dataset.Digester
	groups := make(map[string]struct{})
	for e, err := range p.Examples {
		if err != nil {
			return nil, err
		}
		if err := e.Check(); err != nil {
			return nil, err
		}
		c.n++
		digester.Add(&e)
		cluster := e.Cluster()
		groups[cluster] = struct{}{}
		c.clusters = append(c.clusters, cluster)
		for i := range c.slices {
			if err := c.slices[i].add(&e); err != nil {
				return nil, err
			}
		}
	}
	if c.n == 0 {
		return nil, invalid("", "the dataset is empty")
	}
	c.digest, c.groups, c.clustered = digester.Digest(), len(groups), len(groups) < c.n
	return c, nil
}

func (s *sliceKey) add(e *dataset.Example) error {
	value, there := e.Metadata[s.key]
	if !there {
		value = noValue
	}
	at, known := s.number[value]
	if !known {
		if len(s.values) == maxSliceValues {
			return invalid("choose a key that groups the examples", "the metadata key %q has more than %d values, too many for slices", s.key, maxSliceValues)
		}
		at = int32(len(s.values))
		s.number[value] = at
		s.values = append(s.values, value)
	}
	s.member = append(s.member, at)
	return nil
}
