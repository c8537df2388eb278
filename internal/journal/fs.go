package journal

import (
	"io"
	"os"
	"path/filepath"
)

// FS is what the journal needs of a file system to write. It is a seam for
// tests that make disks fill and fail; reading goes to the operating system.
type FS interface {
	OpenFile(name string, flag int, perm os.FileMode) (File, error)
	Rename(from, to string) error
	Remove(name string) error
}

// File is one open file. Sync after Close is an error that wraps os.ErrClosed;
// Close waits for a Sync that is under way.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

type osFS struct{}

func (osFS) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	return os.OpenFile(name, flag, perm)
}
func (osFS) Rename(from, to string) error { return os.Rename(from, to) }
func (osFS) Remove(name string) error     { return os.Remove(name) }

// createWhole makes a file that appears under its name only with all of its
// content: it is written beside, flushed where durable, and renamed.
func createWhole(fs FS, name string, content []byte, durable bool) (File, error) {
	beside := name + newSuffix
	f, err := fs.OpenFile(beside, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil && durable {
		err = f.Sync()
	}
	if err == nil {
		err = fs.Rename(beside, name)
	}
	if err != nil {
		_ = f.Close()
		_ = fs.Remove(beside) // what stays is overwritten by the next attempt
		return nil, err
	}
	return f, nil
}

// syncDir makes the names in a directory durable.
func syncDir(fs FS, dir string) error {
	d, err := fs.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	return ignoreUnsyncable(d.Sync())
}

// The names of the files.
const (
	segmentDir    = "segments"
	payloadDir    = "payloads"
	segmentSuffix = ".pmj"
	payloadSuffix = ".pmp"
	newSuffix     = ".new"
	headName      = "HEAD"
	saltName      = "salt"
	lockName      = "LOCK"
	probeName     = "probe"
)

// segmentFile and payloadFile are names relative to the journal's directory,
// as they are printed in findings.
func segmentFile(number uint32) string {
	return filepath.Join(segmentDir, numbered(number, segmentSuffix))
}

func payloadFile(number uint32) string {
	return filepath.Join(payloadDir, numbered(number, payloadSuffix))
}
