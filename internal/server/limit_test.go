package server

import "testing"

func TestMaxConnections(t *testing.T) {
	for files, want := range map[uint64]int{0: 0, 1 << 62: 0, 32: 8, 64: 8, 1024: 488, 1 << 20: 524264} {
		if got := maxConnections(files); got != want {
			t.Errorf("with %d files: %d, want %d", files, got, want)
		}
	}
}
