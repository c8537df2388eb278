package pointsman

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Digest names immutable content by its SHA-256: "sha256:" and 64 lower-case
// hexadecimal digits. The empty Digest means that there is none.
type Digest string

// ErrDigest is returned for text that is not a digest.
var ErrDigest = errors.New("not a digest")

// DigestOf is the digest of some bytes.
func DigestOf(content []byte) Digest {
	sum := sha256.Sum256(content)
	return DigestOfSum(sum)
}

// DigestOfSum wraps a SHA-256 sum that was computed elsewhere.
func DigestOfSum(sum [sha256.Size]byte) Digest {
	var text [7 + 2*sha256.Size]byte
	copy(text[:], "sha256:")
	hex.Encode(text[7:], sum[:])
	return Digest(text[:])
}

// ParseDigest checks the form of a digest.
func ParseDigest(s string) (Digest, error) {
	digits, ok := strings.CutPrefix(s, "sha256:")
	if !ok || len(digits) != 2*sha256.Size || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%q: %w: want sha256: and 64 lower-case hexadecimal digits", s, ErrDigest)
	}
	return Digest(s), nil
}

// Hex is the digest without its algorithm, as it is used in file names.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), "sha256:") }

// Short is the first twelve hexadecimal digits, for people.
func (d Digest) Short() string {
	if h := d.Hex(); len(h) > 12 {
		return h[:12]
	}
	return d.Hex()
}
