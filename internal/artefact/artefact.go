// Package artefact keeps immutable, content-addressed bytes on disk: students,
// policies, configuration snapshots. What is read is checked against its
// digest, so that a flipped bit is an error and never another answer.
package artefact

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

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

// Find lists the artefacts whose first bytes, up to headSize of them, are accepted.
// What is not whole or not named by a digest is passed over.
func (s *Store) Find(accept func(head []byte) bool) ([]pointsman.Digest, error) {
	var out []pointsman.Digest
	err := filepath.WalkDir(s.dir.Artefacts(), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // nothing was stored yet
		}
		if err != nil || entry.IsDir() {
			return err
		}
		d, err := pointsman.ParseDigest("sha256:" + entry.Name())
		if err != nil {
			return nil //nolint:nilerr // a file that is being written, or none of ours
		}
		head, err := readHead(path)
		if err == nil && accept(head) {
			out = append(out, d)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look through the artefacts: %w", err)
	}
	return out, nil
}

// headSize is how many bytes tell what an artefact is.
const headSize = 64

func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], err
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

// writeFile makes a file appear whole, in a directory that is made for it.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(path, content)
}
