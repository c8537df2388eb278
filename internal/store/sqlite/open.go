package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver

	"github.com/pointsman-ai/pointsman/internal/journal"
)

// checkedSize is the size up to which a file is checked as a whole when it is
// opened: about a second's work.
const checkedSize = 256 << 20

// The sizes of the page caches, in KiB.
const (
	writerCache = 2048
	readerCache = 1024
)

// The errors of this package.
var (
	// ErrNoJournal is returned for options that name no journal.
	ErrNoJournal = errors.New("the index has no journal to read")
	// errOther means that a file is to be built anew: another version, another
	// program's, or damaged.
	errOther = errors.New("not an index of this version")
)

// Options say what an index belongs to.
type Options struct {
	// Journal is the directory of the journal, as [journal.Open] was given it.
	Journal string
	// Logger takes what the operator should know; nil discards it.
	Logger *slog.Logger
}

// Index is the index of one journal. It is safe for concurrent use. Open it,
// run [Index.Follow] beside, and close it after Follow has returned.
type Index struct {
	path string
	dir  string
	log  *slog.Logger

	turn    chan struct{} // holds a value while somebody writes; taken before pools
	mark    journal.Mark  // with turn, as the next two: how far the journal was read
	checked bool          // whether the journal is the one that was read before
	add     statements    // prepared on writer

	// pools is held for reading over each query, and for writing while the
	// file is replaced.
	pools   sync.RWMutex
	writer  *sql.DB // one connection
	reader  *sql.DB // two connections that cannot write
	damaged atomic.Bool
	closed  bool                   // with turn, as the next
	files   map[string]os.FileInfo // that are open, by suffix
}

// Open opens the index in a file, or makes one. It does not read the journal:
// [Index.CatchUp] does. A file of another schema or with damage in it is
// deleted, and the index starts empty. A file that cannot be opened, because the
// disk is full or may not be written to, is tried again by [Index.CatchUp]; until
// then queries fail with [ledger.ErrUnavailable].
func Open(path string, opts Options) (*Index, error) {
	if opts.Journal == "" {
		return nil, fmt.Errorf("index %s: %w", path, ErrNoJournal)
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	x := newIndex(path, opts.Journal, opts.Logger)
	if err := x.ensureOpen(); err != nil {
		x.log.Error("index: it cannot be opened yet", "path", path, "err", err)
	}
	return x, nil
}

// ensureOpen opens the file where it is not open, and starts over where it is
// not the one under its name or no whole index of this version. The caller has
// the turn, or is alone.
func (x *Index) ensureOpen() error {
	if x.closed {
		return sql.ErrConnDone
	}
	var err error
	switch {
	case x.writer == nil:
		x.pools.Lock()
		err = x.open()
		x.pools.Unlock()
	case !x.isThere():
		err = fmt.Errorf("%w: it was deleted while it was open", errOther)
	case x.damaged.Load():
		err = fmt.Errorf("%w: it is damaged", errOther)
	}
	if rebuildable(err) {
		x.log.Warn("index: it is built anew from the journal", "path", x.path, "why", err)
		err = x.startOver()
	}
	return err
}

// isThere says whether the open files are still those under their names.
func (x *Index) isThere() bool {
	for _, suffix := range suffixes {
		was := x.files[suffix]
		is, err := os.Stat(x.path + suffix)
		if was != nil && (errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(was, is)) {
			return false
		}
		if was == nil && err == nil {
			x.files[suffix] = is // SQLite makes its log when it first writes
		}
	}
	return true
}

// suffixes are of the files that SQLite keeps: the database, the log of what is
// to be written to it, and the log's index.
var suffixes = []string{"", "-wal", "-shm"}

func newIndex(path, journal string, log *slog.Logger) *Index {
	return &Index{path: path, dir: journal, log: log, turn: make(chan struct{}, 1)}
}

// startOver deletes the file and opens an empty one. The caller has the turn,
// or is alone.
func (x *Index) startOver() error {
	x.pools.Lock()
	defer x.pools.Unlock()
	if err := x.closeBoth(); err != nil {
		return err
	}
	for _, suffix := range suffixes {
		if err := os.Remove(x.path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	x.damaged.Store(false)
	x.checked = false
	return x.open()
}

// open opens the file. The caller has the turn and holds pools, or is alone.
func (x *Index) open() (err error) {
	defer func() {
		if err != nil {
			_ = x.closeBoth()
		}
	}()
	if err := os.MkdirAll(filepath.Dir(x.path), 0o700); err != nil {
		return err
	}
	if x.writer, err = connect(x.path, 1, writerCache, "&_pragma=journal_mode(wal)&_txlock=immediate"); err != nil {
		return err
	}
	if err := x.prepareSchema(); err != nil {
		return err
	}
	if x.reader, err = connect(x.path, 2, readerCache, "&_pragma=query_only(1)"); err != nil {
		return err
	}
	if err := x.add.prepare(x.writer); err != nil {
		return err
	}
	x.files = map[string]os.FileInfo{}
	if x.mark, err = x.readMark(); err == nil {
		_ = x.isThere() // remembers them
	}
	return err
}

// connect opens a pool of at most n connections that are kept open.
func connect(path string, n, cache int, more string) (*sql.DB, error) {
	// A path with a question mark or a percent sign in it stays a path.
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}).String()
	db, err := sql.Open("sqlite", fmt.Sprintf(
		"%s?_pragma=busy_timeout(5000)&_pragma=synchronous(normal)&_pragma=cache_size(-%d)&_pragma=wal_autocheckpoint(500)"+
			"&_pragma=journal_size_limit(4194304)&_pragma=mmap_size(0)%s", name, cache, more))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// prepareSchema makes the tables in an empty file and checks a full one.
func (x *Index) prepareSchema() error {
	var version, id, tables int
	for pragma, into := range map[string]*int{
		"PRAGMA user_version": &version, "PRAGMA application_id": &id, "SELECT count(*) FROM sqlite_schema": &tables,
	} {
		if err := x.writer.QueryRow(pragma).Scan(into); err != nil {
			return err
		}
	}
	if tables > 0 {
		if version != int(schemaVersion) || id != applicationID {
			return fmt.Errorf("%w: version %d of application %#x", errOther, version, id)
		}
		if info, err := os.Stat(x.path); err != nil || info.Size() > checkedSize {
			return err // damage shows when its page is read
		}
		var verdict string
		if err := x.writer.QueryRow("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("%w: %s", errOther, verdict)
		}
		return nil
	}
	tx, err := x.writer.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	for _, statement := range []string{
		schema,
		fmt.Sprintf("PRAGMA user_version = %d", schemaVersion),
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
	} {
		if _, err := tx.Exec(statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Close closes the file.
func (x *Index) Close() error {
	x.turn <- struct{}{}
	defer func() { <-x.turn }()
	x.pools.Lock()
	defer x.pools.Unlock()
	x.closed = true
	return x.closeBoth()
}

func (x *Index) closeBoth() error {
	x.add.close()
	var errs []error
	for _, db := range []**sql.DB{&x.reader, &x.writer} {
		if *db != nil {
			errs = append(errs, (*db).Close())
		}
	}
	x.reader, x.writer = nil, nil
	return errors.Join(errs...)
}

// Path is the index's file.
func (x *Index) Path() string { return x.path }
