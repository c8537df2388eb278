package student

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
)

// linear is a trained classifier before calibration. Its weights are
// quantised to a byte each, in one row for each known bucket, so that a
// prediction walks over adjacent memory and adds integers: the same sums on
// every platform.
type linear struct {
	vocab   *vocabulary
	classes int
	weights []int8 // rows x classes.
	// step is what one unit of a class's weights is worth, bias its intercept.
	step, bias []float32
	near       *neighbours // nil without word vectors.
}

// fitLinear trains all classes on docs. The classes are spread over workers;
// each is solved on its own, so their number does not change the result.
// done is called from several goroutines, once for each class.
func fitLinear(ctx context.Context, opts Options, docs []*document, class []int32, classes int, done func()) (*linear, error) {
	m := &linear{vocab: newVocabulary(opts, docs), classes: classes}
	if rows := m.vocab.features(); rows > maxWeights/classes {
		return nil, fmt.Errorf("%d buckets of %d labels (fewer Bits or a larger MinDF would help): %w",
			rows, classes, ErrTooLarge)
	}
	p := newProblem(m.vocab, docs, class)
	m.weights = make([]int8, p.features*classes)
	if m.vocab.dense != nil {
		m.near = newNeighbours(m.vocab, docs, class, classes)
	}
	m.step = make([]float32, classes)
	m.bias = make([]float32, classes)

	var (
		next   atomic.Int32
		failed atomic.Pointer[error]
		group  sync.WaitGroup
	)
	for range min(opts.Workers, classes) {
		group.Go(func() {
			s := newSolver(opts, p)
			for {
				c := next.Add(1) - 1
				if int(c) >= classes {
					return
				}
				weights, err := s.solve(ctx, c)
				if err != nil {
					failed.Store(&err)
					return
				}
				m.quantise(int(c), weights, opts.Bias)
				done()
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return m, nil
}

func newProblem(v *vocabulary, docs []*document, class []int32) *problem {
	p := &problem{features: v.features(), starts: make([]int, 1, len(docs)+1), class: class}
	var x vector
	for _, d := range docs {
		v.vectorise(d, &x)
		p.entries = append(p.entries, x.entries...)
		p.starts = append(p.starts, len(p.entries))
	}
	return p
}

// quantise stores the weights of one class, whose last is the intercept's,
// rounded to multiples of a 127th of the largest.
func (m *linear) quantise(class int, weights []float32, bias float64) {
	features := len(weights) - 1
	m.bias[class] = float32(float64(weights[features]) * bias)
	largest := float32(0)
	for _, w := range weights[:features] {
		largest = max(largest, max(w, -w))
	}
	if largest == 0 {
		return
	}
	m.step[class] = largest / 127
	for row, w := range weights[:features] {
		if w != 0 {
			m.weights[row*m.classes+class] = int8(math.Round(float64(w) / float64(m.step[class])))
		}
	}
}

// scores computes the signed distance of x to each class's boundary. sums is
// scratch of one element for each class, as is the result.
func (m *linear) scores(x *vector, sums []int32, scores []float64) {
	clear(sums)
	for _, e := range x.entries {
		value := int32(e.value * fixedOne)
		row := m.weights[int(e.row)*m.classes:][:len(sums)]
		for c, w := range row {
			sums[c] += int32(w) * value
		}
	}
	for c, sum := range sums {
		scores[c] = float64(float64(sum)*float64(m.step[c]))/fixedOne + float64(m.bias[c])
	}
}

// similarity is how near x comes to what the labels of the largest scores were
// learned from, from -1 to 1; 0 without word vectors. query is scratch of one
// element for each dimension.
func (m *linear) similarity(x *vector, scores []float64, query []int32) float64 {
	if m.near == nil {
		return 0
	}
	return m.near.similarity(x.direction, scores, query)
}

// dimension is that of the word vectors, 0 without.
func (m *linear) dimension() int {
	if m.near == nil {
		return 0
	}
	return m.near.dimension
}
