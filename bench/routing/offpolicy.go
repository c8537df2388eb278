package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/pointsman-ai/pointsman/internal/stat"
	"github.com/pointsman-ai/pointsman/internal/stat/offpolicy"
)

const (
	offPolicySimulations = 400
	offPolicyRequests    = 3000
	offPolicyExplored    = 0.05
)

// offPolicy measures off-policy values on simulated records with 5 % exploration:
// in how many simulations each interval covers the true difference of a looser
// threshold, with single requests and with conversations, and whether records
// without exploration are refused.
func offPolicy() ([]row, error) {
	covered := map[string]int{}
	told, refused := 0, 0
	for seed := range uint64(offPolicySimulations) {
		conversations := seed%2 == 1
		records, truth := simulateLog(rand.New(rand.NewPCG(seed, 606)), conversations)
		o := offpolicy.Options{Confidence: confidence, Range: &stat.Interval{Low: 0, High: 1}}
		v, err := offpolicy.Evaluate(records, o)
		if err != nil {
			return nil, fmt.Errorf("off-policy: simulation %d: %w", seed, err)
		}
		told++
		for name, interval := range map[string]stat.Interval{"ips": v.IPS.Interval, "snips": v.SNIPS.Interval, "dr": v.DR.Interval, "bounded": *v.Bounded} {
			covered[name] += int(number(interval.Contains(truth)))
		}
		// The same, had one request not been explored on which the policies differ.
		var refusal *offpolicy.Refusal
		if _, err := offpolicy.Evaluate(withoutSupport(records), o); errors.As(err, &refusal) {
			refused++
		}
	}
	var rows []row
	for _, name := range []string{"dr", "snips", "ips", "bounded"} {
		rate, err := stat.Rate(covered[name], told, 0.95)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{"off-policy", "covers " + name, rate.Value, rate.Low, rate.High, 0.93, "higher", true})
	}
	rate, err := stat.Rate(refused, offPolicySimulations, 0.95)
	if err != nil {
		return nil, err
	}
	return append(rows, row{"off-policy", "refused at 0", rate.Value, rate.Low, rate.High, 1, "higher", true}), nil
}

// simulateLog draws the log of a policy that keeps answers with a score above .7,
// of which 5 % go the other way, and the true worth of keeping them above .4. The
// small tier is right with .4 + .55 × score, the large one with .9. A tenth of
// conversations have eight turns, whose scores and successes hang together.
func simulateLog(random *rand.Rand, conversations bool) (records []offpolicy.Record, truth float64) {
	const strict, loose = 0.7, 0.4
	// Between the thresholds the score is .55 in the mean, whatever the turns.
	truth = (strict - loose) * (0.4 + 0.55*(strict+loose)/2 - 0.9)
	for len(records) < offPolicyRequests {
		turns := 1
		if conversations && random.IntN(10) == 0 {
			turns = 8
		}
		common, luck := random.Float64(), random.Float64()
		cluster := fmt.Sprint(len(records))
		for range turns {
			score := common
			if turns > 1 {
				score = math.Mod(common+0.1*random.Float64(), 1)
			}
			r := offpolicy.Record{
				Logged: choose(score > strict, offPolicyExplored), Target: choose(score > loose, 0), Against: choose(score > strict, 0), Cluster: cluster,
			}
			r.Action = int(number(random.Float64() < r.Logged[1]))
			right := []float64{0.4 + 0.55*score, 0.9}[r.Action]
			if random.IntN(2) == 0 {
				luck = random.Float64() // half of the turns share the luck of the one before
			}
			r.Reward = number(luck < right)
			records = append(records, r)
		}
	}
	return records, truth
}

// choose are the probabilities of keeping an answer and of asking on.
func choose(keep bool, other float64) []float64 {
	if keep {
		return []float64{1 - other, other}
	}
	return []float64{other, 1 - other}
}

// withoutSupport takes the exploration from one request on which the policies
// differ.
func withoutSupport(records []offpolicy.Record) []offpolicy.Record {
	out := append([]offpolicy.Record(nil), records...)
	for i := range out {
		if r := &out[i]; r.Target[0] != r.Against[0] {
			r.Logged, r.Action = r.Against, int(r.Against[1])
			break
		}
	}
	return out
}
