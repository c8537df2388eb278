package config_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman/internal/config"
)

// Whatever the bytes, Parse either gives a configuration whose snapshot reads
// back the same, or problems with places in the file.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			if _, _, body := splitCorpus(readFuzz(f, file)); !strings.Contains(file, "laughs") {
				f.Add(body)
			}
		}
	}
	dir := f.TempDir() // no file that is named exists
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 64<<10 {
			return
		}
		c, err := config.Parse("x.yaml", src, dir)
		if err != nil {
			checkProblems(t, src, err)
			return
		}
		snapshot, digest := c.Snapshot()
		back, err := config.FromSnapshot(snapshot)
		if err != nil {
			t.Fatalf("%v\n%s", err, snapshot)
		}
		if _, same := back.Snapshot(); same != digest {
			t.Fatalf("another digest:\n%s", snapshot)
		}
		if diff := cmp.Diff(c.ResolveTasks(), back.ResolveTasks()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzFromSnapshot(f *testing.F) {
	for _, file := range []string{"minimal", "files", "everything"} {
		c, err := config.Load("testdata/good/" + file + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		snapshot, _ := c.Snapshot()
		f.Add(snapshot)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := config.FromSnapshot(src)
		if err != nil {
			checkProblems(t, src, err)
			return
		}
		first, digest := c.Snapshot()
		back, err := config.FromSnapshot(first)
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if _, same := back.Snapshot(); same != digest {
			t.Fatalf("another digest:\n%s", first)
		}
	})
}

func checkProblems(t *testing.T, src []byte, err error) {
	t.Helper()
	var problems config.Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("not Problems: %v", err)
	}
	lines := strings.Count(string(src), "\n") + strings.Count(string(src), "\r") + strings.Count(string(src), "\u0085") +
		strings.Count(string(src), "\u2028") + strings.Count(string(src), "\u2029") + 1
	for _, p := range problems {
		if p.Message == "" || p.Line < 1 || p.Line > lines+1 || p.Column < 1 || p.Error() == "" {
			t.Fatalf("%+v", p)
		}
	}
}

func readFuzz(f *testing.F, file string) []byte {
	f.Helper()
	content, err := readFile(file)
	if err != nil {
		f.Fatal(err)
	}
	return content
}
