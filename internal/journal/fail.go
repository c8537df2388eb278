package journal

import (
	"fmt"
	"math"
	"os"
	"time"
)

// gapState counts what is not written until a gap tells of it.
type gapState struct {
	from  time.Time
	count uint64
	cause string
}

// head is the gap as HEAD remembers it.
func (g *gapState) head() (count uint32, since int64) {
	if g.count == 0 {
		return 0, 0
	}
	return uint32(min(g.count, math.MaxUint32)), gapTime(g.from)
}

// fail notes that writing does not work. The caller holds mu.
func (j *Journal) fail(err error) {
	if j.failure == nil {
		j.opts.Logger.Error("journal: cannot write", "dir", j.dir, "on_full", j.opts.OnFull, "err", err)
	}
	j.failure = err
	j.failing.Store(true)
	j.probed = j.opts.Clock()
}

// miss counts a record that was not written, and is the error for its caller
// where the owner wants requests refused. The caller holds mu.
func (j *Journal) miss() error {
	if j.gap.count == 0 {
		j.gap.from, j.gap.cause = j.opts.Clock(), j.failure.Error()
	}
	j.gap.count++
	j.stats.Unwritten++
	if j.opts.OnFull == OnFullAnswer {
		return nil
	}
	return fmt.Errorf("journal: %w", unavailable(j.failure))
}

// tryRecover finds out whether writing works again, at most once in a flush
// interval and never in two goroutines: those who come meanwhile go on with the
// failure.
func (j *Journal) tryRecover() {
	if !j.failing.Load() || !j.flushMu.TryLock() {
		return
	}
	defer j.flushMu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.opts.Clock()
	// A clock that stepped back must not postpone this.
	if since := now.Sub(j.probed); j.closed || j.failure == nil || !j.probed.IsZero() && since >= 0 && since < j.opts.FsyncInterval {
		return
	}
	if err := j.recover(now); err != nil {
		j.failure, j.probed = err, now
		return
	}
	j.opts.Logger.Info("journal: writing works again", "dir", j.dir)
	j.failure, j.wanted = nil, 0
	j.failing.Store(false)
}

// recover puts the files in order, proves that there is room, and writes first
// of all what was torn and what is missing. The caller holds flushMu and mu.
func (j *Journal) recover(now time.Time) error {
	if j.unopened {
		if err := j.openFiles(); err != nil {
			return err
		}
		j.unopened, j.gone = false, false
	}
	if j.gone {
		if err := j.mend(now); err != nil {
			return err
		}
	}
	if err := j.cutTails(); err != nil {
		return err
	}
	if j.broken {
		if err := j.rewrite(); err != nil {
			return err
		}
		if err := j.flushFiles(j.seg, j.payload.file, true); err != nil {
			return err
		}
		j.broken = false
	}
	if err := j.probe(); err != nil {
		return err
	}
	if err := j.settleTorn(); err != nil {
		return err
	}
	if j.gap.count == 0 && j.lost == "" {
		return nil
	}
	gap := Gap{From: j.gap.from.UTC(), To: now.UTC(), Count: j.gap.count, Cause: j.gap.cause}
	if j.lost != "" {
		if gap.Count == 0 || j.lostFrom.Before(gap.From) {
			gap.From = j.lostFrom.UTC()
		}
		gap.Cause = j.lost
	}
	if err := j.putJSON(KindGap, gap); err != nil {
		return err
	}
	j.opts.Logger.Warn("journal: records are missing", "dir", j.dir, "unwritten", gap.Count, "from", gap.From, "to", gap.To, "cause", gap.Cause)
	j.gap, j.lost = gapState{}, ""
	return nil
}

// cutTails cuts off what failed writes left behind.
func (j *Journal) cutTails() error {
	if j.tail {
		if err := j.seg.Truncate(j.offset); err != nil {
			return err
		}
		j.tail = false
	}
	if w := &j.payload; w.tail {
		if err := w.file.Truncate(w.offset); err != nil {
			return err
		}
		w.tail = false
	}
	return nil
}

// probeSize is the room that must be there before writing is called possible:
// a few small records must not make it seem so while the next one fails.
const probeSize = 64 << 10

// probe writes and removes a file as large as what did not fit.
func (j *Journal) probe() error {
	name := j.path(probeName)
	f, err := j.opts.FS.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, max(probeSize, j.wanted)), 0)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if removeErr := j.opts.FS.Remove(name); err == nil {
		err = removeErr
	}
	return err
}

// putJSON writes a record of the journal's own. The caller holds mu.
func (j *Journal) putJSON(kind Kind, v any) error {
	b := &buffer{frame: make([]byte, frameHead)}
	if err := b.json(kind, v); err != nil {
		return err
	}
	return j.put(kind, b)
}
