package eval

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/progress"
)

// The environment of the process that a test kills.
const (
	childDir  = "POINTSMAN_EVAL_CHILD_DIR"
	childMost = "POINTSMAN_EVAL_CHILD_MOST"
)

// stopper prints a line for each result that was written, and stops the run after
// most of them until its standard input ends: it must not finish before it is
// killed.
type stopper struct {
	progress.Silent
	most int
}

func (r *stopper) Add(int) {
	fmt.Println("written")
	if r.most--; r.most == 0 {
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
}

// child runs an evaluation that prints what it has written, until it is
// killed.
func child(dir string) {
	most, err := strconv.Atoi(os.Getenv(childMost))
	if err == nil {
		_, err = Run(context.Background(), labelPlan(someExamples(2000), &fake{answer: echo}), Options{Dir: dir, Workers: 3, Progress: &stopper{most: most}})
	}
	fmt.Println("error: not killed:", err)
	os.Exit(1)
}

// A run that is killed several times loses nothing that it has written, asks
// nothing twice, and ends with the report of a run that was never killed.
func TestKilledRunGoesOn(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := options(t)
	written := 0
	for _, enough := range []int{200, 600, 1000} {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), childDir+"="+o.Dir, childMost+"="+strconv.Itoa(enough+300))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		seen := 0
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "error") {
				t.Fatal(lines.Text())
			}
			if seen++; seen == enough {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || seen < enough {
			t.Fatalf("it ended by itself after %d results: %v", seen, err)
		}
		_ = in.Close()               // the process is gone
		written = max(written, seen) // rows of earlier rounds count in each
	}

	f := &fake{answer: echo}
	got := mustRun(t, labelPlan(someExamples(2000), f), o)
	if got.Reused < written || got.Asked != f.calls() || got.Asked+got.Reused != 2000 || got.Asked == 0 {
		t.Errorf("%d were written; asked %d, reused %d", written, got.Asked, got.Reused)
	}
	t.Logf("killed 3 times, %d reused, %d asked at last", got.Reused, got.Asked)
	keys := map[string]int{}
	for row, err := range collect.Read(filepath.Join(o.Dir, ResultsFile)) {
		if err != nil {
			t.Fatal(err)
		}
		keys[string(row.Key)]++
	}
	if len(keys) != 2000 {
		t.Errorf("%d different rows", len(keys))
	}
	for k, n := range keys {
		if n != 1 {
			t.Errorf("%s was asked %d times", k, n)
		}
	}

	whole := options(t)
	want := mustRun(t, labelPlan(someExamples(2000), f), whole)
	want.Asked, want.Reused, got.Asked, got.Reused = 0, 0, 0, 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A line that was torn at any place is cut off, and only it is asked again.
func TestTornLineIsCutOff(t *testing.T) {
	o := options(t)
	examples := someExamples(3)
	mustRun(t, labelPlan(examples, &fake{answer: echo}), o)
	path := filepath.Join(o.Dir, ResultsFile)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := strings.LastIndexByte(strings.TrimSuffix(string(content), "\n"), '\n') + 1
	for cut := last + 1; cut < len(content); cut += 7 {
		if err := os.WriteFile(path, content[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		r := mustRun(t, labelPlan(examples, &fake{answer: echo}), o)
		if r.Asked != 1 || r.Reused != 2 {
			t.Fatalf("cut at %d: asked %d, reused %d", cut, r.Asked, r.Reused)
		}
	}
}

// A line that was changed is noticed, said and asked again.
func TestDamagedLineIsAskedAgain(t *testing.T) {
	o := options(t)
	examples := someExamples(3)
	mustRun(t, labelPlan(examples, &fake{answer: echo}), o)
	path := filepath.Join(o.Dir, ResultsFile)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[strings.Index(string(content), `"text":"`)+8] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	r := mustRun(t, labelPlan(examples, &fake{answer: echo}), o)
	if r.Asked != 1 || len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "1 damaged line") {
		t.Errorf("asked %d, notes %q", r.Asked, r.Notes)
	}
	damaged := 0
	for _, err := range collect.Read(filepath.Join(o.Dir, ResultsFile)) {
		if err != nil {
			damaged++
		}
	}
	if damaged != 1 {
		t.Errorf("%d damaged rows", damaged)
	}
}
