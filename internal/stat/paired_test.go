package stat_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// Airway hyper-responsiveness before and after stem cell transplantation
// (Bentur et al. 2009), as worked out by Fagerland, Lydersen and Laake (2014,
// Statistics in Medicine 33:2850): difference, Newcombe, Tango, exact McNemar.
func TestPairedAsPublished(t *testing.T) {
	p := stat.Pairs{Both: 1, OnlyFirst: 1, OnlySecond: 7, Neither: 12}
	newcombe, err := p.Difference(0.95)
	if err != nil || math.Abs(newcombe.Value+0.286) > 5e-4 || !near(newcombe.Interval, stat.Interval{Low: -0.507, High: -0.026}, 5e-4) {
		t.Errorf("Newcombe: %+v (%v)", newcombe, err)
	}
	tango, err := p.TangoDifference(0.95)
	if err != nil || !near(tango.Interval, stat.Interval{Low: -0.517, High: -0.026}, 5e-4) {
		t.Errorf("Tango: %+v (%v)", tango, err)
	}
	exact, err := p.McNemar()
	if err != nil || math.Abs(exact-0.0703) > 5e-5 {
		t.Errorf("McNemar: %v (%v)", exact, err)
	}
}

func TestPairedProperties(t *testing.T) {
	count := rapid.IntRange(0, 60)
	rapid.Check(t, func(t *rapid.T) {
		p := stat.Pairs{Both: count.Draw(t, "both"), OnlyFirst: count.Draw(t, "first"), OnlySecond: count.Draw(t, "second"), Neither: count.Draw(t, "neither")}
		if p.N() == 0 {
			return
		}
		mirrored := stat.Pairs{Both: p.Both, OnlyFirst: p.OnlySecond, OnlySecond: p.OnlyFirst, Neither: p.Neither}
		for name, method := range map[string]func(stat.Pairs, float64) (stat.Estimate, error){"Newcombe": stat.Pairs.Difference, "Tango": stat.Pairs.TangoDifference} {
			e, err := method(p, 0.95)
			if err != nil || !(e.Low-1e-9 <= e.Value && e.Value <= e.High+1e-9) || e.Low < -1 || e.High > 1 {
				t.Fatalf("%s of %+v: %+v (%v)", name, p, e, err)
			}
			m, err := method(mirrored, 0.95)
			if err != nil || !near(m.Interval, stat.Interval{Low: -e.High, High: -e.Low}, 1e-9) {
				t.Fatalf("%s of %+v: %+v, mirrored %+v (%v)", name, p, e, m, err)
			}
		}
	})
}

// Both intervals cover the true difference about as often as they say.
func TestPairedCoverage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const draws, n = 2000, 80
	both, first, second := 0.6, 0.12, 0.2
	newcombe, tango := 0, 0
	for range draws {
		var p stat.Pairs
		for range n {
			switch u := random.Float64(); {
			case u < both:
				p.Both++
			case u < both+first:
				p.OnlyFirst++
			case u < both+first+second:
				p.OnlySecond++
			default:
				p.Neither++
			}
		}
		if e, err := p.Difference(0.9); err != nil {
			t.Fatal(err)
		} else if e.Contains(first - second) {
			newcombe++
		}
		if e, err := p.TangoDifference(0.9); err != nil {
			t.Fatal(err)
		} else if e.Contains(first - second) {
			tango++
		}
	}
	for name, covered := range map[string]int{"Newcombe": newcombe, "Tango": tango} {
		if share := float64(covered) / draws; share < 0.88 || share > 0.94 {
			t.Errorf("%s covers %.3f, want about 0.9", name, share)
		}
	}
}

func TestBootstrap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const draws, n = 200, 60
	covered, coveredRatio, naive, clustered := 0, 0, 0, 0
	for draw := range draws {
		a, b := make([]float64, n), make([]float64, n)
		grouped, clusters := make([]float64, n), make([]string, n)
		for i := range n {
			shared := random.Float64()
			a[i], b[i] = 0.5*shared+0.5*random.Float64(), 0.5*shared+0.4*random.Float64()
			if i%10 == 0 {
				grouped[i] = random.NormFloat64()
			} else {
				grouped[i] = grouped[i-1]
			}
			clusters[i] = strconv.Itoa(i / 10)
		}
		o := stat.Bootstrap{Seed: uint64(draw), Resamples: 400, Confidence: 0.9}
		e, err := o.Paired(a, b, stat.MeanDifference)
		if err != nil {
			t.Fatal(err)
		}
		if e.Contains(0.05) {
			covered++
		}
		again, _ := o.Paired(a, b, stat.MeanDifference)
		if again != e {
			t.Fatal("equal seeds give different intervals")
		}
		if e, err = o.Paired(a, b, stat.MeanRatio); err != nil {
			t.Fatal(err)
		} else if e.Contains(0.5 / 0.45) {
			coveredRatio++
		}
		if e, _ = o.Mean(grouped); e.Contains(0) {
			naive++
		}
		o.Clusters = clusters
		if e, _ = o.Mean(grouped); e.Contains(0) {
			clustered++
		}
	}
	if covered < 168 || coveredRatio < 168 {
		t.Errorf("of %d intervals at 90 %%, %d cover the difference and %d the ratio", draws, covered, coveredRatio)
	}
	if clustered < naive+60 {
		t.Errorf("six clusters of ten equal values: intervals by example cover %d of %d, by cluster %d", naive, draws, clustered)
	}
}
