package pointsman

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"time"
)

// DecisionID identifies one request and everything that was decided for it. It
// is a UUIDv7 (RFC 9562) in its canonical text form, so ids sort by the time at
// which they were made.
type DecisionID string

// ErrID is returned for text that is not a canonical UUIDv7.
var ErrID = errors.New("not a UUIDv7")

// ParseDecisionID checks that s is a UUIDv7 in canonical lower-case form.
func ParseDecisionID(s string) (DecisionID, error) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' || s[14] != '7' {
		return "", ErrID
	}
	for i, c := range []byte(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			continue
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", ErrID
		}
	}
	return DecisionID(s), nil
}

// Time is the millisecond that the id carries.
func (id DecisionID) Time() time.Time {
	if len(id) != 36 {
		return time.Time{}
	}
	var b [8]byte
	if _, err := hex.Decode(b[2:], []byte(id[0:8]+id[9:13])); err != nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b[:]))).UTC()
}

// IDSource makes UUIDv7 identifiers that strictly increase within one process,
// also when the wall clock stands still or steps back: the source then stays on
// the latest millisecond that it saw and counts in the 12 bits of rand_a
// (RFC 9562, section 6.2, method 1), borrowing from the next millisecond when
// they run out. It is safe for concurrent use.
type IDSource struct {
	now    func() time.Time
	random io.Reader

	mu     sync.Mutex
	millis int64
	count  uint16
	pool   [512]byte
	left   int
}

// NewIDSource returns a source that reads the given clock and random bytes;
// nil means the wall clock and crypto/rand.
func NewIDSource(now func() time.Time, random io.Reader) *IDSource {
	if now == nil {
		now = time.Now
	}
	if random == nil {
		random = rand.Reader
	}
	return &IDSource{now: now, random: random}
}

// Next returns a new identifier. It panics only if the source of randomness
// fails, which crypto/rand does not.
func (s *IDSource) Next() DecisionID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if millis := s.now().UnixMilli(); millis > s.millis {
		s.millis, s.count = millis, 0
	} else if s.count++; s.count > 0xfff {
		s.millis, s.count = s.millis+1, 0
	}
	if s.left < 8 {
		if _, err := io.ReadFull(s.random, s.pool[:]); err != nil {
			panic("pointsman: no randomness for identifiers: " + err.Error())
		}
		s.left = len(s.pool)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[0:8], uint64(s.millis)<<16|0x7000|uint64(s.count))
	copy(b[8:], s.pool[len(s.pool)-s.left:][:8])
	s.left -= 8
	b[8] = b[8]&0x3f | 0x80

	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return DecisionID(text[:])
}
