package fit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/testenv"
)

// question is a recorded example of RouteLLM's MMLU: Mixtral-8x7B and GPT-4.
type question struct {
	prompt, subject string
	weak, strong    bool
}

// questions reads the recorded data.
func questions(t *testing.T) []question {
	t.Helper()
	rows := testenv.Table(t, "routellm", "mmlu_mixtral_vs_gpt4.csv.gz")
	out := make([]question, 0, len(rows))
	for _, row := range rows[1:] {
		out = append(out, question{row[0], row[3], row[1] == "1", row[2] == "1"})
	}
	return out
}

// TestThePromiseOnRealAnswers splits recorded answers of two real models many
// times: 3,000 to learn the subjects' means (a student that sees neither part),
// 2,000 to fit and certify, and the 9,037 others as the truth, which is
// itself known to about half a percentage point only.
func TestThePromiseOnRealAnswers(t *testing.T) {
	t.Parallel()
	all := questions(t)
	splits := 200
	if testing.Short() || raceEnabled {
		splits = 20
	}
	const retain, student, calibration = 0.95, 3000, 2000
	var s tally
	apgr, chosen := map[policy.Rank]float64{}, map[policy.Rank]int{}
	for split := range splits {
		random := rand.New(rand.NewPCG(uint64(split), 5))
		order := random.Perm(len(all))
		means := subjectMeans(all, order[:student])
		observe := func(i int) fit.Observation {
			q := all[i]
			return fit.Observation{
				ID: fmt.Sprint(i),
				Request: pointsman.Signals{
					pointsman.Measured("request.chars", float64(len(q.prompt))),
					pointsman.Measured("request.digits", float64(strings.Count(q.prompt, "0")+strings.Count(q.prompt, "1")+strings.Count(q.prompt, "2"))),
					pointsman.Measured("student.subject_right", means[q.subject]),
				},
				Tiers: []fit.TierOutcome{{Valid: true, Acceptable: q.weak}, {Valid: true, Acceptable: q.strong}},
			}
		}
		var observations []fit.Observation
		for _, i := range order[student : student+calibration] {
			observations = append(observations, observe(i))
		}
		fitted, report, err := fit.Fit(context.Background(), observations, options(retain, uint64(split)))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range report.Stages[0].Ranks {
			apgr[r.Rank] += *r.APGR / float64(splits)
		}
		chosen[fitted.Stages[0].Rank]++
		// The uplift of each held-out question, once for both thresholds.
		test := order[student+calibration:]
		uplifts := make([]float64, len(test))
		for k, i := range test {
			o := observe(i)
			uplifts[k] = *fitted.Assess(0, o.Request, nil).Uplift
		}
		judge := func(accepted func(k int) bool) (broken bool, share float64) {
			var cascade, large, local float64
			for k, i := range test {
				q := all[i]
				answer := q.strong
				if accepted(k) {
					answer = q.weak
					local++
				}
				cascade += number(answer)
				large += number(q.strong)
			}
			return cascade < retain*large, local / float64(len(test))
		}
		s.draws++
		if fitted.Certified() {
			s.certified++
			broken, accepted := judge(func(k int) bool { return accepts(fitted, observe(test[k]).Request, nil) })
			s.broken += int(number(broken))
			s.accepted += accepted
		}
		if threshold, ok := naive(report, retain); ok {
			broken, accepted := judge(func(k int) bool { return uplifts[k] <= threshold })
			s.naiveBroke += int(number(broken))
			s.naiveAccepted += accepted
		}
	}
	t.Log(&s)
	t.Logf("mean cross-validated APGR on the fit part: uplift %.3f, unacceptable %.3f; chosen: %v",
		apgr[policy.RankUplift], apgr[policy.RankUnacceptable], chosen)
	if limit := allowed(s.draws, 1-confidence); s.broken > limit {
		t.Errorf("the promise is broken in %d splits, at most %d of %d may be", s.broken, limit, s.draws)
	}
	if s.naiveBroke < s.draws/4 {
		t.Errorf("picking a threshold naively breaks the promise in only %d splits", s.naiveBroke)
	}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// subjectMeans is how often the weak model is right in each subject, shrunk
// towards the mean of all by ten examples.
func subjectMeans(all []question, rows []int) map[string]float64 {
	total := 0.0
	right, n := map[string]float64{}, map[string]float64{}
	for _, i := range rows {
		right[all[i].subject] += number(all[i].weak)
		n[all[i].subject]++
		total += number(all[i].weak) / float64(len(rows))
	}
	means := map[string]float64{}
	for _, q := range all {
		means[q.subject] = (right[q.subject] + 10*total) / (n[q.subject] + 10)
	}
	return means
}
