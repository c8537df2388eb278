package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream"
	"github.com/pointsman-ai/pointsman/internal/upstream/recorded"
)

// source is a tiny source in the form of the real one. The questions and the
// answers are made up.
type source struct{ questions, outcomes, small, large, witness string }

func tiny() source {
	return source{
		questions: `{"question_id": 7, "category": "music", "question": "How many strings has a cello?", "options": ["Three", "Four <4>"], "answer": "B"}
{"question_id": 8, "category": "music", "question": "Which is the lowest?", "options": ["Bass", "Alto", "Tenor"], "answer": "A"}
{"question_id": 9, "category": "music", "question": "How many strings has a cello?", "options": ["Three", "Four <4>"], "answer": "B"}
`,
		// The columns of a fourth model are not looked at.
		outcomes: "question_id,category,answer," +
			"Meta-Llama-3_1-70B-Instruct|pred,Meta-Llama-3_1-70B-Instruct|correct," +
			"Other|pred,Other|correct," +
			"Meta-Llama-3_1-8B-Instruct|pred,Meta-Llama-3_1-8B-Instruct|correct," +
			"Phi-3-mini-4k-instruct|pred,Phi-3-mini-4k-instruct|correct\n" +
			"7,music,B,B,1,A,0,B,1,B,1\n" +
			"8,music,A,A,1,A,1,A,1,,0\n" +
			"9,music,B,A,0,A,0,A,0,A,0\n",
		small: `{"question_id": 7, "pred": "B", "output": " A cello has four. The answer is (B).\n\n"}
{"question_id": 8, "pred": "A", "output": " I cannot say"}
{"question_id": 9, "pred": "A", "output": "The answer is A. No: the answer is (B)."}
`,
		large: `{"question_id": 7, "pred": "B", "output": "The answer is (B)."}
{"question_id": 8, "pred": "A", "output": "The answer is (A)."}
{"question_id": 9, "pred": "A", "output": "The answer is (A)."}
`,
		witness: `{"question_id": 7, "pred": "B", "output": "The answer is (B)."}
{"question_id": 8, "pred": "", "output": ""}
{"question_id": 9, "pred": "A", "output": "The answer is (A)."}
`,
	}
}

func (s source) write(t *testing.T) (data string) {
	t.Helper()
	data = t.TempDir()
	dir := filepath.Join(data, "mmlu_pro")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"questions.jsonl.gz":                           s.questions,
		"mmlu_pro_outcomes.csv.gz":                     s.outcomes,
		"outputs_Meta-Llama-3_1-8B-Instruct.jsonl.gz":  s.small,
		"outputs_Meta-Llama-3_1-70B-Instruct.jsonl.gz": s.large,
		"outputs_Phi-3-mini-4k-instruct.jsonl.gz":      s.witness,
	} {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		z := gzip.NewWriter(file)
		if _, err := z.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

func TestPrepare(t *testing.T) {
	data, out := tiny().write(t), t.TempDir()
	for range 2 { // a second run replaces what the first one left
		r, err := prepare(t.Context(), data, out, 1)
		if err != nil {
			t.Fatal(err)
		}
		want := &report{
			Questions: 3, Repeated: 1, Calibrate: 1, Test: 2,
			Models: map[string]*tally{
				"small":   {SourceCorrect: 2, Correct: 2, Unreadable: 1, Loose: 1, LooseCorrect: 1, OtherLetter: 1, Disagreements: 2},
				"large":   {SourceCorrect: 2, Correct: 2},
				"witness": {SourceCorrect: 1, Correct: 1, Unreadable: 1},
			},
		}
		if diff := cmp.Diff(want, r); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	}
	test, err := dataset.Load(filepath.Join(out, "test.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	const cello = "Category: music\n\nHow many strings has a cello?\n\nA. Three\nB. Four <4>"
	music := map[string]string{"category": "music"}
	want := []dataset.Example{
		{ID: "q7", Input: cello, Label: "B", Metadata: music, Group: test[0].Group},
		{ID: "q9", Input: cello + "\n\n(Question 9)", Label: "B", Metadata: music, Group: test[0].Group},
	}
	if diff := cmp.Diff(want, test, cmpopts.IgnoreFields(dataset.Example{}, "Line")); diff != "" {
		t.Errorf("one wording on one side (-want +got):\n%s", diff)
	}
	fit, err := dataset.Load(filepath.Join(out, "calibrate.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(fit) != 1 || fit[0].ID != "q8" || fit[0].Group == test[0].Group {
		t.Errorf("calibrate: %+v", fit)
	}
	var outcomes []struct {
		ID      string
		Correct map[string]bool
	}
	readLines(t, filepath.Join(out, "outcomes.jsonl"), &outcomes)
	if len(outcomes) != 3 || outcomes[2].ID != "q9" || outcomes[2].Correct["small"] || !outcomes[1].Correct["small"] {
		t.Errorf("outcomes: %+v", outcomes)
	}
}

// TestRecordingsFitTheConfiguration asks the recordings what the gateway would
// ask them under pointsman.yaml.
func TestRecordingsFitTheConfiguration(t *testing.T) {
	data, out := tiny().write(t), t.TempDir()
	if _, err := prepare(t.Context(), data, out, 1); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join("..", "pointsman.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(out, "pointsman.yaml")
	if err := os.WriteFile(path, source, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	task := c.ResolveTasks()[0]
	if diff := cmp.Diff(answerContract, task.Contract); diff != "" {
		t.Errorf("contract of the configuration (-prepare +pointsman.yaml):\n%s", diff)
	}
	input := "Category: music\n\nHow many strings has a cello?\n\nA. Three\nB. Four <4>"
	for i, tier := range append(slices.Clone(task.Tiers), task.Witnesses...) {
		model := c.Models[tier.Variant.Model]
		recording, err := recorded.Open(c.Upstreams[model.Upstream].Recording.String(), recorded.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer recording.Close()
		request, err := json.Marshal(map[string]any{
			"messages": []map[string]string{{"content": input, "role": "user"}},
			"model":    "mmlu", "metadata": map[string]string{"category": "music"},
		})
		if err != nil {
			t.Fatal(err)
		}
		request, err = chat.Rewrite(request, dialect.Outgoing{Model: model.Name, System: tier.Variant.Prompt.System, Params: tier.Variant.Params})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := recording.Complete(t.Context(), upstream.Call{Body: request, Model: model.Name, Input: input})
		if err != nil {
			t.Fatalf("%s: %v", tier.ID, err)
		}
		want := []string{" A cello has four. The answer is (B).\n\n", "The answer is (B).", "The answer is (B)."}[i]
		if answer.Text != want {
			t.Errorf("%s: %q, want %q", tier.ID, answer.Text, want)
		}
		if want := (pointsman.Usage{Known: true, Input: (len(input) + 3) / 4, Output: (len(want) + 3) / 4}); answer.Usage != want {
			t.Errorf("%s: usage %+v, want %+v", tier.ID, answer.Usage, want)
		}
		if cost := tier.Price.Cost(answer.Usage); !cost.Known {
			t.Errorf("%s: the price is unknown", tier.ID)
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	replace := func(field func(*source) *string, was, is string) source {
		s := tiny()
		f := field(&s)
		if !strings.Contains(*f, was) {
			panic(was)
		}
		*f = strings.Replace(*f, was, is, 1)
		return s
	}
	small := func(s *source) *string { return &s.small }
	outcomes := func(s *source) *string { return &s.outcomes }
	questions := func(s *source) *string { return &s.questions }
	for name, tt := range map[string]struct {
		source source
		want   string
	}{
		"answers in another order": {replace(small, `"question_id": 8`, `"question_id": 9`), "want question 8, got 9"},
		"an answer too many":       {replace(small, "(B).\"}\n", "(B).\"}\n{}"), "more answers than questions"},
		"an answer too few":        {replace(small, tiny().small[strings.LastIndex(tiny().small, `{"question_id": 9`):], ""), "question 9: EOF"},
		"another right letter":     {replace(outcomes, "8,music,A", "8,music,B"), "want question 8 with answer A"},
		"a column that is missing": {replace(outcomes, "Phi-3-mini-4k-instruct|pred", "Phi"), "no columns"},
		"a row too many":           {replace(outcomes, "9,music,B,A,0,A,0,A,0,A,0\n", "9,music,B,A,0,A,0,A,0,A,0\n10,music,B,A,0,A,0,A,0,A,0\n"), "more rows than questions"},
		"correct without reason":   {replace(outcomes, "7,music,B,B,1", "7,music,B,A,1"), `letter "A" with correct "1"`},
		"one option":               {replace(questions, `["Bass", "Alto", "Tenor"]`, `["Bass"]`), "line 2: want a question with 2 to 10 options"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := prepare(t.Context(), tt.source.write(t), t.TempDir(), 1)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := prepare(t.Context(), t.TempDir(), t.TempDir(), 1); err == nil || !strings.Contains(err.Error(), "no MMLU-Pro in the data folder") {
		t.Errorf("without data: %v", err)
	}
	if _, err := prepare(t.Context(), tiny().write(t), t.TempDir(), 4); err == nil || !strings.Contains(err.Error(), "1 questions too few") {
		t.Errorf("without enough data: %v", err)
	}
}

// TestSplit: groups stay whole, exactly as many questions as are wanted are
// taken, and few change sides when others are added.
func TestSplit(t *testing.T) {
	groups := map[string]int{}
	for i := range 500 {
		groups[(&question{Text: fmt.Sprint(i)}).group()] = 1 + i%3/2
	}
	chosen, err := split(groups, 100)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for g := range chosen {
		n += groups[g]
	}
	if n != 100 {
		t.Errorf("%d questions, want 100", n)
	}
	for range 50 {
		groups[(&question{Text: fmt.Sprint("other", len(groups))}).group()] = 1
	}
	more, err := split(groups, 100)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for g := range more {
		if chosen[g] {
			kept++
		}
	}
	if kept < len(chosen)*8/10 {
		t.Errorf("%d of %d groups kept their side", kept, len(chosen))
	}
}

func readLines[T any](t *testing.T, path string, out *[]T) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		*out = append(*out, v)
	}
}
