package eval

import (
	"math/rand/v2"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// The tests of a paired comparison.
const (
	testMcNemar = "exact McNemar"
	testFlip    = "sign flips of whole groups"
)

// shared are the grades of two columns on the examples that both were scored
// on.
type shared struct {
	a, b       []float64
	goodA      []bool
	goodB      []bool
	clusters   []string
	difference []float64 // of being acceptable
}

func (s *summariser) shared(first, second int) shared {
	var out shared
	x, y := s.results.columns[first].cells, s.results.columns[second].cells
	for i := range x {
		if x[i].state != scored || y[i].state != scored {
			continue
		}
		out.a, out.b = append(out.a, x[i].value), append(out.b, y[i].value)
		out.goodA, out.goodB = append(out.goodA, x[i].acceptable), append(out.goodB, y[i].acceptable)
		out.clusters = append(out.clusters, s.inventory.clusters[i])
		out.difference = append(out.difference, indicator(x[i].acceptable)-indicator(y[i].acceptable))
	}
	return out
}

// pairs compares each target with each later one.
func (s *summariser) pairs(targets []collect.Target) []Pair {
	var out []Pair
	var ps []*float64
	for i := range targets {
		for j := i + 1; j < len(targets); j++ {
			one := s.pair(s.shared(i, j))
			one.First, one.Second = targets[i].Name, targets[j].Name
			out = append(out, one)
			ps = append(ps, one.P)
		}
	}
	for i, corrected := range holm(ps) {
		out[i].PHolm = corrected
	}
	return out
}

func (s *summariser) pair(both shared) Pair {
	out := Pair{N: len(both.a), Difference: s.difference(both.a, both.b, both.clusters)}
	counts, err := stat.CountPairs(both.goodA, both.goodB)
	if err != nil || out.N == 0 {
		out.Note = "no example was scored for both"
		return out
	}
	out.Counts = counts
	var p float64
	if groups(both.clusters) < out.N {
		out.Test = testFlip
		p, err = s.signFlip(both.difference, both.clusters)
	} else {
		out.Test = testMcNemar
		p, err = counts.McNemar()
	}
	if err != nil {
		out.Test, out.Note = "", reason(err)
		return out
	}
	out.P = &p
	return out
}

// routings says for each cascade how well it routes between the first targets
// that are the small and the large tier alone.
func (s *summariser) routings(p *Plan) []Routing {
	small, large := only(p.Targets, p.Small), only(p.Targets, p.Large)
	if small < 0 || large < 0 || small == large {
		return nil
	}
	var out []Routing
	for i, t := range p.Targets {
		if t.Tier != "" {
			continue
		}
		one := s.routing(i, small, large)
		one.Unproven = s.unproven(i, p.Targets[large].Tier)
		one.Cascade, one.Small, one.Large = t.Name, p.Targets[small].Name, p.Targets[large].Name
		out = append(out, one)
	}
	return out
}

// unproven counts what a tier below the largest answered outside of the promise.
func (s *summariser) unproven(cascade int, largest pointsman.TierID) int {
	c := &s.results.columns[cascade]
	n := 0
	for i := range c.cells {
		one := &c.cells[i]
		if one.state != scored && one.state != unscored {
			continue
		}
		tier, cause := pointsman.TierID(c.tiers.list[one.tier]), pointsman.Cause(c.causes.list[one.cause])
		if tier != "" && tier != largest && cause.Unproven() {
			n++
		}
	}
	return n
}

func only(targets []collect.Target, tier pointsman.TierID) int {
	for i, t := range targets {
		if tier != "" && t.Tier == tier {
			return i
		}
	}
	return -1
}

func (s *summariser) routing(cascade, small, large int) Routing {
	both := s.shared(cascade, large)
	out := Routing{RetainN: len(both.a), RetainMeasured: s.ratio(both.a, both.b, both.clusters)}
	var uplift, weak, strong []float64
	var clusters []string
	c, w, l := s.results.columns[cascade].cells, s.results.columns[small].cells, s.results.columns[large].cells
	for i := range c {
		if c[i].state != scored || w[i].state != scored || l[i].state != scored {
			continue
		}
		if !c[i].upliftKnown {
			out.Unjudged++
			continue
		}
		uplift, weak, strong = append(uplift, c[i].uplift), append(weak, w[i].value), append(strong, l[i].value)
		clusters = append(clusters, s.inventory.clusters[i])
	}
	out.N = len(uplift)
	if out.N == 0 {
		out.Note = "no uplift is known: the task has no policy, or its answers were not judged"
		for _, figure := range []*Number{&out.APGR, &out.CPT50, &out.CPT80} {
			figure.Note = out.Note
		}
		return out
	}
	s.curve(&out, uplift, weak, strong, clusters)
	return out
}

// figure is one number of a routing curve.
type figure struct {
	into  *Number
	of    func(stat.Routing) (float64, error)
	drawn []float64
}

// routeResamples is the number of resamples behind the intervals of a curve,
// each of which sorts all examples.
const routeResamples = 500

// curve measures a routing score, with percentile intervals from resampled
// clusters.
func (s *summariser) curve(out *Routing, uplift, weak, strong []float64, clusters []string) {
	share := func(p float64) func(stat.Routing) (float64, error) {
		return func(r stat.Routing) (float64, error) {
			c, err := r.CPT(p)
			return c.Share, err
		}
	}
	figures := []figure{
		{into: &out.APGR, of: stat.Routing.APGR}, {into: &out.CPT50, of: share(0.5)}, {into: &out.CPT80, of: share(0.8)},
	}
	whole, err := stat.Route(uplift, weak, strong)
	if err != nil {
		out.Note = reason(err)
		return
	}
	out.Curve = whole.Curve
	if crossing, err := whole.CPT(0.5); err == nil {
		out.Monotone = crossing.Monotone
	}
	members := make(map[string][]int)
	var order []string
	for i, c := range clusters {
		if members[c] == nil {
			order = append(order, c)
		}
		members[c] = append(members[c], i)
	}
	random := rand.New(rand.NewPCG(s.seed, 0x2077e))
	for range routeResamples {
		var u, w, l []float64
		for range order {
			for _, i := range members[order[random.IntN(len(order))]] {
				u, w, l = append(u, uplift[i]), append(w, weak[i]), append(l, strong[i])
			}
		}
		resampled, err := stat.Route(u, w, l)
		if err != nil {
			continue
		}
		for i := range figures {
			if value, err := figures[i].of(resampled); err == nil {
				figures[i].drawn = append(figures[i].drawn, value)
			}
		}
	}
	for i := range figures {
		*figures[i].into = s.percentile(&figures[i], whole, len(order) < len(clusters))
	}
}

func (s *summariser) percentile(f *figure, whole stat.Routing, clustered bool) Number {
	value, err := f.of(whole)
	if err != nil {
		return Number{Note: reason(err)}
	}
	out := Number{Value: &value}
	if 100*len(f.drawn) < 99*routeResamples {
		out.Note = "it does not exist in more than a hundredth of the resamples, so it has no interval"
		return out
	}
	ends, err := stat.Quantiles(f.drawn, (1-s.confidence)/2, 1-(1-s.confidence)/2)
	if err != nil {
		out.Note = reason(err)
		return out
	}
	out.Low, out.High, out.Method = &ends[0], &ends[1], methodBoot
	if clustered {
		out.Method = methodBootC
	}
	return out
}
