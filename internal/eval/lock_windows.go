//go:build windows

package eval

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes the exclusive lock of an open file, or says that another holds
// it. The locked byte lies far behind the content, which others may read.
func tryLock(f *os.File) (taken bool, err error) {
	place := &windows.Overlapped{Offset: 1 << 30, OffsetHigh: 1 << 20}
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, place)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
