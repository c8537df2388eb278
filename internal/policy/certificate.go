package policy

import (
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// Certificate is the promise of a policy, and what it rests on.
type Certificate struct {
	// Claim is the promise, or that there is none, in one plain sentence.
	Claim     string            `json:"claim"`
	Certified bool              `json:"certified"`
	Promise   pointsman.Promise `json:"promise"`
	// Retain is ρ, which holds with probability at least 1 − Delta over the draw
	// of the fresh examples.
	Retain float64 `json:"retain"`
	Delta  float64 `json:"delta"`
	// Evidence is what the fresh examples show at the thresholds in force;
	// where nothing is certified, at the strictest that were tested.
	Evidence Evidence `json:"evidence"`
	// Patterns are the tests of each pattern of missing signals by itself, which
	// share Delta; none where there is only one, whose test is Evidence.
	Patterns []PatternEvidence `json:"patterns,omitempty"`
	// Slices are promises beside that of the whole, which share a Delta of their
	// own.
	Slices []SliceCertificate `json:"slices,omitempty"`
	// Covers says what the promise is about: of what a request is a draw, and of
	// what it is not.
	Covers []string `json:"covers"`
	// Data is the digest of the examples that fitted the policy, Fresh of those
	// that certified it. No conversation, and no text but for those that make up
	// a good part of all requests, is in both.
	Data  pointsman.Digest `json:"data"`
	Fresh pointsman.Digest `json:"fresh"`
	// Test names the statistical procedure.
	Test   string    `json:"test"`
	Issued time.Time `json:"issued"`
	// ExamplesNeeded is about how many fresh examples would do; null where the
	// policy is certified or no number would.
	ExamplesNeeded *int `json:"examples_needed"`
	// VoidedBy are the conditions under which the promise ends, as sentences.
	VoidedBy []string `json:"voided_by"`
}

// Evidence is what a test found.
type Evidence struct {
	// Units are independent draws: requests, or conversations of at most Most.
	Units int `json:"units"`
	Most  int `json:"most"`
	N     int `json:"n"` // requests
	// People counts those that people judged, where they judged a sample only: the
	// counts below are then by a judge elsewhere, and the scores corrected.
	People int `json:"people,omitempty"`
	// Local counts the requests that are answered below the largest tier,
	// LargestRight those that the largest tier has right, and Harms those among
	// them that get a wrong answer.
	Local        int `json:"local"`
	LargestRight int `json:"largest_right"`
	Harms        int `json:"harms"`
	// Quality and Largest are the mean scores of the cascade and of the largest
	// tier.
	Quality float64 `json:"quality"`
	Largest float64 `json:"largest"`
	// Level is the error level at which the promise would just be shown.
	Level  float64 `json:"level"`
	Method string  `json:"method"`
	// HarmBound is the upper confidence bound of P(wrong answer | the largest
	// tier is right) where the test was the exact one of harm.
	HarmBound *float64 `json:"harm_bound,omitempty"`
}

// PatternEvidence is the test of one pattern of missing signals.
type PatternEvidence struct {
	// Missing are the signals that are missing, tier by tier.
	Missing  []string `json:"missing"`
	Shown    bool     `json:"shown"`
	Evidence Evidence `json:"evidence"`
}

// SliceCertificate is the promise for one slice by itself.
type SliceCertificate struct {
	Slice     string  `json:"slice"`
	Claim     string  `json:"claim"`
	Certified bool    `json:"certified"`
	Delta     float64 `json:"delta"` // after the correction for several slices
	// Seen counts the examples of the fit part that are in it.
	Seen           int      `json:"seen"`
	Evidence       Evidence `json:"evidence"`
	ExamplesNeeded *int     `json:"examples_needed"`
}

func (c *Certificate) check() error {
	for name, d := range map[string]pointsman.Digest{"data": c.Data, "fresh": c.Fresh} {
		if err := digest(name, d); err != nil {
			return err
		}
	}
	switch {
	case c.Promise != pointsman.PromiseQuality && c.Promise != pointsman.PromiseHarm:
		return fmt.Errorf("promise %q is not known", c.Promise)
	case !(c.Retain > 0 && c.Retain <= 1):
		return fmt.Errorf("retain is %v", c.Retain)
	case !(c.Delta > 0 && c.Delta < 1):
		return fmt.Errorf("delta is %v", c.Delta)
	case c.Certified && c.Evidence.Local == 0:
		return fmt.Errorf("certified though nothing is accepted")
	}
	if err := c.Evidence.check(c.Certified, c.Delta); err != nil {
		return err
	}
	for _, p := range c.Patterns {
		if err := p.Evidence.check(p.Shown, c.Delta); err != nil {
			return fmt.Errorf("pattern %v: %w", p.Missing, err)
		}
	}
	for i, s := range c.Slices {
		if i > 0 && s.Slice <= c.Slices[i-1].Slice {
			return fmt.Errorf("slice %q: slices must increase", s.Slice)
		}
		if !(s.Delta > 0 && s.Delta < 1) {
			return fmt.Errorf("slice %s: delta is %v", s.Slice, s.Delta)
		}
		if err := s.Evidence.check(s.Certified, s.Delta); err != nil {
			return fmt.Errorf("slice %s: %w", s.Slice, err)
		}
	}
	return nil
}

func (e *Evidence) check(shown bool, delta float64) error {
	switch {
	case e.Harms < 0 || e.Harms > e.LargestRight || e.LargestRight > e.N || e.Local < 0 || e.Local > e.N || e.Harms > e.Local:
		return fmt.Errorf("%d harms among %d answered locally and %d that the largest tier has right, of %d", e.Harms, e.Local, e.LargestRight, e.N)
	case e.Units < 0 || e.Units > e.N:
		return fmt.Errorf("%d draws with %d requests", e.Units, e.N)
	case !share(e.Quality) || !share(e.Largest) || !share(e.Level):
		return fmt.Errorf("quality %v, largest %v, level %v: want shares", e.Quality, e.Largest, e.Level)
	case e.HarmBound != nil && !share(*e.HarmBound):
		return fmt.Errorf("harm bound %v: want a share", *e.HarmBound)
	case shown && !(e.Level <= delta):
		return fmt.Errorf("certified at level %v above %v", e.Level, delta)
	}
	return nil
}
