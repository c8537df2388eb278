package dataset

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
)

// Conversations are read in OpenAI's form as in ours, and mean the same.
func TestMessages(t *testing.T) {
	for text, want := range map[string][]pointsman.Message{
		`[{"role":"user","content":"x"}]`: {{Role: "user", Text: "x"}},
		`[{"role":"user","text":"x"}]`:    {{Role: "user", Text: "x"}},
		`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`: {{Role: "user", Text: "a\nb"}},
		`[{"role":"user","content":[]},{"role":"assistant","content":null}]`:                  {{Role: "user"}, {Role: "assistant"}},
		`[{"role":"user","name":"ada","content":"x"}]`:                                        {{Role: "user", Text: "x"}},
		`[{"role":"tool","text":"42","tool_name":"sum","non_text":1}]`:                        {{Role: "tool", Text: "42", ToolName: "sum", NonText: 1}},
	} {
		e, err := Decode([]byte(`{"messages":` + text + `}`))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, e.Messages); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for text, want := range map[string]string{
		`{"role":"user"}`: `member "messages" is an object, want a list`,
		`["x"]`:           `messages[0]: it is a text`,
		`[{"role":7}]`:    `messages[0]: member "role" is a number`,
		`[{"role":"user","content":"x","text":"y"}]`:                                        `both "text" and "content"`,
		`[{"role":"user","content":7}]`:                                                     `messages[0]: member "content" is a number`,
		`[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://x"}}]}]`: `content[0] is a part of type "image_url"`,
		`[{"role":"assistant","tool_calls":[]}]`:                                            `unknown member "tool_calls"`,
		`[{"role":"user","content":"x"},{"role":"boss","content":"y"}]`:                     `messages[1] has the role "boss"`,
	} {
		_, err := Decode([]byte(`{"messages":` + text + `}`))
		var e *pointsman.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// A table whose header names members is read without saying more, and what it
// cannot mean is said.
func TestTablesByTheirHeader(t *testing.T) {
	got, err := Load(write(t, "x.csv", "\xef\xbb\xbfid, input ,label,fields.total,metadata.lang,want,principal\r\n1,\"a, b\",up,3.50,en,,app\r\n2,c,,,,\"{\"\"a\"\":1}\",\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Example{
		{ID: "1", Input: "a, b", Label: "up", Fields: map[string]string{"total": "3.50"}, Metadata: map[string]string{"lang": "en"}, Principal: "app"},
		{ID: "2", Input: "c", Want: []byte(`{"a":1}`)},
	}
	if diff := cmp.Diff(want, got, unplaced); diff != "" {
		t.Error(diff)
	}
	if got[0].Line != 2 || got[1].Line != 3 {
		t.Errorf("lines %d and %d", got[0].Line, got[1].Line)
	}
	for content, want := range map[string][2]string{
		"text,label\na,b\n":        {`:1: the column "text" is no member`, "--columns"},
		"input,lable\na,b\n":       {`:1: the column "lable" is no member`, `did you mean "label"?`},
		"input,label,input\na,b,c": {`:1: the column "input" is there twice`, ""},
		"label\nb\n":               {`:1: the table has no column "input"`, "--columns input=NAME"},
		"input,label\na,b,c\n":     {":2: the row has 3 columns, the first one 2", "quote"},
		"input,label\na\n":         {":2: the row has 1 columns, the first one 2", ""},
		"input,want\na,{\n":        {`:2: "want" is not JSON`, ""},
		"id,input\n1,a\n1,b\n":     {`:3: the id "1" is there twice`, "of its own"},
		"input,fields.\na,b\n":     {`the column "fields." is no member`, ""},
		"":                         {"the table is empty", ""},
	} {
		path := write(t, "bad.csv", content)
		_, err := Load(path)
		var e *pointsman.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Message, path) || !strings.Contains(e.Message, want[0]) || !strings.Contains(e.Hint, want[1]) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
	if _, err := Load(write(t, "short.tsv", "input\tlabel\na\n")); err == nil || !strings.Contains(err.Error(), ":2: the row has 1 columns") {
		t.Errorf("a short row of a TSV: %v", err)
	}
	if _, err := Load(write(t, "long.tsv", "input\tlabel\na\tb\tc\n")); err == nil || !strings.Contains(err.Error(), ":2: the row has 3 columns") {
		t.Errorf("a long row of a TSV: %v", err)
	}
}
