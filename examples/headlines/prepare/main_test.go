package main

import (
	"compress/gzip"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/dataset"
)

func TestPrepare(t *testing.T) {
	data, out := t.TempDir(), filepath.Join(t.TempDir(), "deep", "out")
	// The form of the source; the headlines are made up.
	write(t, filepath.Join(data, "frugalgpt_headlines", "train.csv.gz"),
		"\"Q: gold climbs 2%, to $1,300\nA:\",up,17\n\"Q: silver & gold <flat>\nA:\",neutral,4\n")
	write(t, filepath.Join(data, "frugalgpt_headlines", "test.csv.gz"),
		"\"Q: \"\"safe haven\"\" sinks\nA:\",down,5\n")
	r, err := prepare(data, out)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]int{"up": 1, "down": 1, "neutral": 1}; r.Train != 2 || r.Test != 1 || !maps.Equal(r.Labels, want) {
		t.Errorf("got %+v", *r)
	}
	for name, want := range map[string]string{
		"train.jsonl": `{"id":"train-17","input":"Q: gold climbs 2%, to $1,300\nA:","label":"up"}
{"id":"train-4","input":"Q: silver & gold <flat>\nA:","label":"neutral"}
`,
		"test.jsonl": `{"id":"test-5","input":"Q: \"safe haven\" sinks\nA:","label":"down"}
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
	if _, err := prepare(t.TempDir(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "no HEADLINES in the data folder") {
		t.Errorf("without data: %v", err)
	}
	for name, source := range map[string]string{"two columns": "a,up\n", "no label": "a,,1\n", "a stray quote": "a\"b,up,1\n"} {
		t.Run(name, func(t *testing.T) {
			if _, err := convert(strings.NewReader(source), dataset.NewWriter(io.Discard), "train", map[string]int{}); err == nil {
				t.Error("nothing was wrong with it")
			}
		})
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
