// Package durable writes files that appear whole or not at all, whatever the
// process, the disk or the power does meanwhile, and holds the advisory lock of
// a file's one writer.
package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// FS is what writing needs of a file system. It is a seam for tests that make
// disks fill and fail; reading goes to the operating system.
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

// OS is the operating system's file system.
type OS struct{}

// OpenFile implements FS.
func (OS) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	return os.OpenFile(name, flag, perm)
}

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// newSuffix is what a file is called while it is not whole yet.
const newSuffix = ".new"

// Create makes a file of the owner's alone that appears under its name only
// with all of its content, and returns it open. With sync the content and the
// name survive the end of the machine when it returns. There must be one writer
// of the name: see [WriteFile] for several.
func Create(fs FS, name string, content []byte, sync bool) (File, error) {
	beside := name + newSuffix
	f, err := fs.OpenFile(beside, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil && sync {
		err = f.Sync()
	}
	if err == nil {
		err = fs.Rename(beside, name)
	}
	if err == nil && sync {
		err = SyncDir(fs, filepath.Dir(name))
	}
	if err != nil {
		_ = f.Close()
		_ = fs.Remove(beside) // what stays is overwritten by the next attempt
		return nil, err
	}
	return f, nil
}

// WriteFile replaces a file with content of the owner's alone, durably. After
// an error, a full disk's for one, the old file is as it was. Several processes
// may write the same name at once: one of them is last.
func WriteFile(name string, content []byte) error {
	return WriteTo(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// WriteTo is [WriteFile] for content that is made while it is written.
func WriteTo(name string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+"-*"+newSuffix)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close() // it may be closed already
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", name, err)
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return SyncDir(OS{}, dir)
}

// SyncDir makes the names in a directory durable, where its file system can.
func SyncDir(fs FS, dir string) error {
	d, err := fs.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(ignoreUnsyncable(d.Sync()), d.Close())
}
