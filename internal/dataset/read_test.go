package dataset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pointsman-ai/pointsman"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// unplaced leaves out where an example stands in its file.
var unplaced = cmpopts.IgnoreFields(Example{}, "Line")

func TestLoad(t *testing.T) {
	content := "\xef\xbb\xbf" + `{"id":"a","input":"wake me","label":"alarm","metadata":{"language":"en"},"group":"g","tags":["x"]}` + "\r\n\n" +
		`{"messages":[{"role":"system","text":"be brief"},{"role":"user","text":"total?"},{"role":"assistant","text":"?"}],"want":{"b":[1.0],"a":null},"label":null}`
	got, err := Load(write(t, "x.jsonl", content))
	if err != nil {
		t.Fatal(err)
	}
	want := []Example{
		{ID: "a", Input: "wake me", Label: "alarm", Metadata: map[string]string{"language": "en"}, Group: "g", Tags: []string{"x"}},
		{
			Messages: []pointsman.Message{{Role: "system", Text: "be brief"}, {Role: "user", Text: "total?"}, {Role: "assistant", Text: "?"}},
			Want:     []byte(`{"b":[1.0],"a":null}`),
		},
	}
	want[1].ID = want[1].Digest().Short()
	if diff := cmp.Diff(want, got, unplaced); diff != "" {
		t.Error(diff)
	}
	if got[1].Text() != "total?" || got[0].Cluster() != "g" || got[1].Cluster() != got[1].ID {
		t.Errorf("%q %q", got[1].Text(), got[1].Cluster())
	}
}

func TestErrorsNameFileAndLine(t *testing.T) {
	cases := map[string]struct{ content, want, hint string }{
		"misspelt":      {`{"inptu":"x"}`, `:1: unknown member "inptu"`, `did you mean "input"?`},
		"another tool":  {`{"text":"x"}`, `:1: unknown member "text"`, `did you mean "input"?`},
		"nothing near":  {`{"zzzzzzzz":"x"}`, `:1: unknown member "zzzzzzzz"`, `known: id, input,`},
		"second line":   {"{\"input\":\"x\"}\n{\"input\":7}\n", `:2: member "input" is a number, want a text`, ""},
		"metadata":      {`{"input":"x","metadata":{"n":1}}`, `want an object whose values are texts`, ""},
		"twice":         {`{"input":"x","input":"y"}`, `the member "input" is there twice`, ""},
		"content":       {`{"messages":[{"role":"user","cnotent":"x"}]}`, `messages[0]: unknown member "cnotent"`, "role and content"},
		"role":          {`{"messages":[{"role":"usr","text":"x"}]}`, `messages[0] has the role "usr"`, `did you mean "user"?`},
		"empty":         {`{}`, `the example asks nothing`, "input"},
		"both":          {`{"input":"x","messages":[{"role":"user","text":"x"}]}`, `both "input" and "messages"`, ""},
		"both wanted":   {`{"input":"x","fields":{"a":"b"},"want":{}}`, `both "fields" and "want"`, ""},
		"list":          {`["input"]`, `not a JSON object`, "one JSON object a line"},
		"two objects":   {`{"input":"x"} {"input":"y"}`, `more follows`, "one JSON object a line"},
		"not JSON":      {"{\"input\":\"x\"}\n{\"input\" \"y\"}\n", `:2: not JSON`, ""},
		"cut off":       {"{\"input\":\"x\"}\n{\"input\":\"y\",\"la", `:2: the last line is cut off`, "write the file again"},
		"not UTF-8":     {"{\"input\":\"\xff\"}\n", `:1: the line is not UTF-8`, "UTF-8"},
		"too long":      {`{"input":"` + strings.Repeat("x", MaxLine) + `"}`, `:1: the line is longer than 8388608 bytes`, "split"},
		"damaged zip":   {"\x1f\x8b\x08\x00", `:1: the compressed file is cut off`, "write the file again"},
		"no such thing": {"\x1f\x8bnonsense!", `:1: the compressed file is damaged`, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := write(t, "x.jsonl", c.content)
			_, err := Load(path)
			var e *pointsman.Error
			if !errors.As(err, &e) || e.Code != pointsman.CodeInvalid {
				t.Fatalf("error %v", err)
			}
			if !strings.HasPrefix(e.Message, path+":") || !strings.Contains(e.Message, c.want) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); pointsman.CodeOf(err) != pointsman.CodeNotFound {
		t.Errorf("error %v", err)
	}
}

func TestLoadRefusesTheSameIDTwice(t *testing.T) {
	if _, err := Load(write(t, "x.jsonl", "{\"id\":\"a\",\"input\":\"x\"}\n{\"id\":\"a\",\"input\":\"y\"}\n")); err == nil || !strings.Contains(err.Error(), `"a" is there twice`) {
		t.Error(err)
	}
	// Without ids the same content may stand twice, and is one group.
	got, err := Load(write(t, "x.jsonl", "{\"input\":\"x\"}\n{\"input\":\"x\"}\n"))
	if err != nil || len(got) != 2 || got[0].Cluster() != got[1].Cluster() {
		t.Error(got, err)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	examples := []Example{
		{ID: "1", Input: "a < b & \"c\"\nd", Reference: "x", Fields: map[string]string{"b": "2", "a": "1"}},
		{ID: "2", Messages: []pointsman.Message{{Role: "user", Text: "hé", NonText: 1}}, Want: []byte(`{"a":1}`)},
	}
	var plain, zipped bytes.Buffer
	w := NewWriter(&plain)
	for _, e := range examples {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(Example{}); err == nil {
		t.Error("an example that asks nothing was written")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(plain.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"x.jsonl": plain.String(), "x.jsonl.gz": zipped.String()} {
		got, err := Load(write(t, name, content))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(examples, got, unplaced); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCutOffGzipIsNoticed(t *testing.T) {
	var content bytes.Buffer
	zipped := gzip.NewWriter(&content)
	if _, err := zipped.Write([]byte(strings.Repeat("{\"input\":\"x\"}\n", 100))); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	path := write(t, "x.jsonl", content.String()[:content.Len()-6])
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "the compressed file is cut off") {
		t.Error(err)
	}
}

func TestReadingStopsWhereTheReaderStops(t *testing.T) {
	path := write(t, "x.jsonl", "{\"input\":\"x\"}\n{\"broken\n")
	for e, err := range Read(path) {
		if err != nil || e.Input != "x" {
			t.Fatal(e, err)
		}
		break
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("{\"id\":\"a\",\"input\":\"x\",\"label\":\"l\",\"metadata\":{\"a\":\"b\"},\"tags\":[\"t\"]}\n"))
	f.Add([]byte("{\"messages\":[{\"role\":\"user\",\"text\":\"x\",\"non_text\":2,\"tool_name\":\"t\"}],\"want\":{\"a\":[1,null,\"\\ud800\"]}}"))
	f.Add([]byte("{\"input\":\"x\",\"fields\":{\"\":\"\"},\"want\":null}\n\n{\"input\":\"\\u0000\"}"))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, content []byte) {
		var out bytes.Buffer
		w := NewWriter(&out)
		var examples []Example
		for e, err := range ReadFrom(bytes.NewReader(content), "fuzz") {
			if err != nil {
				return
			}
			if err := w.Write(e); err != nil {
				t.Fatalf("read but not written: %v", err)
			}
			examples = append(examples, e)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for e, err := range ReadFrom(&out, "again") {
			if err != nil {
				t.Fatalf("written but not read: %v", err)
			}
			if e.Digest() != examples[n].Digest() || e.AskedDigest() != examples[n].AskedDigest() || e.ID != examples[n].ID {
				t.Fatalf("%+v became %+v", examples[n], e)
			}
			n++
		}
		if n != len(examples) {
			t.Fatalf("%d of %d came back", n, len(examples))
		}
	})
}
