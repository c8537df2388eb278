package main

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tiny has the form of the source; the sentences are made up.
const tiny = `{
    "oos_val": [["never used", "oos"]],
    "val": [["never used either", "lights"]],
    "train": [["please turn on the lamp", "lights"], ["what's on tomorrow & after", "calendar"]],
    "oos_test": [["how tall is a giraffe", "oos"]],
    "test": [["lamp off", "lights"]],
    "oos_train": [["sing me <something>", "oos"]]
}`

func TestPrepare(t *testing.T) {
	data, out := t.TempDir(), filepath.Join(t.TempDir(), "deep", "out")
	write(t, filepath.Join(data, "clinc150", "data_full.json.gz"), tiny)
	r, err := prepare(data, out)
	if err != nil {
		t.Fatal(err)
	}
	if want := (report{Train: 3, Test: 2, OutOfScope: 2}); *r != want {
		t.Errorf("got %+v, want %+v", *r, want)
	}
	for name, want := range map[string]string{
		"train.jsonl": `{"id":"train-1","input":"please turn on the lamp","label":"lights"}
{"id":"train-2","input":"what's on tomorrow & after","label":"calendar"}
{"id":"oos_train-1","input":"sing me <something>","label":"oos"}
`,
		"test.jsonl": `{"id":"oos_test-1","input":"how tall is a giraffe","label":"oos"}
{"id":"test-1","input":"lamp off","label":"lights"}
`,
	} {
		got, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ source, want string }{
		"a missing part":    {`{"train": [], "oos_train": [], "test": []}`, `"oos_test" is missing`},
		"an unknown part":   {`{"dev": []}`, `unexpected part "dev"`},
		"a repeated part":   {`{"val": [], "val": []}`, `unexpected part "val"`},
		"a row of three":    {`{"train": [["a", "b", "c"]]}`, "train 1: want [text, label]"},
		"an empty text":     {`{"train": [["", "b"]]}`, "train 1: want [text, label]"},
		"something else":    {`[]`, "want {"},
		"half of an object": {`{"train": [["a", "b"]`, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			write(t, filepath.Join(data, "clinc150", "data_full.json.gz"), tt.source)
			_, err := prepare(data, t.TempDir())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := prepare(t.TempDir(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "no CLINC150 in the data folder") {
		t.Errorf("without data: %v", err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(path)
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
