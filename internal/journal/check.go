package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman/internal/durable"
)

// checkInterval is how often Run looks whether the journal's files are there.
const checkInterval = time.Second

// Check looks whether the files that the journal writes to are still the ones
// under their names. Writing to a file that was deleted succeeds, and loses what
// is written. Where one is gone, directories and files are made anew: the next
// segment goes on with the chain, and begins with a gap that says what is lost.
// While that does not succeed, Options.OnFull is followed as on a full disk.
// [Journal.Run] calls it.
func (j *Journal) Check() {
	j.mu.Lock()
	if j.closed || j.unopened {
		j.mu.Unlock()
		return
	}
	gone := j.missing()
	if len(gone) == 0 {
		j.checked = j.opts.Clock()
		j.mu.Unlock()
		return
	}
	j.gone = true
	j.fail(fmt.Errorf("%w: %s", ErrGone, strings.Join(gone, ", ")))
	j.probed = time.Time{} // mended at once, if it can be
	j.mu.Unlock()
	j.tryRecover()
	_ = j.Sync() // a failure is logged and shown by Healthy
}

// missing names the files that are gone or were replaced. The caller holds mu.
func (j *Journal) missing() (names []string) {
	for _, one := range []struct {
		name string
		open any
	}{
		{lockName, j.lockFile}, {headName, j.headFile}, {segmentFile(j.number), j.seg}, {saltName, nil},
	} {
		if !isOpenUnder(j.path(one.name), one.open) {
			names = append(names, one.name)
		}
	}
	switch w := &j.payload; {
	case w.file != nil && !isOpenUnder(j.path(payloadFile(w.number)), w.file):
		names = append(names, payloadFile(w.number))
	case w.file == nil && !isOpenUnder(j.path(payloadDir), nil):
		names = append(names, payloadDir)
	}
	return names
}

// isOpenUnder says whether there is a file of a name and, where an open file is
// given, whether it is that. A name that cannot be looked up for another reason
// counts as there.
func isOpenUnder(name string, open any) bool {
	there, err := os.Stat(name)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	f, ok := open.(interface{ Stat() (os.FileInfo, error) })
	if !ok {
		return true
	}
	info, err := f.Stat()
	return err != nil || os.SameFile(there, info)
}

// mend makes anew what is gone. The caller holds flushMu and mu.
func (j *Journal) mend(now time.Time) error {
	if err := j.makeDirs(); err != nil {
		return err
	}
	if err := j.lockAgain(); err != nil {
		return err
	}
	if !isOpenUnder(j.path(saltName), nil) {
		if err := j.keepSalt(); err != nil {
			return err
		}
	}
	if !isOpenUnder(j.path(segmentFile(j.number)), j.seg) {
		cause := fmt.Sprintf("%s was deleted while it was written to; records %d to %d were in it",
			filepath.ToSlash(segmentFile(j.number)), j.first, j.seq)
		if j.seq < j.first {
			cause = fmt.Sprintf("%s was deleted while it was written to; no record was in it", filepath.ToSlash(segmentFile(j.number)))
		}
		if err := j.nextSegment(); err != nil {
			return err
		}
		j.tail = false
		j.loss(now, cause)
	}
	if w := &j.payload; w.file != nil && !isOpenUnder(j.path(payloadFile(w.number)), w.file) {
		cause := fmt.Sprintf("%s was deleted while it was written to", filepath.ToSlash(payloadFile(w.number)))
		if err := j.nextPayload(); err != nil {
			return err
		}
		j.loss(now, cause)
	}
	if !isOpenUnder(j.path(headName), j.headFile) {
		old := j.headFile
		state := j.state()
		state.generation = j.generation
		if err := j.openHead(state, true); err != nil {
			j.headFile = old
			return err
		}
		_ = old.Close() // nothing in it is of use
	}
	j.gone, j.newNames = false, true
	j.opts.Logger.Warn("journal: what was deleted is made anew", "dir", j.dir)
	return nil
}

// lockAgain takes the lock under its name where the one that is held lies under
// none. Where another process was quicker, it is the writer now: everything is
// given up, and opened anew once the lock can be had.
func (j *Journal) lockAgain() error {
	if isOpenUnder(j.path(lockName), j.lockFile) {
		return nil
	}
	f, err := lock(j.dir)
	if err != nil {
		if errors.Is(err, ErrLocked) {
			_ = j.closeFiles() // they are another's
			j.unopened = true
		}
		return err
	}
	_ = j.lockFile.Close()
	j.lockFile = f
	return nil
}

// loss notes what the next gap tells, also where no record went unwritten.
func (j *Journal) loss(now time.Time, cause string) {
	if j.lost == "" {
		j.lostFrom = j.checked
		if j.lostFrom.IsZero() {
			j.lostFrom = now
		}
		j.lost = cause
		return
	}
	j.lost += "; " + cause
}

func (j *Journal) makeDirs() error {
	for _, d := range []string{j.dir, j.path(segmentDir), j.path(payloadDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// keepSalt writes the salt that is in memory.
func (j *Journal) keepSalt() error {
	f, err := durable.Create(j.opts.FS, j.path(saltName), j.salt, true)
	if err != nil {
		return err
	}
	return f.Close()
}
