package student

import (
	"context"
	"math"
)

// heldOut is what models said of examples that their weights had not seen.
type heldOut struct {
	classes int
	class   []int32   // -1 for out of scope.
	scores  []float32 // len(class) x classes.
	unseen  [][numBlocks]float64
	near    []float64 // similarity to the nearest neighbour.
}

func (h *heldOut) row(i int) []float32 { return h.scores[i*h.classes:][:h.classes] }

// crossFit trains one model for each fold on the other folds and lets it score
// the fold itself. Vocabulary and idf are learned anew each time as well:
// otherwise no held-out text would ever show an n-gram that is unseen.
func crossFit(ctx context.Context, opts Options, set *trainingSet, done func()) (*heldOut, error) {
	fold := assignFolds(opts, set)
	h := &heldOut{classes: len(set.labels)}
	sums := make([]int32, h.classes)
	scores := make([]float64, h.classes)
	var x vector
	for f := range opts.Folds {
		m, err := set.fit(ctx, opts, func(i int) bool { return fold[i] != f }, done)
		if err != nil {
			return nil, err
		}
		query := make([]int32, m.dimension())
		present := make([]bool, h.classes)
		for _, c := range m.class {
			if c >= 0 {
				present[c] = true
			}
		}
		for i, d := range set.docs {
			c := set.class[i]
			// A label that is in no other fold could not have been learned.
			if fold[i] != f || c >= 0 && !present[c] {
				continue
			}
			m.vocab.vectorise(d, &x)
			m.scores(&x, sums, scores)
			h.near = append(h.near, m.similarity(&x, scores, query))
			for _, s := range scores {
				h.scores = append(h.scores, float32(s))
			}
			h.class = append(h.class, c)
			h.unseen = append(h.unseen, x.unseen)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// assignFolds deals the examples of each label, shuffled, to the folds in
// turn. Examples with the same text go to the same fold, so that none is
// scored by a model that saw its twin.
func assignFolds(opts Options, set *trainingSet) []int {
	rng := &random{state: mix(opts.Seed ^ fnvOffset)}
	order := make([]int, len(set.examples))
	for i := range order {
		order[i] = i
	}
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && set.class[to] == set.class[from] {
			to++
		}
		shuffle(rng, order[from:to])
		from = to
	}
	fold := make([]int, len(order))
	byText := make(map[string]int, len(order))
	next := 0
	for _, i := range order {
		f, seen := byText[set.examples[i].Text]
		if !seen {
			f = next
			next = (next + 1) % opts.Folds
			byText[set.examples[i].Text] = f
		}
		fold[i] = f
	}
	return fold
}

// report measures the calibrated held-out predictions.
func (h *heldOut) report(beta float64) Report {
	var (
		r        Report
		right    int
		nll      float64
		counts   [eceBins]int
		hits     [eceBins]int
		sums     [eceBins]float64
		probs    = make([]float64, h.classes)
		smallest = math.SmallestNonzeroFloat64
	)
	for i, c := range h.class {
		if c < 0 {
			continue
		}
		for k, s := range h.row(i) {
			probs[k] = float64(s)
		}
		softmax(probs, beta)
		top := argmax(probs)
		bin := min(int(probs[top]*eceBins), eceBins-1)
		counts[bin]++
		sums[bin] += probs[top]
		if int32(top) == c {
			right++
			hits[bin]++
		}
		nll -= math.Log(max(probs[c], smallest))
		r.HeldOut++
	}
	if r.HeldOut == 0 {
		return r
	}
	n := float64(r.HeldOut)
	r.Accuracy = float64(right) / n
	r.NLL = nll / n
	for b := range counts {
		r.ECE += math.Abs(float64(hits[b])-sums[b]) / n
	}
	return r
}

// eceBins is the number of bins of the expected calibration error that the
// literature has settled on.
const eceBins = 15
