package collect

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/pointsman-ai/pointsman"
)

// Row is one line of a store: an answer, or the failure to get one.
type Row struct {
	// Key names what was asked, of what, and which occurrence of it.
	Key pointsman.Digest `json:"key"`
	// Target, Example and Digest are for people and for later readers: the
	// target's name, the example's id, and the digest of all its content.
	Target  string           `json:"target"`
	Example string           `json:"example"`
	Digest  pointsman.Digest `json:"digest"`
	Result  Result           `json:"result"`
}

// key is a [Row.Key] as bytes.
type key [sha256.Size]byte

// rowKey names one occurrence, counted from 0, of something that is asked of a
// target with that identity. Neither the target's name nor the example's
// position counts.
func rowKey(identity pointsman.Digest, t Target, asked pointsman.Digest, occurrence int) key {
	h := sha256.New()
	for _, part := range []string{"pointsman eval row 1", string(identity), string(t.Tier), string(asked)} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(occurrence)))
	return key(h.Sum(nil))
}

// A line is a JSON object whose first member is the checksum (CRC-32C) of the
// second one's bytes: {"sum":"0123abcd","row":{…}}. A line that was torn or
// changed does not match.
const (
	lineStart  = `{"sum":"`
	lineMiddle = `","row":`
	lineEnd    = "}"
	sumDigits  = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errLine is a line that is not what was written.
var errLine = errors.New("damaged line")

func checksum(row []byte) []byte {
	return hex.AppendEncode(nil, binary.BigEndian.AppendUint32(nil, crc32.Checksum(row, castagnoli)))
}

// encodeRow is a row as a line with its end.
func encodeRow(r *Row) ([]byte, error) {
	row, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	line := make([]byte, 0, len(row)+len(lineStart)+sumDigits+len(lineMiddle)+len(lineEnd)+1)
	line = append(line, lineStart...)
	line = append(line, checksum(row)...)
	line = append(line, lineMiddle...)
	line = append(line, row...)
	line = append(line, lineEnd...)
	return append(line, '\n'), nil
}

// decodeRow reads a line without its end.
func decodeRow(line []byte) (*Row, error) {
	rest, ok := bytes.CutPrefix(line, []byte(lineStart))
	if !ok {
		return decodeFormer(line)
	}
	if len(rest) < sumDigits {
		return nil, errLine
	}
	sum, rest := rest[:sumDigits], rest[sumDigits:]
	row, ok := bytes.CutPrefix(rest, []byte(lineMiddle))
	if !ok {
		return nil, errLine
	}
	row, ok = bytes.CutSuffix(row, []byte(lineEnd))
	if !ok || !bytes.Equal(sum, checksum(row)) {
		return nil, errLine
	}
	var r Row
	if err := json.Unmarshal(row, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", errLine, err)
	}
	if _, err := pointsman.ParseDigest(string(r.Key)); err != nil {
		return nil, fmt.Errorf("%w: %w", errLine, err)
	}
	return &r, nil
}

// keyOf is the key of a row that was read.
func keyOf(r *Row) (k key) {
	_, _ = hex.Decode(k[:], []byte(r.Key.Hex())) // decodeRow has checked it
	return k
}
