package calibrate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/calibrate"
	"github.com/pointsman-ai/pointsman/internal/call/calltest"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/progress"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake answers with what its function says of an input, and counts.
type fake struct {
	answer func(input string) (text string, p float64, err error)
	asked  func() // before each answer; may be nil

	mu    sync.Mutex
	calls []string
}

func (*fake) Dialect() pointsman.Dialect { return pointsman.DialectChat }

func (f *fake) Complete(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	f.mu.Lock()
	f.calls = append(f.calls, call.Input)
	f.mu.Unlock()
	if f.asked != nil {
		f.asked()
	}
	if ctx.Err() != nil {
		return nil, upstream.FromContext(ctx, ctx.Err())
	}
	text, p, err := f.answer(call.Input)
	if err != nil {
		return nil, err
	}
	return chat.ParseAnswer(chat.Build(chat.Completion{
		ID: "x", Model: call.Model, Text: text, FinishReason: "stop", Usage: pointsman.Usage{Known: true, Input: 100, Output: 1},
		Logprobs: []pointsman.TokenLogprob{{Token: text, Logprob: math.Log(p)}},
	}))
}

func (f *fake) Stream(context.Context, upstream.Call) (upstream.Stream, error) {
	return nil, upstream.Fail(upstream.ErrRejected, "calibration does not stream")
}

// reset forgets the calls so far and says how many they were.
func (f *fake) reset() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.calls)
	f.calls = nil
	return n
}

// The synthetic task: is a number's parcel or refund meant? The large tier
// knows; the small one knows where the case is easy, and else guesses
// "parcel", unsure.
func truth(n int) string { return []string{"parcel", "refund"}[n%2] }

func number(input string) (n int) {
	_, _ = fmt.Sscanf(input[strings.LastIndexByte(input, ' ')+1:], "%d", &n) // 0 where there is none
	return n
}

func knows(input string) (string, float64, error) { return truth(number(input)), 0.99, nil }

func guesses(input string) (string, float64, error) {
	if n := number(input); n%5 != 0 {
		return truth(n), 0.90 + float64(n%9)/100, nil
	}
	return "parcel", 0.51, nil
}

func examples(n int) []dataset.Example {
	out := make([]dataset.Example, n)
	for i := range out {
		out[i] = dataset.Example{ID: fmt.Sprint(i), Input: fmt.Sprintf("what is meant by case %d", i), Label: truth(i)}
	}
	return out
}

type permit []pointsman.TierID

func (p permit) Apply(*pointsman.Request) pointsman.RuleEffect {
	return pointsman.RuleEffect{Permitted: p, Stakes: 1}
}

type bench struct {
	small, large *fake
	options      calibrate.Options
}

func newBench(t *testing.T, n int) *bench {
	t.Helper()
	w := &bench{small: &fake{answer: guesses}, large: &fake{answer: knows}}
	task := &cascade.Task{
		ID: "desk", Kind: pointsman.KindClassify, Contract: pointsman.Contract{Labels: []string{"parcel", "refund"}},
		Target: pointsman.Target{Retain: 0.8, Confidence: 0.9},
		Rules:  permit{"small", "large"},
	}
	for _, one := range []struct {
		id    pointsman.TierID
		u     upstream.Upstream
		price pointsman.Money
	}{{"small", w.small, 1}, {"large", w.large, 10}} {
		v := pointsman.Variant{Model: pointsman.ModelID(one.id)}
		task.Tiers = append(task.Tiers, cascade.Tier{
			Tier: calltest.Tier(pointsman.Tier{
				ID: one.id, Variant: v, Timeout: time.Minute,
				Price: pointsman.Price{Known: true, Input: one.price * pointsman.Dollar, Output: one.price * pointsman.Dollar},
			}, one.u),
			Digest: v.Digest(),
		})
	}
	dir := t.TempDir()
	w.options = calibrate.Options{
		Task: task, Examples: examples(n), Store: artefact.Open(dir), Seed: 1, Workers: 4, Progress: progress.Silent{},
		Now:   func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
		Cache: filepath.Join(dir, "answers", "desk.jsonl"),
	}
	w.read(t, task.Contract)
	return w
}

// read sets the task's contract.
func (w *bench) read(t *testing.T, c pointsman.Contract) {
	t.Helper()
	compiled, err := contract.Compile(pointsman.KindClassify, c)
	if err != nil {
		t.Fatal(err)
	}
	w.options.Task.Reader, w.options.Task.Contract = compiled, c
}

func (w *bench) run(t *testing.T) (*policy.Policy, *calibrate.Report) {
	t.Helper()
	p, r, err := calibrate.Run(t.Context(), w.options)
	if err != nil {
		t.Fatal(err)
	}
	return p, r
}

func TestFromExamplesToAPolicy(t *testing.T) {
	const n = 160
	w := newBench(t, n)
	p, r := w.run(t)
	if r.Task != "desk" || r.Examples != n || len(r.Skipped) != 0 || r.Reused != 0 || r.Calibration == nil {
		t.Errorf("%+v", r)
	}
	if small, large := w.small.reset(), w.large.reset(); small != n || large != n {
		t.Errorf("asked %d and %d times, want %d", small, large, n)
	}
	// 101 tokens at 1 and at 10 dollars a million.
	if want := pointsman.KnownCost(n * 101 * 11 * 1000); r.Cost != want {
		t.Errorf("cost %v, want %v", r.Cost, want)
	}
	// What was stored is the policy, and what it names is there.
	content, err := w.options.Store.Get(r.Policy)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := policy.Unmarshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := p.Digest(); err != nil || d != r.Policy {
		t.Errorf("%s, %v: reported as %s", d, err, r.Policy)
	}
	if err := stored.Matches(w.options.Task.Terms()); err != nil || stored.Task != "desk" || !stored.Created.Equal(w.options.Now()) || stored.Target.Retain != w.options.Task.Target.Retain {
		t.Errorf("%v: %+v", err, stored)
	}
	if !stored.Certified() {
		t.Error("the small tier is right where it is sure, and yet nothing is certified")
	}
	if len(stored.Students) == 0 || stored.Students[len(stored.Students)-1].Name != "label" && stored.Students[0].Name != "judge:small" {
		t.Errorf("students %+v, none because %q", stored.Students, r.NoStudents)
	}
	for i, s := range stored.Students {
		if content, err = w.options.Store.Get(s.Digest); err != nil {
			t.Fatal(err)
		}
		if _, err := student.Unmarshal(content); err != nil {
			t.Errorf("student %s: %v", s.Name, err)
		}
		if i > 0 && stored.Students[i-1].Name >= s.Name {
			t.Errorf("students are not in order: %+v", stored.Students)
		}
	}
	// To fit is not to put in force.
	if _, err := w.options.Store.Active("desk"); !errors.Is(err, artefact.ErrNotFound) {
		t.Errorf("active: %v", err)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}

	// A second run asks nothing, costs nothing and comes to the same policy.
	w.options.Workers = 1
	_, again := w.run(t)
	if again.Policy != r.Policy || again.Reused != 2*n || again.Cost != pointsman.KnownCost(0) || w.small.reset()+w.large.reset() != 0 {
		t.Errorf("%+v", again)
	}
}

// The cache outlives a process that was killed while it wrote: a half-written
// last line is cut off and asked again, nothing else is lost, and the file is
// whole afterwards.
func TestTornCache(t *testing.T) {
	const n = 100
	for name, c := range map[string]struct {
		tear  func(content []byte) []byte
		asked int
	}{
		"half a line more":              {func(b []byte) []byte { return append(b, `{"key":"0123`...) }, 0},
		"the last line's end is gone":   {func(b []byte) []byte { return b[:len(b)-1] }, 1},
		"half of the last line is gone": {func(b []byte) []byte { return b[:len(b)-40] }, 1},
		"a line of garbage":             {func(b []byte) []byte { return append([]byte("garbage\n{}\n[]\n"), b...) }, 0},
		"everything is gone":            {func([]byte) []byte { return nil }, 2 * n},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBench(t, n)
			_, first := w.run(t)
			w.small.reset()
			w.large.reset()
			whole, err := os.ReadFile(w.options.Cache)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(w.options.Cache, c.tear(bytes.Clone(whole)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, second := w.run(t)
			if asked := w.small.reset() + w.large.reset(); asked != c.asked || second.Reused != 2*n-asked || second.Policy != first.Policy {
				t.Errorf("asked %d times, want %d; %+v", asked, c.asked, second)
			}
			if _, third := w.run(t); third.Reused != 2*n || w.small.reset()+w.large.reset() != 0 {
				t.Errorf("the cache is not whole again: %d reused", third.Reused)
			}
			mended, err := os.ReadFile(w.options.Cache)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Count(mended, []byte(`"key":`)) != 2*n || mended[len(mended)-1] != '\n' {
				t.Errorf("%d lines, want %d", bytes.Count(mended, []byte("\n")), 2*n)
			}
		})
	}
}

// Answers that an earlier version of the program kept, in lines of another
// form, are used and not asked again.
func TestAnswersOfAnEarlierVersionAreUsed(t *testing.T) {
	const n = 100
	w := newBench(t, n)
	_, first := w.run(t)
	var old bytes.Buffer
	for row, err := range collect.Read(w.options.Cache) {
		if err != nil {
			t.Fatal(err)
		}
		d, variant := row.Result.Decision, w.options.Task.Variants()[0]
		if row.Target == "large" {
			variant = w.options.Task.Variants()[1]
		}
		line, err := json.Marshal(map[string]any{
			"key": pointsman.DigestOf([]byte(variant + row.Digest)).Hex(), "request": d.Request, "signals": d.Attempts[0].Signals,
			"reading": row.Result.Reading, "text": row.Result.Text, "cost": d.Cost,
		})
		if err != nil {
			t.Fatal(err)
		}
		old.Write(append(line, '\n'))
	}
	if err := os.WriteFile(w.options.Cache, old.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.small.reset()
	w.large.reset()
	if _, second := w.run(t); second.Reused != 2*n || second.Policy != first.Policy || w.small.reset()+w.large.reset() != 0 {
		t.Errorf("%d reused, policy %s, want %s", second.Reused, second.Policy, first.Policy)
	}
}

// Two calibrations of one task at once would ask, and pay for, everything
// twice.
func TestOneCalibrationAtATime(t *testing.T) {
	w := newBench(t, 100)
	store, err := collect.Open(w.options.Cache)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := calibrate.Run(t.Context(), w.options); pointsman.CodeOf(err) != pointsman.CodeUnavailable || w.small.reset() != 0 {
		t.Errorf("%v", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	w.run(t)
}

func TestWithoutACacheEverythingIsAskedAgain(t *testing.T) {
	const n = 100
	w := newBench(t, n)
	_, first := w.run(t)
	w.options.Cache, w.options.Workers = "", 1
	w.small.reset()
	_, fresh := w.run(t)
	if fresh.Policy != first.Policy || fresh.Reused != 0 || fresh.Cost != first.Cost || w.small.reset() != n {
		t.Errorf("%+v", fresh)
	}
}

// A changed variant is asked again, and only it.
func TestTheCacheKnowsVariants(t *testing.T) {
	const n = 100
	w := newBench(t, n)
	w.run(t)
	w.small.reset()
	w.large.reset()
	one := &w.options.Task.Tiers[0]
	one.Variant.Prompt.System = "Think."
	one.Digest = one.Variant.Digest()
	_, r := w.run(t)
	if small, large := w.small.reset(), w.large.reset(); small != n || large != 0 || r.Reused != n {
		t.Errorf("asked %d and %d times, %d reused", small, large, r.Reused)
	}
}

// An answer in the cache is read through the contract of today. An owner whose
// contract reads nothing from the answers mends it and calibrates again; the
// answers are the same, and what is read from them is not.
func TestTheCacheDoesNotKeepAnOldContractsReading(t *testing.T) {
	w := newBench(t, 100)
	labels := w.options.Task.Contract.Labels
	w.read(t, pointsman.Contract{Labels: labels, Pattern: `answer is (\w+)`}) // no answer says that
	if _, _, err := calibrate.Run(t.Context(), w.options); pointsman.CodeOf(err) != pointsman.CodeInvalid {
		t.Fatalf("%v, want nothing to learn from", err)
	}
	w.read(t, pointsman.Contract{Labels: labels})
	if _, _, err := calibrate.Run(t.Context(), w.options); err != nil {
		t.Errorf("with the contract mended: %v", err)
	}
}

func TestAFailedTierIsAskedAgain(t *testing.T) {
	const n = 120
	w := newBench(t, n)
	down := true
	w.small.answer = func(input string) (string, float64, error) {
		if down && number(input)%4 == 0 {
			return "", 0, upstream.Fail(upstream.ErrUnavailable, "refused")
		}
		return guesses(input)
	}
	notes := &notebook{}
	w.options.Progress = notes
	_, r := w.run(t)
	if r.Examples != n || len(r.Skipped) != 0 || !r.Cost.Known {
		t.Errorf("a failed answer is a known failure, at no cost: %+v", r)
	}
	// The first failures are told at once, the others counted.
	if len(notes.notes) != 4 || !strings.Contains(notes.notes[1], "tier small failed: upstream unavailable: refused") {
		t.Errorf("%d notes: %q", len(notes.notes), notes.notes)
	}
	if !maps.Equal(r.Failed, map[pointsman.TierID]int{"small": n / 4}) {
		t.Errorf("failed %v", r.Failed)
	}
	down = false
	w.small.reset()
	w.large.reset()
	_, again := w.run(t)
	if small, large := w.small.reset(), w.large.reset(); small != n/4 || large != 0 || again.Reused != 2*n-n/4 {
		t.Errorf("asked %d and %d times, %d reused", small, large, again.Reused)
	}
	// What a time-out cost nobody knows, and so nobody knows the sum.
	w = newBench(t, n)
	w.small.answer = func(input string) (string, float64, error) {
		if number(input) == 7 {
			return "", 0, upstream.ErrTimeout
		}
		return guesses(input)
	}
	if _, r := w.run(t); r.Cost.Known {
		t.Errorf("cost %v", r.Cost)
	}
}

// notebook keeps notes, and checks that starts and ends go together.
type notebook struct {
	progress.Silent
	mu    sync.Mutex
	notes []string
}

func (n *notebook) Note(message string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes = append(n.notes, message)
}

// Repeats are asked once and count as often as they are there.
func TestRepeatsCountAndUnlabelledAreSkipped(t *testing.T) {
	const n = 100
	w := newBench(t, n)
	twice, bare := w.options.Examples[7], w.options.Examples[8]
	twice.ID = "another id" // the content is what counts
	bare.ID, bare.Input, bare.Label = "bare", "what is meant by case 108", ""
	w.options.Examples = append(w.options.Examples, twice, bare, twice, bare)
	_, r := w.run(t)
	if r.Examples != n+2 || r.Repeated != 2 || len(r.Skipped) != 1 || r.Skipped["the example has no label"] != 2 {
		t.Errorf("%d examples, %d repeated, skipped %v", r.Examples, r.Repeated, r.Skipped)
	}
	if got := w.small.reset(); got != n {
		t.Errorf("asked %d times, want %d", got, n)
	}
	for i := range w.options.Examples {
		w.options.Examples[i].Label = ""
	}
	_, _, err := calibrate.Run(t.Context(), w.options)
	var told *pointsman.Error
	if !errors.As(err, &told) || told.Code != pointsman.CodeInvalid || !strings.Contains(told.Hint, "the example has no label") {
		t.Errorf("nothing but unlabelled examples: %v", err)
	}
}

// private forbids the large tier what is about health, and pins what is urgent.
type private struct{ permit }

func (p private) Apply(r *pointsman.Request) pointsman.RuleEffect {
	effect := p.permit.Apply(r)
	switch r.Metadata["class"] {
	case "health":
		effect.Fired, effect.Permitted = []string{"private"}, []pointsman.TierID{"small"}
	case "urgent":
		effect.Fired, effect.Pin = []string{"urgent"}, "large"
	}
	return effect
}

// The owner's rules bind calibration: what they keep from a tier is put to none,
// counted, and no part of what the policy is fitted and certified on.
func TestCalibrationObeysTheRules(t *testing.T) {
	const n = 160
	w := newBench(t, n)
	w.options.Task.Rules = private{permit{"small", "large"}}
	for i := range w.options.Examples {
		switch {
		case i < 40:
			w.options.Examples[i].Metadata = map[string]string{"class": "health"}
		case i < 50:
			w.options.Examples[i].Metadata = map[string]string{"class": "urgent"}
		}
	}
	_, r := w.run(t)
	for name, f := range map[string]*fake{"small": w.small, "large": w.large} {
		for _, input := range f.calls {
			if number(input) < 50 {
				t.Errorf("the %s tier was asked %q", name, input)
			}
		}
		if asked := f.reset(); asked != n-50 {
			t.Errorf("the %s tier was asked %d times, want %d", name, asked, n-50)
		}
	}
	want := map[string]int{"the owner's rules (private) forbid tier large": 40, "the owner's rules (urgent) pin it to tier large": 10}
	if !maps.Equal(r.Excluded, want) || r.Examples != n-50 || r.Calibration.FitN+r.Calibration.CertifyN != n-50 {
		t.Errorf("excluded %v of %d examples", r.Excluded, r.Examples)
	}
}

func TestCancelledRunGoesOn(t *testing.T) {
	const n, after = 120, 50
	w := newBench(t, n)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	calls := 0
	w.large.asked = func() {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == after {
			cancel()
		}
	}
	p, _, err := calibrate.Run(ctx, w.options)
	if !errors.Is(err, context.Canceled) || p != nil {
		t.Fatalf("%v", err)
	}
	content, err := os.ReadFile(w.options.Cache)
	if err != nil {
		t.Fatal(err)
	}
	kept := bytes.Count(content, []byte("\n"))
	if asked := w.small.reset() + w.large.reset(); kept == 0 || kept > asked || asked > 2*after+2*w.options.Workers {
		t.Errorf("%d answers kept of %d asked for", kept, asked)
	}
	if strings.Contains(string(content), `"failed":true`) {
		t.Error("what was cut off is kept as a failure")
	}
	w.large.asked = nil
	_, r := w.run(t)
	if asked := w.small.reset() + w.large.reset(); r.Reused != kept || asked != 2*n-kept || r.Examples != n {
		t.Errorf("%d reused, %d asked, want %d and %d", r.Reused, asked, kept, 2*n-kept)
	}
}

func TestWhatCannotBeFitted(t *testing.T) {
	for _, c := range []struct {
		name    string
		n       int
		change  func(w *bench)
		message string
		hint    string
		free    bool // it is said before anything is asked
	}{
		{"a single tier", 100, func(w *bench) { w.options.Task.Tiers = w.options.Task.Tiers[:1] }, "task desk has a single tier: there is nothing to decide", "larger tier", true},
		{
			"too few examples", 10, func(*bench) {},
			"there are too few examples to calibrate with: 10 of 10 can be used, 5 of them to fit and 5 independent ones to certify",
			"to promise quality of 0.8 with 90 % confidence takes at least 20 examples to fit and 14 independent ones to certify, and more where quality is lost: give about 44. Nothing was asked", true,
		},
		{"no examples", 0, func(*bench) {}, "there are too few examples to calibrate with: 0 of 0 can be used, 0 of them to fit and 0 independent ones to certify", "give about 44", true},
		{
			"too few for the promise", 100, func(w *bench) { w.options.Task.Target = pointsman.Target{Retain: 0.99, Confidence: 0.95} },
			"there are too few examples to calibrate with: 100 of 100 can be used, 46 of them to fit and 54 independent ones to certify",
			"317 independent ones to certify", true,
		},
		{
			"few conversations", 200, func(w *bench) {
				for i := range w.options.Examples {
					w.options.Examples[i].Group = fmt.Sprint(i % 10)
				}
			}, "there are too few examples to calibrate with: 200 of 200 can be used, 140 of them to fit and 3 independent ones to certify", "14 independent ones", true,
		},
		{
			"all alike", 200, func(w *bench) {
				for i := range w.options.Examples {
					w.options.Examples[i] = w.options.Examples[0]
				}
			}, "there are too few examples to calibrate with: 200 of 200 can be used, 0 of them to fit and 1 independent ones to certify", "14 independent ones", true,
		},
		{
			"foreign labels", 100, func(w *bench) {
				for i := range w.options.Examples {
					w.options.Examples[i].Label += " "
				}
			}, "there are too few examples to calibrate with: 0 of 100 can be used, 0 of them to fit and 0 independent ones to certify", "100 cannot be used (its label is none of the task's)", true,
		},
		{
			"all forbidden", 100, func(w *bench) { w.options.Task.Rules = permit{"small"} },
			"there are too few examples to calibrate with: 0 of 100 can be used, 0 of them to fit and 0 independent ones to certify",
			"100 may not be asked (the owner's rules forbid tier large)", true,
		},
		{
			"no harm at all", 100, func(w *bench) {
				w.options.Task.Target.Promise, w.options.Task.Target.Retain = pointsman.PromiseHarm, 1
			},
			"the target of task desk cannot be certified by any number of examples", "below 1", true,
		},
		{"labels that no answer has", 100, func(w *bench) {
			w.large.answer = func(string) (string, float64, error) { return "neither", 0.9, nil }
		}, "the examples hold nothing to learn from", "eval run", false},
		{"everything fails", 100, func(w *bench) {
			w.small.answer = func(string) (string, float64, error) { return "", 0, upstream.ErrUnavailable }
			w.large.answer = w.small.answer
		}, "the examples hold nothing to learn from", "eval run", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newBench(t, c.n)
			c.change(w)
			p, _, err := calibrate.Run(t.Context(), w.options)
			var told *pointsman.Error
			if !errors.As(err, &told) || told.Code != pointsman.CodeInvalid || told.Message != c.message || !strings.Contains(told.Hint, c.hint) || p != nil {
				t.Errorf("%v, want %q and a hint with %q", err, c.message, c.hint)
			}
			if told != nil && strings.Contains(told.Hint, "map[") {
				t.Errorf("hint %q", told.Hint)
			}
			if asked := w.small.reset(); c.free && asked != 0 {
				t.Errorf("the small tier was asked %d times before that was said", asked)
			}
		})
	}
}

// What cannot be asked, and a cache that cannot be opened, end the run.
func TestUnusableInput(t *testing.T) {
	w := newBench(t, 100)
	w.options.Examples[3] = dataset.Example{ID: "e3", Messages: []pointsman.Message{{Role: "user", NonText: 1}}}
	if _, _, err := calibrate.Run(t.Context(), w.options); err == nil || !strings.Contains(err.Error(), "example e3: messages[0] is not text alone") {
		t.Errorf("%v", err)
	}
	w = newBench(t, 100)
	w.options.Cache = t.TempDir()
	if _, _, err := calibrate.Run(t.Context(), w.options); err == nil || !strings.Contains(err.Error(), "open the store of answers") || w.small.reset() != 0 {
		t.Errorf("%v", err)
	}
}

// Examples that have certified are not fresh any more: with another seed they are
// fitted on, and certify nothing. The same run again gives the same certificate.
func TestFreshMeansFresh(t *testing.T) {
	w := newBench(t, 160)
	w.options.Spent = filepath.Join(t.TempDir(), "spent", "desk.jsonl")
	first, r := w.run(t)
	if r.Spent != 0 {
		t.Errorf("%d spent", r.Spent)
	}
	again, r := w.run(t)
	if r.Spent != 0 || again.Certificate.Fresh != first.Certificate.Fresh || again.Certificate.Claim != first.Certificate.Claim {
		t.Errorf("the same run: %d spent, %s", r.Spent, again.Certificate.Claim)
	}
	w.options.Seed++
	asked := w.small.reset()
	second, r := w.run(t)
	if r.Spent == 0 || second.Certificate.Fresh == first.Certificate.Fresh || second.Certificate.Evidence.N+r.Spent > 160 {
		t.Errorf("another seed: %d spent of %d asked, %+v", r.Spent, asked, second.Certificate.Evidence)
	}
	var told *pointsman.Error
	for range 6 { // until nothing fresh is left
		w.options.Seed++
		if _, _, err := calibrate.Run(t.Context(), w.options); err != nil {
			if !errors.As(err, &told) {
				t.Fatal(err)
			}
			break
		}
	}
	if told == nil || !strings.Contains(told.Hint, "have certified a policy before (the last on 2026-03-01) and are not fresh any more") {
		t.Errorf("%+v", told)
	}
	// Whoever pays may go on.
	w.options.Seed = 2 // a run that is on record already, but not as one that pays
	w.options.Reuse = true
	paid, r := w.run(t)
	if want := first.Certificate.Delta / 4; r.Spent != 0 || paid.Certificate.Delta > want || paid.Certificate.Evidence.N < first.Certificate.Evidence.N/2 ||
		!strings.Contains(strings.Join(paid.Certificate.Covers, " "), "have certified before (policies so far: ") {
		t.Errorf("%d spent, %+v", r.Spent, paid.Certificate)
	}
	// A file that cannot be read does not make them fresh.
	if err := os.WriteFile(w.options.Spent, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := calibrate.Run(t.Context(), w.options); !errors.As(err, &told) || !strings.Contains(told.Message, "cannot be read, so it is not known which examples are fresh") {
		t.Errorf("%v", err)
	}
}

// TestCostsOfMistakes: costs weigh in the quality, raise the stakes of the answers
// that may be costly, and are part of what the policy was certified for.
func TestCostsOfMistakes(t *testing.T) {
	run := func(costs ...pointsman.LabelCost) policy.Evidence {
		w := newBench(t, 600)
		w.options.Task.Costs = costs
		p, _ := w.run(t)
		if err := p.Matches(w.options.Task.Terms()); err != nil {
			t.Error(err)
		}
		w.options.Task.Costs = append(w.options.Task.Costs, pointsman.LabelCost{Truth: "parcel", Answer: "refund", Cost: 3})
		if err := p.Matches(w.options.Task.Terms()); err == nil {
			t.Error("other costs, and the policy is not void")
		}
		return p.Certificate.Evidence
	}
	plain := run()
	costly := run(pointsman.LabelCost{Truth: "refund", Answer: "parcel", Cost: 40})
	if costly.Local >= plain.Local || plain.Local == 0 {
		t.Errorf("%d of %d answered locally where answering parcel may cost 40 times as much, %d where not", costly.Local, costly.N, plain.Local)
	}
	if costly.Harms > plain.Harms {
		t.Errorf("%d harms, %d without costs", costly.Harms, plain.Harms)
	}
}

// TestTwoCalibrationsAtOnce: of two that certify on the same examples at the same
// time, one is told to run again.
func TestTwoCalibrationsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spent", "desk.jsonl")
	var both, begun sync.WaitGroup
	begun.Add(2)
	errs := make([]error, 2)
	for k := range errs {
		w := newBench(t, 160)
		w.options.Spent, w.options.Seed = path, uint64(k+1)
		var once sync.Once
		w.large.asked = func() { // until both have read what is spent
			once.Do(func() {
				begun.Done()
				begun.Wait()
			})
		}
		both.Go(func() { _, _, errs[k] = calibrate.Run(t.Context(), w.options) })
	}
	both.Wait()
	var told *pointsman.Error
	if (errs[0] == nil) == (errs[1] == nil) || !errors.As(errors.Join(errs...), &told) || !strings.Contains(told.Message, "another calibration of this task") {
		t.Errorf("%v", errs)
	}
}

// TestASecondLookIsAnotherTry: other answers to the same examples, and the same
// examples with another column or a space more, are not fresh.
func TestASecondLookIsAnotherTry(t *testing.T) {
	w := newBench(t, 160)
	w.options.Spent = filepath.Join(t.TempDir(), "desk.jsonl")
	_, r := w.run(t)
	certified := r.Calibration.CertifyN
	w.options.Cache = ""
	w.small.answer = func(text string) (string, float64, error) {
		label, margin, err := guesses(text)
		return label, margin / 2, err
	}
	var told *pointsman.Error
	if _, _, err := calibrate.Run(t.Context(), w.options); !errors.As(err, &told) || !strings.Contains(told.Message, "with other answers than now") {
		t.Errorf("%v", err)
	}
	w.options.Seed++
	w.options.Examples = slices.Clone(w.options.Examples)
	for i := range w.options.Examples {
		e := &w.options.Examples[i]
		e.Metadata, e.Input = map[string]string{"batch": "2"}, e.Input+" "
	}
	if _, r = w.run(t); r.Spent != certified {
		t.Errorf("%d of %d are known as spent", r.Spent, certified)
	}
}
