package drift

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func detector(t testing.TB, allowed float64) *Detector {
	t.Helper()
	d, err := New(Options{Allowed: allowed, FalseAlarm: DefaultFalseAlarm, Horizon: DefaultHorizon})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func coin(random *rand.Rand, p float64) float64 {
	if random.Float64() < p {
		return 1
	}
	return 0
}

// alarms counts the runs with an alarm within the horizon.
func alarms(t *testing.T, runs int, allowed float64, next func(*rand.Rand) (x, weight float64)) int {
	t.Helper()
	n := 0
	for seed := range runs {
		random, d := rand.New(rand.NewPCG(uint64(seed), 7)), detector(t, allowed)
		for range DefaultHorizon {
			if d.Add(next(random)) {
				n++
				break
			}
		}
	}
	return n
}

// At the boundary, alarms come in at most 1 % of runs of 10,000 values, whatever
// the values are like: 2,000 runs may show 20 and two standard deviations of 4.4.
func TestFalseAlarms(t *testing.T) {
	runs, most := 2000, 29
	if testing.Short() {
		runs, most = 400, 9
	}
	for name, one := range map[string]struct {
		allowed float64
		next    func(*rand.Rand) (float64, float64)
	}{
		"coin 0.02":  {0.02, func(r *rand.Rand) (float64, float64) { return coin(r, 0.02), 1 }},
		"coin 0.002": {0.002, func(r *rand.Rand) (float64, float64) { return coin(r, 0.002), 1 }},
		"coin 0.3":   {0.3, func(r *rand.Rand) (float64, float64) { return coin(r, 0.3), 1 }},
		"graded":     {0.05, func(r *rand.Rand) (float64, float64) { return r.Float64() * 0.1, 1 }},
		// Harm 0.02 on the whole: 0.06 in a tenth that is audited four times as
		// often, and 0.14/9 elsewhere.
		"weighted": {0.02, func(r *rand.Rand) (float64, float64) {
			if r.Float64() < 0.4/1.3 {
				return coin(r, 0.06), 0.25
			}
			return coin(r, 0.14/9), 1
		}},
	} {
		if n := alarms(t, runs, one.allowed, one.next); n > most {
			t.Errorf("%s: %d of %d runs have a false alarm, at most %d are to be expected", name, n, runs, most)
		}
	}
}

// delays are the values from a change to the alarm, after a good run.
func delays(t testing.TB, runs, good int) []int {
	var out []int
	for seed := range runs {
		random, d := rand.New(rand.NewPCG(uint64(seed), 11)), detector(t, 0.02)
		for range good {
			d.Add(coin(random, 0.02), 1)
		}
		n := 1
		for !d.Add(coin(random, 0.06), 1) {
			n++
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func TestDelayIsTheSameAfterALongGoodRun(t *testing.T) {
	fresh, late := delays(t, 400, 0), delays(t, 400, 8000)
	f, l := fresh[200], late[200]
	t.Logf("median delay: %d at the start, %d after 8,000 good audits", f, l)
	if f > 430 || l > 400 {
		t.Errorf("median delay %d at the start and %d after a good run", f, l)
	}
}

func TestResumeGoesOnExactly(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	whole, parts := detector(t, 0.05), detector(t, 0.05)
	for range 3000 {
		x, w := random.Float64()*0.12, 0.5+random.Float64()/2
		if whole.Add(x, w) != parts.Add(x, w) {
			t.Fatal("they disagree")
		}
		content, err := json.Marshal(parts.State())
		if err != nil {
			t.Fatal(err)
		}
		var s State
		if err := json.Unmarshal(content, &s); err != nil {
			t.Fatal(err)
		}
		if parts, err = Resume(parts.options, s); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(whole.State(), parts.State()) {
		t.Errorf("%+v, want %+v", parts.State(), whole.State())
	}
}

func TestChangeIsLocated(t *testing.T) {
	var off []float64
	for seed := range 200 {
		random, d := rand.New(rand.NewPCG(uint64(seed), 3)), detector(t, 0.02)
		for range 2000 {
			d.Add(coin(random, 0.01), 1)
		}
		for !d.Add(coin(random, 0.08), 1) {
		}
		off = append(off, math.Abs(float64(d.State().Since-2000)))
	}
	slices.Sort(off)
	if off[100] > 40 {
		t.Errorf("half of the places are more than %v audits off", off[100])
	}
}

func TestStrangeValues(t *testing.T) {
	d := detector(t, 0.02)
	for _, x := range []float64{-1, 2, math.NaN(), math.Inf(1)} {
		d.Add(x, math.NaN())
	}
	if s := d.State(); s.Sum != 3 || s.Weight != 4 {
		t.Errorf("%+v", s)
	}
	for range 10000 {
		d.Add(1, 1) // an alarm long ago, and no overflow
	}
	if !d.Alarm() || math.IsInf(d.Level(), 0) || math.IsNaN(d.Level()) {
		t.Errorf("alarm %v, level %v", d.Alarm(), d.Level())
	}
	for _, o := range []Options{{}, {Allowed: 1, FalseAlarm: 0.1, Horizon: 1}, {Allowed: 0.1, FalseAlarm: 0, Horizon: 1}, {Allowed: 0.1, FalseAlarm: 0.1}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	if _, err := Resume(d.options, State{Sums: []float64{1}}); err == nil {
		t.Error("a state of other bets is taken")
	}
}
