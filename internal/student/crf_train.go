package student

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// fit trains a random field on some of the texts by stochastic gradient
// ascent of the log-likelihood, with AdaGrad's step for each weight (Duchi et
// al. 2011).
func (s *taggingSet) fit(ctx context.Context, opts TaggerOptions, which []int, done func()) (*crf, error) {
	c := newCRF(opts, len(s.fields))
	s.collect(c, which)
	if c.known.rows > maxWeights/c.tags {
		return nil, fmt.Errorf("%d features of %d tags: %w", c.known.rows, c.tags, ErrTooLarge)
	}
	c.exact = make([]float32, c.known.rows*c.tags)
	c.transitions = make([]float32, c.transitionCount())
	a := adagrad{
		rate: opts.LearningRate, decay: opts.L2,
		weights:     make([]float32, len(c.exact)),
		transitions: make([]float32, len(c.transitions)),
	}
	rows := make(map[int][][]int32, len(which))
	for _, i := range which {
		rows[i] = s.rows(c, i)
	}
	order := slices.Clone(which)
	rng := &random{state: mix(opts.Seed)}
	l := newLattice(c)
	for range opts.Epochs {
		shuffle(rng, order)
		for _, i := range order {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			a.step(l, rows[i], s.texts[i].tags)
		}
		done()
	}
	c.quantise()
	return c, nil
}

// collect finds the buckets that the field will know.
func (s *taggingSet) collect(c *crf, which []int) {
	df := make([]uint32, 1<<c.opts.Bits)
	for _, i := range which {
		for _, hashes := range s.texts[i].hashes {
			for _, h := range hashes {
				df[c.bucket(h)]++
			}
		}
	}
	c.known = newBuckets(c.opts.Bits)
	for b, n := range df {
		if n > 0 && int(n) >= c.opts.MinDF {
			c.known.add(uint32(b))
		}
	}
	c.known.index()
}

func (s *taggingSet) rows(c *crf, i int) [][]int32 {
	out := make([][]int32, len(s.texts[i].hashes))
	for k, hashes := range s.texts[i].hashes {
		for _, h := range hashes {
			if row := c.known.row(c.bucket(h)); row >= 0 {
				out[k] = append(out[k], row)
			}
		}
	}
	return out
}

// adagrad holds the summed squared gradients of the parameters.
type adagrad struct {
	rate, decay          float64
	weights, transitions []float32
}

// smallGradient is not worth an update: most tags of most tokens are certain.
const smallGradient = 1e-5

// step moves the parameters along the gradient of one text's log-likelihood:
// what was observed less what the model expects.
func (a *adagrad) step(l *lattice, rows [][]int32, tags []uint16) {
	c := l.crf
	l.loadTransitions()
	l.load(rows)
	l.forward()
	l.backward()
	for i, features := range rows {
		for t := range c.tags {
			g := -l.marginal(i, t)
			if int(tags[i]) == t {
				g++
			}
			if math.Abs(g) < smallGradient {
				continue
			}
			for _, r := range features {
				k := int(r)*c.tags + t
				a.move(&c.exact[k], &a.weights[k], g)
			}
		}
	}
	for k, g := range l.transitionGradient(tags) {
		a.move(&c.transitions[k], &a.transitions[k], g)
		c.transitions[k] = min(max(c.transitions[k], -maxTransition), maxTransition)
	}
}

func (a *adagrad) move(w, sum *float32, g float64) {
	g -= a.decay * float64(*w)
	*sum += float32(g * g)
	*w += float32(a.rate * g / math.Sqrt(float64(*sum)+1e-8))
}

// transitionGradient is the number of times that each tag followed each other
// less the number that the model expects.
func (l *lattice) transitionGradient(path []uint16) []float64 {
	tags := l.crf.tags
	g := make([]float64, len(l.trans))
	for i := 1; i < l.n; i++ {
		g[l.crf.at(path[i-1], path[i])]++
		if l.crf.shared {
			l.expectShared(i, g)
			continue
		}
		for p, a := range l.alpha[(i-1)*tags:][:tags] {
			for t := range tags {
				k := i*tags + t
				g[p*tags+t] -= a * l.trans[p*tags+t] * l.emit[k] * l.beta[k] / l.scale[i]
			}
		}
	}
	return g
}

// quantise rounds the weights of each tag to multiples of a 127th of the
// largest, and lets go of the exact ones.
func (c *crf) quantise() {
	c.weights = make([]int8, len(c.exact))
	c.step = make([]float32, c.tags)
	for k, w := range c.exact {
		c.step[k%c.tags] = max(c.step[k%c.tags], max(w, -w)/127)
	}
	for k, w := range c.exact {
		if step := c.step[k%c.tags]; step > 0 {
			c.weights[k] = int8(min(max(math.Round(float64(w/step)), -127), 127))
		}
	}
	c.exact = nil
}
