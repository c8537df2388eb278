// Command prepare turns the recorded answers of MMLU-Pro into what pointsman's
// own commands read: three recordings, one for each model, and two datasets.
//
//	go run ./examples/mmlu-pro/prepare DATA OUT
//
// DATA is the folder that holds mmlu_pro/; OUT is made where it is missing. The
// sources are read as streams, side by side, so that memory does not grow with
// them. A report of what was written, and of where the contract reads an answer
// otherwise than its source did, goes to stdout as one JSON object.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/dialect"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/upstream/recorded"
)

// calibrationSize is the number of questions to fit and calibrate with; all
// others are for the test.
const calibrationSize = 4000

// voice is a model whose answers are recorded, under the name that
// pointsman.yaml sends.
type voice struct {
	role  string // of the recording's file
	name  string // as pointsman.yaml names it to the upstream
	files string // as the source's files and columns name it
}

var voices = []voice{
	{"small", "Llama-3.1-8B-Instruct", "Meta-Llama-3_1-8B-Instruct"},
	{"large", "Llama-3.1-70B-Instruct", "Meta-Llama-3_1-70B-Instruct"},
	{"witness", "Phi-3-mini-4k-instruct", "Phi-3-mini-4k-instruct"},
}

// The contract of the task in pointsman.yaml.
var answerContract = pointsman.Contract{
	Labels:  []string{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J"},
	Pattern: `answer is \(?([A-J])\)?`,
}

// tally is what reading a model's answers through the contract came to, beside
// what the source says of them.
type tally struct {
	// SourceCorrect counts the source's column `correct`, Correct the answers
	// whose letter, as the contract reads it, is the right one.
	SourceCorrect int `json:"source_correct"`
	Correct       int `json:"correct"`
	// Unreadable answers name no letter in the form that was asked for. Loose
	// are those of them in which the source found one by a looser rule, down to
	// the last capital letter of the text; LooseCorrect are those of these that
	// it counted as correct.
	Unreadable   int `json:"unreadable"`
	Loose        int `json:"loose"`
	LooseCorrect int `json:"loose_correct"`
	// OtherLetter counts answers that name several letters, where the source
	// took the first and the contract takes the last.
	OtherLetter int `json:"other_letter"`
	// Disagreements counts answers that are correct for one and not for the
	// other, whatever the reason.
	Disagreements int `json:"correct_disagreements"`
}

type report struct {
	Questions int               `json:"questions"`
	Repeated  int               `json:"repeated"` // questions that stand in the source again, word for word
	Calibrate int               `json:"calibrate"`
	Test      int               `json:"test"`
	Models    map[string]*tally `json:"models"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run ./examples/mmlu-pro/prepare DATA OUT")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	r, err := prepare(ctx, os.Args[1], os.Args[2], calibrationSize)
	stop()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare:", err)
		os.Exit(1)
	}
}

// prepare writes recordings and datasets of everything in data to out. What an
// earlier run left there is replaced.
func prepare(ctx context.Context, data, out string, calibrate int) (_ *report, err error) {
	source := filepath.Join(data, "mmlu_pro")
	if _, err := os.Stat(source); err != nil {
		return nil, fmt.Errorf("no MMLU-Pro in the data folder: %w", err)
	}
	groups, err := readGroups(source)
	if err != nil {
		return nil, err
	}
	forCalibration, err := split(groups, calibrate)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(out, "recordings"), 0o755); err != nil {
		return nil, err
	}
	reading, err := contract.Compile(pointsman.KindClassify, answerContract)
	if err != nil {
		return nil, err
	}
	w, err := newOutput(out)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	r := &report{Models: map[string]*tally{}}
	for _, v := range voices {
		r.Models[v.role] = &tally{}
	}
	texts := newTexts()
	err = eachQuestion(source, func(q *question) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		input, repeated := texts.of(q)
		r.Questions++
		if repeated {
			r.Repeated++
		}
		for i, v := range voices {
			if err := w.answer(i, q.ID, input, q.Answers[i].Text); err != nil {
				return fmt.Errorf("question %d: %s: %w", q.ID, v.role, err)
			}
			r.Models[v.role].add(q, q.Answers[i], reading.Read(q.Answers[i].Text, input))
		}
		part := &w.test
		if forCalibration[q.group()] {
			part = &w.calibrate
			r.Calibrate++
		} else {
			r.Test++
		}
		if err := part.write(q, input); err != nil {
			return err
		}
		return w.outcome(q)
	})
	return r, err
}

func (t *tally) add(q *question, a answered, read pointsman.Reading) {
	right := read.Valid && read.Label == q.Letter
	if a.Correct {
		t.SourceCorrect++
	}
	if right {
		t.Correct++
	}
	if right != a.Correct {
		t.Disagreements++
	}
	switch {
	case !read.Valid:
		t.Unreadable++
		if a.Letter != "" {
			t.Loose++
			if a.Correct {
				t.LooseCorrect++
			}
		}
	case read.Label != a.Letter:
		t.OtherLetter++
	}
}

// body is the request that an eval sends for an input.
func body(input string) ([]byte, error) {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	return json.Marshal(map[string]any{"model": "mmlu", "messages": []message{{"user", input}}})
}

// tokens estimates a number of tokens: the source counts none. Four bytes a
// token is the usual rule of thumb for English.
func tokens(text string) int { return (len(text) + 3) / 4 }

// completion is the recorded answer, as a vendor would have sent it. What the
// source does not say is left out: the finish reason and the time it took.
func completion(id int, v voice, input, text string) (*pointsman.Answer, error) {
	return chat.ParseAnswer(chat.Build(chat.Completion{
		ID: fmt.Sprintf("mmlu-pro-%d", id), Model: v.name, Text: text,
		Usage: pointsman.Usage{Known: true, Input: tokens(input), Output: tokens(text)},
	}))
}

// record puts an answer on record under the request that the gateway will send
// to the model.
func record(w *recorded.Writer, v voice, id int, input, text string) error {
	request, err := body(input)
	if err != nil {
		return err
	}
	if request, err = chat.Rewrite(request, dialect.Outgoing{Model: v.name, Params: params}); err != nil {
		return err
	}
	answer, err := completion(id, v, input, text)
	if err != nil {
		return err
	}
	return w.Put(request, answer)
}

// params are the members of the request that every tier of pointsman.yaml sets:
// the source's answers were decoded greedily.
var params = map[string]string{"temperature": "0"}
