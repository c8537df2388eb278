package jsonl_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pointsman-ai/pointsman/internal/jsonl"
)

func TestReadFile(t *testing.T) {
	type value struct {
		N int `json:"n"`
	}
	refuse := errors.New("not that one")
	check := func(v *value) error {
		if v.N == 13 {
			return refuse
		}
		return nil
	}
	path := filepath.Join(t.TempDir(), "values.jsonl")
	if got, err := jsonl.ReadFile(path, 100, check); err != nil || got != nil {
		t.Errorf("a file that is not there: %v, %v", got, err)
	}
	for content, want := range map[string]int{ // the line that is wrong; 0 for none
		"{\"n\":1}\n\n{\"n\":2}": 0, "{\"n\":1}\n{\"n\":": 2, "{\"n\":13}\n": 1, "[]\n": 1,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := jsonl.ReadFile(path, 100, check)
		var wrong *jsonl.LineError
		switch {
		case want == 0 && (err != nil || !slices.Equal(got, []value{{1}, {2}})):
			t.Errorf("%q: %v, %v", content, got, err)
		case want > 0 && (!errors.As(err, &wrong) || wrong.Line != want):
			t.Errorf("%q: %v, want an error of line %d", content, err, want)
		}
	}
	var long *jsonl.TooLongError
	if _, err := jsonl.ReadFile(path, 1, check); !errors.As(err, &long) {
		t.Errorf("a line beyond the bound: %v", err)
	}
	if _, err := jsonl.ReadFile(t.TempDir(), 100, check); err == nil {
		t.Error("a folder is read as a file")
	}
}
