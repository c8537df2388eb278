package release_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/release"
)

var day = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func name(s string) pointsman.Digest { return pointsman.DigestOf([]byte(s)) }

// example is a policy of a variant with a threshold; n is the day on which it was
// made.
func example(variant string, threshold float64, n int) *policy.Policy {
	issued := day.AddDate(0, 0, n)
	head := policy.Head{Intercept: 1, Weights: []float64{1}, Missing: []float64{0}}
	return &policy.Policy{
		Version: 1, Task: "intent", Kind: pointsman.KindClassify, Created: issued, Data: name("data"),
		Tiers: []pointsman.Digest{name(variant), name("large")}, Target: pointsman.Target{Retain: 0.98, Confidence: 0.95},
		Stages: []policy.Stage{{
			Scorer: policy.Scorer{
				Features:   []policy.Feature{{Signal: "answer.words", Mean: 1, Scale: 1, Low: 0, High: 9}},
				Acceptable: head, OnlyLargest: head, OnlyThis: head, Rank: policy.RankUplift,
				Calibration: policy.Map{Method: policy.MethodPlatt, Coefficients: []float64{1, 0}},
				Uplift:      policy.Map{Method: policy.MethodLinear, Coefficients: []float64{1, 0}},
			},
			Thresholds: []policy.Threshold{{Threshold: &threshold, Certified: true, Why: "certified"}},
			Certificate: &policy.StageCertificate{
				Claim: "kept", Certified: true, Rho: 0.98, Delta: 0.05, N: 900, Accepted: 600, Harms: 5, Bound: 0.012,
				LargeAccuracyLower: 0.9, Epsilon: 0.018, Data: name("fit"), Fresh: name("fresh"), Test: "fixed sequence", Issued: issued,
			},
		}},
	}
}

func put(t *testing.T, s *artefact.Store, p *policy.Policy) pointsman.Digest {
	t.Helper()
	content, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Put(content)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func terms(variant string) policy.Terms {
	return policy.Terms{Tiers: []pointsman.Digest{name(variant), name("large")}}
}

// The way there and back: three policies come into force, and going back twice
// goes back two.
func TestActivateAndRollback(t *testing.T) {
	store := artefact.Open(t.TempDir())
	p := release.Policies{Store: store, Task: "intent"}
	var all []pointsman.Digest
	for n := range 3 {
		d := put(t, store, example("small", 0.1+float64(n)/100, n))
		all = append(all, d)
		e, err := p.Find(d.Short())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Activate(e, terms("small"), day.AddDate(0, 1, n)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []pointsman.Digest{all[1], all[0]} {
		e, err := p.Rollback(terms("small"), day.AddDate(0, 2, 0))
		if err != nil || e.Digest != want {
			t.Fatalf("back to %v, %v; want %s", e, err, want)
		}
		if active, err := store.Active("intent"); err != nil || active != want {
			t.Fatalf("in force is %s, %v", active, err)
		}
	}
	if _, err := p.Rollback(terms("small"), day); !errors.Is(err, artefact.ErrNoEarlier) {
		t.Fatalf("before the first: %v", err)
	}
	entries, err := p.List()
	if err != nil || len(entries) != 3 {
		t.Fatalf("%d policies, %v", len(entries), err)
	}
	if entries[0].Digest != all[2] || entries[0].InForce || entries[0].Since == nil || !entries[2].InForce {
		t.Errorf("the list is %+v", entries)
	}
}

// Data directories of earlier versions have a policy in force and no history.
func TestRollbackToAPolicyThatWasNotRemembered(t *testing.T) {
	dir := t.TempDir()
	store := artefact.Open(dir)
	p := release.Policies{Store: store, Task: "intent"}
	old := put(t, store, example("small", 0.1, 0))
	if err := store.Activate("intent", old, day); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "history")); err != nil {
		t.Fatal(err)
	}
	if err := store.Activate("intent", put(t, store, example("small", 0.2, 1)), day); err != nil {
		t.Fatal(err)
	}
	if e, err := p.Rollback(terms("small"), day); err != nil || e.Digest != old {
		t.Fatalf("back to %v, %v", e, err)
	}
}

func TestAPolicyOfOtherTermsIsRefused(t *testing.T) {
	store := artefact.Open(t.TempDir())
	p := release.Policies{Store: store, Task: "intent"}
	e, err := p.Find(string(put(t, store, example("small", 0.1, 0))))
	if err != nil {
		t.Fatal(err)
	}
	var told *pointsman.Error
	if err := p.Activate(e, terms("another"), day); !errors.As(err, &told) || told.Hint == "" || !strings.Contains(err.Error(), "variant") {
		t.Fatalf("%v, want a refusal with a hint", err)
	}
	if _, err := store.Active("intent"); !errors.Is(err, artefact.ErrNotFound) {
		t.Fatalf("a refused policy is in force: %v", err)
	}
	withStudent := example("small", 0.1, 1)
	withStudent.Students = []policy.Student{{Name: "judge", Digest: name("gone")}}
	if e, err = p.Find(put(t, store, withStudent).Short()); err != nil {
		t.Fatal(err)
	}
	if err := p.Activate(e, terms("small"), day); !errors.As(err, &told) || told.Code != pointsman.CodeNotFound {
		t.Fatalf("%v, want a refusal for the student that is gone", err)
	}
}

func TestDigestsMustBeClear(t *testing.T) {
	store := artefact.Open(t.TempDir())
	p := release.Policies{Store: store, Task: "intent"}
	seen := map[string]bool{}
	var twice string
	for n := 0; twice == ""; n++ { // two of a few hundred begin alike
		d := put(t, store, example("small", 0.1, n)).Hex()[:4]
		if seen[d] {
			twice = d
		}
		seen[d] = true
	}
	for prefix, code := range map[string]pointsman.ErrorCode{twice: pointsman.CodeInvalid, "zz": pointsman.CodeInvalid, "12": pointsman.CodeInvalid, "0000000000000": pointsman.CodeNotFound} {
		var told *pointsman.Error
		if _, err := p.Find(prefix); !errors.As(err, &told) || told.Code != code || told.Hint == "" {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}

func TestDiff(t *testing.T) {
	a, b := example("small", 0.1, 0), example("another", 0.2, 0)
	b.Target.Retain = 0.95
	got := map[string]release.Difference{}
	for _, d := range release.Diff(a, b) {
		got[d.What] = d
	}
	if len(got) != 3 {
		t.Errorf("%d differences: %v", len(got), got)
	}
	if d := got["tier 1: threshold of the whole task"]; d.A != "0.100000" || d.B != "0.200000" {
		t.Errorf("threshold: %+v", d)
	}
	if d := got["target"]; !strings.Contains(d.B, "0.95") {
		t.Errorf("target: %+v", d)
	}
	if d := got["variant of tier 1"]; d.A != name("small").Short() {
		t.Errorf("variant: %+v", d)
	}
	if same := release.Diff(a, a); len(same) != 0 {
		t.Errorf("a policy differs from itself: %v", same)
	}
}
