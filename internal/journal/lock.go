package journal

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// lock makes this process the one writer of a directory until the returned
// file is closed. The file holds the pid of whoever took the lock last.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	taken, err := durable.TryLock(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	if !taken {
		holder := "another process"
		if text, err := io.ReadAll(io.LimitReader(f, 32)); err == nil && len(text) > 0 {
			holder = "process " + strings.TrimSpace(string(text))
		}
		_ = f.Close()
		return nil, &pointsman.Error{
			Code:    pointsman.CodeUnavailable,
			Message: fmt.Sprintf("the journal in %s is in use by %s", dir, holder),
			Hint:    "stop that process, or give this one a directory of its own",
			Err:     fmt.Errorf("%s: %w by %s", dir, ErrLocked, holder),
		}
	}
	// The pid is for people; a full disk must not keep the journal closed.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

// Writer finds the process that writes the journal in a directory at this
// moment. The pid is 0 where it left none.
func Writer(dir string) (pid int, writing bool) {
	if !locked(dir) {
		return 0, false
	}
	text, err := os.ReadFile(filepath.Join(dir, lockName))
	if err != nil {
		return 0, true
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 0 {
		return 0, true
	}
	return pid, true
}

// locked says whether some process writes the journal at this moment.
func locked(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	taken, err := durable.TryLock(f)
	return err == nil && !taken
}
