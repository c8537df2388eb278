package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
	"github.com/pointsman-ai/pointsman/internal/jsonl"
)

// Given is an answer that exists already, and what was said of it.
type Given struct {
	// Line is where it was read, from 1.
	Line int
	// Example is the id of the example that was asked; where it is empty, Input is
	// its text.
	Example, Input string
	Tier           pointsman.TierID
	Answer         pointsman.Answer
	// Cost is what it cost; nil where the tier's price says so.
	Cost *pointsman.Cost
	// Witnesses are what the task's witnesses said to the same request, in the order
	// in which they are asked; nil for one that was not.
	Witnesses []*string
	// Samples are further answers of the tier.
	Samples  []string
	Verdicts []GivenVerdict
}

// GivenVerdict is what a person or a judge said of a given answer.
type GivenVerdict struct {
	Source pointsman.LabelSource `json:"source"`
	By     string                `json:"by"`
	Right  *bool                 `json:"right"`
	Score  *float64              `json:"score"`
}

// givenLine is a line as it is written.
type givenLine struct {
	Example      string               `json:"example"`
	Input        string               `json:"input"`
	Tier         pointsman.TierID     `json:"tier"`
	Text         *string              `json:"text"`
	ToolCalls    []pointsman.ToolCall `json:"tool_calls"`
	FinishReason string               `json:"finish_reason"`
	Logprobs     givenLogprobs        `json:"logprobs"`
	Usage        *givenUsage          `json:"usage"`
	Cost         *string              `json:"cost"`
	LatencyMS    float64              `json:"latency_ms"`
	FirstTokenMS float64              `json:"first_token_ms"`
	Witnesses    []*string            `json:"witnesses"`
	Samples      []string             `json:"samples"`
	Verdicts     []GivenVerdict       `json:"verdicts"`
}

type givenUsage struct {
	Input       int `json:"input"`
	CachedInput int `json:"cached_input"`
	Output      int `json:"output"`
	Reasoning   int `json:"reasoning"`
}

// givenLogprobs are tokens as OpenAI's logprobs.content lists them.
type givenLogprobs []struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"` // the token again; not needed
	Top     []struct {
		Token   string  `json:"token"`
		Logprob float64 `json:"logprob"`
		Bytes   []int   `json:"bytes"`
	} `json:"top_logprobs"`
}

// problemsTold is how many wrong lines an error lists.
const problemsTold = 5

// ReadGiven reads answers from JSON Lines, all or none: the error lists the first
// lines that are wrong, each with the member.
func ReadGiven(r io.Reader, name string) ([]Given, error) {
	var out []Given
	var problems []string
	lines := jsonl.NewReader(r, maxRow)
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, invalid("write one JSON object a line", "%s: %v", name, err)
		}
		if line.Blank() {
			continue
		}
		g, err := decodeGiven(line.Data)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s:%d: %v", name, line.Number, err))
			continue
		}
		g.Line = line.Number
		out = append(out, *g)
	}
	if err := refused(problems); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, invalid("write one a line: {\"example\":\"…\",\"tier\":\"…\",\"text\":\"…\"}", "there are no answers in %s", name)
	}
	return out, nil
}

// refused is the error about lines that are wrong; nil where none is.
func refused(problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	told := strings.Join(problems[:min(len(problems), problemsTold)], "; ")
	if more := len(problems) - problemsTold; more > 0 {
		told += fmt.Sprintf("; and %d more", more)
	}
	return invalid("mend them and import the file again: nothing of it was kept. docs/answers.md describes the format", "%s", told)
}

func decodeGiven(data []byte) (*Given, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("the line is not UTF-8")
	}
	var l givenLine
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&l); err != nil {
		return nil, plainly(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows after the object")
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	return l.given()
}

// plainly says what is wrong with a line without the words of encoding/json.
func plainly(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return fmt.Errorf("member %q is of the wrong type (%s)", wrong.Field, wrong.Value)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the line is cut off: it ends in the middle of an object")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// check says which member is wrong.
func (l *givenLine) check() error {
	switch {
	case l.Example == "" && l.Input == "":
		return errors.New("member \"example\" is missing: name the example by its id, or its text as \"input\"")
	case l.Example != "" && l.Input != "":
		return errors.New("members \"example\" and \"input\": leave one of them out")
	case l.Tier == "":
		return errors.New("member \"tier\" is missing")
	case l.Text == nil && len(l.ToolCalls) == 0:
		return errors.New("member \"text\" is missing")
	case !(l.LatencyMS >= 0) || !(l.FirstTokenMS >= 0) || l.FirstTokenMS > l.LatencyMS || l.LatencyMS > maxMS:
		return fmt.Errorf("member \"latency_ms\": %v, and %v to the first token", l.LatencyMS, l.FirstTokenMS)
	}
	if u := l.Usage; u != nil && (u.Input < 0 || u.Output < 0 || u.CachedInput < 0 || u.CachedInput > u.Input || u.Reasoning < 0 || u.Reasoning > u.Output) {
		return fmt.Errorf("member \"usage\": %d tokens in with %d cached, %d out with %d for reasoning", u.Input, u.CachedInput, u.Output, u.Reasoning)
	}
	for i, t := range l.Logprobs {
		if t.Logprob > 0 {
			return fmt.Errorf("member \"logprobs[%d].logprob\": %v is the logarithm of no probability", i, t.Logprob)
		}
	}
	for i, c := range l.ToolCalls {
		if c.Name == "" {
			return fmt.Errorf("member \"tool_calls[%d].name\" is missing", i)
		}
	}
	for i, v := range l.Verdicts {
		if err := v.check(); err != nil {
			return fmt.Errorf("member \"verdicts[%d].%w", i, err)
		}
	}
	return nil
}

// maxMS bounds a latency: a year.
const maxMS = 365 * 24 * 3600 * 1000

func (v *GivenVerdict) check() error {
	switch {
	case v.Source != pointsman.LabelsPeople && v.Source != pointsman.LabelsJudge:
		return fmt.Errorf("source\": %q, want people or judge", excerpt.Of(string(v.Source), 40))
	case v.By == "":
		return errors.New("by\" is missing: who said it")
	case v.Right == nil:
		return errors.New("right\" is missing: true or false")
	case v.Score != nil && !(*v.Score >= 0 && *v.Score <= 1):
		return fmt.Errorf("score\": %v, want 0 to 1", *v.Score)
	}
	return nil
}

// given is a line that was checked as an answer.
func (l *givenLine) given() (*Given, error) {
	g := &Given{Example: l.Example, Input: l.Input, Tier: l.Tier, Witnesses: l.Witnesses, Samples: l.Samples, Verdicts: l.Verdicts}
	a := &g.Answer
	if l.Text != nil {
		a.Text = *l.Text
	}
	a.ToolCalls, a.FinishReason = l.ToolCalls, l.FinishReason
	a.Latency = time.Duration(l.LatencyMS * float64(time.Millisecond))
	a.FirstToken = time.Duration(l.FirstTokenMS * float64(time.Millisecond))
	if u := l.Usage; u != nil {
		a.Usage = pointsman.Usage{Known: true, Input: u.Input, CachedInput: u.CachedInput, Output: u.Output, Reasoning: u.Reasoning}
	}
	for _, t := range l.Logprobs {
		one := pointsman.TokenLogprob{Token: t.Token, Logprob: t.Logprob}
		for _, top := range t.Top {
			one.Top = append(one.Top, pointsman.TopLogprob{Token: top.Token, Logprob: top.Logprob})
		}
		a.Logprobs = append(a.Logprobs, one)
	}
	if l.Cost == nil {
		return g, nil
	}
	amount, err := pointsman.ParseMoney(*l.Cost)
	if err == nil && amount < 0 {
		err = errors.New("it is negative")
	}
	if err != nil {
		return nil, fmt.Errorf("member \"cost\": %w", err)
	}
	cost := pointsman.KnownCost(amount)
	g.Cost = &cost
	return g, nil
}
