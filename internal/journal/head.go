package journal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// HEAD holds two slots of one line each, written in turn and in place. The
// older one stays whole while the newer is written, and overwriting takes no
// room, so HEAD can be kept on a full disk, where it also remembers how many
// records the coming gap counts.
const (
	headFormat = "pmhead1 generation=%020d segment=%010d offset=%019d count=%019d gap=%010d since=%020d hash=%s "
	headLine   = 237
	headSlots  = 2
)

// headState is the content of one slot.
type headState struct {
	generation uint64
	segment    uint32
	offset     int64
	count      uint64
	gap        uint32 // records that were not written, up to 4 thousand million
	since      int64  // first of them, Unix nanoseconds; never negative
	chain      hashSum
}

var errHead = errors.New("not a line of HEAD")

func (h *headState) marshal() []byte {
	line := fmt.Appendf(make([]byte, 0, headLine), headFormat,
		h.generation, h.segment, h.offset, h.count, h.gap, h.since, hex.EncodeToString(h.chain[:]))
	return fmt.Appendf(line, "crc=%08x\n", crc32.Checksum(line, castagnoli))
}

func parseHeadLine(line []byte) (h headState, err error) {
	if len(line) != headLine {
		return h, errHead
	}
	var hash string
	if _, err := fmt.Sscanf(string(line), headFormat, &h.generation, &h.segment, &h.offset, &h.count, &h.gap, &h.since, &hash); err != nil {
		return headState{}, fmt.Errorf("%w: %w", errHead, err)
	}
	chain, err := hex.DecodeString(hash)
	if err != nil || len(chain) != len(h.chain) {
		return headState{}, errHead
	}
	copy(h.chain[:], chain)
	// Only the one spelling counts, so that no byte can change unnoticed.
	if string(h.marshal()) != string(line) {
		return headState{}, errHead
	}
	return h, nil
}

// head is the state as it is shown.
func (h *headState) head() Head {
	return Head{Position: Position{h.segment, h.offset}, Count: h.count, Hash: pointsman.DigestOfSum(h.chain)}
}

// readHead returns the newest whole slot of HEAD. Damaged are the slots that
// are not whole; the error is os.ErrNotExist without a file and errHead without
// a whole slot.
func readHead(dir string) (newest headState, damaged []int, err error) {
	content, err := os.ReadFile(filepath.Join(dir, headName))
	if err != nil {
		return newest, nil, err
	}
	found := false
	for slot := range headSlots {
		from := slot * headLine
		h, err := parseHeadLine(content[min(from, len(content)):min(from+headLine, len(content))])
		if err != nil {
			damaged = append(damaged, slot)
			continue
		}
		if !found || h.generation > newest.generation {
			newest, found = h, true
		}
	}
	if len(content) > headSlots*headLine {
		damaged = append(damaged, headSlots)
	}
	if !found {
		return newest, damaged, errHead
	}
	return newest, damaged, nil
}

// putHead writes the next slot. The caller has made everything durable that
// the state names, and calls from one goroutine at a time.
func (j *Journal) putHead(h headState) error {
	j.generation++
	h.generation = j.generation
	_, err := j.headFile.WriteAt(h.marshal(), int64(j.generation%headSlots)*headLine)
	return err
}

// openHead opens HEAD for writing, and writes both slots with the given state
// where there was no file or one was damaged.
func (j *Journal) openHead(h headState, fresh bool) (err error) {
	name := filepath.Join(j.dir, headName)
	j.generation = h.generation
	if fresh {
		h.generation = 0
		both := append(h.marshal(), h.marshal()...)
		j.headFile, err = durable.Create(j.opts.FS, name, both, true)
		return err
	}
	if j.headFile, err = j.opts.FS.OpenFile(name, os.O_RDWR, 0o600); err != nil {
		return err
	}
	return j.headFile.Truncate(headSlots * headLine)
}

// gapTime keeps the time of a gap's start within what a slot can hold.
func gapTime(t time.Time) int64 { return max(t.UnixNano(), 0) }
