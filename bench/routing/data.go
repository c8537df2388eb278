package main

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/jsonl"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/student"
)

// item is one recorded request with the answers of both tiers.
type item struct {
	id              string
	question        int // of MMLU-Pro
	prompt          string
	small           string            // the small tier's text; empty where none is on record
	answer          *pointsman.Answer // where more than its text is on record
	reading         pointsman.Reading
	witness         *signal.Beside
	right, largest  bool
	largestHasValid bool
}

// open reads a gzipped file of the data folder.
func open(root string, parts ...string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(append([]string{root}, parts...)...))
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

// table reads a CSV file without its header.
func table(root string, parts ...string) ([][]string, error) {
	r, err := open(root, parts...)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	rows, err := c.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(parts...), err)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("%s has no rows", filepath.Join(parts...))
	}
	return rows[1:], nil
}

// lines decodes JSON Lines.
func lines[T any](root string, each func(T) error, parts ...string) error {
	r, err := open(root, parts...)
	if err != nil {
		return err
	}
	defer r.Close()
	for all := jsonl.NewReader(r, 16<<20); ; {
		line, err := all.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var one T
		if err == nil {
			err = json.Unmarshal(line.Data, &one)
		}
		if err == nil {
			err = each(one)
		}
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", filepath.Join(parts...), all.Number(), err)
		}
	}
}

// routellm reads a set of RouteLLM: Mixtral-8x7B below, GPT-4 above. Answers are
// read through the contract of GSM8K, "#### n", as a gateway must; whether they are
// right is as published.
func routellm(root, file string, answers bool) ([]item, error) {
	rows, err := table(root, "routellm", file)
	if err != nil {
		return nil, err
	}
	reader, err := contract.Compile(pointsman.KindOpen, pointsman.Contract{Pattern: `####\s*\$?(-?[0-9][0-9,]*(?:\.[0-9]+)?)`})
	if err != nil {
		return nil, err
	}
	out := make([]item, 0, len(rows))
	for i, row := range rows {
		one := item{id: fmt.Sprint(i), prompt: row[0], right: row[1] == "1", largest: row[2] == "1", reading: pointsman.Reading{Valid: true}, largestHasValid: true}
		if answers {
			one.small = row[3]
			one.reading = reader.Read(one.small, one.prompt)
		}
		out = append(out, one)
	}
	return out, nil
}

// mmluPro reads MMLU-Pro: Llama-3.1-8B below, 70B above, Phi-3-mini as witness
// where there is one.
func mmluPro(witness bool) func(root string) ([]item, error) {
	return func(root string) ([]item, error) { return readMMLUPro(root, witness) }
}

// readMMLUPro reads answers through the contract, as a gateway must.
func readMMLUPro(root string, witness bool) ([]item, error) {
	reader, err := contract.Compile(pointsman.KindClassify, pointsman.Contract{
		Labels: strings.Split("ABCDEFGHIJ", ""), Pattern: `answer is \(?([A-J])\)?`,
	})
	if err != nil {
		return nil, err
	}
	type output struct {
		ID     int    `json:"question_id"`
		Output string `json:"output"`
	}
	type question struct {
		ID       int      `json:"question_id"`
		Question string   `json:"question"`
		Options  []string `json:"options"`
		Answer   string   `json:"answer"`
	}
	texts := map[string]map[int]string{}
	for _, model := range []string{"Meta-Llama-3_1-8B-Instruct", "Meta-Llama-3_1-70B-Instruct", "Phi-3-mini-4k-instruct"} {
		texts[model] = map[int]string{}
		if err := lines(root, func(o output) error { texts[model][o.ID] = o.Output; return nil }, "mmlu_pro", "outputs_"+model+".jsonl.gz"); err != nil {
			return nil, err
		}
	}
	var out []item
	err = lines(root, func(q question) error {
		var prompt strings.Builder
		prompt.WriteString(q.Question)
		for i, o := range q.Options {
			fmt.Fprintf(&prompt, "\n%c. %s", 'A'+i, o)
		}
		small, okSmall := texts["Meta-Llama-3_1-8B-Instruct"][q.ID]
		large, okLarge := texts["Meta-Llama-3_1-70B-Instruct"][q.ID]
		phi, okPhi := texts["Phi-3-mini-4k-instruct"][q.ID]
		if !okSmall || !okLarge || !okPhi {
			return nil // 10 questions lack an output of one model
		}
		one := item{id: fmt.Sprint(q.ID, "-", len(out)), question: q.ID, prompt: prompt.String(), small: small, reading: reader.Read(small, prompt.String())}
		largest := reader.Read(large, "")
		if witness {
			one.witness = &signal.Beside{Witnesses: []*signal.Witness{{Answer: &pointsman.Answer{Text: phi}, Reading: reader.Read(phi, "")}}}
		}
		one.right, one.largest, one.largestHasValid = one.reading.Valid && one.reading.Label == q.Answer, largest.Valid && largest.Label == q.Answer, largest.Valid
		out = append(out, one)
		return nil
	}, "mmlu_pro", "questions.jsonl.gz")
	return out, err
}

// clincSets reads CLINC150: pairs of a text and its label, by part.
func clincSets(root string) (sets map[string][][2]string, err error) {
	r, err := open(root, "clinc150", "data_full.json.gz")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	err = json.NewDecoder(r).Decode(&sets)
	return sets, err
}

// clinc reads CLINC150 with a student below, distilled from a large tier that is
// simulated: the truth with 3 % seeded errors.
func clinc(root string) ([]item, error) {
	sets, err := clincSets(root)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, one := range sets["train"] {
		seen[one[1]] = true
	}
	labels := slices.Sorted(maps.Keys(seen))
	random := rand.New(rand.NewPCG(150, 3))
	large := func(truth string) string {
		if random.Float64() >= 0.03 {
			return truth
		}
		for {
			if wrong := labels[random.IntN(len(labels))]; wrong != truth {
				return wrong
			}
		}
	}
	var examples []student.Example
	for _, one := range sets["train"] {
		examples = append(examples, student.Example{Text: one[0], Label: large(one[1])})
	}
	model, err := student.Train(context.Background(), examples, student.Large(), nil)
	if err != nil {
		return nil, err
	}
	answers, err := serve(model)
	if err != nil {
		return nil, err
	}
	var out []item
	for _, one := range slices.Concat(sets["val"], sets["test"]) {
		answer, err := answers(one[0])
		if err != nil {
			return nil, err
		}
		out = append(out, item{
			id: fmt.Sprint(len(out)), prompt: one[0], small: answer.Text, answer: answer,
			reading: pointsman.Reading{Valid: true, Label: answer.Text}, right: answer.Text == one[1],
			largest: large(one[1]) == one[1], largestHasValid: true,
		})
	}
	return out, nil
}
