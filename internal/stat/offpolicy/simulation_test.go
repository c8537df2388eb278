package offpolicy_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/stat"
	"github.com/pointsman-ai/pointsman/internal/stat/offpolicy"
)

// population draws records of a cascade: an answer of the small tier is kept
// (action 0) or escalated (action 1), by a score above a threshold, and 5 % go the
// other way.
type population struct {
	clusters int
	members  int // of every tenth cluster; the others have one
	explore  func(x float64) float64
	compare  bool
	rare     bool // the small tier nearly always right
}

// right are the probabilities that the two tiers are right at x.
func (p *population) right(x float64) (small, large float64) {
	if p.rare {
		return 0.93 + 0.07*x, 0.98
	}
	return 0.4 + 0.55*x, 0.9
}

func (p *population) draw(random *rand.Rand) []offpolicy.Record {
	var records []offpolicy.Record
	for g := range p.clusters {
		members, common := 1, random.Float64()
		if p.members > 1 && g%10 == 0 {
			members = p.members
		}
		for range members {
			x := common
			if members > 1 {
				x = math.Mod(common+0.1*random.Float64(), 1)
			}
			share := p.explore(x)
			r := offpolicy.Record{Logged: prefer(x > 0.7, share), Target: prefer(x > 0.4, 0), Cluster: fmt.Sprint(g)}
			if p.compare {
				r.Against = prefer(x > 0.7, 0)
			}
			if random.Float64() < r.Logged[1] {
				r.Action = 1
			}
			small, large := p.right(x)
			if members > 1 { // a conversation goes well or badly as a whole
				small = math.Round(math.Mod(common*7, 1)*0.8 + 0.2*small)
			}
			probability := []float64{small, large}[r.Action]
			if random.Float64() < probability {
				r.Reward = 1
			}
			records = append(records, r)
		}
	}
	return records
}

// prefer keeps or escalates, and does the other with some probability.
func prefer(keep bool, other float64) []float64 {
	if keep {
		return []float64{1 - other, other}
	}
	return []float64{other, 1 - other}
}

// truth is the value by a large draw of which every action is known: here by
// records with a fair coin, whose weights are at most two.
func (p *population) truth() float64 {
	fair := *p
	fair.clusters, fair.explore = 400_000, func(float64) float64 { return 0.5 }
	v, err := offpolicy.Evaluate(fair.draw(rand.New(rand.NewPCG(1, 2))), options)
	if err != nil {
		panic(err)
	}
	return v.DR.Value
}

var options = offpolicy.Options{Confidence: 0.95, Range: &stat.Interval{Low: 0, High: 1}}

func TestCoverage(t *testing.T) {
	if testing.Short() {
		t.Skip("short: simulates some seconds")
	}
	flat := func(float64) float64 { return 0.05 }
	skewed := func(x float64) float64 { return 0.01 + 0.19*x*x }
	for name, p := range map[string]population{
		"value":      {clusters: 2000, explore: flat},
		"difference": {clusters: 2000, explore: flat, compare: true},
		"clusters":   {clusters: 1500, members: 8, explore: flat, compare: true},
		"skewed":     {clusters: 3000, explore: skewed, compare: true},
		"rare":       {clusters: 2000, explore: flat, compare: true, rare: true},
	} {
		t.Run(name, func(t *testing.T) {
			truth := p.truth()
			covered, refused := map[string]int{}, 0
			const draws = 400
			for seed := range uint64(draws) {
				v, err := offpolicy.Evaluate(p.draw(rand.New(rand.NewPCG(seed, 9))), options)
				if err != nil {
					refused++
					continue
				}
				for name, interval := range map[string]stat.Interval{"ips": v.IPS.Interval, "snips": v.SNIPS.Interval, "dr": v.DR.Interval, "bounded": *v.Bounded} {
					if interval.Contains(truth) {
						covered[name]++
					}
				}
			}
			t.Logf("covered %v of %d, %d refused", covered, draws-refused, refused)
			if draws-refused < 50 {
				t.Fatalf("%d of %d refused", refused, draws)
			}
			for name, n := range covered {
				if float64(n) < 0.93*float64(draws-refused) {
					t.Errorf("%s covers %d of %d", name, n, draws-refused)
				}
			}
		})
	}
}
