package fit

import (
	"errors"
	"fmt"
	"testing"

	"github.com/pointsman-ai/pointsman"
)

// What is said to be the least number does in the best case, and two less do
// not.
func TestLeastIsExact(t *testing.T) {
	for _, c := range []struct {
		promise            pointsman.Promise
		retain, confidence float64
	}{
		{"", 0.95, 0.95},
		{pointsman.PromiseQuality, 0.8, 0.9},
		{pointsman.PromiseQuality, 0.99, 0.95},
		{pointsman.PromiseHarm, 0.95, 0.95},
		{pointsman.PromiseHarm, 0.9, 0.999},
	} {
		o := Options{
			Target: pointsman.Target{Promise: c.promise, Retain: c.retain, Confidence: c.confidence},
			Tiers:  make([]pointsman.Digest, 2), Grid: 1,
		}
		l, err := o.Least()
		if err != nil {
			t.Fatal(err)
		}
		if l.Examples != 40 || l.Fit != 20 || l.Certify < 1 {
			t.Errorf("%+v: %+v", c, l)
		}
		for n, want := range map[int]bool{l.Certify + 1: true, l.Certify - 2: false, 10 * l.Certify: true} {
			x := perfect(o, n)
			g := x.group("", func(*draw) bool { return true })
			if err := x.test(g, o.claim(), x.atRisk); err != nil {
				t.Fatal(err)
			}
			if (g.index >= 0) != want {
				t.Errorf("%+v: %d certify: %v, and the least number is %d", c, n, g.index >= 0, l.Certify)
			}
		}
		t.Logf("%s of %v, confidence %v: %d to certify, give about %d", o.Target.Promised(), c.retain, c.confidence, l.Certify, l.Give(0.5))
	}
	o := Options{Target: pointsman.Target{Promise: pointsman.PromiseHarm, Retain: 1, Confidence: 0.95}, Tiers: make([]pointsman.Digest, 2)}
	if _, err := o.Least(); !errors.Is(err, ErrInvalid) {
		t.Errorf("no harm at all: %v", err)
	}
}

// perfect is a tester with n fresh requests, and as many to choose bets by, that
// all tiers have right.
func perfect(o Options, n int) *tester {
	x := &tester{Options: o, path: path{[][]float64{{0}}}}
	x.split.most = 1
	for i := range n {
		one := &Observation{ID: fmt.Sprint(i), Tiers: []TierOutcome{{Valid: true, Acceptable: true}, {Valid: true, Acceptable: true}}}
		d := draw{Observation: one, effective: []float64{-0.5}}
		x.fit, x.fresh = append(x.fit, d), append(x.fresh, d)
		x.split.fitUnits, x.split.units = append(x.split.fitUnits, 1), append(x.split.units, 1)
	}
	return x
}

// A threshold that accepts nothing keeps every promise and is none.
func TestWhatAcceptsNothingIsNotCertified(t *testing.T) {
	o := Options{Target: pointsman.Target{Retain: 0.9, Confidence: 0.9}, Tiers: make([]pointsman.Digest, 2)}
	x := perfect(o, 500)
	for i := range x.fresh {
		x.fresh[i].effective[0] = 0.5
	}
	g := x.group("", func(*draw) bool { return true })
	if err := x.test(g, o.claim(), x.atRisk); err != nil || g.index >= 0 || !g.verdict.Shown {
		t.Errorf("%+v, %v", g.verdict, err)
	}
}
