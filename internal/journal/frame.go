package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"math"
)

// The layout of a frame; see the package comment.
const (
	frameHead  = 17
	frameChain = sha256.Size
	frameOver  = frameHead + frameChain
)

// hashSum is a link of the chain.
type hashSum = [sha256.Size]byte

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Why bytes are not a frame. They do not leave the package.
var (
	errShort    = errors.New("the frame is not all there")
	errShape    = errors.New("not the head of a frame")
	errChecksum = errors.New("the checksum does not match")
)

// frame is one parsed frame. The body lies in the parsed bytes.
type frame struct {
	kind  Kind
	seq   uint64
	body  []byte
	chain hashSum
}

// size is the frame's length on disk.
func (f *frame) size() int64 { return int64(len(f.body)) + frameOver }

// parseFrame reads the frame at the start of b. It returns errShort where more
// bytes could make a frame.
func parseFrame(b []byte) (frame, error) {
	n, err := frameSize(b)
	if err != nil {
		return frame{}, err
	}
	if int64(len(b)) < n {
		return frame{}, errShort
	}
	b = b[:n]
	if crc32.Checksum(b[4:], castagnoli) != binary.BigEndian.Uint32(b) {
		return frame{}, errChecksum
	}
	f := frame{kind: Kind(b[8]), seq: binary.BigEndian.Uint64(b[9:]), body: b[frameHead : n-frameChain]}
	copy(f.chain[:], b[n-frameChain:])
	return f, nil
}

// frameSize reads how long the frame at the start of b claims to be.
func frameSize(b []byte) (int64, error) {
	if len(b) < frameHead {
		return 0, errShort
	}
	length := binary.BigEndian.Uint32(b[4:])
	if length == 0 || length > MaxBody || !Kind(b[8]).known() {
		return 0, errShape
	}
	return int64(length) + frameOver, nil
}

// sealFrame finishes a frame whose body begins at frameHead of b: it writes the
// head, appends the link and returns the whole with the new link.
func sealFrame(h hash.Hash, b []byte, kind Kind, seq uint64, prev *hashSum) ([]byte, hashSum) {
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-frameHead))
	b[8] = byte(kind)
	binary.BigEndian.PutUint64(b[9:], seq)
	link := chainLink(h, prev, b[4:])
	b = append(b, link[:]...)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b, link
}

// chainLink is SHA-256 over the link before and what is chained to it.
func chainLink(h hash.Hash, prev *hashSum, content []byte) (link hashSum) {
	h.Reset()
	h.Write(prev[:])
	h.Write(content)
	h.Sum(link[:0])
	return link
}

// follows says whether the frame is chained to the given link.
func (f *frame) follows(h hash.Hash, prev *hashSum) bool {
	return f.link(h, prev) == f.chain
}

// link computes what the frame's chain hash should be after prev.
func (f *frame) link(h hash.Hash, prev *hashSum) (link hashSum) {
	var head [frameHead - 4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(f.body)))
	head[4] = byte(f.kind)
	binary.BigEndian.PutUint64(head[5:], f.seq)
	h.Reset()
	h.Write(prev[:])
	h.Write(head[:])
	h.Write(f.body)
	h.Sum(link[:0])
	return link
}

// The layout of a payload frame: CRC-32C of all that follows, length of the
// body, random bytes, body. The digest in the decision's record is SHA-256 over
// random bytes and body.
const (
	payloadNonce = 16
	payloadHead  = 8 + payloadNonce
)

// sealPayload finishes a payload frame whose body begins at payloadHead of b
// and whose random bytes are there.
func sealPayload(b []byte) hashSum {
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-payloadHead))
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return sha256.Sum256(b[8:])
}

// payloadSize reads how long the payload frame at the start of b claims to be.
func payloadSize(b []byte) (int64, error) {
	if len(b) < payloadHead {
		return 0, errShort
	}
	length := binary.BigEndian.Uint32(b[4:])
	if length == 0 || length > MaxPayload {
		return 0, errShape
	}
	return int64(length) + payloadHead, nil
}

// parsePayload reads the payload frame at the start of b and returns its body.
func parsePayload(b []byte) (body []byte, err error) {
	n, err := payloadSize(b)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) < n {
		return nil, errShort
	}
	if crc32.Checksum(b[4:n], castagnoli) != binary.BigEndian.Uint32(b) {
		return nil, errChecksum
	}
	return b[payloadHead:n], nil
}

// headerSize is the length of a file header; see the package comment.
const headerSize = 80

// The magic numbers hold the version of the format in their seventh byte.
var (
	segmentMagic = [8]byte{'P', 'M', 'J', 'R', 'N', 'L', 1, '\n'}
	payloadMagic = [8]byte{'P', 'M', 'P', 'A', 'Y', 'L', 1, '\n'}
)

// header begins a segment or a payload file. A payload file has no sequence
// number and no chain: those are zero.
type header struct {
	magic   [8]byte
	number  uint32
	first   uint64 // sequence number of the first frame
	created int64  // Unix nanoseconds
	prev    hashSum
	saltID  [16]byte
}

var errHeader = errors.New("not the header of a journal file")

func (h *header) marshal() []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, h.magic[:]...)
	b = binary.BigEndian.AppendUint32(b, h.number)
	b = binary.BigEndian.AppendUint64(b, h.first)
	b = binary.BigEndian.AppendUint64(b, uint64(h.created))
	b = append(b, h.prev[:]...)
	b = append(b, h.saltID[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// parseHeader reads a header and checks its magic number and checksum.
func parseHeader(b []byte, magic [8]byte) (h header, err error) {
	if len(b) < headerSize {
		return h, errShort
	}
	b = b[:headerSize]
	if crc32.Checksum(b[:headerSize-4], castagnoli) != binary.BigEndian.Uint32(b[headerSize-4:]) {
		return h, errChecksum
	}
	copy(h.magic[:], b)
	h.number = binary.BigEndian.Uint32(b[8:])
	h.first = binary.BigEndian.Uint64(b[12:])
	h.created = int64(binary.BigEndian.Uint64(b[20:]))
	copy(h.prev[:], b[28:])
	copy(h.saltID[:], b[60:])
	if h.magic != magic || h.number == 0 || h.first > math.MaxInt64 {
		return header{}, errHeader
	}
	return h, nil
}

// link is the chain hash before the first frame of the segment.
func (h *header) link() hashSum { return sha256.Sum256(h.marshal()) }
