package main

import (
	"bytes"
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/watch"
)

// watchesOf is how the watches of a task stand under a policy, which may be nil.
func watchesOf(dir datadir.Dir, task pointsman.TaskID, digest pointsman.Digest, p *policy.Policy, since time.Time) (watchesStatus, error) {
	s := watchesStatus{Bounds: []watch.Bounds{}}
	var err error
	if s.Warnings, err = watch.InForce(dir, task, digest, since); err != nil {
		return s, err
	}
	switch {
	case p == nil:
		s.Why = "the policy cannot be read"
	case !p.Certified():
		s.Why = "the policy certifies nothing"
	case p.Reference == nil:
		s.Why = "the policy does not say what calibration saw: it was made by an earlier version; calibrate again"
	default:
		s.On, s.Bounds = true, append(s.Bounds, watch.Of(p.Reference)...)
	}
	return s, nil
}

func writeWatches(b *bytes.Buffer, s *driftStatus) {
	w := &s.Watches
	if !w.On {
		fmt.Fprintf(b, "  watches: off: %s\n", w.Why)
	} else {
		b.WriteString("  watches of a running server, with the share that calibration saw and where it may lie:\n")
	}
	for _, one := range w.Bounds {
		fmt.Fprintf(b, "    %-16s %.4f, from %.4f to %.4f\n", one.Watch, one.Reference, one.Low, one.High)
	}
	for _, one := range w.Warnings {
		fmt.Fprintf(b, "  %s warning: %s: %.4f of the last %d requests, where %.4f to %.4f was to be expected\n",
			one.Time.Format(time.RFC3339), one.Watch, one.Recent, one.RecentRequests, one.Low, one.High)
	}
	if len(w.Warnings) > 0 {
		fmt.Fprintf(b, "  nothing is withdrawn for that. Look at what has changed, calibrate again on fresh examples,\n  or end it: pointsman drift reset %s --reason \"...\"\n", s.Task)
	}
}
