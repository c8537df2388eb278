// Package artefact keeps immutable, content-addressed bytes on disk: students,
// policies, configuration snapshots. What is read is checked against its
// digest, so that a flipped bit is an error and never another answer.
package artefact

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/datadir"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

var (
	// ErrNotFound is returned where the store holds nothing under a digest, or
	// no policy is active for a task.
	ErrNotFound = errors.New("no such artefact")
	// ErrAltered is returned where the bytes on disk do not have the digest
	// that they are filed under.
	ErrAltered = errors.New("artefact is not what was stored")
)

// Store is a directory of artefacts. It is safe for concurrent use, also by
// several processes: files appear whole or not at all.
type Store struct{ dir datadir.Dir }

// Open uses the artefacts below a data directory, which is made when something
// is first stored.
func Open(dataDir string) *Store { return &Store{dir: datadir.Dir(dataDir)} }

// Put stores bytes and returns their digest. Storing the same bytes again
// changes nothing.
func (s *Store) Put(content []byte) (pointsman.Digest, error) {
	d := pointsman.DigestOf(content)
	if held, err := os.ReadFile(s.dir.Artefact(d)); err == nil && pointsman.DigestOf(held) == d {
		return d, nil
	}
	if err := writeFile(s.dir.Artefact(d), content); err != nil {
		return "", fmt.Errorf("store artefact: %w", err)
	}
	return d, nil
}

// Get returns the bytes of a digest.
func (s *Store) Get(d pointsman.Digest) ([]byte, error) {
	if _, err := pointsman.ParseDigest(string(d)); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(s.dir.Artefact(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, d)
	}
	if err != nil {
		return nil, fmt.Errorf("read artefact: %w", err)
	}
	if pointsman.DigestOf(content) != d {
		return nil, fmt.Errorf("%w: %s", ErrAltered, s.dir.Artefact(d))
	}
	return content, nil
}

// ActiveDir is where the names of the active policies lie, one file a task:
// what a reload watches.
func (s *Store) ActiveDir() string { return s.dir.Active() }

// Activate makes a policy the one in force for a task.
func (s *Store) Activate(task pointsman.TaskID, d pointsman.Digest) error {
	if err := writeFile(s.dir.ActivePolicy(task), []byte(string(d)+"\n")); err != nil {
		return fmt.Errorf("activate policy: %w", err)
	}
	return nil
}

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

// writeFile makes a file appear whole, in a directory that is made for it.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(path, content)
}
