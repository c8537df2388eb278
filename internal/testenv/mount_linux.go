package testenv

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Mount puts a real, small file system over a directory until the test ends.
// size is as tmpfs takes it, such as "2m".
func Mount(t testing.TB, dir, size string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		Missing(t, "a small file system cannot be mounted here (%v); run as root", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}
