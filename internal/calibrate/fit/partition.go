package fit

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// keyed is a uniform number in [0,1) that depends on the seed, the purpose and
// the text only.
func keyed(seed uint64, purpose, text string) float64 {
	content := binary.BigEndian.AppendUint64(nil, seed)
	content = append(append(append(content, purpose...), 0), text...)
	sum := sha256.Sum256(content)
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}

// Part is what an observation is used for.
type Part uint8

// The parts.
const (
	// PartFit: everything that is learned or chosen comes from these.
	PartFit Part = iota
	// PartCertify: these test what was learned, once.
	PartCertify
	// PartNone: the text makes up so much of the traffic that it must not be in
	// both parts, and this occurrence of it was not drawn to certify.
	PartNone
)

// Partition says what each observation is used for, in their order.
type Partition struct {
	Part []Part
	// Fold is the fold of the cross-validation inside the fit part, from 0.
	Fold []int
	// Unit names the unit of each observation: observations of one unit are not
	// independent, and those of two are.
	Unit []string
	// Most is the largest number of observations in a unit.
	Most int
}

// Count counts the observations of a part.
func (p *Partition) Count(part Part) int {
	n := 0
	for _, one := range p.Part {
		if one == part {
			n++
		}
	}
	return n
}

// Units counts the units of a part.
func (p *Partition) Units(part Part) int {
	seen := map[string]bool{}
	for i, one := range p.Part {
		if one == part {
			seen[p.Unit[i]] = true
		}
	}
	return len(seen)
}

// rare is in how many draws a text may stand to be a link between them. More
// often, it is a part of the traffic by itself.
const rare = 3

// Partition divides observations into those that fit and those that certify.
//
// A draw is a conversation, or an observation that stands alone. Draws that
// share a text (see Observation.Near) form one unit, which is in one part as a
// whole, so that nothing that was fitted on is certified with. A unit with many
// draws would be a bad witness for them all, as it is in the sample or not; and
// the draws of a text that is asked again and again are independent of one
// another. Such a text therefore makes no link. It is never fitted on, and each
// of its draws is drawn to certify by itself, with the probability that any
// draw has, so that it weighs there what it weighs in the traffic.
//
// What is drawn depends on the content and the seed, not on the order.
func (o Options) Partition(observations []Observation) Partition {
	n := len(observations)
	p := Partition{Part: make([]Part, n), Fold: make([]int, n), Unit: make([]string, n)}
	share := o.CertifyShare
	if share == 0 {
		share = defaultCertifyShare
	}
	draws := map[string]map[string]bool{} // of each text
	for i := range observations {
		if near := observations[i].Near; near != "" {
			if draws[near] == nil {
				draws[near] = map[string]bool{}
			}
			draws[near][observations[i].group()] = true
		}
	}
	most := o.frequentFrom(observations, draws)
	again := spentAgain(observations)
	frequent := func(i int) bool {
		near := observations[i].Near
		return len(draws[near]) > most || again[near]
	}
	units := newUnion()
	for i := range observations {
		one := &observations[i]
		units.add(one.group())
		if one.Near != "" && !frequent(i) {
			units.join(one.group(), "t"+one.Near)
		}
	}
	spent := map[string]bool{}
	sizes := map[string]int{}
	for i := range observations {
		unit := units.name(observations[i].group())
		p.Unit[i] = unit
		sizes[unit]++
		p.Most = max(p.Most, sizes[unit])
		spent[unit] = spent[unit] || observations[i].Spent
	}
	for i, unit := range p.Unit {
		p.Fold[i] = int(keyed(o.Seed, "fold", unit) * float64(o.folds()))
		switch {
		case !spent[unit] && keyed(o.Seed, o.round(), unit) < share:
			p.Part[i] = PartCertify
		case frequent(i):
			p.Part[i] = PartNone
		}
	}
	return p
}

// spentAgain are the texts of which some draws have certified before and others
// have not: those are drawn to certify by themselves, as those of frequent texts
// are. A new request must not lose its chance for what its text did before, or
// what comes again and again would be too rare among the fresh examples.
func spentAgain(observations []Observation) map[string]bool {
	spent, fresh := map[string]bool{}, map[string]bool{}
	for i := range observations {
		switch one := &observations[i]; {
		case one.Near == "":
		case one.Spent:
			spent[one.Near] = true
		default:
			fresh[one.Near] = true
		}
	}
	for near := range spent {
		if !fresh[near] {
			delete(spent, near)
		}
	}
	return spent
}

// round is the purpose of the numbers that draw what certifies: others in each
// round, for the same reason.
func (o Options) round() string {
	if o.Round == 0 {
		return "split"
	}
	return fmt.Sprint("split ", o.Round)
}

// frequentFrom is in how many draws a text may stand without being frequent: few,
// unless most of the observations have texts in more. Where all of a small
// catalogue is asked again and again, its texts are units.
func (o Options) frequentFrom(observations []Observation, draws map[string]map[string]bool) int {
	for most := rare; ; most *= 2 {
		n := 0
		for i := range observations {
			if len(draws[observations[i].Near]) > most {
				n++
			}
		}
		if 2*n <= len(observations) {
			return most
		}
	}
}

// union is a disjoint-set forest whose sets are named by their least member.
type union struct{ parent map[string]string }

func newUnion() *union { return &union{map[string]string{}} }

func (u *union) add(x string) {
	if _, ok := u.parent[x]; !ok {
		u.parent[x] = x
	}
}

func (u *union) name(x string) string {
	root := x
	for u.parent[root] != root {
		root = u.parent[root]
	}
	for u.parent[x] != root {
		u.parent[x], x = root, u.parent[x]
	}
	return root
}

func (u *union) join(a, b string) {
	u.add(b)
	a, b = u.name(a), u.name(b)
	u.parent[max(a, b)] = min(a, b)
}

// parts are the observations after the split, each in an order that is random
// with respect to their content and the same whatever order they came in.
type parts struct {
	all          []*Observation
	fit, certify []*Observation
	// fold is that of each of fit; the sizes are those of the units of each part,
	// whose observations follow one another.
	fold                   []int
	fitUnits, units        []int
	most                   int
	none                   int
	allDigest              pointsman.Digest
	fitDigest, freshDigest pointsman.Digest
}

func (o Options) split(observations []Observation) (parts, error) {
	q := o.Partition(observations)
	type ordered struct {
		*Observation
		at   int
		unit string
		key  float64
	}
	order := make([]ordered, len(observations))
	for i := range observations {
		order[i] = ordered{&observations[i], i, q.Unit[i], keyed(o.Seed, "order", q.Unit[i])}
	}
	slices.SortFunc(order, func(a, b ordered) int {
		return cmp.Or(cmp.Compare(a.key, b.key), strings.Compare(a.unit, b.unit), strings.Compare(a.ID, b.ID))
	})
	p := parts{most: q.Most}
	last := map[Part]string{}
	for _, one := range order {
		p.all = append(p.all, one.Observation)
		part := q.Part[one.at]
		var sizes *[]int
		switch part {
		case PartFit:
			p.fit, p.fold, sizes = append(p.fit, one.Observation), append(p.fold, q.Fold[one.at]), &p.fitUnits
		case PartCertify:
			p.certify, sizes = append(p.certify, one.Observation), &p.units
		default:
			p.none++
			continue
		}
		if unit, ok := last[part]; ok && unit == one.unit {
			(*sizes)[len(*sizes)-1]++
		} else {
			*sizes = append(*sizes, 1)
		}
		last[part] = one.unit
	}
	return p, p.name()
}

// name computes the digests of the parts: SHA-256 over their observations as
// JSON, one a line, by increasing id.
func (p *parts) name() error {
	const whole, fit, fresh = 0, 1, 2
	part := make(map[*Observation]int, len(p.all))
	for _, one := range p.fit {
		part[one] = fit
	}
	for _, one := range p.certify {
		part[one] = fresh
	}
	sorted := slices.Clone(p.all)
	slices.SortFunc(sorted, func(a, b *Observation) int { return strings.Compare(a.ID, b.ID) })
	sums := [3]hash.Hash{sha256.New(), sha256.New(), sha256.New()}
	for _, one := range sorted {
		line, err := json.Marshal(one)
		if err != nil {
			return fmt.Errorf("%w: observation %q: %w", ErrInvalid, one.ID, err)
		}
		line = append(line, '\n')
		sums[whole].Write(line) // a hash never returns an error
		if k := part[one]; k != whole {
			sums[k].Write(line)
		}
	}
	digest := func(k int) pointsman.Digest { return pointsman.DigestOfSum([sha256.Size]byte(sums[k].Sum(nil))) }
	p.allDigest, p.fitDigest, p.freshDigest = digest(whole), digest(fit), digest(fresh)
	return nil
}

// folds is the number of folds.
func (o Options) folds() int {
	if o.Folds == 0 {
		return defaultFolds
	}
	return o.Folds
}
