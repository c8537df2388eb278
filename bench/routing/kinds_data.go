package main

import (
	"bufio"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/auxiliary"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/score"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/upstream"
	"github.com/pointsman-ai/pointsman/internal/upstream/embedded"
)

// given is a request with the answers of both tiers, and the truth.
type given struct {
	example        dataset.Example
	small, largest *pointsman.Answer
	witness        string // another small system's answer; empty: none was asked
}

// judgedBy reads answers through a contract and scores them, as calibration does.
func judgedBy(kind pointsman.Kind, terms pointsman.Contract, all []given, costs []pointsman.LabelCost) (*population, error) {
	reader, err := contract.Compile(kind, terms)
	if err != nil {
		return nil, err
	}
	scorer, err := score.For(kind, score.Options{})
	if err != nil {
		return nil, err
	}
	p := &population{kind: kind, judge: true}
	for i := range all {
		g := &all[i]
		request := &pointsman.Request{Input: g.example.Text(), Messages: g.example.Messages}
		if len(request.Messages) == 0 {
			request.Messages = []pointsman.Message{{Role: "user", Text: request.Input}}
		}
		o := fit.Observation{ID: fmt.Sprint(i), Group: g.example.Group, Request: signal.OfRequest(request, nil), Shape: signal.ShapeOf(request)}
		t := auxiliary.Texts{Input: request.Input}
		var witness *signal.Beside
		if g.witness != "" {
			witness = &signal.Beside{Witnesses: []*signal.Witness{{Answer: &pointsman.Answer{Text: g.witness}, Reading: reader.Read(g.witness, request.Input)}}}
		}
		for tier, answer := range []*pointsman.Answer{g.small, g.largest} {
			reading := reader.Read(answer.Text, request.Input)
			s := scorer.Score(&g.example, answer.Text, reading)
			if s.Skipped != "" {
				return nil, fmt.Errorf("row %d: %s", i, s.Skipped)
			}
			one := fit.TierOutcome{Valid: reading.Valid, Acceptable: s.Acceptable, Score: &s.Value}
			if len(costs) > 0 {
				one.Score, one.Stakes = costed(costs, g.example.Label, reading.Label)
			}
			if tier == 0 {
				one.Signals = signal.OfAnswer(request, answer, reading, witness, nil)
			}
			o.Tiers = append(o.Tiers, one)
			t.Answers, t.Labels = append(t.Answers, answer.Text), append(t.Labels, reading.Label)
		}
		p.observations, p.texts = append(p.observations, o), append(p.texts, t)
	}
	return p, nil
}

// costed is the grade of a label under the costs of mistakes, and the stakes that
// an answer of that label has, as calibrate and cascade count them.
func costed(costs []pointsman.LabelCost, truth, label string) (grade *float64, stakes float64) {
	worst, cost := 1.0, 1.0
	stakes = 1
	for _, c := range costs {
		worst = max(worst, c.Cost)
		if c.Answer == label {
			stakes = max(stakes, c.Cost)
		}
		if c.Answer == label && c.Truth == truth {
			cost = c.Cost
		}
	}
	g := 1.0
	if label != truth {
		g = 1 - cost/worst
	}
	return &g, stakes
}

func plain(text string) *pointsman.Answer { return &pointsman.Answer{Text: text, FinishReason: "stop"} }

// serve answers with a student as the product does.
func serve(model encoding.BinaryMarshaler) (func(text string) (*pointsman.Answer, error), error) {
	content, err := model.MarshalBinary()
	if err != nil {
		return nil, err
	}
	served, err := embedded.Load(content, "student", nil)
	if err != nil {
		return nil, err
	}
	return func(text string) (*pointsman.Answer, error) {
		return served.Complete(context.Background(), upstream.Call{Input: text, Model: "student"})
	}, nil
}

// wnut17 reads the test sentences of WNUT17 with the recorded answers of UH-RiTUAL
// as the small tier and SpinningBytes as its witness. Which sentences make a
// document is not on record. The largest tier is simulated: in 3 % of the sentences
// one entity is missing, or an ordinary word is taken for one.
func wnut17(root string) (*population, error) {
	truth, err := entities(root, "wnut17", "emerging.test.annotated.gz")
	if err != nil {
		return nil, err
	}
	small, err := entities(root, "wnut17", "submissions", "uh_ritual.gz")
	if err != nil {
		return nil, err
	}
	witness, err := entities(root, "wnut17", "submissions", "spinningbytes.txt.gz")
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(17, 3))
	var all []given
	for i := range truth {
		if i >= len(small) || i >= len(witness) {
			break // the systems answered one sentence less
		}
		wanted := truth[i].object()
		largest := wanted
		if random.Float64() < errorRate {
			largest = truth[i].spoilt(random).object()
		}
		all = append(all, given{
			example: dataset.Example{Input: strings.Join(truth[i].words, " "), Want: json.RawMessage(wanted)},
			small:   plain(small[i].object()), largest: plain(largest), witness: witness[i].object(),
		})
	}
	p, err := judgedBy(pointsman.KindExtract, pointsman.Contract{}, all, nil)
	if err == nil {
		p.price = 0.1 // a system and a witness at a twentieth each
	}
	return p, err
}

// sentence is a tokenised text with its BIO tags.
type sentence struct{ words, tags []string }

func entities(root string, parts ...string) ([]sentence, error) {
	r, err := open(root, parts...)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	all := []sentence{{}}
	for lines := bufio.NewScanner(r); ; {
		if !lines.Scan() {
			if len(all[len(all)-1].words) == 0 {
				all = all[:len(all)-1]
			}
			return all, lines.Err()
		}
		columns := strings.Fields(lines.Text())
		last := &all[len(all)-1]
		if len(columns) < 2 {
			if len(last.words) > 0 {
				all = append(all, sentence{})
			}
			continue
		}
		last.words, last.tags = append(last.words, columns[0]), append(last.tags, columns[len(columns)-1])
	}
}

// object is the entities by their type, as an extraction answers.
func (s sentence) object() string {
	found := map[string][]string{}
	for i := 0; i < len(s.tags); {
		kind, is := strings.CutPrefix(s.tags[i], "B-")
		if !is {
			i++
			continue
		}
		end := i + 1
		for end < len(s.tags) && s.tags[end] == "I-"+kind {
			end++
		}
		found[kind] = append(found[kind], strings.Join(s.words[i:end], " "))
		i = end
	}
	text, err := json.Marshal(found)
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(text)
}

// spoilt is the sentence with one entity missing, or one too many where it has none.
func (s sentence) spoilt(random *rand.Rand) sentence {
	out := sentence{words: s.words, tags: append([]string(nil), s.tags...)}
	var begins []int
	for i, tag := range out.tags {
		if strings.HasPrefix(tag, "B-") {
			begins = append(begins, i)
		}
	}
	if len(begins) == 0 {
		out.tags[random.IntN(len(out.tags))] = "B-person"
		return out
	}
	out.tags[begins[random.IntN(len(begins))]] = "O"
	return out
}

// sroie reads the receipts: a tagger below, which learned from the largest tier's
// answers to the first 250, and the others to route. Company, date and total are
// extracted; an address goes over lines and cannot be verbatim. The largest tier is
// simulated: on 3 % of the receipts one field is wrong.
func sroie(root string) (*population, error) {
	type receipt struct {
		Lines []string          `json:"lines"`
		Key   map[string]string `json:"key"`
	}
	random := rand.New(rand.NewPCG(19, 3))
	names := []string{"company", "date", "total"}
	var all []given
	var training []student.TaggedExample
	err := lines(root, func(r receipt) error {
		truth, above := map[string]string{}, map[string]string{}
		for _, name := range names {
			truth[name], above[name] = r.Key[name], r.Key[name]
		}
		if random.Float64() < errorRate {
			above[names[random.IntN(len(names))]] = r.Lines[random.IntN(len(r.Lines))]
		}
		text := strings.Join(r.Lines, "\n")
		if len(training) < 250 {
			one := student.TaggedExample{Text: text, Fields: map[string]string{}}
			for _, name := range names { // only what stands in the text can be learned
				one.Fields[name] = above[name]
				if one.Validate() != nil {
					delete(one.Fields, name)
				}
			}
			training = append(training, one)
			return nil
		}
		object, err := json.Marshal(above)
		all = append(all, given{example: dataset.Example{Input: text, Fields: truth}, largest: plain(string(object))})
		return err
	}, "sroie", "sroie_ocr_and_keys.jsonl.gz")
	if err != nil {
		return nil, err
	}
	tagger, err := student.TrainTagger(context.Background(), training, student.DefaultTaggerOptions(), nil)
	if err != nil {
		return nil, err
	}
	return answered(pointsman.KindExtract, pointsman.Contract{}, tagger, all, nil)
}

// answered gives the small tier's answers by a student.
func answered(kind pointsman.Kind, terms pointsman.Contract, model encoding.BinaryMarshaler, all []given, costs []pointsman.LabelCost) (*population, error) {
	answer, err := serve(model)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].small, err = answer(all[i].example.Text()); err != nil {
			return nil, err
		}
	}
	return judgedBy(kind, terms, all, costs)
}

// moderation reads the prompts that a moderator blocks or allows: a student below,
// which learned from the largest tier's answers to 600 drawn at random. To allow
// what must be blocked costs five times what the reverse does. The largest tier is
// simulated: the truth with 3 % errors.
func moderation(root string) (*population, error) {
	random := rand.New(rand.NewPCG(23, 3))
	var all []given
	var training []student.Example
	err := lines(root, func(r map[string]any) error {
		text, ok := r["prompt"].(string)
		if !ok {
			return fmt.Errorf("a row without a prompt")
		}
		truth, other := "allow", "block"
		for _, v := range r {
			if flag, is := v.(float64); is && flag == 1 {
				truth, other = "block", "allow"
			}
		}
		above := truth
		if random.Float64() < errorRate {
			above = other
		}
		if random.Float64() < 600./1680 {
			training = append(training, student.Example{Text: text, Label: above})
			return nil
		}
		all = append(all, given{example: dataset.Example{Input: text, Label: truth}, largest: plain(above)})
		return nil
	}, "moderation", "openai_samples-1680.jsonl.gz")
	if err != nil {
		return nil, err
	}
	model, err := student.Train(context.Background(), training, student.Large(), nil)
	if err != nil {
		return nil, err
	}
	return answered(pointsman.KindModerate, pointsman.Contract{Labels: []string{"allow", "block"}}, model, all,
		[]pointsman.LabelCost{{Truth: "block", Answer: "allow", Cost: 5}})
}

// cast reads the conversations of CAsT 2020 and 2021, whose questions were
// rewritten by hand, with the rewrites of a system as the small tier. Conversations
// are units. The largest tier is simulated: 3 % of the rewrites lose their second
// half.
func cast(root string) (*population, error) {
	random := rand.New(rand.NewPCG(29, 3))
	var all []given
	for _, year := range []string{"2020", "2021"} {
		r, err := open(root, "cast_rewrite", "cast_"+year+"_manual_evaluation_topics_v1.0.json.gz")
		if err != nil {
			return nil, err
		}
		var topics []struct {
			Number int `json:"number"`
			Turn   []struct {
				Raw       string `json:"raw_utterance"`
				Manual    string `json:"manual_rewritten_utterance"`
				Automatic string `json:"automatic_rewritten_utterance"`
			} `json:"turn"`
		}
		if err := errors.Join(json.NewDecoder(r).Decode(&topics), r.Close()); err != nil {
			return nil, err
		}
		for _, topic := range topics {
			var messages []pointsman.Message
			for _, turn := range topic.Turn {
				messages = append(messages, pointsman.Message{Role: "user", Text: turn.Raw})
				above := turn.Manual
				if random.Float64() < errorRate {
					above = above[:len(above)/2]
				}
				all = append(all, given{
					example: dataset.Example{
						Messages: append([]pointsman.Message(nil), messages...), Reference: turn.Manual, Group: fmt.Sprint(topic.Number),
					},
					small: plain(turn.Automatic), largest: plain(above),
				})
			}
		}
	}
	p, err := judgedBy(pointsman.KindRewrite, pointsman.Contract{}, all, nil)
	if err == nil {
		p.price = 0.05
	}
	return p, err
}
