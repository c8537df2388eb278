package journal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pointsman-ai/pointsman/internal/durable"
)

// Journal is the one writer of a journal's directory. It is safe for
// concurrent use. Open it, run [Journal.Run] beside, and close it after Run has
// returned and the last append was made.
type Journal struct {
	dir      string
	opts     Options
	salt     []byte
	saltID   [16]byte
	lockFile *os.File
	buffers  chan *buffer // a bounded free list
	failing  atomic.Bool  // whether failure is set, for the fast path

	// flushMu lets one goroutine flush at a time. It is taken before mu.
	flushMu    sync.Mutex
	headFile   durable.File
	generation uint64 // of HEAD's newest slot
	flushed    headState
	// broken says that a flush failed: the kernel may then believe that what
	// it did not write is clean, so it is written again before the next one.
	broken bool
	ended  bool // Close has flushed for the last time

	mu       sync.Mutex // guards what follows; held over one write at most
	closed   bool
	seg      durable.File
	number   uint32 // of seg
	created  int64  // of seg, Unix nanoseconds
	offset   int64  // where the last whole frame of seg ends
	seq      uint64 // of that frame
	first    uint64 // number of the first frame of seg
	chain    hashSum
	hasher   hash.Hash
	payload  payloadWriter
	newNames bool // directories have names that are not flushed
	failure  error
	unopened bool      // the files are to be opened yet, or again
	gone     bool      // a file is not under its name anymore
	checked  time.Time // when all files were last seen to be there
	lost     string    // what the next gap tells of files that were deleted
	lostFrom time.Time
	wanted   int  // size of the record that did not fit
	tail     bool // bytes behind offset could not be cut off
	torn     []tornTail
	gap      gapState
	probed   time.Time
	wakers   map[chan struct{}]struct{}
	stats    Stats
}

// Stats counts what this process wrote since Open.
type Stats struct {
	Decisions, Outcomes uint64
	// Gaps counts notices of what was not written, Unwritten what was not.
	Gaps, Unwritten uint64
	// FlushFailures counts fsyncs that failed.
	FlushFailures uint64
	// Expired counts files that retention deleted.
	Expired uint64
	// Bytes counts what was written to segments, PayloadBytes to payload files.
	Bytes, PayloadBytes uint64
	// Records is the number of records in the whole life of the journal.
	Records uint64
}

// buffer is what one append builds its frames in.
type buffer struct{ frame, payload []byte }

// The bounds of the free list of buffers.
const (
	buffersKept   = 32
	bufferMaxKept = 64 << 10
)

// Open opens the journal in a directory for writing, or makes one. Bytes that a
// killed writer left behind its last whole record are moved aside and named in
// the chain. Damage anywhere else in the newest segments is an error with
// [pointsman.CodeIntegrity]; older ones are left to [Verify]. A disk that is
// full at this moment follows Options.OnFull like one that fills later: Open
// returns a journal that is not healthy and opens its files once there is room.
func Open(dir string, opts Options) (*Journal, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	j := &Journal{
		dir:     dir,
		opts:    opts,
		buffers: make(chan *buffer, buffersKept),
		hasher:  sha256.New(),
		wakers:  map[chan struct{}]struct{}{},
		salt:    make([]byte, saltSize),
	}
	rand.Read(j.salt) // of a new journal; never fails
	err = j.open()
	if durable.IsFull(err) {
		j.unopened = true
		j.fail(err)
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return j, nil
}

// open opens the files and writes what is owed: notices of torn bytes and of
// records that were not written.
func (j *Journal) open() error {
	if err := j.openFiles(); err != nil {
		return err
	}
	for _, t := range j.torn {
		j.opts.Logger.Warn("journal: the writer before ended in the middle of a write", "dir", j.dir,
			"file", t.File, "offset", t.Offset, "bytes", t.Bytes, "records", t.Frames)
	}
	if len(j.torn) > 0 || j.gap.count > 0 {
		err := j.recover(j.opts.Clock())
		if durable.IsFull(err) {
			j.fail(err)
			return nil
		}
		if err != nil {
			return errors.Join(fmt.Errorf("journal: open %s: %w", j.dir, err), j.closeFiles())
		}
	}
	if err := j.flush(); err != nil && !durable.IsFull(err) {
		return errors.Join(fmt.Errorf("journal: open %s: %w", j.dir, err), j.closeFiles())
	}
	return nil
}

// openFiles makes or takes up the files. After an error none is open, and it may
// be called again. The caller holds flushMu and mu, or is alone.
func (j *Journal) openFiles() (err error) {
	if err := j.makeDirs(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if j.lockFile, err = lock(j.dir); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer func() {
		if err != nil {
			_ = j.closeFiles()
			err = fmt.Errorf("journal: open %s: %w", j.dir, err)
		}
	}()
	j.number, j.seq, j.chain, j.payload = 0, 0, hashSum{}, payloadWriter{}
	numbers, err := listNumbers(j.path(segmentDir), segmentSuffix)
	if err != nil {
		return err
	}
	if err := j.loadSalt(len(numbers) == 0); err != nil {
		return err
	}
	if len(numbers) == 0 {
		return j.begin()
	}
	return j.resume(numbers)
}

// begin makes the first segment of a new journal.
func (j *Journal) begin() error {
	if _, _, err := readHead(j.dir); !errors.Is(err, os.ErrNotExist) {
		return corrupt(headName, 0, "HEAD names records and there is no segment")
	}
	if err := j.nextSegment(); err != nil {
		return err
	}
	j.flushed = j.state()
	if err := j.openHead(j.flushed, true); err != nil {
		return err
	}
	for _, d := range []string{segmentDir, payloadDir, "."} {
		if err := durable.SyncDir(j.opts.FS, filepath.Join(j.dir, d)); err != nil {
			return err
		}
	}
	return nil
}

// state is what HEAD should say of now. The caller holds mu.
func (j *Journal) state() headState {
	h := headState{segment: j.number, offset: j.offset, count: j.seq, chain: j.chain}
	h.gap, h.since = j.gap.head()
	return h
}

// Dir is the journal's directory, for readers.
func (j *Journal) Dir() string { return j.dir }

// End is the position behind the last record.
func (j *Journal) End() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Position{j.number, j.offset}
}

// Head is the state of the chain behind the last record: what to keep elsewhere
// as an anchor.
func (j *Journal) Head() Head {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.state()
	return h.head()
}

// Stats is a snapshot of the counters.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.Records = j.seq
	return s
}

// Healthy is nil while records can be written. Otherwise it says why not: with
// [OnFullRefuse] a gateway asks before it takes a request, so that no model is
// paid for an answer that may not be given.
func (j *Journal) Healthy() error {
	if !j.failing.Load() {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failure == nil {
		return nil
	}
	return unavailable(j.failure)
}

// Subscribe returns a channel that holds a value when records were added since
// it was last received from. The writer never waits for it. The cancel function
// ends the subscription.
func (j *Journal) Subscribe() (changed <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.wakers[c] = struct{}{}
	return c, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.wakers, c)
	}
}

// Run flushes the journal every interval, tries again after failures, looks
// whether the files are there and applies the retention, until the context ends. It then flushes once more and
// returns nil.
func (j *Journal) Run(ctx context.Context) error {
	tick := time.NewTicker(j.opts.FsyncInterval)
	defer tick.Stop()
	check := time.NewTicker(checkInterval)
	defer check.Stop()
	sweep := time.NewTicker(sweepInterval)
	defer sweep.Stop()
	if err := j.sweep(); err != nil {
		j.opts.Logger.Error("journal: retention was not applied", "dir", j.dir, "err", err)
	}
	for {
		select {
		case <-ctx.Done():
			return j.Sync()
		case <-check.C:
			j.Check()
		case <-tick.C:
			j.tryRecover()
			if err := j.Sync(); errors.Is(err, ErrClosed) {
				return err
			} // another failure is logged once, counted, and shown by Healthy
		case <-sweep.C:
			if err := j.sweep(); err != nil {
				j.opts.Logger.Error("journal: retention was not applied", "dir", j.dir, "err", err)
			}
		}
	}
}

// Close flushes, records what was not written if it can be, and gives up the
// directory. Appends after it are ErrClosed. It is safe to call twice.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.probed = time.Time{}
	j.mu.Unlock()
	j.tryRecover()
	j.mu.Lock()
	j.closed = true
	if n := j.gap.count; n > 0 {
		j.opts.Logger.Error("journal: closed with records unwritten", "dir", j.dir, "count", n, "err", j.failure)
	}
	j.mu.Unlock()
	j.flushMu.Lock()
	defer j.flushMu.Unlock()
	err := j.flush()
	j.ended = true
	return errors.Join(err, j.closeFiles())
}

func (j *Journal) closeFiles() error {
	var errs []error
	for _, f := range []durable.File{j.seg, j.payload.file, j.headFile} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	j.seg, j.payload.file, j.headFile = nil, nil, nil
	if j.lockFile != nil {
		errs = append(errs, j.lockFile.Close())
		j.lockFile = nil
	}
	return errors.Join(errs...)
}
