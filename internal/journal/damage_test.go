package journal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/pointsman-ai/pointsman"
)

func ctxOf() context.Context { return context.Background() }

func sha() hash.Hash { return sha256.New() }

// resum makes a frame's checksum anew, as a forger would.
func resum(framed []byte) {
	binary.BigEndian.PutUint32(framed, crc32.Checksum(framed[4:], castagnoli))
}

func readFiles(t testing.TB, dir string, names []string) map[string][]byte {
	t.Helper()
	content := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		content[name] = b
	}
	return content
}

func put(t interface{ Fatal(...any) }, dir, name string, content []byte) {
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func flip(t testing.TB, dir, name string, at int64) {
	t.Helper()
	content := readFiles(t, dir, []string{name})[name]
	content[at] ^= 0x10
	put(t, dir, name, content)
}

func hintOf(err error) string {
	var e *pointsman.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}
