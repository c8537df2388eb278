package fit

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
)

// What is said to be the least number does in the best case, and one less does
// not.
func TestLeastIsExact(t *testing.T) {
	for _, c := range []struct {
		retain, confidence float64
		tiers              int
	}{{0.95, 0.95, 2}, {0.8, 0.9, 2}, {0.99, 0.95, 2}, {0.95, 0.95, 4}, {0.5, 0.5, 2}, {0.9, 0.999, 3}} {
		o := Options{Target: pointsman.Target{Retain: c.retain, Confidence: c.confidence}, Tiers: make([]pointsman.Digest, c.tiers)}
		l, err := o.Least()
		if err != nil {
			t.Fatal(err)
		}
		if l.Examples != 40 || l.Fit != 20 || l.Certify < 1 {
			t.Errorf("%+v: %+v", c, l)
		}
		for n, want := range map[int]bool{l.Certify: true, l.Certify - 1: false, l.Certify + 1: true, 10 * l.Certify: true} {
			trials := make([]trial, n)
			for i := range trials {
				trials[i] = trial{uplift: -0.5, largest: true, right: true}
			}
			f, err := sequence(trials, []float64{0}, 1, o.levels(1-c.confidence))
			if err != nil {
				t.Fatal(err)
			}
			if (f.threshold != nil) != want {
				t.Errorf("%+v: %d conversations certify: %v, and the least number is %d", c, n, f.threshold != nil, l.Certify)
			}
		}
		t.Logf("retain %v, confidence %v, %d tiers: %d conversations to certify, give about %d", c.retain, c.confidence, c.tiers, l.Certify, l.Give(0.5))
	}
	o := Options{Target: pointsman.Target{Retain: 1, Confidence: 0.95}, Tiers: make([]pointsman.Digest, 2)}
	if _, err := o.Least(); !errors.Is(err, ErrInvalid) {
		t.Errorf("nothing less than everything is kept: %v", err)
	}
}

// The sizes that are said before anything is asked are those of the fit.
func TestSizesAreThoseOfTheSplit(t *testing.T) {
	var observations []Observation
	for i := range 300 {
		observations = append(observations, Observation{ID: fmt.Sprint(i), Group: []string{"", fmt.Sprint(i / 4)}[i%2]})
	}
	o := Options{Seed: 7, CertifyShare: 0.3}
	fit, certify := o.Sizes(observations)
	p := o.split(observations)
	if fit != len(p.fit) || certify != len(p.certify) || fit+certify+p.dependent != 300 || p.dependent == 0 {
		t.Errorf("%d and %d, %d dependent", fit, certify, p.dependent)
	}
}

// A threshold that accepts nothing keeps every promise and is none; one that
// accepts everything is said to.
func TestWhatAcceptsNothingIsNotCertified(t *testing.T) {
	o := Options{Target: pointsman.Target{Retain: 0.9, Confidence: 0.9}, Tiers: make([]pointsman.Digest, 2)}
	lv := o.levels(1 - o.Target.Confidence)
	trials := make([]trial, 500)
	for i := range trials {
		trials[i] = trial{uplift: 0.2, largest: true, harm: i%2 == 0}
	}
	l := &learned{}
	f, err := sequence(trials, []float64{-0.9, -0.5, 0, 0.5, 1}, 2, lv)
	if err != nil || f.threshold != nil || f.accepted != 0 {
		t.Fatalf("%+v, %v", f, err)
	}
	o.certifyWhole(0, l, f, lv, parts{})
	c := l.stage.Certificate
	if c.Certified || l.stage.Thresholds[0].Threshold != nil || !strings.Contains(c.Claim, "accept none of the 500 fresh examples") {
		t.Errorf("%+v", c)
	}

	for i := range trials {
		trials[i].harm = false
	}
	l = &learned{}
	if f, err = sequence(trials, []float64{-0.9, -0.5, 0, 0.5, 1}, 2, lv); err != nil || f.threshold == nil {
		t.Fatalf("%+v, %v", f, err)
	}
	o.certifyWhole(0, l, f, lv, parts{})
	if c := l.stage.Certificate; !c.Certified || !strings.Contains(c.Claim, "answering everything at tier 1") || !strings.Contains(c.Claim, "of 500 fresh examples all would be answered there") {
		t.Errorf("%+v", c)
	}
}
