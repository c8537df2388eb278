package datadir_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/datadir"
)

// The layout is what an installed data directory has: changing a path loses
// what lies there.
func TestLayout(t *testing.T) {
	d := datadir.Dir("data")
	digest := pointsman.DigestOf(nil)
	for got, want := range map[string]string{
		d.Journal():               "data/journal",
		d.Index():                 "data/index.sqlite",
		d.Artefact(digest):        "data/artefacts/e3/" + digest.Hex(),
		d.Active():                "data/active",
		d.ActivePolicy("support"): "data/active/support",
		d.Answers("support"):      "data/answers/support.jsonl",
		d.Run("support", digest):  "data/runs/support-e3b0c44298fc",
	} {
		if filepath.ToSlash(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestATasksNameStaysInItsDirectory(t *testing.T) {
	d := datadir.Dir("data")
	seen := map[string]pointsman.TaskID{}
	for _, task := range []pointsman.TaskID{"support", "../../escape", "a/b", "a%2fb", "é", "..", ""} {
		path := d.ActivePolicy(task)
		if rest, in := strings.CutPrefix(path, d.Active()); !in || strings.ContainsAny(strings.TrimPrefix(rest, string(filepath.Separator)), `/\.`) {
			t.Errorf("%q: %s", task, path)
		}
		if other, taken := seen[path]; taken {
			t.Errorf("%q and %q share %s", task, other, path)
		}
		seen[path] = task
	}
}
