package certify_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/certify"
)

// judge says of an answer whether it is right, with a sensitivity and a
// specificity of its own.
type judge struct{ sensitivity, specificity float64 }

func (j judge) says(random *rand.Rand, right bool) bool {
	if right {
		return random.Float64() < j.sensitivity
	}
	return random.Float64() >= j.specificity
}

// asking makes of a case one that a judge has judged and that people are asked
// about with a probability that depends on what the judge said.
func (j judge) asking(random *rand.Rand, x certify.Case, probability func(x *certify.Case, judge certify.Scores) float64) certify.Case {
	says := certify.Scores{LargestRight: j.says(random, x.LargestRight)}
	says.Right = says.LargestRight
	if !x.Same {
		says.Right = j.says(random, x.Right)
	}
	says.Given, says.Largest = number(says.Right), number(says.LargestRight)
	a := &certify.Asking{Judge: says, Probability: probability(&x, says)}
	a.Asked = random.Float64() < a.Probability
	x.People = a
	if !a.Asked { // what nobody has said must not be read
		x.Given, x.Largest, x.Right, x.LargestRight = 0.5, 0.5, !says.Right, !says.LargestRight
	}
	return x
}

// where people are asked.
var askings = []struct {
	name        string
	probability func(x *certify.Case, judge certify.Scores) float64
}{
	{"one in four", func(*certify.Case, certify.Scores) float64 { return 0.25 }},
	{"one in fifty", func(*certify.Case, certify.Scores) float64 { return 0.02 }},
	{"where it matters", func(x *certify.Case, s certify.Scores) float64 {
		switch {
		case x.Same || !x.Local:
			return 0.03
		case s.Right && s.LargestRight:
			return 0.2
		}
		return 0.5
	}},
	{"where it does not", func(x *certify.Case, s certify.Scores) float64 {
		if s.LargestRight && !s.Right {
			return 0.05
		}
		return 0.4
	}},
}

// TestTheErrorIsAtMostDeltaWithJudges draws from populations that only just keep
// their promise by people, judged by judges that are harsh, lenient, blind and
// contrary, with people asked about some: how often a promise is shown that does not
// hold.
func TestTheErrorIsAtMostDeltaWithJudges(t *testing.T) {
	t.Parallel()
	draws := 400.0
	if testing.Short() {
		draws = 100
	}
	for _, b := range boundaries() {
		if b.name == "graded" {
			continue
		}
		for _, j := range []struct {
			name string
			judge
		}{
			{"good", judge{0.97, 0.9}}, {"lenient", judge{1, 0.2}}, {"harsh", judge{0.6, 1}}, {"blind", judge{0.5, 0.5}}, {"contrary", judge{0, 0}},
		} {
			for _, a := range askings {
				t.Run(b.name+", "+j.name+", "+a.name, func(t *testing.T) {
					t.Parallel()
					shown := 0
					for draw := range uint64(draws) {
						random := rand.New(rand.NewPCG(draw, 7))
						sample := func() (cases []certify.Case, s certify.Sample) {
							s.Most = b.most
							for range b.units {
								unit := b.draw(random)
								for _, x := range unit {
									cases = append(cases, j.asking(random, x, a.probability))
								}
								s.Units = append(s.Units, len(unit))
							}
							return cases, s
						}
						pilot, ps := sample()
						cases, s := sample()
						v, err := b.claim.Test(cases, s, pilot, ps)
						if err != nil {
							t.Fatal(err)
						}
						if v.Method != certify.MethodPowered {
							t.Fatal(v.Method)
						}
						shown += int(number(v.Shown))
					}
					if limit := draws*b.claim.Delta + 3.5*math.Sqrt(draws*b.claim.Delta*(1-b.claim.Delta)); float64(shown) > limit {
						t.Errorf("a promise that does not hold is shown in %d of %v draws", shown, draws)
					}
				})
			}
		}
	}
}

// TestCorrectedMarginsHaveTheMeanByPeople, and never fall below what the bets are
// safe for.
func TestWhatTheJudgeSaysDoesNotShiftTheQuality(t *testing.T) {
	t.Parallel()
	claim := certify.Claim{Promise: pointsman.PromiseQuality, Retain: 0.9, Delta: 0.05}
	random := rand.New(rand.NewPCG(3, 4))
	var all, asked []certify.Case
	for range 40000 {
		u := random.Float64()
		x := outcome(true, u < 0.7, u < 0.8)
		all = append(all, x)
		asked = append(asked, judge{0.9, 0.3}.asking(random, x, askings[2].probability))
	}
	truth, err := claim.Test(all, certify.Sample{}, nil, certify.Sample{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := claim.Test(asked, certify.Sample{}, nil, certify.Sample{})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Quality-truth.Quality) > 0.015 || math.Abs(got.Largest-truth.Largest) > 0.015 || got.People == 0 || got.People > 20000 {
		t.Errorf("quality %v and %v of which %d by people, want %v and %v", got.Quality, got.Largest, got.People, truth.Quality, truth.Largest)
	}
}

// TestLabelsThatAJudgeSaves compares, on populations that clearly keep their
// promise, how often it is shown with people asked about a sample and a judge about
// everything, and with people alone asked about as many.
func TestLabelsThatAJudgeSaves(t *testing.T) {
	t.Parallel()
	const draws, n = 200, 1500
	claim := certify.Claim{Promise: pointsman.PromiseQuality, Retain: 0.9, Delta: 0.05}
	// Six of ten answers are the largest tier's own; of the others one in eight is
	// a harm, and some are gains.
	draw := func(random *rand.Rand) certify.Case {
		if random.Float64() < 0.6 {
			right := random.Float64() < 0.9
			x := outcome(true, right, right)
			x.Same = true
			return x
		}
		u := random.Float64()
		return outcome(true, u < 0.7 || u >= 0.93, u < 0.82)
	}
	for _, j := range []judge{{0.97, 0.9}, {0.9, 0.7}} {
		shown, alone, labels := 0, 0, 0
		for k := range draws {
			random := rand.New(rand.NewPCG(uint64(k), 9))
			sample := func() (cases []certify.Case, people []certify.Case) {
				for range n {
					x := draw(random)
					y := j.asking(random, x, askings[2].probability)
					if y.People.Asked {
						labels++
						people = append(people, x)
					}
					cases = append(cases, y)
				}
				return cases, people
			}
			pilot, _ := sample()
			labels = 0
			cases, _ := sample()
			v, err := claim.Test(cases, certify.Sample{}, pilot, certify.Sample{})
			if err != nil {
				t.Fatal(err)
			}
			shown += int(number(v.Shown))
			// As many, drawn at random, with people alone.
			random = rand.New(rand.NewPCG(uint64(k), 10))
			plain := func() (out []certify.Case) {
				for range labels {
					out = append(out, draw(random))
				}
				return out
			}
			w, err := claim.Test(plain(), certify.Sample{}, plain(), certify.Sample{})
			if err != nil {
				t.Fatal(err)
			}
			alone += int(number(w.Shown))
		}
		name := fmt.Sprintf("a judge of sensitivity %g and specificity %g", j.sensitivity, j.specificity)
		t.Logf("%s: shown in %d of %d draws with %d requests and some %d labels; with as many labels alone in %d", name, shown, draws, n, labels, alone)
		if shown <= alone {
			t.Errorf("%s saves nothing: shown in %d draws, without it in %d", name, shown, alone)
		}
	}
}
