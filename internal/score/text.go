package score

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// maxWords bounds the words of a text whose longest common subsequence is
// sought, which takes time in their product.
const maxWords = 4000

// Text scores rewrite and open tasks against the example's reference. All
// measures are parts of the score; Measure says which one is its value.
type Text struct {
	Measure Measure
	Accept  float64
}

var _ Scorer = Text{}

// Name is the measure with its cut.
func (t Text) Name() string { return fmt.Sprintf("%s>=%g", t.Measure, t.Accept) }

// Score compares the answer with the reference: where the contract has a pattern,
// what it found. An answer that breaks its contract is a zero.
func (t Text) Score(e *dataset.Example, text string, r pointsman.Reading) Score {
	text = final(text, r)
	if strings.TrimSpace(e.Reference) == "" {
		return skip("the example has no reference")
	}
	parts := []Part{
		{string(MeasureExact), one(strings.TrimSpace(text) == strings.TrimSpace(e.Reference))},
		{string(MeasureNormalised), one(normalise(text) == normalise(e.Reference))},
		{string(MeasureTokenF1), TokenF1(text, e.Reference)},
	}
	rouge, ok := ROUGEL(text, e.Reference)
	if ok {
		parts = append(parts, Part{string(MeasureROUGEL), rouge})
	}
	score := skip("the texts have more than %d words, too many for %s", maxWords, t.Measure)
	for i := range parts {
		if !r.Valid {
			parts[i].Value = 0
		}
		if parts[i].Name == string(t.Measure) {
			score = Score{Value: parts[i].Value, Acceptable: r.Valid && parts[i].Value >= t.Accept}
		}
	}
	score.Parts = parts
	return score
}

// final is the answer within a text: what the contract's pattern found, or all of
// it.
func final(text string, r pointsman.Reading) string {
	if r.Final.Text != "" {
		return r.Final.Text
	}
	return text
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// normalise is normalize_answer of SQuAD's evaluate-v2.0.py (Rajpurkar et al.
// 2016 and 2018): lower case, without ASCII punctuation, without the articles
// a, an and the, with single spaces.
func normalise(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", r) {
			return -1
		}
		return r
	}, strings.ToLower(s))
	words := strings.Fields(s)
	kept := words[:0]
	for _, w := range words {
		if w != "a" && w != "an" && w != "the" {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}

// TokenF1 is compute_f1 of SQuAD's evaluate-v2.0.py: the harmonic mean of
// precision and recall over the bags of normalised words. Where either text has
// no words left, it is 1 if both have none and 0 otherwise.
func TokenF1(answer, reference string) float64 {
	got, want := strings.Fields(normalise(answer)), strings.Fields(normalise(reference))
	if len(got) == 0 || len(want) == 0 {
		return one(len(got) == len(want))
	}
	bag := make(map[string]int, len(want))
	for _, w := range want {
		bag[w]++
	}
	same := 0
	for _, w := range got {
		if bag[w] > 0 {
			bag[w]--
			same++
		}
	}
	return f1(same, len(got), len(want))
}

// ROUGEL is ROUGE-L of a sentence pair (Lin 2004, "ROUGE: A Package for
// Automatic Evaluation of Summaries", equations 2 to 4) with β = 1, as
// google-research's rouge_score computes it without stemming, except that
// letters and digits of every script count and not only a-z and 0-9. ok is
// false for texts of more than 4,000 words.
func ROUGEL(answer, reference string) (value float64, ok bool) {
	got, want := words(answer), words(reference)
	if len(got) > maxWords || len(want) > maxWords {
		return 0, false
	}
	if len(got) == 0 || len(want) == 0 {
		return 0, true
	}
	return f1(common(got, want), len(got), len(want)), true
}

// words are the runs of letters, marks and digits in lower case.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N)
	})
}

// common is the length of the longest common subsequence.
func common(a, b []string) int {
	row := make([]int, len(b)+1)
	for i := range a {
		diagonal := 0
		for j := range b {
			above := row[j+1]
			if a[i] == b[j] {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}
