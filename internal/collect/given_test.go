package collect_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// An imported answer is measured as the same answer of a tier is, and nobody is
// asked for it again.
func TestImportedAnswersAreMeasuredAsAskedOnes(t *testing.T) {
	small, large, witness := &counted{fixed: fixed{text: "yes"}}, &counted{fixed: fixed{text: "no"}}, &counted{fixed: fixed{text: "yes"}}
	a := &collect.Tiers{Task: ruled(t, small, large, witness), Now: time.Now}
	e := questions()[0]
	asked, err := a.Ask(t.Context(), collect.Target{Name: "small", Tier: "small"}, &e)
	if err != nil {
		t.Fatal(err)
	}
	lines := `{"example":"1","tier":"small","text":"yes","witnesses":["yes"],"cost":"0.002","finish_reason":"` + asked.Decision.Attempts[0].FinishReason + `"}` + "\n" +
		`{"example":"1","tier":"large","text":"no"}` + "\n"
	given, err := collect.ReadGiven(strings.NewReader(lines), "x")
	if err != nil {
		t.Fatal(err)
	}
	placed, err := a.Place(questions(), given, "x")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "answers.jsonl")
	store, err := collect.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Put(questions(), placed, store)
	if err != nil || r.Kept != 2 || r.Missing["small"] != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for row, err := range collect.Read(path) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Target != "small" {
			continue
		}
		got, want := row.Result.Decision, asked.Decision
		if !reflect.DeepEqual(signalsOf(t, got), signalsOf(t, want)) || got.Attempts[0].Reading.Label != want.Attempts[0].Reading.Label {
			t.Errorf("measured %v, want %v", signalsOf(t, got), signalsOf(t, want))
		}
		if got.Attempts[0].Cost != pointsman.KnownCost(2*pointsman.Dollar/1000) {
			t.Errorf("cost %v", got.Attempts[0].Cost)
		}
	}
	small.take()
	if store, err = collect.Open(path); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	outcomes(t, a, store, a.Targets()...)
	if asked := small.take(); len(asked) != 4 {
		t.Errorf("the small tier was asked %q", asked)
	}
}

func signalsOf(t *testing.T, d pointsman.Decision) string {
	t.Helper()
	out, err := json.Marshal([]pointsman.Signals{d.Request, d.Attempts[0].Signals})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Of a file with one wrong line nothing is taken, and each wrong line is named
// with its member.
func TestWrongAnswersAreRefused(t *testing.T) {
	good := `{"example":"1","tier":"small","text":"yes"}`
	for line, want := range map[string]string{
		`{`:                              "x:2: the line is cut off",
		`[]`:                             "x:2: cannot unmarshal array",
		`{"tier":"small","text":"yes"}`:  `member "example" is missing`,
		`{"example":"1","text":"yes"}`:   `member "tier" is missing`,
		`{"example":"1","tier":"small"}`: `member "text" is missing`,
		`{"example":"1","input":"a","tier":"small","text":"yes"}`:                                                     `leave one of them out`,
		`{"example":"1","tier":"small","text":"yes","cost":"1e3"}`:                                                    `member "cost"`,
		`{"example":"1","tier":"small","text":"yes","cost":"-1"}`:                                                     `member "cost"`,
		`{"example":"1","tier":"small","text":"yes","latency_ms":-1}`:                                                 `member "latency_ms"`,
		`{"example":"1","tier":"small","text":"yes","usage":{"input":1,"cached_input":2}}`:                            `member "usage"`,
		`{"example":"1","tier":"small","text":"yes","logprobs":[{"token":"a","logprob":0.5}]}`:                        `member "logprobs[0].logprob"`,
		`{"example":"1","tier":"small","tool_calls":[{"arguments":"{}"}]}`:                                            `member "tool_calls[0].name"`,
		`{"example":"1","tier":"small","text":"yes","verdicts":[{"source":"god","by":"x","right":true}]}`:             `member "verdicts[0].source"`,
		`{"example":"1","tier":"small","text":"yes","verdicts":[{"source":"judge","by":"x"}]}`:                        `member "verdicts[0].right"`,
		`{"example":"1","tier":"small","text":"yes","verdicts":[{"source":"judge","by":"x","right":true,"score":2}]}`: `member "verdicts[0].score"`,
		good + good: "more follows",
	} {
		_, err := collect.ReadGiven(strings.NewReader(good+"\n"+line+"\n"), "x")
		var told *pointsman.Error
		if !errors.As(err, &told) || !strings.Contains(told.Message, want) || !strings.Contains(told.Message, "x:2: ") || told.Hint == "" {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// Every example of the page on answers is read, and names every member.
func TestThePageOnAnswersIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/answers.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```jsonl\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	if len(blocks) == 0 {
		t.Error("there is no example")
	}
	for _, b := range blocks {
		if given, err := collect.ReadGiven(strings.NewReader(b[1]), "answers.md"); err != nil || len(given) != strings.Count(b[1], "\n") {
			t.Errorf("%d answers, %v", len(given), err)
		}
	}
	for _, member := range []string{
		"example", "input", "tier", "text", "tool_calls", "finish_reason", "logprobs", "usage", "cost", "latency_ms", "first_token_ms", "witnesses", "samples", "verdicts",
	} {
		if !strings.Contains(string(page), "`"+member+"`") {
			t.Errorf("the member %q is not described", member)
		}
	}
}

func FuzzReadGiven(f *testing.F) {
	f.Add(`{"example":"1","tier":"small","text":"yes","logprobs":[{"token":"a","logprob":-0.5,"top_logprobs":[]}],"verdicts":[{"source":"judge","by":"x","right":true}]}`)
	f.Add("{}\n\n{")
	f.Fuzz(func(t *testing.T, lines string) {
		given, err := collect.ReadGiven(strings.NewReader(lines), "x")
		if (err == nil) != (len(given) > 0) {
			t.Errorf("%d answers, %v", len(given), err)
		}
	})
}

func TestDistinct(t *testing.T) {
	all := append(questions(), questions()...)
	all[7].ID = "another name"
	if got := collect.Distinct(all); !reflect.DeepEqual(got, questions()) {
		t.Errorf("%v", got)
	}
	if got := collect.Distinct([]dataset.Example{}); got != nil {
		t.Errorf("%v", got)
	}
}
