package artefact

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/jsonl"
)

// ErrNoEarlier is returned where no policy was in force before.
var ErrNoEarlier = errors.New("no policy was in force before")

// Change is one policy that came into force.
type Change struct {
	Time   time.Time        `json:"time"`
	Policy pointsman.Digest `json:"policy"`
	// Back says that it is one that was in force before, to which the owner
	// went back.
	Back bool `json:"back,omitempty"`
}

// maxChanges is how many changes of a task are remembered, the last ones.
const maxChanges = 1000

// maxChange bounds a line of the history, in bytes.
const maxChange = 4096

// ActiveDir is where the names of the active policies lie, one file a task:
// what a reload watches.
func (s *Store) ActiveDir() string { return s.dir.Active() }

// Active is the digest of the policy in force for a task.
func (s *Store) Active(task pointsman.TaskID) (pointsman.Digest, error) {
	content, err := os.ReadFile(s.dir.ActivePolicy(task))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: task %s has no active policy", ErrNotFound, task)
	}
	if err != nil {
		return "", fmt.Errorf("read active policy: %w", err)
	}
	d, err := pointsman.ParseDigest(strings.TrimSpace(string(content)))
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.dir.ActivePolicy(task), err)
	}
	return d, nil
}

// Activate makes a policy the one in force for a task, and remembers when.
func (s *Store) Activate(task pointsman.TaskID, d pointsman.Digest, now time.Time) error {
	return s.change(task, Change{Time: now.UTC(), Policy: d})
}

// Earlier is the policy that [Store.GoBack] would put in force. Going back twice
// goes back two changes.
func (s *Store) Earlier(task pointsman.TaskID) (pointsman.Digest, error) {
	changes, err := s.History(task)
	if err != nil {
		return "", err
	}
	var stack []pointsman.Digest
	for _, c := range changes {
		switch {
		case c.Back && len(stack) > 1:
			stack = stack[:len(stack)-1]
		case len(stack) == 0 || stack[len(stack)-1] != c.Policy:
			stack = append(stack, c.Policy)
		}
	}
	if len(stack) < 2 {
		return "", fmt.Errorf("%w for task %s", ErrNoEarlier, task)
	}
	return stack[len(stack)-2], nil
}

// GoBack puts the policy in force that was so before the present one.
func (s *Store) GoBack(task pointsman.TaskID, now time.Time) (pointsman.Digest, error) {
	d, err := s.Earlier(task)
	if err != nil {
		return "", err
	}
	return d, s.change(task, Change{Time: now.UTC(), Policy: d, Back: true})
}

// change names the policy in force, and then remembers it: of a change that was
// broken off between the two, [Store.History] knows by the name.
func (s *Store) change(task pointsman.TaskID, c Change) error {
	changes, err := s.History(task)
	if err != nil {
		return err
	}
	if n := len(changes); n > 0 && changes[n-1].Policy == c.Policy {
		return nil // it is in force
	}
	if err := writeFile(s.dir.ActivePolicy(task), []byte(string(c.Policy)+"\n")); err != nil {
		return fmt.Errorf("activate policy: %w", err)
	}
	changes = append(changes, c)
	var content []byte
	for _, one := range changes[max(0, len(changes)-maxChanges):] {
		line, err := json.Marshal(one)
		if err != nil {
			return err
		}
		content = append(append(content, line...), '\n')
	}
	if err := writeFile(s.dir.PolicyHistory(task), content); err != nil {
		return fmt.Errorf("policy %s is in force, but that it is was not remembered: %w", c.Policy.Short(), err)
	}
	return nil
}

// History are the changes of a task's policy in force, oldest first; the last names
// the one that is. One that came into force without being remembered (by an earlier
// version, or because the process ended) has no time.
func (s *Store) History(task pointsman.TaskID) ([]Change, error) {
	changes, err := readChanges(s.dir.PolicyHistory(task))
	if err != nil {
		return nil, err
	}
	active, err := s.Active(task)
	if errors.Is(err, ErrNotFound) {
		return changes, nil
	}
	if err != nil {
		return nil, err
	}
	if n := len(changes); n == 0 || changes[n-1].Policy != active {
		changes = append(changes, Change{Policy: active})
	}
	return changes, nil
}

func readChanges(path string) ([]Change, error) {
	return jsonl.ReadFile(path, maxChange, func(c *Change) error {
		_, err := pointsman.ParseDigest(string(c.Policy))
		return err
	})
}
