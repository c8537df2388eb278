package student

import "math"

// denseFields is the number of fields up to which each pair of tags has a
// transition of its own. Beyond, what the next value of another field pays does not
// depend on which field came before, so that time and memory grow with the number
// of fields and not with its square.
const denseFields = 32

// What each field has of its own where transitions are shared: into its inside,
// from its beginning and its inside, and into its beginning, from outside, from
// itself, and from any other field.
const (
	insideFromBegin = iota
	insideFromInside
	beginFromOutside
	beginFromBegin
	beginFromInside
	beginFromOther
	transitionsOfField
)

// newCRF makes a field without parameters.
func newCRF(opts TaggerOptions, fields int) *crf {
	return &crf{opts: opts, tags: 1 + 2*fields, shared: fields > denseFields, beta: 1}
}

// transitionCount is how many transitions there are.
func (c *crf) transitionCount() int {
	if c.shared {
		return c.tags + transitionsOfField*(c.tags/2)
	}
	return c.tags * c.tags
}

// at is the place of a transition that may be. Where they are shared, those to
// outside come first, one a tag, and then those of each field.
func (c *crf) at(prev, tag uint16) int {
	switch field := fieldOf(tag); {
	case !c.shared:
		return int(prev)*c.tags + int(tag)
	case tag == outsideTag:
		return int(prev)
	default:
		return c.tags + transitionsOfField*field + kindOfTransition(prev, tag)
	}
}

// kindOfTransition says which of a field's transitions leads to one of its tags.
func kindOfTransition(prev, tag uint16) int {
	field := fieldOf(tag)
	inside, after := tag == insideTag(field), prev == insideTag(field)
	switch {
	case inside && after:
		return insideFromInside
	case inside:
		return insideFromBegin
	case prev == outsideTag:
		return beginFromOutside
	case fieldOf(prev) != field:
		return beginFromOther
	case after:
		return beginFromInside
	}
	return beginFromBegin
}

// own are the transitions of a field.
func (l *lattice) own(field int) []float64 {
	return l.trans[l.crf.tags+transitionsOfField*field:][:transitionsOfField]
}

// others turns a number for each field into the sum of all other fields' numbers.
// It adds up from both ends, since to subtract from the whole would lose what is
// small.
func (l *lattice) others(of func(field int) float64) []float64 {
	fields := l.crf.tags / 2
	resize(&l.rest, fields)
	sum := 0.0
	for f := range fields {
		l.rest[f] = sum
		sum += of(f)
	}
	sum = 0
	for f := fields - 1; f >= 0; f-- {
		l.rest[f] += sum
		sum += of(f)
	}
	return l.rest
}

// othersThan is the sum of the forward variables of all other fields.
func (l *lattice) othersThan(prev []float64) []float64 {
	return l.others(func(f int) float64 { return prev[beginTag(f)] + prev[insideTag(f)] })
}

// forwardShared is what reaches each tag from those of the token before.
func (l *lattice) forwardShared(prev, into []float64) {
	into[outsideTag] = 0
	for p, a := range prev {
		into[outsideTag] += a * l.trans[p]
	}
	for f, other := range l.othersThan(prev) {
		w, begin, inside := l.own(f), beginTag(f), insideTag(f)
		into[inside] = prev[begin]*w[insideFromBegin] + prev[inside]*w[insideFromInside]
		into[begin] = prev[outsideTag]*w[beginFromOutside] + prev[begin]*w[beginFromBegin] + prev[inside]*w[beginFromInside] + other*w[beginFromOther]
	}
}

// backwardShared sums over what may follow each tag of token i.
func (l *lattice) backwardShared(i int, into []float64) {
	tags := l.crf.tags
	emit, beta := l.emit[(i+1)*tags:][:tags], l.beta[(i+1)*tags:][:tags]
	follow := func(tag uint16) float64 { return emit[tag] * beta[tag] }
	outside := follow(outsideTag)
	into[outsideTag] = l.trans[outsideTag] * outside
	for f, other := range l.others(func(f int) float64 { return l.own(f)[beginFromOther] * follow(beginTag(f)) }) {
		w, begin, inside := l.own(f), beginTag(f), insideTag(f)
		toBegin, toInside := follow(begin), follow(inside)
		into[outsideTag] += w[beginFromOutside] * toBegin
		into[begin] = l.trans[begin]*outside + w[insideFromBegin]*toInside + w[beginFromBegin]*toBegin + other
		into[inside] = l.trans[inside]*outside + w[insideFromInside]*toInside + w[beginFromInside]*toBegin + other
	}
	for t := range into {
		into[t] = bounded(into[t] / l.scale[i+1])
	}
}

// expectShared subtracts how often each transition into token i is expected.
func (l *lattice) expectShared(i int, g []float64) {
	tags := l.crf.tags
	prev, emit, beta := l.alpha[(i-1)*tags:][:tags], l.emit[i*tags:][:tags], l.beta[i*tags:][:tags]
	follow := func(tag uint16) float64 { return emit[tag] * beta[tag] / l.scale[i] }
	outside := follow(outsideTag)
	for p, a := range prev {
		g[p] -= a * l.trans[p] * outside
	}
	for f, other := range l.othersThan(prev) {
		w, begin, inside := l.own(f), beginTag(f), insideTag(f)
		toBegin, toInside := follow(begin), follow(inside)
		own := g[tags+transitionsOfField*f:][:transitionsOfField]
		own[insideFromBegin] -= prev[begin] * w[insideFromBegin] * toInside
		own[insideFromInside] -= prev[inside] * w[insideFromInside] * toInside
		own[beginFromOutside] -= prev[outsideTag] * w[beginFromOutside] * toBegin
		own[beginFromBegin] -= prev[begin] * w[beginFromBegin] * toBegin
		own[beginFromInside] -= prev[inside] * w[beginFromInside] * toBegin
		own[beginFromOther] -= other * w[beginFromOther] * toBegin
	}
}

// predecessors calls try with every tag that can be the best before tag: where
// transitions are shared, of all other fields only the best one can be.
func (c *crf) predecessors(best []float64, tag uint16, leaders [2]uint16, try func(prev uint16)) {
	field := fieldOf(tag)
	switch {
	case !c.shared || tag == outsideTag:
		for p := range uint16(len(best)) {
			if mayFollow(p, tag) {
				try(p)
			}
		}
	case tag == insideTag(field):
		try(beginTag(field))
		try(tag)
	default:
		try(outsideTag)
		try(tag)
		try(insideTag(field))
		for _, p := range leaders {
			if p != outsideTag && fieldOf(p) != field {
				try(p)
				return
			}
		}
	}
}

// leaders are the best tags of the two fields that are ahead.
func leaders(best []float64) [2]uint16 {
	var out [2]uint16
	top := [2]float64{math.Inf(-1), math.Inf(-1)}
	for f := range len(best) / 2 {
		t := beginTag(f)
		if inside := insideTag(f); best[inside] > best[t] {
			t = inside
		}
		switch score := best[t]; {
		case score > top[0]:
			out, top = [2]uint16{t, out[0]}, [2]float64{score, top[0]}
		case score > top[1]:
			out[1], top[1] = t, score
		}
	}
	return out
}
