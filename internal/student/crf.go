package student

import "math"

// crf holds the parameters of a linear-chain conditional random field.
type crf struct {
	opts  TaggerOptions
	known *buckets
	tags  int
	// shared says that fields share transitions, see denseFields.
	shared bool
	// weights are quantised like those of linear: rows x tags, one step a tag.
	weights []int8
	step    []float32
	// transitions are what following costs or pays, each where at says; forbidden
	// successions are left out by the lattice, whatever stands here.
	transitions []float32
	// beta is the inverse temperature by which all potentials are multiplied.
	beta float64
	// exact holds the unquantised weights while training, and is nil after.
	exact []float32
}

// rows returns, for each token, the rows of its known features.
func (c *crf) rows(tokens []token, text string) [][]int32 {
	out := make([][]int32, len(tokens))
	var flat []int32
	for i := range tokens {
		first := len(flat)
		tokenFeatures(tokens, text, i, func(h uint64) {
			if row := c.known.row(c.bucket(h)); row >= 0 {
				flat = append(flat, row)
			}
		})
		out[i] = flat[first:len(flat):len(flat)]
	}
	return out
}

func (c *crf) bucket(h uint64) uint32 {
	return uint32(mix(h^c.opts.Seed) >> (64 - c.opts.Bits))
}

// emissions adds up the weights of one token's features.
func (c *crf) emissions(rows []int32, into []float64) {
	clear(into)
	if c.exact != nil {
		for _, r := range rows {
			for t, w := range c.exact[int(r)*c.tags:][:c.tags] {
				into[t] += float64(w)
			}
		}
		return
	}
	for _, r := range rows {
		for t, w := range c.weights[int(r)*c.tags:][:c.tags] {
			into[t] += float64(w) // exact: small integers.
		}
	}
	for t := range into {
		into[t] *= float64(c.step[t])
	}
}

// Bounds on the potentials, in nats, which keep the products of a few of them
// within what a float64 can hold. Training does not come near.
const (
	maxEmissionGap = 300
	maxTransition  = 20
	maxTaggerBeta  = 5
	minTaggerBeta  = 0.05
)

// lattice computes with the tags of one text. Potentials are exponentials, of
// which each token's largest emission is taken out, and the forward variables
// are normalised at every token, as in Rabiner's scaling (1989, section V.A).
type lattice struct {
	crf   *crf
	n     int
	trans []float64 // exp(beta * transition), 0 where forbidden.
	rest  []float64 // of each field: see others.
	first []bool    // whether a tag may begin a text.

	score  []float64 // n x tags: beta * emission, unscaled.
	emit   []float64 // n x tags: exp(score - the token's largest).
	alpha  []float64 // n x tags: P(tag i | tokens up to i).
	beta   []float64 // n x tags, scaled by the same factors.
	scale  []float64 // n: the factor by which token i was normalised.
	logSum float64   // the log of the partition function.
}

func newLattice(c *crf) *lattice {
	l := &lattice{crf: c, trans: make([]float64, c.transitionCount()), first: make([]bool, c.tags)}
	for t := range c.tags {
		l.first[t] = mayFollow(outsideTag, uint16(t))
	}
	l.loadTransitions()
	return l
}

// loadTransitions must be called again whenever the parameters have changed.
func (l *lattice) loadTransitions() {
	tags := l.crf.tags
	if l.crf.shared { // there are none but those that may be.
		for k, v := range l.crf.transitions {
			l.trans[k] = math.Exp(l.crf.beta * float64(v))
		}
		return
	}
	for p := range tags {
		for t := range tags {
			l.trans[p*tags+t] = 0
			if mayFollow(uint16(p), uint16(t)) {
				l.trans[p*tags+t] = math.Exp(l.crf.beta * float64(l.crf.transitions[p*tags+t]))
			}
		}
	}
}

// load computes the emissions of a text.
func (l *lattice) load(rows [][]int32) {
	tags := l.crf.tags
	l.n = len(rows)
	resize(&l.score, l.n*tags)
	resize(&l.emit, l.n*tags)
	resize(&l.alpha, l.n*tags)
	resize(&l.beta, l.n*tags)
	resize(&l.scale, l.n)
	for i, r := range rows {
		score := l.score[i*tags:][:tags]
		l.crf.emissions(r, score)
		for t := range score {
			score[t] *= l.crf.beta
		}
		top := score[argmax(score)]
		for t, s := range score {
			score[t] = max(s, top-maxEmissionGap)
			l.emit[i*tags+t] = math.Exp(score[t] - top)
		}
	}
}

func resize(s *[]float64, n int) {
	if cap(*s) < n {
		*s = make([]float64, n)
	}
	*s = (*s)[:n]
}

// forward fills alpha and scale, and computes the partition function.
func (l *lattice) forward() {
	tags := l.crf.tags
	l.logSum = 0
	for i := range l.n {
		alpha := l.alpha[i*tags:][:tags]
		l.reach(i, alpha)
		sum := 0.0
		for t, e := range l.emit[i*tags:][:tags] {
			alpha[t] *= e
			sum += alpha[t]
		}
		for t := range alpha {
			alpha[t] /= sum
		}
		l.scale[i] = sum
		score := l.score[i*tags:][:tags]
		l.logSum += math.Log(sum) + score[argmax(score)]
	}
}

// reach is what comes to each tag of token i, before its emission.
func (l *lattice) reach(i int, into []float64) {
	tags := l.crf.tags
	if i == 0 {
		for t, may := range l.first {
			into[t] = 0
			if may {
				into[t] = 1
			}
		}
		return
	}
	prev := l.alpha[(i-1)*tags:][:tags]
	if l.crf.shared {
		l.forwardShared(prev, into)
		return
	}
	for t := range into {
		x := 0.0
		for p, a := range prev {
			x += a * l.trans[p*tags+t]
		}
		into[t] = x
	}
}

// backward fills beta; forward comes first.
func (l *lattice) backward() {
	tags := l.crf.tags
	for i := l.n - 1; i >= 0; i-- {
		beta := l.beta[i*tags:][:tags]
		if i < l.n-1 && l.crf.shared {
			l.backwardShared(i, beta)
			continue
		}
		for t := range beta {
			if i == l.n-1 {
				beta[t] = 1
				continue
			}
			beta[t] = l.after(i, uint16(t), -1)
		}
	}
}

// after sums over what may follow tag at token i, except for one tag.
func (l *lattice) after(i int, tag uint16, except int) float64 {
	tags := l.crf.tags
	sum := 0.0
	for next := range tags {
		if next != except && mayFollow(tag, uint16(next)) {
			k := (i+1)*tags + next
			sum += l.trans[l.crf.at(tag, uint16(next))] * l.emit[k] * l.beta[k]
		}
	}
	return bounded(sum / l.scale[i+1])
}

// bounded keeps finite what the text so far rules out, which may be infinitely
// surprising.
func bounded(x float64) float64 { return min(x, 1e250) }

// marginal is P(tag at token i | text).
func (l *lattice) marginal(i, tag int) float64 {
	k := i*l.crf.tags + tag
	return l.alpha[k] * l.beta[k]
}

// spanProb is the probability that the tokens from:to have the tags of path
// and that the field ends with them.
func (l *lattice) spanProb(path []uint16, from, to int) float64 {
	tags := l.crf.tags
	p := l.alpha[from*tags+int(path[from])]
	for i := from + 1; i < to; i++ {
		p *= l.trans[l.crf.at(path[i-1], path[i])] * l.emit[i*tags+int(path[i])] / l.scale[i]
	}
	if to < l.n {
		p *= l.after(to-1, path[to-1], int(insideTag(fieldOf(path[from]))))
	}
	return min(max(p, 0), 1)
}

// pathScore is the log of the product of the potentials along path.
func (l *lattice) pathScore(path []uint16) float64 {
	tags := l.crf.tags
	sum := 0.0
	for i, t := range path {
		sum += l.score[i*tags+int(t)]
		if i > 0 {
			sum += l.crf.beta * float64(l.crf.transitions[l.crf.at(path[i-1], t)])
		}
	}
	return sum
}

// viterbi returns the most probable tags and their log-probability.
func (l *lattice) viterbi() ([]uint16, float64) {
	tags := l.crf.tags
	best := make([]float64, tags)
	next := make([]float64, tags)
	from := make([]uint16, l.n*tags)
	for i := range l.n {
		ahead := leaders(best)
		for t := range next {
			next[t] = math.Inf(-1)
			if i == 0 {
				if l.first[t] {
					next[t] = 0
				}
			} else {
				l.crf.predecessors(best, uint16(t), ahead, func(p uint16) {
					s := best[p] + l.crf.beta*float64(l.crf.transitions[l.crf.at(p, uint16(t))])
					if s > next[t] {
						next[t], from[i*tags+t] = s, p
					}
				})
			}
			next[t] += l.score[i*tags+t]
		}
		best, next = next, best
	}
	path := make([]uint16, l.n)
	path[l.n-1] = uint16(argmax(best))
	for i := l.n - 1; i > 0; i-- {
		path[i-1] = from[i*tags+int(path[i])]
	}
	return path, l.pathScore(path) - l.logSum
}
