package verdict

import (
	"maps"
	"slices"

	"github.com/pointsman-ai/pointsman"
)

// Set are the verdicts that count, by answer and source.
type Set struct{ verdicts map[at]map[string]Verdict }

type at struct {
	answer pointsman.Digest
	source pointsman.LabelSource
}

// Add takes a verdict in; it takes the place of an earlier one by the same on the
// same answer.
func (s *Set) Add(v Verdict) {
	if s.verdicts == nil {
		s.verdicts = map[at]map[string]Verdict{}
	}
	k := at{v.Answer, v.Source}
	if s.verdicts[k] == nil {
		s.verdicts[k] = map[string]Verdict{}
	}
	s.verdicts[k][v.By] = v
}

// Holds says whether the verdict that counts by the same on the same answer says
// the same.
func (s *Set) Holds(v Verdict) bool {
	other, ok := s.verdicts[at{v.Answer, v.Source}][v.By]
	same := v.Score == nil && other.Score == nil || v.Score != nil && other.Score != nil && *v.Score == *other.Score
	return ok && same && other.Right == v.Right && other.Skipped == v.Skipped
}

// Grade is what a source says of an answer.
type Grade struct {
	Right bool
	Score *float64
	// Skipped says that all who were asked could not tell.
	Skipped bool
}

// Find is what a source says of an answer; ok is false where it says nothing.
// Where several disagree the majority counts, and an even split is against the
// answer; grades are averaged.
func (s *Set) Find(answer pointsman.Digest, source pointsman.LabelSource) (g Grade, ok bool) {
	all := s.verdicts[at{answer, source}]
	told, right, sum, graded := 0, 0, 0.0, 0
	for _, by := range slices.Sorted(maps.Keys(all)) {
		v := all[by]
		if v.Skipped {
			continue
		}
		told++
		if v.Right {
			right++
		}
		if v.Score != nil {
			graded++
			sum += *v.Score
		}
	}
	g.Right, g.Skipped = 2*right > told, told == 0
	if graded > 0 && graded == told {
		mean := sum / float64(graded)
		g.Score = &mean
	}
	return g, len(all) > 0
}

// Has says whether a source has said anything of any answer.
func (s *Set) Has(source pointsman.LabelSource) bool {
	for k := range s.verdicts {
		if k.source == source {
			return true
		}
	}
	return false
}

// Names are who of a source has said something, in order.
func (s *Set) Names(source pointsman.LabelSource) []string {
	names := map[string]bool{}
	for k, all := range s.verdicts {
		if k.source != source {
			continue
		}
		for by := range all {
			names[by] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
