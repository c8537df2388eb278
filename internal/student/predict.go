package student

import (
	"cmp"
	"slices"
)

// AllLabels as the number of wanted labels asks for every one of them.
const AllLabels = -1

// LabelProb is a label and its calibrated probability, given that the text
// belongs to one of the model's labels at all.
type LabelProb struct {
	Label string
	Prob  float64
}

// Prediction is what a model says of one text.
type Prediction struct {
	// Labels are the most probable labels, best first; equal probabilities
	// are ordered by label.
	Labels []LabelProb
	// OOS is how foreign the text looks, from 0 to 1. Where the training
	// examples had some that were out of scope, .5 is the point at which the
	// text is as typical of those as of the others; where they had none, OOS
	// is the share of held-out training texts that looked less foreign. A text
	// without a single known n-gram has 1.
	OOS float64
	// Margin is the probability of the best label less that of the second.
	Margin float64
}

// Top is the most probable label; it is "" if none was asked for.
func (p Prediction) Top() string {
	if len(p.Labels) == 0 {
		return ""
	}
	return p.Labels[0].Label
}

// Predictor predicts with the scratch memory that it owns: after the first few
// texts, [Predictor.PredictInto] and [Predictor.Proba] allocate nothing. It
// serves one goroutine at a time; make one for each. There is deliberately no
// pool of them behind Model.Predict.
type Predictor struct {
	model    *Model
	analyser *analyser
	document document
	vector   vector
	sums     []int32
	scores   []float64
	order    []int
	query    []int32
}

// NewPredictor returns a predictor with scratch memory of its own.
func (m *Model) NewPredictor() *Predictor {
	p := &Predictor{
		model:    m,
		analyser: newAnalyser(m.opts),
		sums:     make([]int32, len(m.labels)),
		scores:   make([]float64, len(m.labels)),
		order:    make([]int, 0, len(m.labels)),
		query:    make([]int32, m.linear.dimension()),
	}
	p.analyser.runes = make([]rune, 0, usualRunes)
	p.analyser.words = make([]word, 0, usualRunes/4)
	for b := range p.analyser.grams {
		p.analyser.grams[b] = make([]uint32, 0, usualGrams)
		p.document.grams[b] = make([]gramCount, 0, usualGrams)
	}
	p.vector.entries = make([]entry, 0, usualGrams)
	if m.opts.Vectors != nil {
		p.analyser.rows = make([]int32, 0, usualRunes/4)
		p.analyser.text = make([]byte, 0, usualRunes)
	}
	return p
}

// Scratch for a sentence or two. Longer texts make it grow.
const (
	usualRunes = 128
	usualGrams = 512
)

// Predict returns the topK most probable labels of text, or all of them for
// AllLabels. It is safe for concurrent use and costs about a dozen allocations;
// whoever predicts in a loop uses a [Predictor].
func (m *Model) Predict(text string, topK int) Prediction {
	return m.NewPredictor().Predict(text, topK)
}

// Proba returns the calibrated probability of each label, in the order of
// [Model.Labels]. It is safe for concurrent use.
func (m *Model) Proba(text string) []float64 {
	return m.NewPredictor().Proba(nil, text)
}

// Predict is like [Model.Predict] but allocates the result only.
func (p *Predictor) Predict(text string, topK int) Prediction {
	var out Prediction
	p.PredictInto(&out, text, topK)
	return out
}

// PredictInto is like [Predictor.Predict] and reuses the memory of
// out.Labels. All of out is overwritten.
func (p *Predictor) PredictInto(out *Prediction, text string, topK int) {
	x := p.score(text)
	foreign := measure(p.scores, p.model.beta, x.unseen, p.model.linear.similarity(x, p.scores, p.query))
	softmax(p.scores, p.model.beta)

	best, second := -1, -1
	for i, prob := range p.scores {
		switch {
		case best < 0 || prob > p.scores[best]:
			best, second = i, best
		case second < 0 || prob > p.scores[second]:
			second = i
		}
	}
	out.Margin = p.scores[best] - p.scores[second]
	out.OOS = p.model.scope.score(foreign, p.scores[best])
	if len(x.entries) == 0 {
		out.OOS = 1
	}
	out.Labels = out.Labels[:0]
	if topK == 1 {
		out.Labels = append(out.Labels, LabelProb{p.model.labels[best], p.scores[best]})
		return
	}
	p.rank()
	if topK == AllLabels || topK > len(p.order) {
		topK = len(p.order)
	}
	for _, i := range p.order[:max(topK, 0)] {
		out.Labels = append(out.Labels, LabelProb{p.model.labels[i], p.scores[i]})
	}
}

// Proba appends the calibrated probability of each label to dst, in the order
// of [Model.Labels].
func (p *Predictor) Proba(dst []float64, text string) []float64 {
	p.score(text)
	softmax(p.scores, p.model.beta)
	return append(dst, p.scores...)
}

// score leaves the scores of all classes in p.scores.
func (p *Predictor) score(text string) *vector {
	p.analyser.analyse(text)
	p.document.read(p.analyser)
	p.model.linear.vocab.vectorise(&p.document, &p.vector)
	p.model.linear.scores(&p.vector, p.sums, p.scores)
	return &p.vector
}

// rank leaves the classes in p.order, the most probable first.
func (p *Predictor) rank() {
	p.order = p.order[:0]
	for i := range p.scores {
		p.order = append(p.order, i)
	}
	slices.SortFunc(p.order, func(a, b int) int {
		return cmp.Or(cmp.Compare(p.scores[b], p.scores[a]), cmp.Compare(a, b))
	})
}
