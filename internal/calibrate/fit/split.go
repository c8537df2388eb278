package fit

import (
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

// InFitPart says whether the examples of a conversation fall into the fit part
// under these options. For an example that stands alone, give its id and an
// empty group.
func (o Options) InFitPart(id, group string) bool {
	return o.inFitPart(&Observation{ID: id, Group: group})
}

func (o Options) inFitPart(one *Observation) bool {
	share := o.CertifyShare
	if share == 0 {
		share = defaultCertifyShare
	}
	return keyed(o.Seed, "split", one.group()) >= share
}

// parts are the observations after the split, each in an order that is random
// with respect to their content and the same whatever order they came in.
type parts struct {
	all, fit, certify []*Observation
	// dependent counts the examples that the certify part left out because
	// another of their conversation is in it.
	dependent int

	allDigest, fitDigest, freshDigest pointsman.Digest
}

// name computes the digests of the parts: SHA-256 over their observations as
// JSON, one a line, by increasing id.
func (p *parts) name() error {
	sorted := slices.Clone(p.all)
	slices.SortFunc(sorted, func(a, b *Observation) int { return strings.Compare(a.ID, b.ID) })
	const whole, fit, fresh = 0, 1, 2
	part := make(map[*Observation]int, len(p.all))
	for _, one := range p.fit {
		part[one] = fit
	}
	for _, one := range p.certify {
		part[one] = fresh
	}
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

func (o Options) split(observations []Observation) parts {
	type ordered struct {
		*Observation
		key float64
	}
	order := make([]ordered, len(observations))
	for i := range observations {
		order[i] = ordered{&observations[i], keyed(o.Seed, "order", observations[i].ID)}
	}
	slices.SortFunc(order, func(a, b ordered) int {
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	})
	var p parts
	taken := make(map[string]bool)
	for _, one := range order {
		p.all = append(p.all, one.Observation)
		switch group := one.group(); {
		case o.inFitPart(one.Observation):
			p.fit = append(p.fit, one.Observation)
		case taken[group]:
			p.dependent++
		default:
			taken[group] = true
			p.certify = append(p.certify, one.Observation)
		}
	}
	return p
}

// Fold assigns the examples of a conversation to one of the folds of the
// cross-validation, from 0. For an example that stands alone, give its id and
// an empty group.
func (o Options) Fold(id, group string) int {
	return o.fold(&Observation{ID: id, Group: group})
}

func (o Options) fold(one *Observation) int {
	return int(keyed(o.Seed, "fold", one.group()) * float64(o.folds()))
}

// folds is the number of folds.
func (o Options) folds() int {
	if o.Folds == 0 {
		return defaultFolds
	}
	return o.Folds
}
