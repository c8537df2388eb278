package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// Share is a part of a split: its name and its share of the groups.
type Share struct {
	Name  string
	Share float64
}

// Split deals whole groups out by a hash of their name and the seed. Where a
// group goes depends on nothing else, so that examples which are added later
// leave the others where they are. The shares sum to 1 and are met on average
// over groups, not exactly. A part that nothing falls to is there, and empty.
//
// Groups keep conversations together; texts that occur in several groups are
// found by [CheckDisjoint].
func Split(examples []Example, seed uint64, shares []Share) (map[string][]Example, error) {
	total := 0.0
	out := make(map[string][]Example, len(shares))
	for _, s := range shares {
		if _, twice := out[s.Name]; twice || s.Name == "" {
			return nil, invalid("give each part a name of its own", "the part %q of the split stands twice or has no name", s.Name)
		}
		if !(s.Share >= 0 && s.Share <= 1) {
			return nil, invalid("shares lie between 0 and 1", "the share of %q is %v", s.Name, s.Share)
		}
		out[s.Name] = nil
		total += s.Share
	}
	if len(shares) == 0 || math.Abs(total-1) > 1e-9 {
		return nil, invalid("shares sum to 1", "the shares of the split sum to %v", total)
	}
	for _, e := range examples {
		name := pick(place(seed, e.Cluster()), shares)
		out[name] = append(out[name], e)
	}
	return out, nil
}

// place is a group's number in [0,1).
func place(seed uint64, group string) float64 {
	h := sha256.New()
	text(h, "pointsman split", "1")
	h.Write(binary.BigEndian.AppendUint64(nil, seed))
	h.Write([]byte(group))
	return float64(binary.BigEndian.Uint64(h.Sum(nil))>>11) / (1 << 53)
}

// pick is the part whose stretch of [0,1) holds u; what rounding leaves at the
// end falls to the last part with a share.
func pick(u float64, shares []Share) string {
	end, last := 0.0, ""
	for _, s := range shares {
		end += s.Share
		if s.Share > 0 {
			if last = s.Name; u < end {
				break
			}
		}
	}
	return last
}
