package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// sweepInterval is how often Run looks for files that retention deletes.
const sweepInterval = time.Minute

// sweep begins new files where the current ones are old, and deletes those
// whose newest content is as old as the retention: the announcement first, in
// the chain and durable, then the file. It runs in one goroutine.
func (j *Journal) sweep() error {
	if err := j.turnOver(); err != nil {
		return err
	}
	expired, err := j.expired()
	if err != nil || len(expired) == 0 {
		return err
	}
	for i := range expired {
		if err := j.announce(&expired[i]); err != nil {
			return err
		}
	}
	if err := j.Sync(); err != nil {
		return err
	}
	for _, e := range expired {
		if err := j.remove(e); err != nil {
			return err
		}
	}
	return nil
}

// announce writes the notice also while other records are refused: deleting is
// what makes room again, and a small frame often fits where a large one did not.
func (j *Journal) announce(e *Expired) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return fmt.Errorf("journal: %w", ErrClosed)
	}
	if j.failure != nil && (j.tail || j.unopened || j.gone || len(j.torn) > 0) {
		return unavailable(j.failure)
	}
	if err := j.putJSON(KindExpired, e); err != nil {
		j.fail(err)
		return unavailable(err)
	}
	return nil
}

// turnOver begins the next files where the current ones hold something and are
// so old that they would keep it too long. There is always a newest payload
// file, so that no number is used twice.
func (j *Journal) turnOver() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.failure != nil {
		return nil
	}
	w := &j.payload
	err := error(nil)
	if w.number > 0 && (w.file == nil || w.offset > headerSize && j.payloadOld()) {
		err = j.nextPayload()
	}
	if err == nil && j.opts.Retention != Forever && j.offset > headerSize {
		bound := max(min(j.opts.Retention/8, 24*time.Hour), time.Second)
		age := time.Duration(j.opts.Clock().UnixNano() - j.created)
		if age >= bound || age <= -bound {
			err = j.nextSegment()
		}
	}
	if err != nil {
		j.fail(err)
	}
	return err
}

// expired lists the files to delete. A file's newest content is no younger than
// the file after it.
func (j *Journal) expired() ([]Expired, error) {
	now := j.opts.Clock()
	var list []Expired
	add := func(dir, suffix string, magic [8]byte, retention time.Duration, inOrder bool, notice func(n uint32, next header) Expired) error {
		if retention == Forever {
			return nil
		}
		numbers, err := listNumbers(j.path(dir), suffix)
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(numbers); i++ {
			next, err := readHeader(j.path(filepath.Join(dir, numbered(numbers[i+1], suffix))), magic)
			if err != nil {
				return err
			}
			newest := time.Unix(0, next.created)
			if now.Sub(newest) < retention {
				if inOrder {
					break
				}
				continue
			}
			e := notice(numbers[i], next)
			e.Time, e.Newest, e.Retention = now.UTC(), newest.UTC(), retention
			list = append(list, e)
		}
		return nil
	}
	err := add(payloadDir, payloadSuffix, payloadMagic, j.opts.PayloadRetention, false,
		func(n uint32, _ header) Expired { return Expired{Payload: n} })
	if err != nil {
		return nil, err
	}
	err = add(segmentDir, segmentSuffix, segmentMagic, j.opts.Retention, true,
		func(n uint32, next header) Expired {
			return Expired{Segment: n, Last: next.first - 1, Hash: pointsman.DigestOfSum(next.prev)}
		})
	return list, err
}

// remove deletes an announced file and what was torn off it.
func (j *Journal) remove(e Expired) error {
	name, dir := payloadFile(e.Payload), payloadDir
	if e.Segment > 0 {
		name, dir = segmentFile(e.Segment), segmentDir
	}
	files, err := os.ReadDir(j.path(dir))
	if err != nil {
		return err
	}
	base := filepath.Base(name)
	for _, f := range files {
		if f.Name() != base && !strings.HasPrefix(f.Name(), base+".torn-") {
			continue
		}
		if err := j.opts.FS.Remove(j.path(filepath.Join(dir, f.Name()))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	j.opts.Logger.Info("journal: retention deleted a file", "file", name, "newest", e.Newest)
	return durable.SyncDir(j.opts.FS, j.path(dir))
}

func readHeader(name string, magic [8]byte) (header, error) {
	f, err := os.Open(name)
	if err != nil {
		return header{}, err
	}
	defer f.Close()
	var b [headerSize]byte
	if _, err := f.ReadAt(b[:], 0); err != nil && !isEOF(err) {
		return header{}, err
	}
	h, err := parseHeader(b[:], magic)
	if err != nil {
		return header{}, corrupt(name, 0, "%v", err)
	}
	return h, nil
}
