package journal

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/durable"
)

// AppendDecision records a decision and, before it, the texts that belong to
// it; p is nil where nothing of them is to be stored. When
// it returns nil the record survives the end of the process, and with
// [DurabilitySync] the end of the machine. While writing fails it follows
// Options.OnFull: an error that wraps [ErrFull] or [ErrWrite], or nil and a
// count.
func (j *Journal) AppendDecision(d *pointsman.Decision, p *Payload) error {
	b := j.borrow()
	defer j.giveBack(b)
	var err error
	if b.frame, err = appendDecision(append(b.frame, `{"decision":`...), d); err != nil {
		return fmt.Errorf("journal: decision %s: %w", d.ID, err)
	}
	if n := len(b.frame) - frameHead; n > MaxBody-refRoom {
		return fmt.Errorf("journal: decision %s: %w", d.ID, tooLarge("decision", n, MaxBody-refRoom))
	}
	if p != nil {
		if p.Recording == "" {
			return fmt.Errorf("journal: decision %s: %w", d.ID, ErrRecording)
		}
		if p.Decision != d.ID {
			return fmt.Errorf("journal: decision %s: %w: %s", d.ID, ErrOther, p.Decision)
		}
		if b.payload, err = p.frame(b.payload); err != nil {
			return fmt.Errorf("journal: decision %s: %w", d.ID, err)
		}
	}
	return j.append(KindDecision, b)
}

// AppendOutcome records an outcome: a later judgement of an answer. The same outcome may be
// appended twice; who reads the journal knows it by its id.
func (j *Journal) AppendOutcome(o *pointsman.Outcome) error { return j.appendJSON(KindOutcome, o) }

// AppendAudit records an audit. Who reads the journal knows it by its decision.
func (j *Journal) AppendAudit(a *pointsman.Audit) error { return j.appendJSON(KindAudit, a) }

func (j *Journal) appendJSON(kind Kind, v any) error {
	b := j.borrow()
	defer j.giveBack(b)
	if err := b.json(kind, v); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return j.append(kind, b)
}

// json makes the frame's body of a value that is not on the hot path.
func (b *buffer) json(kind Kind, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	if len(text) > MaxBody {
		return tooLarge(kind.String(), len(text), MaxBody)
	}
	b.frame = append(b.frame, text...)
	return nil
}

// append writes what the buffer holds, and waits until it is durable where the
// owner wants that.
func (j *Journal) append(kind Kind, b *buffer) error {
	if j.failing.Load() {
		j.tryRecover()
	}
	j.mu.Lock()
	seq, err := j.write(kind, b)
	j.mu.Unlock()
	if err != nil || seq == 0 {
		return err
	}
	if j.opts.Durability == DurabilitySync {
		return j.awaitFlush(seq)
	}
	return nil
}

// write puts one record and deals with failure. The sequence number is 0 where
// the record was not written and the owner wants requests answered regardless.
// The caller holds mu.
func (j *Journal) write(kind Kind, b *buffer) (uint64, error) {
	switch {
	case j.closed:
		return 0, fmt.Errorf("journal: %w", ErrClosed)
	case j.failure == nil:
		err := j.put(kind, b)
		if err == nil {
			return j.seq, nil
		}
		j.wanted = len(b.frame) + len(b.payload)
		j.fail(err)
	}
	if kind == KindExpired {
		return 0, unavailable(j.failure) // nothing happened that a gap would have to tell
	}
	return 0, j.miss()
}

// put writes a payload and a frame. After an error the files are as before,
// or j.tail says that they could not be cut back. The caller holds mu.
func (j *Journal) put(kind Kind, b *buffer) error {
	payloadEnd := j.payload.offset
	if kind == KindDecision {
		if len(b.payload) > 0 {
			ref, err := j.putPayload(b.payload)
			if err != nil {
				return err
			}
			payloadEnd = ref.Offset
			b.frame = appendRef(b.frame, ref)
		}
		b.frame = append(b.frame, '}')
	}
	size := int64(len(b.frame)) + frameChain
	if j.offset > headerSize && j.offset+size > j.opts.SegmentSize {
		if err := j.nextSegment(); err != nil {
			j.cutPayload(payloadEnd)
			return err
		}
	}
	framed, link := sealFrame(j.hasher, b.frame, kind, j.seq+1, &j.chain)
	b.frame = framed
	if _, err := j.seg.WriteAt(framed, j.offset); err != nil {
		j.tail = j.seg.Truncate(j.offset) != nil
		j.cutPayload(payloadEnd)
		return err
	}
	j.offset += int64(len(framed))
	j.seq++
	j.chain = link
	j.count(kind, len(framed))
	for c := range j.wakers {
		select {
		case c <- struct{}{}:
		default: // it is awake already
		}
	}
	return nil
}

func (j *Journal) count(kind Kind, size int) {
	j.stats.Bytes += uint64(size)
	switch kind {
	case KindDecision:
		j.stats.Decisions++
	case KindOutcome:
		j.stats.Outcomes++
	case KindGap:
		j.stats.Gaps++
	case KindExpired:
		j.stats.Expired++
	}
}

// nextSegment begins the next segment, and flushes the one before it first: no
// power cut may leave a hole with records behind it. The caller holds mu.
func (j *Journal) nextSegment() error {
	if j.seg != nil {
		if err := j.seg.Sync(); err != nil {
			return err
		}
	}
	created := j.opts.Clock().UnixNano()
	h := header{magic: segmentMagic, number: j.number + 1, first: j.seq + 1, created: created, prev: j.chain, saltID: j.saltID}
	f, err := durable.Create(j.opts.FS, j.path(segmentFile(h.number)), h.marshal(), false)
	if err != nil {
		return err
	}
	if j.seg != nil {
		_ = j.seg.Close() // it is flushed
	}
	j.seg, j.number, j.created, j.offset, j.first, j.chain = f, h.number, created, headerSize, h.first, h.link()
	j.newNames = true
	return nil
}

// payloadWriter is the payload file that is written to. A nil file means that
// the next payload begins file number+1. Guarded by Journal.mu.
type payloadWriter struct {
	file    durable.File
	number  uint32
	created int64
	offset  int64
	tail    bool // bytes behind offset could not be cut off
}

// refRoom is the most that a payload's reference adds to a decision's body.
const refRoom = 256

// putPayload writes a payload frame. The caller holds mu.
func (j *Journal) putPayload(b []byte) (Ref, error) {
	w := &j.payload
	if w.file == nil || w.offset > headerSize && (w.offset+int64(len(b)) > j.opts.SegmentSize || j.payloadOld()) {
		if err := j.nextPayload(); err != nil {
			return Ref{}, err
		}
	}
	digest := sealPayload(b)
	if _, err := w.file.WriteAt(b, w.offset); err != nil {
		w.tail = w.file.Truncate(w.offset) != nil
		return Ref{}, err
	}
	ref := Ref{Segment: w.number, Offset: w.offset, Length: int64(len(b)), Digest: pointsman.DigestOfSum(digest)}
	w.offset += ref.Length
	j.stats.PayloadBytes += uint64(ref.Length)
	return ref, nil
}

// cutPayload takes back a payload whose decision was not written.
func (j *Journal) cutPayload(end int64) {
	if w := &j.payload; w.file != nil && end >= headerSize && end < w.offset {
		w.tail = w.file.Truncate(end) != nil
		w.offset = end
	}
}

// payloadOld says whether the payload file was written to for so long that
// retention could not delete it in time. A file from the future, after the
// clock stepped back, is as old. The caller holds mu.
func (j *Journal) payloadOld() bool {
	if j.opts.PayloadRetention == Forever {
		return false
	}
	age := time.Duration(j.opts.Clock().UnixNano() - j.payload.created)
	return age >= j.opts.payloadAge() || age <= -j.opts.payloadAge()
}

// nextPayload begins the next payload file. The caller holds mu.
func (j *Journal) nextPayload() error {
	w := &j.payload
	if w.file != nil {
		if err := w.file.Sync(); err != nil {
			return err
		}
	}
	h := header{magic: payloadMagic, number: w.number + 1, created: j.opts.Clock().UnixNano(), saltID: j.saltID}
	f, err := durable.Create(j.opts.FS, j.path(payloadFile(h.number)), h.marshal(), false)
	if err != nil {
		return err
	}
	if w.file != nil {
		_ = w.file.Close() // it is flushed
	}
	*w = payloadWriter{file: f, number: h.number, created: h.created, offset: headerSize}
	j.newNames = true
	return nil
}

func appendRef(b []byte, ref Ref) []byte {
	e := encoder{b: b}
	e.raw(`,"payload":{"segment":`).int(int64(ref.Segment)).raw(`,"offset":`).int(ref.Offset)
	e.raw(`,"length":`).int(ref.Length).raw(`,"digest":`).str(string(ref.Digest)).raw(`}`)
	return e.b
}

// borrow takes an empty buffer with room for a frame's head.
func (j *Journal) borrow() *buffer {
	select {
	case b := <-j.buffers:
		b.frame, b.payload = b.frame[:frameHead], b.payload[:0]
		return b
	default:
		return &buffer{frame: make([]byte, frameHead, 4<<10)}
	}
}

// giveBack keeps a buffer for the next append, unless one large request made it
// large or enough are kept.
func (j *Journal) giveBack(b *buffer) {
	if cap(b.frame) > bufferMaxKept || cap(b.payload) > bufferMaxKept || cap(b.frame) < frameHead {
		return
	}
	select {
	case j.buffers <- b:
	default:
	}
}
