//go:build windows

package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// TryLock takes the exclusive lock of an open file, or says that another holds
// it. The lock ends with the file or the process. The locked byte lies far
// behind any content, which others may read.
func TryLock(f *os.File) (taken bool, err error) {
	at := &windows.Overlapped{Offset: 1 << 30, OffsetHigh: 1 << 20}
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

// IsFull says whether an error means that there is no room.
func IsFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// ignoreUnsyncable forgives everything: Windows has no flush of directories.
func ignoreUnsyncable(error) error { return nil }
