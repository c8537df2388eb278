package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pointsman-ai/pointsman/internal/durable"
)

// Sync makes all that was appended durable and brings HEAD up to it.
func (j *Journal) Sync() error {
	j.flushMu.Lock()
	defer j.flushMu.Unlock()
	return j.flush()
}

// awaitFlush returns when frame seq is durable. Those who wait while one
// flushes share the next flush: whoever gets the lock first flushes for all
// that was written until then, and the others find it done.
func (j *Journal) awaitFlush(seq uint64) error {
	j.flushMu.Lock()
	defer j.flushMu.Unlock()
	if j.flushed.count >= seq {
		return nil
	}
	err := j.flush()
	if err != nil && j.opts.OnFull == OnFullAnswer {
		return nil // counted, and shown by Healthy
	}
	return err
}

// flush makes durable what was written, then writes HEAD. The caller holds
// flushMu and not mu.
func (j *Journal) flush() error {
	if j.ended {
		return fmt.Errorf("journal: %w", ErrClosed)
	}
	if j.isUnopened() {
		return nil // nothing was written
	}
	err := j.flushOnce()
	if errors.Is(err, os.ErrClosed) { // a new segment was begun in between, which flushed the old one
		err = j.flushOnce()
	}
	if err == nil {
		return nil
	}
	j.broken = true
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.FlushFailures++
	j.fail(fmt.Errorf("flush: %w", err))
	return fmt.Errorf("journal: %w", unavailable(j.failure))
}

func (j *Journal) flushOnce() error {
	j.mu.Lock()
	state, seg, payload, names := j.state(), j.seg, j.payload.file, j.newNames
	var err error
	if j.broken {
		err = j.rewrite()
	}
	j.newNames = false
	j.mu.Unlock()
	state.generation = j.flushed.generation
	if state == j.flushed && !names && !j.broken || err != nil {
		return err
	}
	if state.count != j.flushed.count || state.segment != j.flushed.segment || names || j.broken {
		err = j.flushFiles(seg, payload, names)
	}
	if err == nil {
		err = j.putHead(state)
	}
	if err != nil {
		j.mu.Lock()
		j.newNames = j.newNames || names
		j.mu.Unlock()
		return err
	}
	j.flushed, j.broken = state, false
	return nil
}

// flushFiles flushes texts before the records that name them.
func (j *Journal) flushFiles(seg, payload durable.File, names bool) error {
	if payload != nil {
		// A closed file was flushed when the next one was begun.
		if err := payload.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			return err
		}
	}
	if err := seg.Sync(); err != nil {
		return err
	}
	if !names {
		return nil
	}
	for _, d := range []string{payloadDir, segmentDir} {
		if err := durable.SyncDir(j.opts.FS, filepath.Join(j.dir, d)); err != nil {
			return err
		}
	}
	return nil
}

// rewrite writes again what no flush has confirmed. After a failed fsync the
// kernel may have marked the pages clean, and the next fsync would succeed
// without having written them (https://lwn.net/Articles/752063/). The caller
// holds flushMu and mu.
func (j *Journal) rewrite() error {
	from := int64(0)
	if j.flushed.segment == j.number {
		from = j.flushed.offset
	}
	if err := copyOver(j.seg, from, j.offset); err != nil {
		return err
	}
	if j.payload.file == nil {
		return nil
	}
	return copyOver(j.payload.file, 0, j.payload.offset)
}

func copyOver(f durable.File, from, to int64) error {
	chunk := make([]byte, min(256<<10, to-from))
	for from < to {
		chunk = chunk[:min(int64(len(chunk)), to-from)]
		if _, err := f.ReadAt(chunk, from); err != nil {
			return err
		}
		if _, err := f.WriteAt(chunk, from); err != nil {
			return err
		}
		from += int64(len(chunk))
	}
	return nil
}

func (j *Journal) path(name string) string { return filepath.Join(j.dir, name) }

func (j *Journal) isUnopened() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.unopened
}
