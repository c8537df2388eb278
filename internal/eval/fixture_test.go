package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/score"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// fake answers from a function, and counts how often each example was asked.
type fake struct {
	mu       sync.Mutex
	asked    map[string]int // by target and example
	identity string
	answer   func(t collect.Target, e *dataset.Example) (*collect.Result, error)
}

func (f *fake) Ask(ctx context.Context, t collect.Target, e *dataset.Example) (*collect.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	if f.asked == nil {
		f.asked = make(map[string]int)
	}
	f.asked[t.Name+"/"+e.ID]++
	f.mu.Unlock()
	return f.answer(t, e)
}

func (f *fake) Identity(t collect.Target) (pointsman.Digest, error) {
	return pointsman.DigestOf([]byte(f.identity + "/" + string(t.Tier))), nil
}

func (f *fake) calls() int {
	n := 0
	for _, k := range f.asked {
		n += k
	}
	return n
}

// answered is an answer with a label.
func answered(label string) *collect.Result {
	return &collect.Result{Text: label, Reading: pointsman.Reading{Valid: true, Label: label}, Status: 200, Latency: time.Millisecond}
}

// echo gives the right label for all but every tenth example.
func echo(_ collect.Target, e *dataset.Example) (*collect.Result, error) {
	if len(e.ID)%10 == 0 {
		return answered("wrong"), nil
	}
	return answered(e.Label), nil
}

func someExamples(n int) []dataset.Example {
	out := make([]dataset.Example, n)
	for i := range out {
		out[i] = dataset.Example{
			ID: fmt.Sprintf("e%d", i), Input: fmt.Sprintf("question %d", i), Label: []string{"yes", "no"}[i%2],
			Metadata: map[string]string{"language": []string{"de", "en", "fr"}[i%3]},
		}
	}
	return out
}

func labelPlan(examples []dataset.Example, a collect.Asker, targets ...collect.Target) Plan {
	if len(targets) == 0 {
		targets = []collect.Target{{Name: "small", Tier: "small"}}
	}
	return Plan{Name: "test", Task: "intent", Examples: dataset.All(examples), Targets: targets, Asker: a, Scorer: score.Label{}}
}

func options(t *testing.T) Options {
	t.Helper()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return Options{Dir: t.TempDir(), Workers: 4, Seed: 1, Now: func() time.Time { return at }}
}

func mustRun(t *testing.T, p Plan, o Options) *Report {
	t.Helper()
	r, err := Run(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var errBusy = errors.New("busy")

// manifest reads the manifest of a run's directory.
func manifest(t *testing.T, dir string) *Manifest {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	var m Manifest
	if err := json.Unmarshal(content, &m); err != nil || m.Format != 1 {
		t.Fatalf("manifest %+v, %v", m, err)
	}
	return &m
}
