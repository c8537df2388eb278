package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/auxiliary"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/student"
)

// errorRate is the share of seeded errors of a largest tier that is simulated: the
// truth, but for these.
const errorRate = 0.03

// optionAnswer makes an answer that is one of several options with its probability:
// the small tier of LLaMA-13B and of the option logits.
func optionAnswer(labels []string, logprobs []float64) (*pointsman.Answer, int) {
	best := 0
	token := pointsman.TokenLogprob{}
	for k, l := range logprobs {
		token.Top = append(token.Top, pointsman.TopLogprob{Token: labels[k], Logprob: l})
		if l > logprobs[best] {
			best = k
		}
	}
	token.Token, token.Logprob = labels[best], logprobs[best]
	return &pointsman.Answer{Text: labels[best], FinishReason: "stop", Logprobs: []pointsman.TokenLogprob{token}}, best
}

// optionRow is a request of which no text is on record.
func (p *population) optionRow(id, group, label string, answer *pointsman.Answer, right, largest bool) {
	request := &pointsman.Request{}
	reading := pointsman.Reading{Valid: true, Label: label}
	p.observations = append(p.observations, fit.Observation{
		ID: id, Group: group, Request: signal.OfRequest(request, nil),
		Tiers: []fit.TierOutcome{
			{Valid: true, Acceptable: right, Signals: signal.OfAnswer(request, answer, reading, nil, nil)},
			{Valid: true, Acceptable: largest},
		},
	})
	p.texts = append(p.texts, auxiliary.Texts{Answers: []string{label, ""}, Labels: []string{label, ""}})
}

// llama13b reads LLaMA-13B's option probabilities: each question under ten
// prompts, which are one unit. The largest tier is simulated.
func llama13b(root string) (*population, error) {
	rows, err := table(root, "conformal_llm", "llama13b_mmlu16_10prompts.csv.gz")
	if err != nil {
		return nil, err
	}
	p := &population{kind: pointsman.KindClassify, price: 0.05}
	labels := []string{"A", "B", "C", "D"}
	random := rand.New(rand.NewPCG(13, 3))
	largest := map[string]bool{}
	for _, row := range rows {
		question, target := row[0]+"-"+row[1], row[2]
		logs, err := logarithms(row[4:8])
		if err != nil {
			return nil, err
		}
		if _, known := largest[question]; !known {
			largest[question] = random.Float64() >= errorRate
		}
		answer, best := optionAnswer(labels, logs)
		p.optionRow(question+"-"+row[3], question, labels[best], answer, strconv.Itoa(best) == target, largest[question])
	}
	return p, nil
}

// logarithms normalises probabilities, which are rounded on record.
func logarithms(texts []string) ([]float64, error) {
	out, sum := make([]float64, len(texts)), 0.0
	for k, t := range texts {
		p, err := strconv.ParseFloat(t, 64)
		if err != nil {
			return nil, err
		}
		out[k] = p
		sum += p
	}
	for k := range out {
		out[k] = math.Log(max(out[k], 1e-9) / sum)
	}
	return out, nil
}

// optionLogits reads the option logits of Qwen-1.8B and Qwen-72B. There is no
// truth on record: what the larger one chooses counts as right.
func optionLogits(file string) func(root string) (*population, error) {
	return func(root string) (*population, error) {
		rows, err := table(root, "option_logits", file)
		if err != nil {
			return nil, err
		}
		p := &population{kind: pointsman.KindClassify, price: 0.05}
		labels := []string{"A", "B", "C", "D", "E", "F"}
		const small, large = 1, 1 + 5*6
		for _, row := range rows {
			logs, err := softmax(row[small : small+6])
			if err != nil {
				return nil, err
			}
			above, err := softmax(row[large : large+6])
			if err != nil {
				return nil, err
			}
			answer, best := optionAnswer(labels, logs)
			_, wanted := optionAnswer(labels, above)
			p.optionRow(row[0], "", labels[best], answer, best == wanted, true)
		}
		return p, nil
	}
}

func softmax(texts []string) ([]float64, error) {
	out, top := make([]float64, len(texts)), math.Inf(-1)
	for k, t := range texts {
		v, err := strconv.ParseFloat(t, 64)
		if err != nil {
			return nil, err
		}
		out[k] = v
		top = max(top, v)
	}
	sum := 0.0
	for _, v := range out {
		sum += math.Exp(v - top)
	}
	for k := range out {
		out[k] -= top + math.Log(sum)
	}
	return out, nil
}

// headlines reads the news headlines: a student below, which learned from the
// largest tier's answers to the training part, and the other 5,000 to route. The
// largest tier is simulated: the truth with 3 % errors.
func headlines(root string) (*population, error) {
	train, err := table(root, "frugalgpt_headlines", "train.csv.gz")
	if err != nil {
		return nil, err
	}
	test, err := table(root, "frugalgpt_headlines", "test.csv.gz")
	if err != nil {
		return nil, err
	}
	labels := []string{"down", "neutral", "none", "up"}
	random := rand.New(rand.NewPCG(31, 3))
	largest := func(truth string) string {
		if random.Float64() >= errorRate {
			return truth
		}
		return labels[(slices.Index(labels, truth)+1+random.IntN(len(labels)-1))%len(labels)]
	}
	examples := make([]student.Example, len(train))
	for i, row := range train {
		examples[i] = student.Example{Text: row[0], Label: largest(row[1])}
	}
	model, err := student.Train(context.Background(), examples, student.Large(), nil)
	if err != nil {
		return nil, err
	}
	all := make([]given, len(test))
	for i, row := range test {
		all[i] = given{example: dataset.Example{Input: row[0], Label: row[1]}, largest: plain(largest(row[1]))}
	}
	return answered(pointsman.KindClassify, pointsman.Contract{Labels: labels}, model, all, nil)
}
