package journal

import (
	"bytes"
	"fmt"

	"github.com/pointsman-ai/pointsman"
)

// content counts a frame and checks what it names.
func (v *verifier) content(f *frame, segment uint32, off int64, count int) error {
	v.report.Records++
	e := f.entry(segment, off)
	unreadable := func(err error) {
		v.report.add(Finding{Kind: FoundRewritten, File: segmentFile(segment), Offset: off, Frame: count, Seq: f.seq, Detail: err.Error()})
	}
	switch f.kind {
	case KindDecision:
		v.report.Decisions++
		var body struct { // the rest is guarded by checksum and chain
			Decision struct {
				ID pointsman.DecisionID `json:"id"`
			} `json:"decision"`
			Payload *Ref `json:"payload"`
		}
		if err := e.decode(KindDecision, &body); err != nil {
			unreadable(err)
			return nil
		}
		if ref := body.Payload; ref != nil {
			return v.payload(*ref, Finding{Offset: ref.Offset, Frame: count, Seq: f.seq, Decision: body.Decision.ID})
		}
	case KindOutcome:
		v.report.Outcomes++
	case KindAudit:
		v.report.Audits++
	case KindGap:
		gap, err := e.Gap()
		if err != nil {
			unreadable(err)
			return nil
		}
		v.report.Gaps++
		v.report.Unwritten += gap.Count
		v.report.note("%d records were not written between %s and %s: %s", gap.Count, gap.From.Format("2006-01-02 15:04:05 MST"), gap.To.Format("2006-01-02 15:04:05 MST"), gap.Cause)
	case KindExpired:
		notice, err := e.Expired()
		if err != nil {
			unreadable(err)
			return nil
		}
		if notice.Payload > 0 {
			v.expiredPayloads[notice.Payload] = true
		}
		if notice.Segment > 0 && (v.expiredThrough == nil || notice.Segment > v.expiredThrough.Segment) {
			v.expiredThrough = notice
		}
	case KindTorn:
		torn, err := e.Torn()
		if err != nil {
			unreadable(err)
			return nil
		}
		v.torn[fmt.Sprintf("%s:%d:%s", torn.File, torn.Offset, torn.Moved)] = tornRange{*torn, f.seq}
		v.report.note("a writer ended in the middle of a write: %d bytes of %s from byte %d, %d whole records among them", torn.Bytes, torn.File, torn.Offset, torn.Frames)
	}
	return nil
}

// guessDecision finds the id in the remains of a decision's frame.
func guessDecision(b []byte) pointsman.DecisionID {
	_, rest, found := bytes.Cut(b[:min(len(b), 128)], []byte(`"id":"`))
	if !found || len(rest) < 36 {
		return ""
	}
	id, err := pointsman.ParseDecisionID(string(rest[:36]))
	if err != nil {
		return ""
	}
	return id
}
