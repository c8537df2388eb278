package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/watch"
)

// Watches say what they compare traffic with, or why they are off.
func TestWatchesStatus(t *testing.T) {
	dir, digest := datadir.Dir(t.TempDir()), pointsman.DigestOf([]byte("p"))
	p := &policy.Policy{Version: policy.Version, Certificate: &policy.Certificate{}}
	for _, want := range []string{"certifies nothing", "calibrate again", "unsupported      0.0100, from 0.0000 to 0.02"} {
		one, err := watchesOf(dir, "t", digest, p, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		writeWatches(&b, &driftStatus{Task: "t", Watches: one})
		if !strings.Contains(b.String(), want) || one.On != (p.Reference != nil) {
			t.Errorf("%s\ndoes not say %q", &b, want)
		}
		if p.Certificate.Certified {
			p.Reference = &policy.Reference{
				Requests: 1000, Units: 1000, Escalated: policy.Tally{Count: 300, Of: 1000}, Unsupported: policy.Tally{Count: 10, Of: 1000}, Broken: policy.Tally{Of: 900},
			}
		}
		p.Certificate.Certified = true
	}
	if err := watch.Keep(dir, "t", watch.Warning{Time: time.Unix(1e9, 0), Policy: digest, Bounds: watch.Bounds{Watch: watch.Broken}}); err != nil {
		t.Fatal(err)
	}
	one, err := watchesOf(dir, "t", digest, p, time.Time{})
	if err != nil || len(one.Bounds) != 3 || len(one.Warnings) != 1 {
		t.Errorf("%+v, %v", one, err)
	}
}
