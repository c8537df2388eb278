// Package release is the measured way from one policy of a task to another: which
// there are, which is in force and since when, and putting another in force or going
// back. Policies are artefacts; the history of what was in force is kept beside them,
// so a running server takes a change up as it does after calibration.
package release

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/artefact"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

// Policies are those of one task.
type Policies struct {
	Store *artefact.Store
	Task  pointsman.TaskID
}

// Entry is one policy of a task.
type Entry struct {
	Digest    pointsman.Digest `json:"policy"`
	Created   time.Time        `json:"created"`
	Certified bool             `json:"certified"`
	InForce   bool             `json:"in_force"`
	// Since is when it last came into force; nil where it never did, or nobody
	// remembers.
	Since  *time.Time       `json:"since,omitempty"`
	Claim  string           `json:"claim"`
	Target pointsman.Target `json:"target"`
	// Policy is the policy itself.
	Policy *policy.Policy `json:"-"`
}

// List are all policies of the task in the store, newest first.
func (p Policies) List() ([]Entry, error) {
	digests, err := p.Store.Find(func(head []byte) bool { return bytes.HasPrefix(head, []byte(`{"version":`)) })
	if err != nil {
		return nil, err
	}
	history, err := p.Store.History(p.Task)
	if err != nil {
		return nil, err
	}
	entries := []Entry{}
	for _, d := range digests {
		content, err := p.Store.Get(d)
		if err != nil {
			return nil, err
		}
		one, err := policy.Unmarshal(content)
		if err != nil || one.Task != p.Task {
			continue // a snapshot of a configuration, or of another version or task
		}
		entries = append(entries, entry(d, one, history))
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(string(a.Digest), string(b.Digest))
	})
	return entries, nil
}

func entry(d pointsman.Digest, one *policy.Policy, history []artefact.Change) Entry {
	e := Entry{Digest: d, Created: one.Created, Certified: one.Certified(), Claim: one.Claim(), Target: one.Target, Policy: one}
	for i, c := range history {
		if c.Policy != d {
			continue
		}
		e.InForce = i == len(history)-1
		if !c.Time.IsZero() {
			e.Since = &c.Time
		}
	}
	return e
}

// leastDigits are how many digits of a digest name a policy.
const leastDigits = 4

// Find is the policy whose digest begins so. Its errors are for people.
func (p Policies) Find(prefix string) (*Entry, error) {
	digits := strings.ToLower(strings.TrimPrefix(prefix, "sha256:"))
	if len(digits) < leastDigits || strings.Trim(digits, "0123456789abcdef") != "" {
		return nil, &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("%q is no digest", prefix),
			Hint: fmt.Sprintf("give the first hexadecimal digits, at least %d, as pointsman policy list prints them", leastDigits),
		}
	}
	all, err := p.List()
	if err != nil {
		return nil, err
	}
	var found []Entry
	for _, e := range all {
		if strings.HasPrefix(e.Digest.Hex(), digits) {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 1:
		return &found[0], nil
	case 0:
		return nil, &pointsman.Error{
			Code: pointsman.CodeNotFound, Message: fmt.Sprintf("task %s has no policy %s", p.Task, prefix),
			Hint: fmt.Sprintf("it has %d: pointsman policy list --task %s", len(all), p.Task),
		}
	}
	var names []string
	for _, e := range found {
		names = append(names, e.Digest.Hex()[:min(64, len(digits)+8)])
	}
	return nil, &pointsman.Error{
		Code: pointsman.CodeInvalid, Message: fmt.Sprintf("%d policies of task %s begin with %s", len(found), p.Task, prefix),
		Hint: "they are " + strings.Join(names, ", "),
	}
}

// Activate puts a policy in force that was fitted for the given terms.
func (p Policies) Activate(e *Entry, terms policy.Terms, now time.Time) error {
	if err := p.fits(e, terms); err != nil {
		return err
	}
	return p.Store.Activate(p.Task, e.Digest, now)
}

// Rollback puts the policy in force that was so before the present one, and returns
// it.
func (p Policies) Rollback(terms policy.Terms, now time.Time) (*Entry, error) {
	d, err := p.Store.Earlier(p.Task)
	if errors.Is(err, artefact.ErrNoEarlier) {
		return nil, &pointsman.Error{
			Code: pointsman.CodeNotFound, Message: "there is nothing to go back to",
			Hint: "pointsman policy list shows all; pointsman policy activate puts one of them in force", Err: err,
		}
	}
	if err != nil {
		return nil, err
	}
	e, err := p.Find(string(d))
	if err != nil {
		return nil, err
	}
	if err := p.fits(e, terms); err != nil {
		return nil, err
	}
	_, err = p.Store.GoBack(p.Task, now)
	return e, err
}

// fits says why a policy must not be put in force.
func (p Policies) fits(e *Entry, terms policy.Terms) error {
	if err := e.Policy.Matches(terms); err != nil {
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("policy %s does not fit task %s as it is configured", e.Digest.Short(), p.Task),
			Hint: "restore the configuration that it was fitted for, choose another policy, or run pointsman calibrate", Err: err,
		}
	}
	for _, s := range e.Policy.Students {
		if _, err := p.Store.Get(s.Digest); err != nil {
			return &pointsman.Error{
				Code: pointsman.CodeNotFound, Message: fmt.Sprintf("policy %s needs student %s, which cannot be read", e.Digest.Short(), s.Name),
				Hint: "restore the artefact from a backup of the data directory, or run pointsman calibrate", Err: err,
			}
		}
	}
	return nil
}
