package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pointsman-ai/pointsman"
)

// passHead compares HEAD with the chain where the walk comes by its place.
func (v *verifier) passHead(segment uint32, off int64) {
	if !v.headRead || segment != v.head.segment || off != v.head.offset {
		return
	}
	v.headMet = true
	if v.trusted && v.alternative == nil && (v.seq != v.head.count || v.chain != v.head.chain) {
		v.report.add(Finding{
			Kind: FoundHead, File: headName, Seq: v.head.count,
			Detail: fmt.Sprintf("HEAD names record %d with another chain hash than %s has at byte %d", v.head.count, segmentFile(segment), off),
		})
	}
}

// finishHead reports a HEAD whose place was never met.
func (v *verifier) finishHead(numbers []uint32) {
	if !v.headRead || v.headMet {
		return
	}
	name := segmentFile(v.head.segment)
	size, err := fileSize(filepath.Join(v.dir, name))
	if err == nil && size >= v.head.offset && !v.report.Clean() {
		return // the place lies within damage that is reported
	}
	f := Finding{Kind: FoundHeadAhead, File: name, Offset: size, Seq: v.highest + 1}
	switch {
	case len(numbers) == 0 || err != nil:
		f.Detail = fmt.Sprintf("HEAD names record %d in this segment, and the segment is gone", v.head.count)
	case size < v.head.offset:
		f.Detail = fmt.Sprintf("HEAD names %d bytes up to record %d, and the file ends here", v.head.offset, v.head.count)
	default:
		f.Kind, f.File, f.Offset = FoundHead, headName, 0
		f.Detail = fmt.Sprintf("HEAD names byte %d of %s, and no record ends there", v.head.offset, name)
	}
	v.report.add(f)
}

// finishStart judges where the chain begins.
func (v *verifier) finishStart() {
	first := v.firstHeader
	if first == nil || first.number == 1 {
		if first != nil && (first.prev != hashSum{} || first.first != 1) {
			v.report.add(Finding{Kind: FoundRewritten, File: segmentFile(1), Detail: "the first segment is none"})
		}
		return
	}
	e := v.expiredThrough
	switch {
	case e == nil || e.Segment < first.number-1:
		v.report.add(Finding{
			Kind: FoundRemoved, File: segmentFile(first.number - 1),
			Detail: "the oldest segments are gone, and no retention has announced to delete them",
		})
	case e.Segment == first.number-1 && (e.Last != first.first-1 || e.Hash != pointsman.DigestOfSum(first.prev)):
		v.report.add(Finding{
			Kind: FoundRewritten, File: segmentFile(first.number),
			Detail: "the segment does not go on where the deleted one ended",
		})
	default:
		v.report.SegmentsExpired = first.number - 1
	}
}

// checkAnchor compares the chain with the anchor where the walk comes by it.
func (v *verifier) checkAnchor(f *frame) {
	if v.anchor == nil || f.seq != v.anchor.Count {
		return
	}
	v.report.AnchorChecked = true
	if pointsman.DigestOfSum(f.chain) != v.anchor.Hash {
		v.report.add(Finding{
			Kind: FoundAnchor, File: segmentFile(v.number), Seq: f.seq,
			Detail: "the record has another chain hash than the anchor: the journal was rewritten up to here or further",
		})
	}
}

// finishTorn looks for the files with what was torn off.
func (v *verifier) finishTorn() error {
	if v.anchor != nil && !v.report.AnchorChecked {
		if first := v.firstHeader; first != nil && v.anchor.Count < first.first {
			v.report.note("the anchor could not be compared: retention has deleted its record")
		} else if v.anchor.Count > 0 {
			v.report.add(Finding{
				Kind: FoundAnchor, File: segmentFile(v.anchor.Segment), Seq: v.anchor.Count,
				Detail: "the anchor's record is not there: the journal was cut",
			})
		}
	}
	for _, t := range v.torn {
		if t.Moved == "" {
			if err := v.tornInPlace(t); err != nil {
				return err
			}
			continue
		}
		name := filepath.FromSlash(t.Moved)
		content, err := os.Open(filepath.Join(v.dir, name))
		if errors.Is(err, os.ErrNotExist) {
			n, _ := parseNumber(filepath.Base(filepath.FromSlash(t.File)), segmentSuffix)
			if e := v.expiredThrough; e != nil && n <= e.Segment {
				continue // it went with its segment
			}
			v.report.add(Finding{Kind: FoundRemoved, File: name, Seq: t.seq, Detail: "what was torn off a segment is gone"})
			continue
		}
		if err != nil {
			return err
		}
		err = v.compare(content, name, 0, t)
		if err := errors.Join(err, content.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) tornInPlace(t tornRange) error {
	name := filepath.FromSlash(t.File)
	f, err := os.Open(filepath.Join(v.dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil // judged with the payloads in it
	}
	if err != nil {
		return err
	}
	return errors.Join(v.compare(f, name, t.Offset, t), f.Close())
}

func (v *verifier) compare(f *os.File, name string, from int64, t tornRange) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	digest, err := digestRange(f, from, max(info.Size(), from))
	if err == nil && (digest != t.Digest || info.Size()-from != t.Bytes) {
		v.report.add(Finding{Kind: FoundFlipped, File: name, Offset: from, Seq: t.seq, Detail: "what a killed writer left is not what it was"})
	}
	return err
}
