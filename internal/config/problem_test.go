package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/rules"
)

const minimal = `version: 1
upstreams:
  on_premises: {type: openai, base_url: "http://127.0.0.1:11434/v1", location: self_hosted}
models:
  small: {upstream: on_premises}
tasks:
  chat:
    kind: open
    rules:
      - {name: one, when: 'stream && "it''s" == "x"', stakes: 2}
      - {name: two, when: "stream && \"\u00e9\" == \"x\"", stakes: 2}
      - name: three
        when: |
          stream
            && turns > 1
        stakes: 2
      - name: four
        when: >
          stream
          && turns > 1
        stakes: 2
    tiers: [{name: only, model: small}]
`

func parse(t *testing.T, src string) *config.Config {
	t.Helper()
	c, err := config.Parse("x.yaml", []byte(src), ".")
	if err != nil {
		t.Fatalf("\n%v", err)
	}
	return c
}

func refuse(t *testing.T, src string) config.Problems {
	t.Helper()
	_, err := config.Parse("x.yaml", []byte(src), ".")
	var problems config.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("not Problems: %v", err)
	}
	return problems
}

func TestProblemRendering(t *testing.T) {
	problems := refuse(t, strings.Replace(minimal, "    kind: open", "    kind: opne", 1))
	const want = `x.yaml:8:11: kind cannot be "opne"
    8 |     kind: opne
      |           ^
      hint: did you mean "open"?`
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(problems)
	if err != nil {
		t.Fatal(err)
	}
	const wantJSON = `[{"file":"x.yaml","line":8,"column":11,"path":"tasks.chat.kind","message":"kind cannot be \"opne\"","hint":"did you mean \"open\"?","source":"    kind: opne"}]`
	if diff := cmp.Diff(wantJSON, string(text)); diff != "" {
		t.Error(diff)
	}
	if text, _ := json.Marshal(config.Problems(nil)); string(text) != "[]" {
		t.Errorf("no problems: %s", text)
	}
}

// A tab before the place moves the caret as far as the terminal moves the
// text, and a very long line is shown around the place.
func TestProblemCaret(t *testing.T) {
	long := "version: 1\nupstreams: {" + strings.Repeat("a", 300) + ": {type: openai}, b: {typ: openai}}\n"
	for _, p := range refuse(t, long) {
		lines := strings.Split(p.Error(), "\n")
		if len(lines) < 3 || len([]rune(lines[1])) > 200 {
			t.Fatalf("%s", p.Error())
		}
		if strings.HasPrefix(p.Message, "unknown key") {
			at := strings.IndexRune(lines[2], '^')
			if got := string([]rune(lines[1])[at : at+3]); got != "typ" {
				t.Errorf("the caret is at %q\n%s", got, p.Error())
			}
		}
	}
}

// Sources that would take long to read or to show are refused soon, and a line
// that nobody could read is not shown.
func TestHugeSources(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"too many bytes":   {strings.Repeat("# x\n", 1<<18+1), "at most 1048576 are read"},
		"one long line":    {"a: " + strings.Repeat("x", 1<<20-10), "unknown key"},
		"nested lists":     {strings.Repeat("[", 500_000), "max depth"},
		"nested dashes":    {strings.Repeat("- ", 300_000), "max depth"},
		"many keys":        {"a: [" + strings.Repeat("{b: c}, ", 100_000) + "]", "more than 200000 values"},
		"nested too deep":  {"a: " + strings.Repeat("[", 100) + strings.Repeat("]", 100), "deeper than 64"},
		"a reference loop": {"a: &a [*a]", "deeper than 64"},
	} {
		problems := refuse(t, c.src)
		if !strings.Contains(problems.Error(), c.want) || len(problems.Error()) > 8<<10 {
			t.Errorf("%s: %.300s", name, problems.Error())
		}
	}
}

func TestProblemsAreErrors(t *testing.T) {
	err := fmt.Errorf("load: %w", refuse(t, "version: 2\n"))
	var pointer *config.Problems
	if !errors.Is(err, config.ErrInvalid) || pointsman.CodeOf(err) != pointsman.CodeConfig || !errors.As(err, &pointer) || len(*pointer) == 0 {
		t.Errorf("%v", err)
	}
}

// What another room finds later is shown where it stands, also inside of an
// expression, in every notation that YAML has for it.
func TestProblemOfAnotherRoom(t *testing.T) {
	c := parse(t, minimal)
	for _, one := range []struct {
		path string
		err  error
		want config.Position
	}{
		{config.At("tasks", pointsman.TaskID("chat"), "tiers", 0, "model"), errors.New("x"), config.Position{Line: 22, Column: 33}},
		{config.At("tasks", "chat", "tiers", 0, "timeout"), errors.New("not written"), config.Position{Line: 22, Column: 13}},
		{config.At("nowhere"), errors.New("x"), config.Position{Line: 1, Column: 1}},
		{config.At("tasks", "chat", "rules", 0, "when"), &rules.SyntaxError{Line: 1, Column: 11}, config.Position{Line: 10, Column: 38}},
		{config.At("tasks", "chat", "rules", 0, "when"), &rules.SyntaxError{Line: 1, Column: 17}, config.Position{Line: 10, Column: 45}},
		{config.At("tasks", "chat", "rules", 1, "when"), &rules.SyntaxError{Line: 1, Column: 15}, config.Position{Line: 11, Column: 49}},
		{config.At("tasks", "chat", "rules", 2, "when"), &rules.SyntaxError{Line: 2, Column: 6}, config.Position{Line: 15, Column: 16}},
		{config.At("tasks", "chat", "rules", 3, "when"), &rules.SyntaxError{Line: 1, Column: 6}, config.Position{Line: 18, Column: 15}},
		{config.At("tasks", "chat", "rules", 2, "when"), &rules.SyntaxError{Line: 99, Column: 6}, config.Position{Line: 13, Column: 15}},
		{config.At("tasks", "chat", "rules", 0, "when"), &rules.SyntaxError{Line: 1, Column: 999}, config.Position{Line: 10, Column: 27}},
	} {
		got := c.Problem(one.path, one.err)
		if len(got) != 1 || got[0].Position != one.want || !errors.Is(got, one.err) {
			t.Errorf("%s %+v: %+v, want %+v", one.path, one.err, got, one.want)
		}
	}
	hinted := c.Problem("tasks", &pointsman.Error{Message: "m", Hint: "do this"})
	if hinted[0].Hint != "do this" || hinted[0].Message != "m" {
		t.Errorf("%+v", hinted)
	}
	if again := c.Problem("models", fmt.Errorf("wrapped: %w", hinted)); again[0].Line != hinted[0].Line {
		t.Errorf("problems lost their place: %v", again)
	}
}

func TestAt(t *testing.T) {
	for want, steps := range map[string][]any{
		"":                      nil,
		"server.listen":         {"server", "listen"},
		"tasks.a.tiers[0].name": {"tasks", pointsman.TaskID("a"), "tiers", 0, "name"},
		`tasks["qwen2.5"].kind`: {"tasks", "qwen2.5", "kind"},
	} {
		if got := config.At(steps...); got != want {
			t.Errorf("%v: %s, want %s", steps, got, want)
		}
	}
	c := parse(t, strings.ReplaceAll(minimal, "chat:", "chat.v2:"))
	if p := c.Position(config.At("tasks", "chat.v2", "kind")); p != (config.Position{Line: 8, Column: 11}) {
		t.Errorf("a name with a dot: %+v", p)
	}
}

// Literal secrets are shown by no problem, not even by one about something
// else on the same line or about the syntax.
func TestSecretsAreMasked(t *testing.T) {
	for _, line := range []string{
		`  v: {type: opnai, api_key: hunter2-hunter2, location: managed}`,
		`  v: {type: openai, apikey: hunter2-hunter2, location: managed}`,
		`  v: {type: openai, api-key: "hunter2-hunter2", location: managed`,
		`  v: {type: openai, base_url: "https://u:hunter2-hunter2@x/v1", location: managd}`,
		`  v: {type: openai, base_url: "https://x/v1?k=hunter2-hunter2", location: managd}`,
		`  v: {type: openai, headers: {Authorization: Bearer hunter2-hunter2}, location: managd}`,
		`  v: {type: openai, headers: {X-Custom-Secret: hunter2-hunter2}, location: managd}`,
		`  v: {type: opnai, headers: [sk-hunter2-hunter2], location: managed}`,
		`  v: {type: openai, api_key: [hunter2-hunter2], location: managed}`,
		`  v: {type: openai, secret_key: hunter2-hunter2: x}`,
		"  v:\n    type: openai\n    api_key: |\n      hunter2-hunter2\n    location: managd",
		"  v:\n    type: openai\n    api_key:\n      hunter2-hunter2\n    location: managd",
	} {
		problems := refuse(t, "version: 1\nupstreams:\n"+line+"\n")
		text, err := json.Marshal(problems)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(problems.Error()+string(text), "hunter2") {
			t.Errorf("shown:\n%v", problems)
		}
	}
}

func TestProblemsAreSortedAndOnce(t *testing.T) {
	problems := refuse(t, "tasks: 1\nmodels: 1\nupstreams: 1\nversion: 2\nserver: {listen: x, listen: y, max_body: 1}\n")
	if !slices.IsSortedFunc(problems, func(a, b config.Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	}) {
		t.Errorf("%v", problems)
	}
}
