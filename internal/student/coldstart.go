package student

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
)

// selfTrainShare is how many of the texts without a label one round of
// self-training learns from, if the labels share them evenly: each label takes
// its surest texts, up to that share of an even part. Without such a quota the
// few labels that the first model likes best take nearly all. It was chosen on
// the validation parts of CLINC150 and HWU64.
const selfTrainShare = 0.7

// keepUnlabelled keeps the texts that are not among the examples, each once, in
// ascending order.
func (s *trainingSet) keepUnlabelled(texts []string) {
	seen := make(map[string]bool, len(s.examples)+len(texts))
	for _, e := range s.examples {
		seen[e.Text] = true
	}
	for _, t := range texts {
		if !seen[t] {
			seen[t] = true
			s.unlabelled = append(s.unlabelled, t)
		}
	}
	if len(s.unlabelled) > 0 {
		slices.Sort(s.unlabelled)
		s.digest = digestUnlabelled(s.digest, s.unlabelled)
	}
}

// rounds is how often each model is fitted.
func (s *trainingSet) rounds() int {
	if len(s.unlabelled) > 0 {
		return 2
	}
	return 1
}

// labelText is a label as a text: "change_ai_name" and "change-ai-name" are
// "change ai name", and "changeAiName" is but for its letters' case, which no
// reader of texts sees.
func labelText(label string) string {
	var b strings.Builder
	previous := ' '
	for _, r := range label {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = ' '
		case unicode.IsUpper(r) && unicode.IsLower(previous):
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		previous = r
	}
	return b.String()
}

// fitted is a model that was fitted to some of the examples.
type fitted struct {
	*linear
	class       []int32 // of these examples
	selfTrained int
}

// fit fits a model to the examples that keep admits and to the labels' names,
// and then once more with what that model says of the texts without a label.
// Neither of the two is ever held out: nobody has labelled them.
func (s *trainingSet) fit(ctx context.Context, opts Options, keep func(i int) bool, done func()) (*fitted, error) {
	docs, class := s.fitting(opts, keep)
	f := &fitted{class: class}
	for c, d := range s.nameDocs {
		docs = append(docs, d)
		class = append(class, int32(c))
	}
	var err error
	f.linear, err = fitLinear(ctx, opts, docs, class, len(s.labels), done)
	if err != nil || len(s.unlabelled) == 0 {
		return f, err
	}
	for _, g := range f.surest(s.unlabelledDocs) {
		docs = append(docs, s.unlabelledDocs[g.index])
		class = append(class, g.class)
		f.selfTrained++
	}
	f.linear, err = fitLinear(ctx, opts, docs, class, len(s.labels), done)
	return f, err
}

// guess is the label that a model gives a text without one, and how much larger
// its score is than that of the second best.
type guess struct {
	index  int
	class  int32
	margin float64
}

// surest returns the guesses to learn from, in the order of the documents.
func (m *linear) surest(docs []*document) []guess {
	sums, scores := make([]int32, m.classes), make([]float64, m.classes)
	guesses := make([]guess, len(docs))
	var x vector
	for i, d := range docs {
		m.vocab.vectorise(d, &x)
		m.scores(&x, sums, scores)
		best := largest(scores, make([]int, 0, 2))
		guesses[i] = guess{i, int32(best[0]), scores[best[0]] - scores[best[1]]}
	}
	slices.SortFunc(guesses, func(a, b guess) int {
		return cmp.Or(cmp.Compare(b.margin, a.margin), cmp.Compare(a.index, b.index))
	})
	quota := max(1, int(selfTrainShare*float64(len(docs))/float64(m.classes)))
	taken := make([]int, m.classes)
	guesses = slices.DeleteFunc(guesses, func(g guess) bool {
		taken[g.class]++
		return taken[g.class] > quota
	})
	slices.SortFunc(guesses, func(a, b guess) int { return cmp.Compare(a.index, b.index) })
	return guesses
}
